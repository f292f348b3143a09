//! The two streams of a command: results on standard output, text for people on standard error.

use std::fmt::Display;
use std::io::{self, Write};

/// A result that a script may read: one line on standard output.
///
/// A reader that has gone away is no error of ours.
pub fn result(line: impl Display) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Text for people: one line on standard error.
pub fn tell(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A 32-byte value as people compare it: all of it, in groups of four hex digits.
///
/// Nothing is cut off: a shortened hash could be matched by whoever may choose one of the keys.
pub fn fingerprint(bytes: &[u8; 32]) -> String {
    bytes.chunks(2).map(hex::encode).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_shows_every_byte() {
        let text = fingerprint(&[0xab; 32]);
        assert_eq!(text.replace('-', ""), "ab".repeat(32));
        assert!(text.starts_with("abab-abab-"));
    }
}

//! Times as signatures write them.

use time::PrimitiveDateTime;
use time::format_description::StaticFormatDescription;
use time::macros::format_description;

/// Seconds since 1970 of `20260131T235959Z`; nothing else is a time here.
pub(super) fn seconds(text: &str) -> Option<u64> {
    // The format would take a sign before the year.
    let time = (text.len() == TEXT_BYTES).then(|| PrimitiveDateTime::parse(text, FORMAT).ok()).flatten()?;
    time.assume_utc().unix_timestamp().try_into().ok()
}

const FORMAT: StaticFormatDescription = format_description!("[year][month][day]T[hour][minute][second]Z");
const TEXT_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read() {
        assert_eq!(seconds("19700101T000000Z"), Some(0));
        assert_eq!(seconds("20000229T120000Z"), Some(951_825_600));
        assert_eq!(seconds("20261122T092112Z"), Some(1_795_339_272));
        assert_eq!(seconds("99991231T235959Z"), Some(253_402_300_799));
    }

    #[test]
    fn other_spellings_are_no_times() {
        for text in [
            "",
            "20260101T000000",
            "20260101T000000z",
            "20260101 000000Z",
            "2026-01-01T00:00Z",
            "20261301T000000Z",
            "20260100T000000Z",
            "20260229T000000Z",
            "20260101T240000Z",
            "20260101T006000Z",
            "2026010+T000000Z",
            "+2026101T000000Z",
            "-2026101T000000Z",
            "19691231T235959Z",
            "２0260101T00000Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}

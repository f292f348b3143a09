//! Patterns with `*` (any characters, also none) and `?` (one character).

/// Bytes of all patterns of one policy's conditions: matching costs at most their sum times the length
/// of what is matched, on a node's one thread.
pub(crate) const PATTERN_BYTES_MAX: usize = 4096;

/// Whether `pattern` matches all of `text`. Goes back to the last `*` only, so that no pattern costs
/// more than the product of the two lengths.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut from) = (0, 0);
    // Where the pattern goes on behind the last star, and how far the star reaches in the text.
    let mut star: Option<(usize, usize)> = None;
    while let Some(found) = text.get(from) {
        match (pattern.get(at), star) {
            (Some('*'), _) => {
                at += 1;
                star = Some((at, from));
            }
            (Some(wanted), _) if *wanted == '?' || wanted == found => {
                at += 1;
                from += 1;
            }
            (_, Some((behind, reached))) => {
                at = behind;
                from = reached + 1;
                star = Some((behind, from));
            }
            (_, None) => return false,
        }
    }
    pattern.iter().skip(at).all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks_match_what_they_say() {
        for (pattern, text) in [
            ("", ""),
            ("*", ""),
            ("*", "anything"),
            ("a*c", "ac"),
            ("a*c", "abcbc"),
            ("a?c", "abc"),
            ("*b*d", "abcbd"),
            ("a**", "a"),
            ("?", "ü"),
            ("*a*b*", "xxaxxbxx"),
        ] {
            assert!(matches(pattern, text), "{pattern:?} {text:?}");
        }
        for (pattern, text) in
            [("", "a"), ("a", ""), ("?", ""), ("a*c", "abcd"), ("a?c", "ac"), ("*b*d", "abc"), ("A", "a")]
        {
            assert!(!matches(pattern, text), "{pattern:?} {text:?}");
        }
    }
}

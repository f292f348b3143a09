//! Times as signatures write them.

/// Seconds since 1970 of `20260131T235959Z`; nothing else is a time here.
pub(super) fn seconds(text: &str) -> Option<u64> {
    let number = |from: usize, to: usize| -> Option<u64> {
        let digits = text.get(from..to)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let framed = text.len() == 16 && text.get(8..9) == Some("T") && text.ends_with('Z');
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let in_range = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    (framed && in_range).then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970 to a date of the Gregorian calendar. The year is counted from March, so that the leap
/// day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month > 2 { year } else { year - 1 };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    // 719,468 days lie between 1 March of the year 0 and 1970.
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// `seconds` since 1970 as signatures write them.
pub fn amz_date(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    // 146,097 days have 400 years (a proleptic Gregorian era).
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", rest / 3600, rest / 60 % 60, rest % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written_alike() {
        assert_eq!(seconds("19700101T000000Z"), Some(0));
        assert_eq!(seconds("20000229T120000Z"), Some(951_825_600));
        assert_eq!(seconds("20261122T092112Z"), Some(1_795_339_272));
        for time in (0..4_000_000_000).step_by(7_654_321) {
            assert_eq!(seconds(&amz_date(time)), Some(time), "{time}");
        }
    }

    #[test]
    fn other_spellings_are_no_times() {
        for text in [
            "",
            "20260101T000000",
            "2026-01-01T00:00Z",
            "20261301T000000Z",
            "20260100T000000Z",
            "2026010+T000000Z",
        ] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}

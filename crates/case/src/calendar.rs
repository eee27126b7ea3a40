//! Times as people and other tools write them: RFC 3339 in UTC, without a clock.

use portcullis_types::ids::Millis;

/// `2026-09-01T00:05:00.000Z`. Years beyond 9999 are shown as the end of 9999.
pub fn rfc3339(at: Millis) -> String {
    const LAST: u64 = 253_402_300_799_999;
    let millis = at.0.min(LAST);
    let (days, rest) = (millis / 86_400_000, millis % 86_400_000);
    let (year, month, day) = civil(days);
    let (hour, minute) = (rest / 3_600_000, rest / 60_000 % 60);
    let (second, milli) = (rest / 1_000 % 60, rest % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// Year, month and day of a day since 1970-01-01. Counted in eras of 400 years that begin in March, so that the leap day
/// is the last of a year.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

/// A duration for people, rounded down: `383 ms`, `1.4 s`, `45 s`, `2 h 05 min`, `3 d 04 h`.
pub fn duration(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0 if millis == 0 => "under 1 ms".to_owned(),
        0 => format!("{millis} ms"),
        1..10 => format!("{seconds}.{} s", millis % 1_000 / 100),
        10..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{} h {:02} min", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_everybody_writes_them() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_788_220_800_123, "2026-09-01T00:00:00.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
            (u64::MAX, "9999-12-31T23:59:59.999Z"),
        ];
        for (millis, wanted) in cases {
            assert_eq!(rfc3339(Millis(millis)), wanted);
        }
        let cases = [
            (0, "under 1 ms"),
            (383, "383 ms"),
            (999, "999 ms"),
            (1_449, "1.4 s"),
            (9_999, "9.9 s"),
            (10_000, "10 s"),
            (59_999, "59 s"),
            (61_000, "1 min 01 s"),
            (7_500_000, "2 h 05 min"),
        ];
        for (millis, wanted) in cases {
            assert_eq!(duration(millis), wanted);
        }
    }
}

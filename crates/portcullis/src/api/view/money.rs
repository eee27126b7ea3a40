//! Money and amounts as text.

use portcullis_types::money::Usd;

/// Dollars as decimal text with two places, or six where two would not be exact: `1234.56`, `0.000001`.
pub(crate) fn usd(sum: Usd) -> String {
    let sign = if sum.0 < 0 { "-" } else { "" };
    let micros = sum.0.unsigned_abs();
    let (whole, rest) = (micros / 1_000_000, micros % 1_000_000);
    if rest.is_multiple_of(10_000) {
        format!("{sign}{whole}.{:02}", rest / 10_000)
    } else {
        format!("{sign}{whole}.{rest:06}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_have_two_places_or_six() {
        let cases = [
            (0, "0.00"),
            (1_234_560_000, "1234.56"),
            (-1_500_000, "-1.50"),
            (1, "0.000001"),
            (1_000_001, "1.000001"),
        ];
        for (micros, text) in cases {
            assert_eq!(usd(Usd(micros)), text);
            assert_eq!(text.parse(), Ok(Usd(micros)), "and it is read back");
        }
    }
}

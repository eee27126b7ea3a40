//! Numbers as scenarios write them, parsed without floating point.

use alloy_primitives::{I256, U256};

/// Parses an integer with an optional decimal exponent, fraction and underscores: `1_000e6`,
/// `1.5e18`, `0x2a`. The fraction must vanish.
pub(crate) fn parse_uint(text: &str) -> Result<U256, String> {
    let wrong = |why: &str| format!("`{text}` is not a whole number: {why}");
    let digits: String = text.trim().chars().filter(|&c| c != '_').collect();
    if let Some(hex) = digits.strip_prefix("0x") {
        return U256::from_str_radix(hex, 16).map_err(|_| wrong("write 0x and at most 64 digits"));
    }
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let exponent = exponent
                .parse::<usize>()
                .ok()
                .filter(|&exponent| exponent <= 77)
                .ok_or_else(|| wrong("the exponent must be between 0 and 77"))?;
            (mantissa, exponent)
        }
        None => (digits.as_str(), 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_digits(whole) || !is_digits(fraction) {
        return Err(wrong("write digits, for example 1_000e6"));
    }
    if fraction.len() > exponent {
        return Err(wrong("it has more decimals than its exponent"));
    }
    let zeros = "0".repeat(exponent - fraction.len());
    U256::from_str_radix(&format!("{whole}{fraction}{zeros}"), 10)
        .map_err(|_| wrong("it is larger than 2^256 - 1"))
}

/// Parses a signed integer of the same forms, with an optional leading `-`.
pub(crate) fn parse_int(text: &str) -> Result<I256, String> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (alloy_primitives::Sign::Negative, digits),
        None => (alloy_primitives::Sign::Positive, text),
    };
    let magnitude = parse_uint(digits)?;
    I256::checked_from_sign_and_abs(sign, magnitude)
        .ok_or_else(|| format!("`{text}` does not fit into int256"))
}

/// Parses `rand(lo, hi)` into its bounds; `None` if the text is not of that form.
pub(crate) fn parse_rand(text: &str) -> Option<Result<(U256, U256), String>> {
    let inner = text.trim().strip_prefix("rand(")?;
    Some(rand_bounds(text, inner))
}

fn rand_bounds(text: &str, inner: &str) -> Result<(U256, U256), String> {
    let (low, high) = inner
        .strip_suffix(')')
        .and_then(|inner| inner.split_once(','))
        .ok_or_else(|| format!("`{text}` is not complete: write rand(lo, hi)"))?;
    let (low, high) = (parse_uint(low)?, parse_uint(high)?);
    if high < low {
        return Err(format!("`{text}` is empty: write the smaller bound first"));
    }
    Ok((low, high))
}

/// Parses a price in dollars with at most six decimals into micro-dollars.
pub(crate) fn parse_micro_usd(text: &str) -> Result<u64, String> {
    let wrong = || {
        format!(
            "`{text}` is not a price: write dollars with at most 6 decimals, for example \"2000.50\""
        )
    };
    let fraction = text.trim().split_once('.').map_or("", |(_, fraction)| fraction);
    if fraction.len() > 6 || text.contains(['e', 'E', 'x']) {
        return Err(wrong());
    }
    let micro = parse_uint(&format!("{}e6", text.trim())).map_err(|_| wrong())?;
    u64::try_from(micro).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers() {
        let check = |text: &str, expect: Option<u128>| {
            assert_eq!(parse_uint(text).ok(), expect.map(U256::from), "{text}");
        };
        check("0", Some(0));
        check("1_000e6", Some(1_000_000_000));
        check("1_000_000e6", Some(1_000_000_000_000));
        check("1.5e18", Some(1_500_000_000_000_000_000));
        check("0x2a", Some(42));
        check("1.5", None);
        check("1.55e1", None);
        check("", None);
        check("e6", None);
        check("-1", None);
        check("1e78", None);
        check("usd", None);
        assert_eq!(parse_uint(&U256::MAX.to_string()).unwrap(), U256::MAX);
        assert_eq!(parse_int("-3e2").unwrap(), I256::try_from(-300).unwrap());
    }

    #[test]
    fn rand_forms() {
        let check = |text: &str, expect: Option<Result<(u64, u64), ()>>| {
            let found = parse_rand(text).map(|bounds| {
                bounds.map(|(low, high)| (low.to::<u64>(), high.to::<u64>())).map_err(|_| ())
            });
            assert_eq!(found, expect, "{text}");
        };
        check("rand(1, 2e3)", Some(Ok((1, 2_000))));
        check("rand(5,5)", Some(Ok((5, 5))));
        check("rand(2, 1)", Some(Err(())));
        check("rand(1)", Some(Err(())));
        check("rand(1, 2", Some(Err(())));
        check("10", None);
    }

    #[test]
    fn prices() {
        let check = |text: &str, expect: Option<u64>| {
            assert_eq!(parse_micro_usd(text).ok(), expect, "{text}");
        };
        check("1.00", Some(1_000_000));
        check("2000", Some(2_000_000_000));
        check("0.000001", Some(1));
        check("0.0000001", None);
        check("-1", None);
        check("1e3", None);
        check("", None);
    }
}

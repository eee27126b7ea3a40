//! Numbers in a configuration: exact, whether they were written as text or as a YAML number.

use std::{fmt, str::FromStr};

use alloy_primitives::U256;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A decimal number that is not negative: `5`, `0.25`, `1_000_000.5`. Exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decimal {
    /// Its digits without the point.
    pub digits: U256,
    /// How many of them stand behind the point, at most [`PLACES_MAX`].
    pub places: u8,
}

/// Most places behind the point: what the smallest unit of any token in use needs.
pub const PLACES_MAX: usize = 36;

/// Most characters of a number: 2^256 has 78 digits.
const CHARS_MAX: usize = 128;

impl Decimal {
    /// A whole number.
    pub const fn whole(number: u64) -> Self {
        Self { digits: U256::from_limbs([number, 0, 0, 0]), places: 0 }
    }

    /// The amount in smallest units; none if it has more places than `decimals` or is too large.
    pub fn units(self, decimals: u8) -> Option<U256> {
        let missing = decimals.checked_sub(self.places)?;
        U256::from(10).checked_pow(U256::from(missing))?.checked_mul(self.digits)
    }

    /// `10^places`: the number is `digits / unit`.
    pub fn unit(self) -> U256 {
        U256::from(10).saturating_pow(U256::from(self.places))
    }
}

impl FromStr for Decimal {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!("`{text}` is not a decimal number: write for instance \"250000\" or \"0.25\"")
        };
        if text.len() > CHARS_MAX {
            return Err("a decimal number is too long: at most 128 characters".to_owned());
        }
        let plain: String = text.chars().filter(|c| *c != '_').collect();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        // Zeros at the end say nothing, and would make equal numbers differ.
        let fraction = fraction.trim_end_matches('0');
        let all_digits = whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit());
        if whole.is_empty() || fraction.len() > PLACES_MAX || !all_digits {
            return Err(bad());
        }
        let digits = U256::from_str_radix(&format!("{whole}{fraction}"), 10).map_err(|_| bad())?;
        Ok(Self { digits, places: u8::try_from(fraction.len()).map_err(|_| bad())? })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::from(self.places);
        let digits = format!("{:0>width$}", self.digits.to_string(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        if fraction.is_empty() { f.write_str(whole) } else { write!(f, "{whole}.{fraction}") }
    }
}

/// An integer that is not negative, decimal or hexadecimal with `0x`, below 2^256.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Integer(pub U256);

impl FromStr for Integer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "`{text:.128}` is not an integer below 2^256: write for instance \"1000\" or \"0x1f\""
            )
        };
        let plain: String = text.chars().take(CHARS_MAX).filter(|c| *c != '_').collect();
        let parsed = match plain.strip_prefix("0x") {
            // The library takes an empty text for zero.
            Some("") => return Err(bad()),
            Some(hex) => U256::from_str_radix(hex, 16),
            None if plain.is_empty() => return Err(bad()),
            None => U256::from_str_radix(&plain, 10),
        };
        parsed.map(Self).map_err(|_| bad())
    }
}

impl fmt::Display for Integer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Reads text or a number. A floating-point number is read by its shortest text, which is what its author wrote.
struct Visitor<T>(&'static str, std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> de::Visitor<'_> for Visitor<T> {
    type Value = T;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_u128<E: de::Error>(self, number: u128) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        // Beyond 2^53 the reader of the file has rounded already.
        if number.abs() >= 9_007_199_254_740_992.0 {
            return Err(E::custom(format!("{number} lost digits on the way: write it in quotes")));
        }
        self.visit_str(&number.to_string())
    }
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor("a decimal number such as \"0.25\"", std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Visitor(
            "an integer such as \"1000\" or \"0x1f\"",
            std::marker::PhantomData,
        ))
    }
}

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for Integer {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_are_exact_and_round_trip() {
        for (text, decimals, units) in [
            ("5", 0, Some(5u64)),
            ("0.25", 6, Some(250_000)),
            ("1_000.50", 1, Some(10_005)),
            ("0.25", 1, None),
            ("0", 18, Some(0)),
        ] {
            let decimal: Decimal = text.parse().unwrap();
            assert_eq!(decimal.units(decimals), units.map(U256::from), "{text}");
            assert_eq!(decimal.to_string().parse::<Decimal>().unwrap(), decimal, "{text}");
        }
        for bad in ["", "-1", "1e6", ".5", "a", "1.2.3", &"9".repeat(200)] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
        assert_eq!(Decimal { digits: U256::MAX, places: 0 }.units(1), None);
    }

    #[test]
    fn integers_are_read_from_text_and_numbers() {
        for (json, expected) in [("\"0x1f\"", 31), ("\"1_000\"", 1_000), ("7", 7)] {
            assert_eq!(
                serde_json::from_str::<Integer>(json).unwrap(),
                Integer(U256::from(expected))
            );
        }
        for bad in ["\"\"", "\"0x\"", "-1", "1.5", "\"12x\"", "true"] {
            assert!(serde_json::from_str::<Integer>(bad).is_err(), "{bad}");
        }
    }
}

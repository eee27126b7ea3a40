//! Money as integers: token amounts in their smallest unit, US dollars in millionths.

use std::{
    fmt,
    iter::Sum,
    ops::{Add, AddAssign, Neg, Sub},
    str::FromStr,
};

use alloy_primitives::{Address, I256, U256};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What can be owned and lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Asset {
    /// The chain's own coin, 18 decimals.
    Native,
    /// A contract that emits ERC-20 or ERC-721 `Transfer` events.
    Token(Address),
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Native => f.write_str("native"),
            Self::Token(address) => write!(f, "{address}"),
        }
    }
}

/// US dollars in millionths (`1_000_000` is one dollar). Arithmetic saturates: an attacker who moves `2^255` units of a
/// worthless token must not be able to stop the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(pub i128);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// One dollar in the unit of this type.
    pub const ONE_MICROS: i128 = 1_000_000;

    /// Whole dollars.
    pub const fn dollars(dollars: i64) -> Self {
        Self(dollars as i128 * Self::ONE_MICROS)
    }

    /// The value of `amount` smallest units of an asset with `decimals` at `price` a whole unit; saturates.
    pub fn of_amount(amount: U256, decimals: u8, price: Self) -> Self {
        let Ok(price_micros) = u128::try_from(price.0) else { return Self::ZERO };
        // A 512-bit product does not fit; amounts above 2^192 are worth "everything there is" anyway.
        let Some(product) = amount.checked_mul(U256::from(price_micros)) else {
            return Self(i128::MAX);
        };
        let unit = U256::from(10).saturating_pow(U256::from(decimals));
        let micros = product.checked_div(unit).unwrap_or_default();
        Self(i128::try_from(micros.saturating_to::<u128>()).unwrap_or(i128::MAX))
    }

    /// `self × numerator / denominator`; 0 for a zero denominator; saturates.
    #[must_use]
    pub fn mul_ratio(self, numerator: u64, denominator: u64) -> Self {
        if denominator == 0 {
            return Self::ZERO;
        }
        match self.0.checked_mul(i128::from(numerator)) {
            Some(product) => Self(product / i128::from(denominator)),
            None => Self((self.0 / i128::from(denominator)).saturating_mul(i128::from(numerator))),
        }
    }

    /// `self`, or zero if negative.
    #[must_use]
    pub fn max_zero(self) -> Self {
        Self(self.0.max(0))
    }

    /// For probabilities only: the ratio of two sums, never a sum of money.
    pub fn as_ratio_operand(self) -> f64 {
        self.0 as f64
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Neg for Usd {
    type Output = Self;
    fn neg(self) -> Self {
        Self(self.0.saturating_neg())
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(values: I) -> Self {
        values.fold(Self::ZERO, Add::add)
    }
}

/// Dollars and cents with thousands separators, for people: `1,234,567.89`.
impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.0.unsigned_abs() / 10_000;
        let sign = if self.0 < 0 && cents > 0 { "-" } else { "" };
        let text = format!("{sign}{}.{:02}", thousands(&(cents / 100).to_string()), cents % 100);
        f.pad(&text)
    }
}

/// Reads a plain decimal with at most six places: `1`, `0.25`, `-3.5`, `1_000_000`.
impl FromStr for Usd {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad =
            || format!("`{text}` is not an amount in dollars: write for instance 1250000 or 0.25");
        let plain: String = text.chars().filter(|c| *c != '_').collect();
        let (negative, digits) = match plain.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, plain.as_str()),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = whole.chars().chain(fraction.chars()).all(|c| c.is_ascii_digit());
        if whole.is_empty() || fraction.len() > 6 || !all_digits {
            return Err(bad());
        }
        let micros: i128 = format!("{whole}{fraction:0<6}").parse().map_err(|_| bad())?;
        Ok(Self(if negative { -micros } else { micros }))
    }
}

impl Usd {
    /// Exact decimal text without separators, as it stands in files: `1234.5`.
    pub fn plain(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micros = self.0.unsigned_abs();
        let (whole, fraction) = (micros / 1_000_000, micros % 1_000_000);
        if fraction == 0 {
            return format!("{sign}{whole}");
        }
        format!("{sign}{whole}.{fraction:06}").trim_end_matches('0').to_owned()
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.plain())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Usd;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount in dollars such as 1250000 or \"0.25\"")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Usd, E> {
                text.parse().map_err(E::custom)
            }
            fn visit_u64<E: de::Error>(self, dollars: u64) -> Result<Usd, E> {
                Ok(Usd(i128::from(dollars).saturating_mul(Usd::ONE_MICROS)))
            }
            fn visit_i64<E: de::Error>(self, dollars: i64) -> Result<Usd, E> {
                Ok(Usd::dollars(dollars))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Usd, E> {
                // The YAML scalar was read as a float; its shortest text is what the author wrote.
                value.to_string().parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// A token amount for people: at most six places, thousands separated: `1,234.5`.
pub fn format_amount(amount: U256, decimals: u8) -> String {
    let unit = U256::from(10).saturating_pow(U256::from(decimals));
    let whole = amount.checked_div(unit).unwrap_or_default();
    let rest = amount.checked_rem(unit).unwrap_or_default();
    let whole_text = thousands(&whole.to_string());
    let fraction = format!("{:0>width$}", rest.to_string(), width = usize::from(decimals));
    let shown: String = fraction.chars().take(6).collect();
    let shown = shown.trim_end_matches('0');
    if rest.is_zero() || shown.is_empty() { whole_text } else { format!("{whole_text}.{shown}") }
}

/// `amount` as a signed 256-bit integer, saturating at its maximum.
pub fn signed(amount: U256) -> I256 {
    I256::try_from(amount).unwrap_or(I256::MAX)
}

fn thousands(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_read_and_written_exactly() {
        let cases =
            [("0", 0), ("1", 1_000_000), ("-3.5", -3_500_000), ("1_000.000001", 1_000_000_001)];
        for (text, micros) in cases {
            let usd: Usd = text.parse().unwrap();
            assert_eq!(usd, Usd(micros), "{text}");
            assert_eq!(usd.plain().parse::<Usd>().unwrap(), usd, "{text}");
        }
        for bad in ["", "1.1234567", "abc", "1e6", "--1", ".5"] {
            assert!(bad.parse::<Usd>().is_err(), "{bad}");
        }
        assert_eq!(Usd(1_234_567_890_000).to_string(), "1,234,567.89");
        assert_eq!(Usd(-1_500_000).to_string(), "-1.50");
    }

    #[test]
    fn value_of_an_amount_saturates_and_never_panics() {
        let price: Usd = "2000".parse().unwrap();
        assert_eq!(
            Usd::of_amount(U256::from(10).pow(U256::from(18)), 18, price),
            Usd::dollars(2000)
        );
        assert_eq!(Usd::of_amount(U256::MAX, 18, price), Usd(i128::MAX));
        assert_eq!(Usd::of_amount(U256::MAX, 255, price), Usd(i128::MAX));
        assert_eq!(Usd::of_amount(U256::from(5), 0, Usd(-1)), Usd::ZERO);
        assert_eq!(Usd(i128::MAX) + Usd(1), Usd(i128::MAX));
    }

    #[test]
    fn amounts_read_well() {
        let cases = [(1_234_500_000u64, 6, "1,234.5"), (5, 0, "5"), (1, 18, "0"), (0, 6, "0")];
        for (amount, decimals, text) in cases {
            assert_eq!(format_amount(U256::from(amount), decimals), text);
        }
    }
}

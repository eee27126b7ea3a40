//! Whether attacking a protocol pays, and what its limits change about that.
//!
//! [`Model`] puts together what an attacker gains in expectation ([`gain`]), what it costs him ([`utility`]), how long a
//! defence takes ([`response`]) and what limits on outflow leave him ([`bound`]). [`advice`] says which limit to change
//! first, [`stopping`] how long to wait for more evidence.
//!
//! **What it is not.** No decision to pull a lever is taken from here: [`crate::weigh`] does not use it, and may not, since
//! an exponential is the platform's. The figures are for people who set limits.
//!
//! **Promises.** Money is [`Usd`](portcullis_types::money::Usd) throughout; probabilities are numbers in `[0, 1]` and
//! taken as such (what is outside is cut). What is not known is `None` and never a guess.
//!
//! Source: methods, §3: `EU = P_exec·(1−φ)(1−h)·E[G(T_r)] − (C_dev + C_gas + C_cap + C_priv) − P_id·Π`.

pub mod advice;
pub mod bound;
pub mod gain;
pub mod response;
pub mod settings;
pub mod stopping;
pub mod utility;

mod model;

pub use bound::{Breaker, Cap, Holding};
pub use model::{Defence, Model, Outcome};
pub use response::Response;
pub use settings::{Economics, ResponsePoint};

use portcullis_types::money::Usd;

/// Parts of a whole in which shares of money are taken.
const WHOLE: u64 = 1_000_000_000;

/// `share` of `amount`, to a billionth; `share` is cut to `[0, 1]`, and what is no number counts as nothing.
pub fn part(amount: Usd, share: f64) -> Usd {
    let share = if share > 0.0 { share.min(1.0) } else { 0.0 };
    amount.mul_ratio((share * WHOLE as f64).round() as u64, WHOLE)
}

#[cfg(test)]
mod tests;

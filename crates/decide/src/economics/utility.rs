//! What is left to an attacker: `EU = P_exec·(1−φ)(1−h)·E[G] − C − P_id·Π`, term by term.

use portcullis_types::money::Usd;

use super::{part, settings::Economics};

/// The expected utility of an attack and how it comes about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Utility {
    /// `P_exec`.
    pub execution_probability: f64,
    /// `E[G]`: taken in expectation, if it executes.
    pub gain: Usd,
    /// `φ·E[G]`, at most the cap: the bounty forgone.
    pub bounty: Usd,
    /// `h` of the rest: frozen, or lost in laundering.
    pub haircut: Usd,
    /// `P_exec` times what is left of the gain.
    pub proceeds: Usd,
    /// `C_dev + C_gas + C_cap + C_priv`.
    pub costs: Usd,
    /// `P_id·Π`.
    pub penalty: Usd,
    /// Proceeds less costs less penalty.
    pub utility: Usd,
}

impl Utility {
    /// Of a gain that is expected if the attack executes.
    pub fn of(economics: &Economics, execution_probability: f64, gain: Usd) -> Self {
        let bounty = part(gain, economics.bounty_share).min(economics.bounty_cap_usd);
        let haircut = part(gain - bounty, economics.haircut);
        let proceeds = part(gain - bounty - haircut, execution_probability);
        let costs = economics.costs();
        let penalty = part(economics.penalty_usd, economics.identification_probability);
        let utility = proceeds - costs - penalty;
        Self { execution_probability, gain, bounty, haircut, proceeds, costs, penalty, utility }
    }

    /// Whether attacking pays.
    pub fn is_profitable(&self) -> bool {
        self.utility > Usd::ZERO
    }

    /// The terms in words, in the order of the formula.
    pub fn lines(&self) -> Vec<(String, Usd)> {
        vec![
            ("taken, in expectation".to_owned(), self.gain),
            ("bounty forgone".to_owned(), -self.bounty),
            ("frozen or lost in laundering".to_owned(), -self.haircut),
            (
                format!("proceeds, times {:.3} that it executes", self.execution_probability),
                self.proceeds,
            ),
            ("development, gas, capital, private order flow".to_owned(), -self.costs),
            ("penalty, times being identified".to_owned(), -self.penalty),
            ("left to the attacker".to_owned(), self.utility),
        ]
    }
}

/// Whether the most that can be taken is worth less to the attacker than it costs: `(B+ρT)(1−φ)(1−h) < C + P_id·Π`.
pub fn is_deterred(economics: &Economics, most: Usd) -> bool {
    !Utility::of(economics, 1.0, most).is_profitable()
}

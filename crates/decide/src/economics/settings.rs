//! What is believed of attackers and of people's response: `policy: economics: {…}`.

use std::collections::BTreeMap;

use portcullis_types::money::Usd;
use serde::{Deserialize, Serialize};

/// Most points of a distribution of response times.
pub const POINTS_MAX: usize = 1_000;

/// How far the probabilities of a distribution may add up to something else than 1.
const SUM_TOLERANCE: f64 = 1e-6;

/// One point of a distribution of response times.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResponsePoint {
    /// Seconds from the first theft until people have stopped it.
    pub seconds: u64,
    /// How often it takes exactly that long, 0 to 1; all points together make 1.
    pub probability: f64,
}

/// Parameters of the attacker and of the response. Every field may be left out; each default has a source or counts
/// against the defender.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Economics {
    /// What the protocol holds of each of its assets, US dollars, by symbol. Default: not known, and then nothing that
    /// depends on it is said.
    pub holdings_usd: BTreeMap<String, Usd>,
    /// `P_exec`: probability that an attack begun succeeds when nobody interferes. Default 1.
    pub execution_probability: f64,
    /// Share of attacks that take everything within reach in one transaction. Default 0.44: 103 of 184 (56 %) were not
    /// atomic (arXiv 2208.13035).
    pub atomic_share: f64,
    /// How long the others need to take everything, seconds. Default 720: the lower median of six drains (Radiant 11 s,
    /// Ronin 115 s, Drift under 12 min, Gamma 69 min, Nomad 152 min, Telcoin 16 h; methods, §0 and §3).
    pub drain_seconds: u64,
    /// Development, `C_dev`. Default 3,476: what finding two unknown holes cost in model calls (SCONE-bench, 2025).
    pub development_usd: Usd,
    /// Gas, `C_gas`. Default 0: what is not known counts for the attacker.
    pub gas_usd: Usd,
    /// Capital at risk and its price, `C_cap`. Default 0: flash loans.
    pub capital_usd: Usd,
    /// Private order flow, `C_priv`: tips to builders. Default 0.
    pub private_order_usd: Usd,
    /// `h`: share that is frozen or lost in laundering. Default 0.042: 4.2 % of the first half of 2025 was recovered
    /// (Global Ledger, 119 thefts of 3.01 billion dollars).
    pub haircut: f64,
    /// `φ`: share that the attacker could have got as a bounty for returning it, and forgoes. Default 0: not every
    /// protocol promises one; 0.1 where the Safe Harbor agreement was adopted.
    pub bounty_share: f64,
    /// Most that is paid as a bounty. Default 1,000,000 (Safe Harbor).
    pub bounty_cap_usd: Usd,
    /// `P_id`: probability that the attacker is identified and made to pay. Default 0: no figure is known.
    pub identification_probability: f64,
    /// `Π`: what that costs him. Default 0.
    pub penalty_usd: Usd,
    /// How long people need, as a distribution. Default: a constant hazard whose median is the policy's
    /// `responseSeconds` (1800: signer sets, arXiv 2602.12260; delegated bodies 5400; on-chain governance days).
    pub response: Vec<ResponsePoint>,
    /// Share of attacks that detectors find at the first theft. Default 0.38: 72 of 186 judged attacks of 2023 were found
    /// by a public detector (Forta); write the recall of a back-test.
    pub detection_probability: f64,
    /// Seconds from a theft's block to the block in which a lever holds. Default 24: two blocks.
    pub reaction_seconds: u64,
    /// Share of attacks that are recognised when their contract is deployed and stopped if there is time. Default 0.
    pub pre_attack_share: f64,
    /// Whether a contract enforces the limits of `gross-outflow`. Default false: then they are watched, and what they
    /// bound is what leaves unseen.
    pub limits_on_chain: bool,
    /// Whether decisions say what is left to the attacker. Default false. No decision depends on it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub in_decisions: bool,
}

impl Default for Economics {
    fn default() -> Self {
        Self {
            holdings_usd: BTreeMap::new(),
            execution_probability: 1.0,
            atomic_share: 0.44,
            drain_seconds: 720,
            development_usd: Usd::dollars(3_476),
            gas_usd: Usd::ZERO,
            capital_usd: Usd::ZERO,
            private_order_usd: Usd::ZERO,
            haircut: 0.042,
            bounty_share: 0.0,
            bounty_cap_usd: Usd::dollars(1_000_000),
            identification_probability: 0.0,
            penalty_usd: Usd::ZERO,
            response: Vec::new(),
            detection_probability: 0.38,
            reaction_seconds: 24,
            pre_attack_share: 0.0,
            limits_on_chain: false,
            in_decisions: false,
        }
    }
}

impl Economics {
    /// `C_dev + C_gas + C_cap + C_priv`.
    pub fn costs(&self) -> Usd {
        self.development_usd + self.gas_usd + self.capital_usd + self.private_order_usd
    }

    /// What is wrong with it, and the remedy.
    ///
    /// # Errors
    ///
    /// A probability outside `[0, 1]`, a negative amount, a drain of no time, a distribution that does not add up.
    pub fn validate(&self) -> Result<(), String> {
        let probabilities = [
            ("executionProbability", self.execution_probability),
            ("atomicShare", self.atomic_share),
            ("haircut", self.haircut),
            ("bountyShare", self.bounty_share),
            ("identificationProbability", self.identification_probability),
            ("detectionProbability", self.detection_probability),
            ("preAttackShare", self.pre_attack_share),
        ];
        for (name, value) in probabilities {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("`{name}` is {value}: write a number from 0 to 1"));
            }
        }
        let amounts = [
            ("developmentUsd", self.development_usd),
            ("gasUsd", self.gas_usd),
            ("capitalUsd", self.capital_usd),
            ("privateOrderUsd", self.private_order_usd),
            ("bountyCapUsd", self.bounty_cap_usd),
            ("penaltyUsd", self.penalty_usd),
        ];
        let holdings = self.holdings_usd.values().map(|value| ("holdingsUsd", *value));
        for (name, value) in amounts.into_iter().chain(holdings) {
            if value < Usd::ZERO {
                return Err(format!("`{name}` is negative: write an amount from 0"));
            }
        }
        if self.drain_seconds == 0 {
            return Err(
                "`drainSeconds` is 0: write 1 or more, and what happens in one transaction as \
                        `atomicShare`"
                    .to_owned(),
            );
        }
        self.validate_response()
    }

    fn validate_response(&self) -> Result<(), String> {
        if self.response.is_empty() {
            return Ok(());
        }
        if self.response.len() > POINTS_MAX {
            return Err(format!("`response` has more than {POINTS_MAX} points: merge some"));
        }
        let in_range = |point: &ResponsePoint| (0.0..=1.0).contains(&point.probability);
        let sum: f64 = self.response.iter().map(|point| point.probability).sum();
        if !self.response.iter().all(in_range) || (sum - 1.0).abs() > SUM_TOLERANCE {
            return Err(format!(
                "`response` has probabilities that add up to {sum}: make them 1; for people who never come, write a \
                 point with many seconds"
            ));
        }
        Ok(())
    }
}

//! What an attack is still worth to the attacker, beside a decision. No decision depends on it.

use portcullis_types::{decision::AttackerView, money::Usd};

use crate::{
    economics::{Defence, Economics, Holding, Model, Response},
    policy::Policy,
};

/// The expected utility of going on, of a protocol that still holds `value_left` within reach. None where the policy does
/// not ask for it (`economics: {inDecisions: true}`).
///
/// Limits on outflow are not counted: what they leave is for `portcullis economics` to say. Only `+ − × ÷` are used, so
/// that a journal is the same on every machine.
pub(crate) fn view(policy: &Policy, value_left: Usd) -> Option<AttackerView> {
    let economics = policy.economics.as_ref().filter(|economics| economics.in_decisions)?;
    let people = if economics.response.is_empty() {
        Response::ConstantHazard { median_seconds: policy.response_seconds }
    } else {
        Response::Empirical(economics.response.clone())
    };
    let held = Some(value_left.max_zero());
    let model = Model {
        economics: Economics { limits_on_chain: false, ..economics.clone() },
        holdings: vec![Holding { asset: String::new(), held, breakers: Vec::new() }],
        people,
        acts: true,
    };
    let alone = model.outcome(Defence::People)?.utility;
    let with = model.outcome(Defence::Configured)?.utility;
    Some(AttackerView {
        gain: alone.gain,
        utility: alone.utility,
        utility_with_levers: with.utility,
    })
}

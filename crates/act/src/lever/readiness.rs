//! Whether a lever would work if it were pulled now: asked when the configuration is checked, not when it burns.

use alloy_primitives::{Address, U256};
use portcullis_types::action::{Call, Lever, Undo, ViewCheck, WardenPull};

use super::access_managed::delay_seconds;
use crate::{
    nodes::{NodeError, Nodes},
    rehearse::pull_and_undo,
    warden::{LeverLook, play_releases},
};

/// One question and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadinessCheck {
    /// What was looked at.
    pub what: String,
    /// Whether it is so; the error where it could not be looked at, which is not the same as "no".
    pub ok: Result<bool, String>,
}

/// Looks whether `responder` could pull `lever` now. One check for each condition, in the order in which a person would
/// go through them. Nothing is sent.
pub async fn readiness(lever: &Lever, responder: Address, nodes: &Nodes) -> Vec<ReadinessCheck> {
    let mut checks = Vec::new();
    let mut add = |what: String, answer: Result<bool, NodeError>| {
        checks.push(ReadinessCheck { what, ok: answer.map_err(|error| error.to_string()) });
    };

    let chain = nodes.chain_id().await.map(|id| id == lever.chain);
    add(format!("the node is on chain {}", lever.chain), chain);
    for contract in contracts(lever) {
        add(format!("{contract} is a contract"), nodes.has_code(contract).await);
    }
    for view in &lever.preflight {
        let (what, answer) = preflight(view, nodes).await;
        add(what, answer);
    }
    if let Some(pull) = &lever.warden {
        checks.extend(through_warden(lever, pull, nodes).await);
        let what = format!("{responder} can pay for the gas");
        let ok = can_pay(lever, responder, nodes).await.map_err(|error| error.to_string());
        checks.push(ReadinessCheck { what, ok });
        return checks;
    }
    let state = nodes.view(&lever.verify, None).await.map(|answer| lever.verify.word_of(&answer));
    let pulled = state.as_ref().is_ok_and(|word| *word == Some(lever.verify.expect));
    let answers = state.map(|word| word.is_some());
    add(format!("the view answers that says whether {}", lever.verify.meaning), answers);
    if pulled {
        add(format!("it is not pulled already, but {}", lever.verify.meaning), Ok(false));
    }

    let pull = match nodes.estimate_gas(responder, &lever.call).await {
        Ok(gas) => Ok(gas <= lever.call.gas_limit),
        Err(error) if error.is_silence() => Err(error),
        Err(_) => Ok(false),
    };
    add(format!("{responder} can pull it within {} gas", lever.call.gas_limit), pull);
    let sticks = pull_and_undo(nodes, responder, &[(&lever.call, &lever.verify)]).await;
    add(format!("once pulled, {}", lever.verify.meaning), sticks);
    if let Undo::ByCall { call, verify } = &lever.undo {
        let steps = [(&lever.call, &lever.verify), (call, verify)];
        add(
            format!("{responder} can let go of it again"),
            pull_and_undo(nodes, responder, &steps).await,
        );
    }
    add(format!("{responder} can pay for the gas"), can_pay(lever, responder, nodes).await);
    checks
}

/// The conditions of a lever whose right is with a Warden. The target's call is played as the Warden makes it; who relays
/// needs no right.
async fn through_warden(lever: &Lever, pull: &WardenPull, nodes: &Nodes) -> Vec<ReadinessCheck> {
    let failed = |what: &str, error: &NodeError| ReadinessCheck {
        what: what.to_owned(),
        ok: Err(error.to_string()),
    };
    let head = match nodes.head().await {
        Ok(head) => head,
        Err(error) => return vec![failed("the chain's newest block", &error)],
    };
    let look = match LeverLook::read(nodes, pull, head).await {
        Ok(Ok(look)) => look,
        Ok(Err(why)) => return vec![ReadinessCheck { what: why, ok: Ok(false) }],
        Err(error) => return vec![failed("the Warden's record of the lever", &error)],
    };
    let conditions = look.conditions(pull, lever.chain, lever.hold_seconds).into_iter();
    let mut checks: Vec<ReadinessCheck> =
        conditions.map(|(what, ok)| ReadinessCheck { what, ok: Ok(ok) }).collect();
    let call = Call { to: pull.target, data: pull.data.clone(), gas_limit: lever.call.gas_limit };
    let sticks = pull_and_undo(nodes, pull.warden, &[(&call, &lever.verify)]).await;
    checks.push(ReadinessCheck {
        what: format!("played as the Warden's call, {}", lever.verify.meaning),
        ok: sticks.map_err(|error| error.to_string()),
    });
    checks.extend(undos(lever, (pull, &call), &look, nodes).await);
    checks
}

/// Whether what a Warden's lever stops is let go of again: the undo, played as the Warden's call after the pull; and for
/// holds that are open now the release itself, early by who may and by a stranger when the hold's time is over.
async fn undos(
    lever: &Lever,
    (pull, call): (&WardenPull, &Call),
    look: &LeverLook,
    nodes: &Nodes,
) -> Vec<ReadinessCheck> {
    let checked = |what: String, answer: Result<bool, NodeError>| ReadinessCheck {
        what,
        ok: answer.map_err(|error| error.to_string()),
    };
    let Undo::ByCall { verify, .. } = &lever.undo else {
        let what = "the Warden knows that the target ends the hold by itself".to_owned();
        return vec![checked(what, Ok(look.state.endsByItself))];
    };
    if look.state.endsByItself {
        let what = "the Warden calls an undo, but its record says that the target ends the hold by itself: set \
                    `endsByItself`";
        return vec![checked(what.to_owned(), Ok(false))];
    }
    let mut checks = Vec::new();
    let played = match look.spec.undo.filled(&pull.data) {
        Some(data) => {
            let undo = Call { to: pull.target, data, gas_limit: call.gas_limit };
            let steps = [(call, &lever.verify), (&undo, verify)];
            pull_and_undo(nodes, pull.warden, &steps).await
        }
        None => Ok(false),
    };
    checks.push(checked(format!("undone as the Warden's call, {}", verify.meaning), played));
    for (who, hold, answer) in play_releases(nodes, pull, verify).await {
        checks.push(checked(format!("hold {hold}: {who}"), answer));
    }
    checks
}

/// Every contract that the lever talks to, once.
fn contracts(lever: &Lever) -> Vec<Address> {
    let mut all = vec![lever.call.to, lever.verify.to];
    all.extend(lever.preflight.iter().map(|view| view.to));
    all.extend(&lever.covers);
    all.sort_unstable();
    all.dedup();
    all
}

async fn preflight(view: &ViewCheck, nodes: &Nodes) -> (String, Result<bool, NodeError>) {
    let answer = match nodes.view(view, None).await {
        Ok(answer) => answer,
        Err(error) => return (view.meaning.clone(), Err(error)),
    };
    let what = match delay_seconds(view, &answer) {
        Some((false, 0)) => format!("{}: it may not at all", view.meaning),
        Some((false, delay)) => {
            format!("{}: only after {delay} s, so its role needs execution delay 0", view.meaning)
        }
        _ => view.meaning.clone(),
    };
    (what, Ok(view.is_met_by(&answer)))
}

/// Whether the balance pays for one pull at twice the present base fee.
async fn can_pay(lever: &Lever, responder: Address, nodes: &Nodes) -> Result<bool, NodeError> {
    let (balance, head) = tokio::try_join!(nodes.balance(responder), nodes.head())?;
    let price = U256::from(head.base_fee.saturating_mul(2));
    Ok(!balance.is_zero() && balance >= price.saturating_mul(U256::from(lever.call.gas_limit)))
}

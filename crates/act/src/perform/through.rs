//! What differs where an action goes through a Warden: the call is made of what the Warden says, and the Warden's record
//! is looked at too.

use alloy_primitives::{Address, Bytes};
use alloy_sol_types::SolCall as _;
use portcullis_types::{
    action::{Action, Intent},
    chain::BlockId,
};
use tokio::time::Instant;

use super::{
    Actuator,
    job::{Job, Through, has_passed},
};
use crate::{
    nodes::{Head, NodeError, Nodes},
    warden::{LeverLook, OpenHold, assemble, incident, open_hold, releaseCall, reusable},
};

/// Longest time by which the chain's end of a hold may be later than the action's and still be waited for, seconds. What
/// is later was prolonged by people.
const END_WAIT_MAX: u64 = 120;

/// What a Warden shows before an action.
pub(super) enum Seen {
    /// Nothing is left to do there.
    Over,
    /// The call can be made.
    Ready(Found),
    /// Why it cannot.
    Obstacle(String),
}

/// What the call is made of.
pub(super) enum Found {
    Pull(Box<LeverLook>),
    Release(OpenHold),
}

/// Looks at the Warden; a pull where its side is `known` only at the clock.
pub(super) async fn look(
    job: &Job<'_>,
    through: &Through,
    head: Head,
    known: Option<LeverLook>,
) -> Result<Seen, NodeError> {
    let (nodes, basis) = (job.nodes(), &through.basis);
    if !through.is_release {
        let read = match known {
            Some(look) => Ok(look.at_time(head.time)),
            None => LeverLook::read(nodes, &basis.pull, head).await?,
        };
        return Ok(match read {
            Err(why) => Seen::Obstacle(why),
            Ok(look) => {
                let ours = accounts(job.actuator);
                match look.obstacle(&basis.pull, basis.chain, basis.hold_seconds, &ours) {
                    Some(why) => Seen::Obstacle(why),
                    None => Seen::Ready(Found::Pull(Box::new(look))),
                }
            }
        });
    }
    let hold = open_hold(nodes, &basis.pull, basis.incident, None).await?;
    let is_lifted = nodes.holds(&job.plan.verify, None).await?;
    Ok(match hold {
        None if is_lifted => Seen::Over,
        None => Seen::Obstacle(format!(
            "the Warden {} holds nothing for this incident any more, and yet it is not so that {}: people stopped it or \
             adopted the hold, so it is theirs to let go",
            basis.pull.warden, job.plan.verify.meaning
        )),
        Some(hold) if hold.ends_at > head.time => Seen::Obstacle(format!(
            "hold {} lasts another {} s on the chain: people prolonged it, or no block came; from {} (Unix seconds) on \
             anybody may release it",
            hold.id,
            hold.ends_at - head.time,
            hold.ends_at
        )),
        Some(hold) => Seen::Ready(Found::Release(hold)),
    })
}

/// Makes the call's arguments; for a pull the sentinels sign. What was signed before is used again while it counts.
pub(super) async fn call_data(job: &Job<'_>, found: Found) -> Result<Bytes, String> {
    let look = match found {
        Found::Release(hold) => return Ok(releaseCall { holdId: hold.id }.abi_encode().into()),
        Found::Pull(look) => look,
    };
    let Some(through) = &job.plan.warden else { return Ok(job.plan.call.data.clone()) };
    if reusable(&job.plan.call.data, look.state.arming, look.time) {
        return Ok(job.plan.call.data.clone());
    }
    let counting = look.counting(&accounts(job.actuator));
    let required = usize::from(look.spec.sentinelsRequired);
    let request = through.basis.request(look.state.arming);
    assemble(&job.actuator.sentinels, &counting, required, request).await
}

/// What the Warden's record lacks at `block` after a call that took effect.
pub(super) async fn missing(
    nodes: &Nodes,
    through: &Through,
    block: BlockId,
) -> Result<Option<String>, NodeError> {
    let basis = &through.basis;
    let hold = open_hold(nodes, &basis.pull, basis.incident, Some(block)).await?;
    Ok(match (through.is_release, hold) {
        (false, Some(hold)) => {
            tracing::info!(hold = %hold.id, ends_at = hold.ends_at, "the Warden holds");
            None
        }
        (true, None) => None,
        (false, None) => Some(format!(
            "it is stopped, but the Warden {} has no open hold for this incident in block {}: somebody released it in \
             the same block, or the stop is another's; look at it",
            basis.pull.warden, block.number
        )),
        (true, Some(hold)) => Some(format!(
            "it is let go of, but hold {} of the Warden {} is still open: release it by hand, or its lever cannot be \
             pulled again",
            hold.id, basis.pull.warden
        )),
    })
}

/// Waits until the chain's clock has reached the end of the hold that is to be released. A hold ends by the time of its
/// block, which is later than that of the decision.
pub(super) async fn wait_for_end(actuator: &Actuator, action: &Action) {
    let Some(pull) = action.lever.warden.as_ref().filter(|_| action.intent == Intent::Release)
    else {
        return;
    };
    let start = Instant::now();
    while !has_passed(start, actuator.settings.settle_time_limit) {
        let nodes = &actuator.nodes;
        let found = tokio::try_join!(nodes.head(), open_hold(nodes, pull, incident(action), None));
        match found {
            Ok((head, Some(hold))) => {
                let left = hold.ends_at.saturating_sub(head.time);
                if left == 0 || left > END_WAIT_MAX {
                    return;
                }
            }
            // The look before the call says what is wrong.
            Ok((_, None)) | Err(_) => return,
        }
        tokio::time::sleep(actuator.settings.poll_interval).await;
    }
}

fn accounts(actuator: &Actuator) -> Vec<Address> {
    actuator.sentinels.iter().map(|one| one.address()).collect()
}

//! What the chain shows before an action, and what is kept warm of it.

use portcullis_types::action::{Call, CallForm, Intent, Rehearsal, ViewCheck};

use super::{
    job::Job,
    through::{self, Found, Seen},
    warm::Warm,
};
use crate::nodes::{Head, NodeError, Nodes};

/// What the chain shows before an action.
pub(super) struct Look {
    /// The chain's id; none where it was looked at before.
    pub(super) chain: Option<u64>,
    pub(super) head: Head,
    pub(super) holds: bool,
    /// The first condition that is not met.
    pub(super) unmet: Option<String>,
    /// The account's next nonce after the newest block, and with what the pool holds.
    pub(super) nonce: u64,
    pub(super) nonce_in_pool: u64,
    /// What the account has, wei.
    pub(super) balance: u128,
    /// What the newest blocks' dearest transactions tipped, wei for each gas; 0 where the node does not say.
    pub(super) market: u128,
    /// The form of the call that is right on this state, where there are several.
    pub(super) form: Option<Call>,
    /// How the Warden stands, where it goes through one.
    pub(super) warden: Option<Found>,
    /// Whether any of it is from before. Then nothing is refused because of it: the whole is looked at first.
    pub(super) is_warm: bool,
    /// A rehearsal without an attack, by this account and on this very block, with its gas.
    pub(super) rehearsal: Option<(Rehearsal, Option<u64>)>,
}

/// Looks at what changes from block to block, and at the rest where it is not known from the blocks before.
pub(super) async fn look(job: &Job<'_>, warm: Option<Warm>) -> Result<Look, NodeError> {
    // Which form of a call is right can change with any block.
    let may_be_warm = job.action.intent == Intent::Pull && job.plan.forms.is_empty();
    let Some(warm) = warm.filter(|_| may_be_warm) else {
        return whole(job).await;
    };
    let mut look = changing(job).await?;
    if !warm.is_recent(look.head) {
        return whole(job).await;
    }
    look.is_warm = true;
    look.rehearsal = warm.rehearsal_for(job.responder(), look.head, &job.plan);
    let (Some(through), false) = (&job.plan.warden, look.holds) else { return Ok(look) };
    match through::look(job, through, look.head, warm.lever).await? {
        Seen::Ready(found) => {
            look.warden = Some(found);
            Ok(look)
        }
        Seen::Over | Seen::Obstacle(_) => whole(job).await,
    }
}

/// What changes from block to block.
async fn changing(job: &Job<'_>) -> Result<Look, NodeError> {
    let (nodes, plan, responder) = (job.nodes(), &job.plan, job.responder());
    let market = async { Ok(nodes.market_tip().await.unwrap_or(0)) };
    let (head, holds, nonce, nonce_in_pool, balance, market) = tokio::try_join!(
        nodes.head(),
        nodes.holds(&plan.verify, None),
        nodes.nonce(responder, "latest"),
        nodes.nonce(responder, "pending"),
        nodes.balance(responder),
        market,
    )?;
    Ok(Look {
        chain: None,
        head,
        holds,
        unmet: None,
        nonce,
        nonce_in_pool,
        balance: balance.saturating_to(),
        market,
        form: None,
        warden: None,
        is_warm: false,
        rehearsal: None,
    })
}

async fn whole(job: &Job<'_>) -> Result<Look, NodeError> {
    let (nodes, plan) = (job.nodes(), &job.plan);
    let conditions = conditions(nodes, &plan.preflight, &plan.forms);
    let (chain, (unmet, form), look) =
        tokio::try_join!(nodes.chain_id(), conditions, changing(job))?;
    let mut look = Look { chain: Some(chain), unmet, form, ..look };
    if look.unmet.is_none()
        && let Some(through) = &plan.warden
        && (through.is_release || !look.holds)
    {
        match through::look(job, through, look.head, None).await? {
            Seen::Over => {}
            Seen::Ready(found) => (look.holds, look.warden) = (false, Some(found)),
            Seen::Obstacle(why) => (look.holds, look.unmet) = (false, Some(why)),
        }
    }
    Ok(look)
}

/// The first condition that is not met, or none and the form of the call that is right now.
pub(super) async fn conditions(
    nodes: &Nodes,
    preflight: &[ViewCheck],
    forms: &[CallForm],
) -> Result<(Option<String>, Option<Call>), NodeError> {
    for view in preflight {
        if !nodes.holds(view, None).await? {
            let unmet = format!(
                "before the call it must be so that {}, and it is not: check roles and state",
                view.meaning
            );
            return Ok((Some(unmet), None));
        }
    }
    if forms.is_empty() {
        return Ok((None, None));
    }
    // A view is asked once, however many forms ask it.
    let mut answers: Vec<(&ViewCheck, bool)> = Vec::new();
    for form in forms {
        let mut is_right = true;
        for view in &form.when {
            let known = answers.iter().find(|(asked, _)| *asked == view).map(|(_, holds)| *holds);
            let holds = match known {
                Some(holds) => holds,
                None => nodes.holds(view, None).await?,
            };
            answers.push((view, holds));
            is_right &= holds;
            if !holds {
                break;
            }
        }
        if is_right {
            return Ok((None, Some(form.call.clone())));
        }
    }
    let unmet =
        "no form of the call is right on this state: its flags changed while they were read, or \
                 the contract is another one; look at the lever's views"
            .to_owned();
    Ok((Some(unmet), None))
}

//! # What it watches
//! Somebody else's contract that uses a contract of the sender as if it were a token, a vault or a market: it moves its
//! balances, burns its shares, asks for its underlying, trades with it.
//! # Why it matters
//! A protocol that takes a stranger's contract for one of its own parts does what the stranger's contract says.
//! # What it misses
//! Poses that only answer bare value or a callback every pool makes.
//! # False alarms
//! The first trades of a new token through its deployer's own contract.
//! # References
//! `SlowMist` on Multichain (2022-01-18), where a stranger's contract named the underlying to pull.

use portcullis_types::evidence::CallKind;

use super::{FRAMES_MAX, RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{
    picture::{Picture, Posed},
    suspicion::AttackClass,
    vocabulary::Meaning,
};

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    if !picture.private() {
        return None;
    }
    let mut poses: Vec<&Posed> = picture.posed.iter().filter(|p| is_pose(picture, p)).collect();
    if poses.is_empty() && picture.may_have_gained() {
        poses.extend(picture.posed.iter().filter(|p| is_unknown(picture, p)));
    }
    let first = poses.first()?;
    let writes = poses.iter().any(|p| !p.reads);
    let fresh = poses.iter().any(|p| picture.created.contains(&p.answering));
    let known = first.meaning.is_some();
    let paid = poses.iter().any(|p| paid_for_nothing(picture, p));
    let e_value = match (writes, fresh) {
        (true, true) if known => UNHEARD,
        (true, _) if paid => UNHEARD,
        (true, _) if poses.iter().any(|p| is_pool(p)) => RARE,
        _ => UNCOMMON,
    };
    Some(Sighting {
        e_value,
        class: AttackClass::Accounting,
        sentence: format!(
            "{} took {} for a contract of its own trade",
            first.caller, first.answering
        ),
        frames: poses.iter().take(FRAMES_MAX).map(|p| p.frame).collect(),
        victims: vec![first.caller],
    })
}

fn is_pose(picture: &Picture<'_>, posed: &Posed) -> bool {
    if posed.selector.is_none() {
        return false;
    }
    let as_token = matches!(
        posed.meaning,
        Some(
            Meaning::Token
                | Meaning::Issue
                | Meaning::View
                | Meaning::AddLiquidity
                | Meaning::RemoveLiquidity
                | Meaning::PayIn
                | Meaning::TakeOut
                | Meaning::Swap
                | Meaning::Initialize
        )
    );
    // A router or pool that trades a token asks it for balances and moves them; the sender's contract is then simply a
    // token that sells for itself. One that was created just now is not.
    let in_trade = matches!(
        posed.during,
        Some(Meaning::Swap | Meaning::Route | Meaning::AddLiquidity | Meaning::RemoveLiquidity)
    );
    let fresh = picture.created.contains(&posed.answering);
    as_token && (fresh || !in_trade)
}

/// Whether the sender's contract was traded with, or paid into, as if it were a pool or vault.
fn is_pool(posed: &Posed) -> bool {
    let does = matches!(
        posed.meaning,
        Some(
            Meaning::Swap
                | Meaning::AddLiquidity
                | Meaning::RemoveLiquidity
                | Meaning::PayIn
                | Meaning::TakeOut
        )
    );
    does && !posed.reads
}

/// Whether who asked the sender's contract then paid it, got nothing, and did not die of it.
fn paid_for_nothing(picture: &Picture<'_>, posed: &Posed) -> bool {
    let mut frames = picture.evidence.frames.iter();
    let died = frames.any(|f| f.kind == CallKind::SelfDestruct && f.from == posed.caller);
    let mut theirs = picture.others().filter(|(holder, _)| *holder == posed.caller);
    let only_lost = theirs.any(|(_, flows)| flows.iter().all(|flow| flow.delta.is_negative()));
    !died && only_lost && !picture.profit.gave && picture.contract_was_paid_by(&posed.caller)
}

/// A function of no standard that a contract asks of the sender's, and which is no lender's callback.
fn is_unknown(picture: &Picture<'_>, posed: &Posed) -> bool {
    posed.selector.is_some()
        && posed.meaning.is_none()
        && !posed.reads
        && posed.during.is_none()
        && super::flash::lender(picture) != Some(posed.caller)
}

//! # What it watches
//! Functions that by convention are for nobody outside: those named with a leading underscore, and the set-up of a
//! contract that was not created just now, above all where it then trusts or pays whoever set it up.
//! # Why it matters
//! Left open by mistake, they move anybody's tokens or make anybody the owner.
//! # What it misses
//! Open functions of any other name.
//! # False alarms
//! Tokens whose author gave a harmless function such a name.
//! # References
//! Parity multisig (2017-07-19); the naming convention of OpenZeppelin Contracts.

use alloy_primitives::{Address, U256, uint};
use portcullis_types::evidence::{CallKind, Transfer};

use super::{RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

/// Slots that the compiler gives to variables in order; those of mappings and of proxies are hashes.
const SLOTS_FIXED: U256 = uint!(1_024_U256);

pub(super) fn look(picture: &Picture<'_>) -> Option<Sighting> {
    let by_sender = |parent: Option<u32>, from| parent.is_none() || picture.is_own(&from);
    for (index, frame) in picture.evidence.frames.iter().enumerate() {
        if frame.kind != CallKind::Call || !frame.effective || !by_sender(frame.parent, frame.from)
        {
            continue;
        }
        let new = picture.evidence.created.iter().any(|created| created.address == frame.to);
        let own = frame.parent.is_some() && picture.is_own(&frame.to);
        if new || own {
            continue;
        }
        // Set up to trust the sender's code, and then trusting it.
        let trusts = || {
            picture.posed.iter().any(|p| p.caller == frame.to && p.frame > index as u32 && !p.reads)
        };
        let e_value = match picture.meaning(frame) {
            Some(Meaning::Initialize)
                if picture.private() && (trusts() || pays(picture, frame.to)) =>
            {
                UNHEARD
            }
            Some(Meaning::Initialize) if taken_over(picture, frame.to) => UNHEARD,
            // An account may be the owner of a contract whose author was careless with names.
            Some(Meaning::InternalRule) if frame.parent.is_none() => RARE,
            Some(Meaning::Internal | Meaning::InternalRule | Meaning::WalletSetUp) => UNHEARD,
            Some(Meaning::Initialize | Meaning::Ownership)
                if frame.parent.is_some() && picture.private() =>
            {
                RARE
            }
            Some(Meaning::Initialize) => UNCOMMON,
            _ => continue,
        };
        return Some(Sighting {
            e_value,
            class: AttackClass::AccessControl,
            sentence: format!("called a function of {} that is not for strangers", frame.to),
            frames: vec![index as u32],
            victims: vec![frame.to],
        });
    }
    None
}

/// Whether a contract pays the sender's contract, and is paid nothing.
fn pays(picture: &Picture<'_>, contract: Address) -> bool {
    let paid = |t: &Transfer| t.to == contract && picture.is_own(&t.from);
    picture.contract_was_paid_by(&contract) && !picture.evidence.transfers.iter().any(paid)
}

/// Whether the sender's side stands afterwards where somebody else stood before: in a slot that is no mapping's.
fn taken_over(picture: &Picture<'_>, contract: Address) -> bool {
    picture.evidence.storage.iter().any(|change| {
        let (before, after) = (Address::from_word(change.before), Address::from_word(change.after));
        change.address == contract
            && U256::from_be_bytes(change.slot.0) < SLOTS_FIXED
            && !before.is_zero()
            && !picture.is_own(&before)
            && picture.is_own(&after)
    })
}

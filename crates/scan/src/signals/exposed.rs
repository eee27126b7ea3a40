//! # What it watches
//! Functions that by convention are for nobody outside: those named with a leading underscore, and the set-up of a wallet
//! that was not created just now.
//! # Why it matters
//! Left open by mistake, they move anybody's tokens or make anybody the owner.
//! # What it misses
//! Open functions of any other name.
//! # False alarms
//! Tokens whose author gave a harmless function such a name.
//! # References
//! Parity multisig (2017-07-19); the naming convention of OpenZeppelin Contracts.

use portcullis_types::evidence::CallKind;

use super::{RARE, Sighting, UNCOMMON, UNHEARD};
use crate::{picture::Picture, suspicion::AttackClass, vocabulary::Meaning};

/// `initWallet(address[],uint256,uint256)`: who may call it owns the wallet.
const INIT_WALLET: [u8; 4] = [0xe4, 0x6d, 0xcf, 0xeb];

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
        let wallet = frame.selector() == Some(INIT_WALLET);
        // Set up to trust the sender's code, and then trusting it.
        let trusts = || {
            picture.posed.iter().any(|p| p.caller == frame.to && p.frame > index as u32 && !p.reads)
        };
        let e_value = match picture.meaning(frame) {
            Some(Meaning::Initialize) if picture.private() && trusts() => UNHEARD,
            Some(Meaning::Internal) => UNHEARD,
            Some(Meaning::Initialize) if wallet => UNHEARD,
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

//! What rules a Safe, read from its storage. The Safe's own views are not asked: a swapped singleton would answer them.

use alloy_primitives::{Address, B256, U256, b256, keccak256};
use serde::Serialize;

use super::Change;

/// Most owners, and most modules, that are read.
pub const LIST_MAX: usize = 200;
/// First and last entry of Safe's linked lists.
const SENTINEL: U256 = U256::ONE;

/// Slots of `SafeStorage` (1.0.0 to 1.5.0).
const MODULES: u8 = 1;
const OWNERS: u8 = 2;
const APPROVED_HASHES: u8 = 8;
/// Slot of the nonce.
pub(super) const NONCE: U256 = U256::from_limbs([5, 0, 0, 0]);
/// `keccak256("guard_manager.guard.address")`.
const GUARD: B256 = b256!("4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8");
/// `keccak256("module_manager.module_guard.address")`.
const MODULE_GUARD: B256 =
    b256!("b104e0b93118902c651344349b610029d694cfdec91c589c91ebafbcd0289947");
/// `keccak256("fallback_manager.handler.address")`.
const FALLBACK_HANDLER: B256 =
    b256!("6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5");

/// The slots of a [`State`], in the order that [`State::from_words`] wants them.
pub(super) fn slots() -> [U256; 6] {
    let at = |number: u64| U256::from(number);
    [at(0), at(4), NONCE, GUARD.into(), MODULE_GUARD.into(), FALLBACK_HANDLER.into()]
}

/// Where the lists of owners and modules begin.
pub(super) fn lists() -> [U256; 2] {
    [U256::from(OWNERS), U256::from(MODULES)]
}

/// The slot that says whether `owner` approved `hash`.
pub(super) fn approval_slot(owner: Address, hash: B256) -> B256 {
    let of_owner =
        keccak256([owner.into_word().0, U256::from(APPROVED_HASHES).to_be_bytes()].concat());
    keccak256([hash.0, of_owner.0].concat())
}

/// Who rules a Safe, at one block.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// Slot 0: the code that it runs.
    pub singleton: Address,
    /// Its owners.
    pub owners: Vec<Address>,
    /// How many of them must sign.
    pub threshold: U256,
    /// Its modules.
    pub modules: Vec<Address>,
    /// Its guard; zero for none.
    pub guard: Address,
    /// Its module guard; zero for none.
    pub module_guard: Address,
    /// Its fallback handler; zero for none.
    pub fallback_handler: Address,
    /// Its next nonce.
    pub nonce: U256,
    /// Wei that it holds.
    pub balance: U256,
}

impl State {
    /// From the words of [`slots`] with the balance after them, and the two lists of [`lists`].
    pub(super) fn from_words(
        words: &[U256],
        owners: &[U256],
        modules: &[U256],
    ) -> Result<Self, String> {
        let [singleton, threshold, nonce, guard, module_guard, fallback_handler, balance] = words
        else {
            return Err(format!(
                "{} words instead of 7: the node does not replace code in a call",
                words.len()
            ));
        };
        Ok(Self {
            singleton: address(*singleton),
            owners: list(owners, "owners")?,
            threshold: *threshold,
            modules: list(modules, "modules")?,
            guard: address(*guard),
            module_guard: address(*module_guard),
            fallback_handler: address(*fallback_handler),
            nonce: *nonce,
            balance: *balance,
        })
    }

    /// What is different in `after`.
    pub fn changes(&self, after: &Self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut one = |differs: bool, change: Change| {
            if differs {
                changes.push(change);
            }
        };
        one(self.singleton != after.singleton, Change::Singleton(after.singleton));
        one(self.threshold != after.threshold, Change::Threshold(after.threshold));
        one(self.guard != after.guard, Change::Guard(after.guard));
        one(self.module_guard != after.module_guard, Change::ModuleGuard(after.module_guard));
        let handler = after.fallback_handler;
        one(self.fallback_handler != handler, Change::FallbackHandler(handler));
        for at in &after.owners {
            one(!self.owners.contains(at), Change::AddOwner(*at));
        }
        for at in &self.owners {
            one(!after.owners.contains(at), Change::RemoveOwner(*at));
        }
        for at in &after.modules {
            one(!self.modules.contains(at), Change::AddModule(*at));
        }
        for at in &self.modules {
            one(!after.modules.contains(at), Change::RemoveModule(*at));
        }
        changes
    }
}

fn address(word: U256) -> Address {
    Address::from_word(word.into())
}

/// Entries up to the sentinel. A list that was never begun is empty.
fn list(words: &[U256], name: &str) -> Result<Vec<Address>, String> {
    match words.split_last() {
        Some((last, entries)) if *last == SENTINEL || (last.is_zero() && entries.is_empty()) => {
            Ok(entries.iter().copied().map(address).collect())
        }
        Some((last, _)) if last.is_zero() => {
            Err(format!("the list of {name} breaks off: it is not a Safe's"))
        }
        Some(_) => {
            Err(format!("the list of {name} has more than {LIST_MAX} entries or never ends"))
        }
        None => Err(format!(
            "the list of {name} has no answer: the node does not replace code in a call"
        )),
    }
}

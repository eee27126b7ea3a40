//! Slots and events in which contracts say who is in charge.
//!
//! They are derived from their names here, as the standards define them, and compared with the published values in the
//! tests below.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, U256, keccak256};

/// Events of which any, from a watched contract, is a change of control.
const EVENTS: [&str; 26] = [
    // OpenZeppelin Ownable, Ownable2Step, AccessControl and its delayed default admin.
    "OwnershipTransferred(address,address)",
    "OwnershipTransferStarted(address,address)",
    "RoleGranted(bytes32,address,address)",
    "RoleRevoked(bytes32,address,address)",
    "RoleAdminChanged(bytes32,bytes32,bytes32)",
    "DefaultAdminTransferScheduled(address,uint48)",
    // OpenZeppelin AccessManaged and AccessManager.
    "AuthorityUpdated(address)",
    "RoleGranted(uint64,address,uint32,uint48,bool)",
    "RoleRevoked(uint64,address)",
    "RoleAdminChanged(uint64,uint64)",
    "TargetFunctionRoleUpdated(address,bytes4,uint64)",
    // Proxies: ERC-1967, beacons, ERC-2535; an initialiser that runs again.
    "Upgraded(address)",
    "AdminChanged(address,address)",
    "BeaconUpgraded(address)",
    "DiamondCut((address,uint8,bytes4[])[],address,bytes)",
    "Initialized(uint64)",
    "Initialized(uint8)",
    // Safe, all versions: they differ in what is indexed, not in the topic.
    "AddedOwner(address)",
    "RemovedOwner(address)",
    "ChangedThreshold(uint256)",
    "EnabledModule(address)",
    "DisabledModule(address)",
    "ChangedGuard(address)",
    "ChangedModuleGuard(address)",
    "ChangedFallbackHandler(address)",
    "ChangedMasterCopy(address)",
];

/// Events by topic.
pub(crate) fn events() -> BTreeMap<B256, &'static str> {
    EVENTS.iter().map(|event| (keccak256(event), *event)).collect()
}

/// Slots of any contract, with their meaning.
pub(crate) fn slots() -> BTreeMap<B256, String> {
    let mut slots = BTreeMap::new();
    for what in ["implementation", "admin", "beacon"] {
        slots.insert(erc1967(&format!("eip1967.proxy.{what}")), format!("ERC-1967 {what}"));
    }
    for what in ["implementation", "admin"] {
        let slot = keccak256(format!("org.zeppelinos.proxy.{what}"));
        slots.insert(slot, format!("zOS {what}"));
    }
    slots.insert(keccak256("PROXIABLE"), "ERC-1822 implementation".to_owned());
    for (what, meaning) in [
        ("Ownable", "owner (ERC-7201 Ownable)"),
        ("Ownable2Step", "pending owner (ERC-7201 Ownable2Step)"),
        ("AccessManaged", "authority (ERC-7201 AccessManaged)"),
        // A mapping lies here, whose own slot stays zero: whoever writes it plays with the layout.
        ("AccessControl", "roles (ERC-7201 AccessControl)"),
        ("Initializable", "initialised version (ERC-7201 Initializable)"),
    ] {
        slots.insert(erc7201(&format!("openzeppelin.storage.{what}")), meaning.to_owned());
    }
    slots
}

/// The slot of a Safe's singleton: 0. What swapping it means was seen at Bybit.
pub(crate) const SAFE_SINGLETON: B256 = B256::ZERO;

/// Slots of a Safe that stand by themselves, with their meaning.
pub(crate) fn safe_slots() -> BTreeMap<B256, String> {
    let named = |name: &str| keccak256(name);
    [
        (SAFE_SINGLETON, "Safe singleton"),
        (number(3), "number of Safe owners"),
        (number(4), "Safe threshold"),
        (named("guard_manager.guard.address"), "Safe guard"),
        (named("module_manager.module_guard.address"), "Safe module guard"),
        (named("fallback_manager.handler.address"), "Safe fallback handler"),
    ]
    .into_iter()
    .map(|(slot, meaning)| (slot, meaning.to_owned()))
    .collect()
}

/// Entry of `key` in a Safe's linked list of modules (mapping at slot 1) or owners (mapping at slot 2).
pub(crate) fn safe_list_slots(key: Address) -> [(B256, &'static str); 2] {
    [(entry(key, 1), "Safe modules"), (entry(key, 2), "Safe owners")]
}

/// Head of a Safe's linked lists.
pub(crate) const SAFE_SENTINEL: Address = Address::with_last_byte(1);

/// The account in the low 20 bytes of a word, if nothing else is in it.
pub(crate) fn account_in(word: B256) -> Option<Address> {
    let rest = word.get(..12).is_some_and(|bytes| bytes.iter().all(|byte| *byte == 0));
    (rest && !word.is_zero()).then(|| Address::from_word(word))
}

/// A word for people: an address where it can be one.
pub(crate) fn show(word: B256) -> String {
    match account_in(word) {
        // Counters and flags are short, addresses practically never.
        Some(address) if !address.starts_with(&[0; 12]) => address.to_string(),
        _ => format!("0x{:x}", U256::from_be_bytes(word.0)),
    }
}

fn number(slot: u64) -> B256 {
    B256::from(U256::from(slot))
}

/// ERC-1967: the hash of the name, less one.
fn erc1967(name: &str) -> B256 {
    B256::from(U256::from_be_bytes(keccak256(name).0).wrapping_sub(U256::from(1)))
}

/// ERC-7201: the hash of that, with the last byte cleared.
fn erc7201(name: &str) -> B256 {
    let mut slot = keccak256(erc1967(name));
    if let Some(last) = slot.last_mut() {
        *last = 0;
    }
    slot
}

/// Solidity's slot of a mapping's entry.
fn entry(key: Address, slot: u64) -> B256 {
    keccak256([key.into_word().as_slice(), number(slot).as_slice()].concat())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::b256;

    use super::*;

    #[test]
    fn derived_slots_and_topics_are_the_published_ones() {
        for (slot, meaning) in [
            (
                b256!("360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"),
                "ERC-1967 implementation",
            ),
            (
                b256!("b53127684a568b3173ae13b9f8a6016e243e63b6e8ee1178d6a717850b5d6103"),
                "ERC-1967 admin",
            ),
            (
                b256!("a3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50"),
                "ERC-1967 beacon",
            ),
            (
                b256!("7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3"),
                "zOS implementation",
            ),
            (
                b256!("10d6a54a4754c8869d6886b5f5d7fbfa5b4522237ea5c60d11bc4e7a1ff9390b"),
                "zOS admin",
            ),
            (
                b256!("c5f16f0fcc639fa48a6947836d9850f504798523bf8c9a3a87d5876cf622bcf7"),
                "ERC-1822 implementation",
            ),
            (
                b256!("9016d09d72d40fdae2fd8ceac6b6234c7706214fd39c1cd1e609a0528c199300"),
                "owner (ERC-7201 Ownable)",
            ),
            (
                b256!("02dd7bc7dec4dceedda775e58dd541e08a116c6c53815c0bd028192f7b626800"),
                "roles (ERC-7201 AccessControl)",
            ),
            (
                b256!("f3177357ab46d8af007ab3fdb9af81da189e1068fefdc0073dca88a2cab40a00"),
                "authority (ERC-7201 AccessManaged)",
            ),
            (
                b256!("f0c57e16840df040f15088dc2f81fe391c3923bec73e23a9662efc9c229c6a00"),
                "initialised version (ERC-7201 Initializable)",
            ),
        ] {
            assert_eq!(slots().get(&slot).map(String::as_str), Some(meaning));
        }
        let guard = b256!("4a204f620c8c5ccdca3fd54d003badd85ba500436a431f0cbda4f558c93c34c8");
        let handler = b256!("6c9a6c4a39284e37ed1cf53d337577d14212a4870fb976a4366c693b939918d5");
        assert_eq!(safe_slots().get(&guard).map(String::as_str), Some("Safe guard"));
        assert_eq!(safe_slots().get(&handler).map(String::as_str), Some("Safe fallback handler"));
        for (topic, event) in [
            (
                b256!("8be0079c531659141344cd1fd0a4f28419497f9722a3daafe3b4186f6b6457e0"),
                "OwnershipTransferred(address,address)",
            ),
            (
                b256!("2f8788117e7eff1d82e926ec794901d17c78024a50270940304540a733656f0d"),
                "RoleGranted(bytes32,address,address)",
            ),
            (
                b256!("bc7cd75a20ee27fd9adebab32041f755214dbc6bffa90cc0225b39da2e5c2d3b"),
                "Upgraded(address)",
            ),
            (
                b256!("7f26b83ff96e1f2b6a682f133852f6798a09c465da95921460cefb3847402498"),
                "Initialized(uint8)",
            ),
            (
                b256!("9465fa0c962cc76958e6373a993326400c1c94f8be2fe3a952adfa7f60b2ea26"),
                "AddedOwner(address)",
            ),
            (
                b256!("1151116914515bc0891ff9047a6cb32cf902546f83066499bcf8ba33d2353fa2"),
                "ChangedGuard(address)",
            ),
            (
                b256!("75e41bc35ff1bf14d81d1d2f649c0084a0f974f9289c803ec9898eeec4c8d0b8"),
                "ChangedMasterCopy(address)",
            ),
        ] {
            assert_eq!(events().get(&topic), Some(&event));
        }
        assert_eq!(events().len(), EVENTS.len(), "no two events share a topic");
    }
}

//! Names that widely used libraries give to functions for the few.
//!
//! Left out on purpose: names that as often belong to everybody (`burn(uint256)`, `execTransaction`, `withdraw(uint256)`,
//! `renounceOwnership()`), and views.

use crate::abi::Signature;

/// The signatures, by where they come from.
pub const PRIVILEGED: &[&str] = &[
    // OpenZeppelin Ownable, Ownable2Step, AccessControl, AccessManager.
    "transferOwnership(address)",
    "acceptOwnership()",
    "setOwner(address)",
    "grantRole(bytes32,address)",
    "revokeRole(bytes32,address)",
    "setAuthority(address)",
    "grantRole(uint64,address,uint32)",
    "setTargetFunctionRole(address,bytes4[],uint64)",
    "setTargetClosed(address,bool)",
    // Pausable, as most contracts name it.
    "pause()",
    "unpause()",
    // Proxies: ERC-1967, UUPS, beacons, ERC-2535.
    "upgradeTo(address)",
    "upgradeToAndCall(address,bytes)",
    "upgrade(address,address)",
    "upgradeAndCall(address,address,bytes)",
    "changeAdmin(address)",
    "changeProxyAdmin(address,address)",
    "setImplementation(address)",
    "diamondCut((address,uint8,bytes4[])[],address,bytes)",
    // Initialisers.
    "initialize()",
    "initialize(address)",
    "initialize(address,address)",
    "init(address)",
    "reinitialize(uint64)",
    // Tokens.
    "mint(address,uint256)",
    "burn(address,uint256)",
    "setMinter(address)",
    "addMinter(address)",
    "configureMinter(address,uint256)",
    "blacklist(address)",
    // Safe: owners, modules, guards. Its own calls are made by itself and are none from outside.
    "addOwnerWithThreshold(address,uint256)",
    "removeOwner(address,address,uint256)",
    "swapOwner(address,address,address)",
    "changeThreshold(uint256)",
    "enableModule(address)",
    "setGuard(address)",
    "setFallbackHandler(address)",
    "execTransactionFromModule(address,uint256,bytes,uint8)",
    "execTransactionFromModuleReturnData(address,uint256,bytes,uint8)",
    // Timelocks.
    "schedule(address,uint256,bytes,bytes32,bytes32,uint256)",
    "scheduleBatch(address[],uint256[],bytes[],bytes32,bytes32,uint256)",
    "updateDelay(uint256)",
    // Lending markets, oracles, treasuries.
    "setPriceOracle(address)",
    "_setPriceOracle(address)",
    "setOracle(address)",
    "setPrice(address,uint256)",
    "_setPendingAdmin(address)",
    "_acceptAdmin()",
    "_setImplementation(address,bool,bytes)",
    "setFeeRecipient(address)",
    "setTreasury(address)",
    "setKeeper(address)",
    "setOperator(address)",
    "emergencyWithdraw(address,uint256)",
    "rescueTokens(address,address,uint256)",
    "sweep(address)",
    // Bridges.
    "setPeer(uint32,bytes32)",
    "setTrustedRemote(uint16,bytes)",
    "setLimits(address,uint256,uint256)",
];

/// The signatures, understood. Those that are not would be left out; a test checks that there are none.
pub(crate) fn signatures() -> Vec<Signature> {
    PRIVILEGED.iter().filter_map(|text| Signature::parse(text).ok()).collect()
}

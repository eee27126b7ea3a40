//! Rows of the catalogue that are no levers here, and why.

/// A mechanism that this program does not pull.
#[derive(Debug, Clone, Copy)]
pub struct NotALever {
    /// Whose it is.
    pub system: &'static str,
    /// The call.
    pub call: &'static str,
    /// Who may, and how long it takes.
    pub who: &'static str,
    /// Why it is no lever, and what to do instead.
    pub why: &'static str,
}

/// What the catalogue knows and this program leaves to people, or to the kind `call`.
pub const NOT_A_LEVER: &[NotALever] = &[
    NotALever {
        system: "Uniswap v2, v3 and v4 as deployed",
        call: "setFeeTo, setFeeProtocol, setProtocolFeeController",
        who: "owner",
        why: "the owner sets fees; nothing can be stopped. For forks whose owner has a flag: `ownerFlag`",
    },
    NotALever {
        system: "Aave v3 caps",
        call: "setSupplyCap(address,uint256), setBorrowCap(address,uint256)",
        who: "RISK_ADMIN, or the risk steward within its bounds and after its delay",
        why: "a cap is a number that governance chose and that a lever would have to restore; a freeze stops the same. Not tested; `call` can express it",
    },
    NotALever {
        system: "Sky emergency spells",
        call: "schedule()",
        who: "anybody, once the spell has been voted the hat",
        why: "the vote comes first: a spell that was not voted does nothing. Once it is, `call` can send schedule() with the view done(). Not tested: the spells are built over the whole of Maker's core",
    },
    NotALever {
        system: "LayerZero OApp",
        call: "setPeer(uint32,bytes32) with zero; skip, nilify, burn",
        who: "the OApp's owner or delegate",
        why: "`call` with setPeer and the view peers(uint32) (its example). Messages that were verified are still executed unless they are nilified. Not tested: no package ships an endpoint that runs alone",
    },
    NotALever {
        system: "CCIP token pools",
        call: "the lane's rate limit",
        who: "rate limit admin or owner",
        why: "the signature differs between versions of the pool and takes a tuple, which the configuration cannot write; curse the lane instead (`ccipRmnCurse`)",
    },
    NotALever {
        system: "Funds in a Safe",
        call: "disableModule, setGuard, swapOwner",
        who: "the Safe's threshold",
        why: "a quorum of people: `portcullis safe` makes, checks and carries out what they sign. For a pause by a Safe: `guardianModule`",
    },
    NotALever {
        system: "Circle USDC, EURC",
        call: "blacklist(address)",
        who: "Circle's blacklister",
        why: "recovery, not containment: a request to the issuer, off chain",
    },
    NotALever {
        system: "Tether USDT",
        call: "addBlackList(address)",
        who: "Tether's multisig, in two public steps; hours",
        why: "recovery, not containment: a request to the issuer, off chain and before addresses are published",
    },
    NotALever {
        system: "Other issuers (Paxos, Ethena, Ripple, ERC-7943 tokens)",
        call: "freeze, addToBlacklist, pauseAccounts, setFrozenTokens",
        who: "the issuer",
        why: "recovery, not containment, and a freeze of balances touches funds of third parties: a request to the issuer",
    },
];

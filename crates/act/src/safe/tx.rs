//! A Safe's transaction and its three hashes, computed here and not asked of anybody.
//!
//! EIP-712 as Safe's contracts use it: `keccak256(0x19 ‖ 0x01 ‖ domainSeparator ‖ structHash)`. The domain holds the chain
//! id from version 1.3.0 on; before, one signature was good for the same address on every chain.

use std::{fmt, str::FromStr};

use alloy_primitives::{Address, B256, Bytes, U256, b256, keccak256};
use portcullis_types::{ids::ChainId, text::printable};
use serde::{Deserialize, Serialize};

/// `EIP712Domain(uint256 chainId,address verifyingContract)`, from 1.3.0 on.
const DOMAIN_TYPE: B256 = b256!("47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218");
/// `EIP712Domain(address verifyingContract)`, before 1.3.0.
const DOMAIN_TYPE_BEFORE_1_3: B256 =
    b256!("035aff83d86937d35b32e04f0ddc6ff469290eef2f1b692d8a815c89404d4749");
/// `SafeTx(address to,uint256 value,bytes data,uint8 operation,uint256 safeTxGas,uint256 baseGas,uint256 gasPrice,address
/// gasToken,address refundReceiver,uint256 nonce)`, from 1.0.0 on.
const SAFE_TX_TYPE: B256 =
    b256!("bb8310d486368db6bd6f849402fdd73ad53d316b5a4b2644ad6efe0f941286d8");

/// How the Safe runs the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// A call: the callee works on its own storage.
    Call,
    /// A delegatecall: foreign code works on the Safe's own storage, and can do anything to it.
    DelegateCall,
}

impl Operation {
    /// The number that Safe's contracts use.
    pub fn number(self) -> u8 {
        match self {
            Self::Call => 0,
            Self::DelegateCall => 1,
        }
    }
}

/// What a Safe is to do. Field names and order are those of Safe's `SafeTx`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SafeTx {
    /// Callee.
    pub to: Address,
    /// Wei sent along.
    pub value: U256,
    /// Call data.
    pub data: Bytes,
    /// Call or delegatecall.
    pub operation: Operation,
    /// Gas for the inner call; 0 for all there is, and then a failed call reverts the whole and the nonce stays.
    pub safe_tx_gas: U256,
    /// Gas that is refunded besides what the call uses.
    pub base_gas: U256,
    /// Price of refunded gas; 0 for no refund.
    pub gas_price: U256,
    /// Token of the refund; zero for the chain's own coin.
    pub gas_token: Address,
    /// Who gets the refund; zero for who sends the transaction.
    pub refund_receiver: Address,
    /// Nonce of the Safe.
    pub nonce: U256,
}

/// Version of a Safe's contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct SafeVersion {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number.
    pub patch: u16,
}

/// No version that we know how to hash for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no version of a Safe that is supported: write it as VERSION() of the contract answers, at least 1.0.0, for example 1.4.1"
)]
pub struct NoVersion(String);

impl SafeVersion {
    /// The first version whose domain holds the chain id.
    const CHAIN_ID_SINCE: Self = Self { major: 1, minor: 3, patch: 0 };
    /// The first version that asks contract owners by hash instead of by the hashed bytes.
    const HASH_SIGNATURES_SINCE: Self = Self { major: 1, minor: 5, patch: 0 };

    /// Whether a signature names its chain.
    pub fn binds_chain(self) -> bool {
        self >= Self::CHAIN_ID_SINCE
    }

    /// Whether contract owners are asked with `isValidSignature(bytes32,bytes)` (EIP-1271 as it became final).
    pub fn asks_by_hash(self) -> bool {
        self >= Self::HASH_SIGNATURES_SINCE
    }
}

impl FromStr for SafeVersion {
    type Err = NoVersion;

    fn from_str(text: &str) -> Result<Self, NoVersion> {
        let wrong = || NoVersion(printable(text));
        // 1.3.0+L2 hashes as 1.3.0 does.
        let plain = text.split_once('+').map_or(text, |(plain, _)| plain);
        let mut parts = plain.split('.');
        let mut number = || {
            let part = parts.next()?;
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if digits { part.parse::<u16>().ok() } else { None }
        };
        let version = match (number(), number(), number()) {
            (Some(major), Some(minor), Some(patch)) => Self { major, minor, patch },
            _ => return Err(wrong()),
        };
        if parts.next().is_some() || version.major != 1 {
            return Err(wrong());
        }
        Ok(version)
    }
}

impl TryFrom<String> for SafeVersion {
    type Error = NoVersion;

    fn try_from(text: String) -> Result<Self, NoVersion> {
        text.parse()
    }
}

impl From<SafeVersion> for String {
    fn from(version: SafeVersion) -> Self {
        version.to_string()
    }
}

impl fmt::Display for SafeVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// A transaction of one Safe on one chain: all that its hash depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Subject {
    /// Chain.
    pub chain_id: ChainId,
    /// The Safe.
    pub safe: Address,
    /// Version of its contracts.
    pub version: SafeVersion,
    /// What it is to do.
    pub tx: SafeTx,
}

/// The three hashes that a hardware wallet shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Hashes {
    /// Domain separator: chain and Safe.
    pub domain: B256,
    /// Struct hash of the `SafeTx`; wallets call it the message hash.
    pub message: B256,
    /// What is signed.
    pub safe_tx: B256,
}

impl Subject {
    /// The three hashes.
    pub fn hashes(&self) -> Hashes {
        let (domain, message) = (self.domain(), self.tx.struct_hash());
        Hashes { domain, message, safe_tx: keccak256(preimage(domain, message)) }
    }

    /// The bytes whose hash is signed: what Safes before 1.5.0 hand to an owner that is a contract.
    pub fn preimage(&self) -> Bytes {
        preimage(self.domain(), self.tx.struct_hash()).to_vec().into()
    }

    fn domain(&self) -> B256 {
        let safe = self.safe.into_word();
        if self.version.binds_chain() {
            let chain = B256::from(U256::from(self.chain_id));
            keccak256([DOMAIN_TYPE.0, chain.0, safe.0].concat())
        } else {
            keccak256([DOMAIN_TYPE_BEFORE_1_3.0, safe.0].concat())
        }
    }
}

impl SafeTx {
    fn struct_hash(&self) -> B256 {
        let words = [
            SAFE_TX_TYPE,
            self.to.into_word(),
            self.value.into(),
            keccak256(&self.data),
            U256::from(self.operation.number()).into(),
            self.safe_tx_gas.into(),
            self.base_gas.into(),
            self.gas_price.into(),
            self.gas_token.into_word(),
            self.refund_receiver.into_word(),
            self.nonce.into(),
        ];
        keccak256(words.map(|word: B256| word.0).concat())
    }
}

fn preimage(domain: B256, message: B256) -> [u8; 66] {
    let mut bytes = [0; 66];
    let parts = [0x19, 0x01].into_iter().chain(domain.0).chain(message.0);
    for (byte, part) in bytes.iter_mut().zip(parts) {
        *byte = part;
    }
    bytes
}

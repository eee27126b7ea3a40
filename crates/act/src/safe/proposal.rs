//! A proposed transaction as the Safe Transaction Service writes it (`multisig-transactions`), and our own additions.
//!
//! A file comes from people one may not know, by ways one may not trust: every error names the field.

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::text::printable;
use serde_json::{Map, Value as Json};

use super::{Operation, SafeTx};

/// Largest file that is read, in bytes.
pub const PROPOSAL_BYTES_MAX: usize = 1 << 20;
/// Longest call data that is taken, in bytes: what the line to the signer holds.
pub const DATA_BYTES_MAX: usize = 24 * 1024;
/// Most signatures that one file may hold.
pub const SIGNATURES_MAX: usize = 128;

/// A proposed transaction, with the signatures that came with it. Nothing of it is checked yet but its form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The Safe, where the file names it.
    pub safe: Option<Address>,
    /// The chain, where the file names it; the service does not.
    pub chain_id: Option<u64>,
    /// What it is to do.
    pub tx: SafeTx,
    /// The hash that the file says it has.
    pub claimed_hash: Option<B256>,
    /// Signatures: who is said to have signed, if anybody, and the bytes.
    pub signatures: Vec<(Option<Address>, Bytes)>,
    /// Unix time in seconds after which `safe exec` does not send it. Not known to the chain.
    pub expires: Option<u64>,
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadProposal(pub String);

impl Proposal {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// The first field that is missing or is not what it should be, with what to write.
    pub fn parse(text: &str) -> Result<Self, BadProposal> {
        let fields = object(text)?;
        let fields = Fields(&fields);
        let data = fields.bytes("data")?.unwrap_or_default();
        if data.len() > DATA_BYTES_MAX {
            return Err(bad(
                "data",
                &format!(
                    "has {} bytes, at most {DATA_BYTES_MAX} are taken: divide the transaction",
                    data.len()
                ),
            ));
        }
        let tx = SafeTx {
            to: needed("to", fields.address("to")?)?,
            value: fields.number("value")?.unwrap_or_default(),
            data,
            operation: fields.operation()?,
            safe_tx_gas: fields.number("safeTxGas")?.unwrap_or_default(),
            base_gas: fields.number("baseGas")?.unwrap_or_default(),
            gas_price: fields.number("gasPrice")?.unwrap_or_default(),
            gas_token: fields.address("gasToken")?.unwrap_or_default(),
            refund_receiver: fields.address("refundReceiver")?.unwrap_or_default(),
            nonce: needed("nonce", fields.number("nonce")?)?,
        };
        Ok(Self {
            safe: fields.address("safe")?,
            chain_id: fields.small("chainId")?,
            tx,
            claimed_hash: fields.claimed_hash()?,
            signatures: signatures(fields)?,
            expires: fields.small("expires")?,
        })
    }
}

/// A file of signatures only, as `safe sign` writes it, or a whole proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureFile {
    /// The hash that was signed, where the file says so.
    pub claimed_hash: Option<B256>,
    /// Who is said to have signed, if anybody, and the bytes.
    pub signatures: Vec<(Option<Address>, Bytes)>,
    /// As [`Proposal::expires`].
    pub expires: Option<u64>,
}

impl SignatureFile {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// As [`Proposal::parse`]; a file without a signature is one.
    pub fn parse(text: &str) -> Result<Self, BadProposal> {
        let fields = object(text)?;
        let fields = Fields(&fields);
        let signatures = signatures(fields)?;
        if signatures.is_empty() {
            return Err(bad(
                "signature",
                "is missing, and there are no `confirmations`: give the file that `safe sign` wrote",
            ));
        }
        let claimed_hash = fields.claimed_hash()?;
        Ok(Self { claimed_hash, signatures, expires: fields.small("expires")? })
    }
}

fn bad(field: &str, problem: &str) -> BadProposal {
    BadProposal(format!("`{field}` {problem}"))
}

fn object(text: &str) -> Result<Map<String, Json>, BadProposal> {
    if text.len() > PROPOSAL_BYTES_MAX {
        return Err(BadProposal(format!(
            "is longer than {PROPOSAL_BYTES_MAX} bytes: it is no proposal"
        )));
    }
    let value: Json = serde_json::from_str(text).map_err(|error| {
        BadProposal(format!(
            "is not JSON ({}): export the transaction again",
            printable(&error.to_string())
        ))
    })?;
    match value {
        Json::Object(fields) => Ok(fields),
        _ => {
            Err(BadProposal("is not a JSON object: export one transaction, not a list".to_owned()))
        }
    }
}

fn signatures(fields: Fields<'_>) -> Result<Vec<(Option<Address>, Bytes)>, BadProposal> {
    let mut found = Vec::new();
    if let Some(bytes) = fields.bytes("signature")? {
        // The service names the proposer in `sender`, `safe sign` the owner.
        let claimed = fields.address("owner")?.or(fields.address("sender")?);
        found.push((claimed, bytes));
    }
    let listed = match fields.get("confirmations") {
        None => return Ok(found),
        Some(Json::Array(listed)) => listed,
        Some(_) => {
            return Err(bad(
                "confirmations",
                "must be a list of objects with `owner` and `signature`",
            ));
        }
    };
    if listed.len() > SIGNATURES_MAX {
        return Err(bad(
            "confirmations",
            &format!("has {} entries, at most {SIGNATURES_MAX} are read", listed.len()),
        ));
    }
    for (index, one) in listed.iter().enumerate() {
        let place =
            |error: BadProposal| BadProposal(format!("`confirmations[{index}]`: {}", error.0));
        let Json::Object(one) = one else {
            return Err(bad(
                &format!("confirmations[{index}]"),
                "must be an object with `owner` and `signature`",
            ));
        };
        let one = Fields(one);
        let bytes = one.bytes("signature").and_then(|bytes| needed("signature", bytes));
        let signature = (one.address("owner").map_err(place)?, bytes.map_err(place)?);
        // The proposer's own signature stands in both places.
        if !found.iter().any(|(_, bytes)| *bytes == signature.1) {
            found.push(signature);
        }
    }
    Ok(found)
}

fn needed<T>(name: &str, value: Option<T>) -> Result<T, BadProposal> {
    value.ok_or_else(|| bad(name, "is missing: a proposal has it"))
}

/// Fields of one object; `null` is as good as missing.
#[derive(Clone, Copy)]
struct Fields<'a>(&'a Map<String, Json>);

impl<'a> Fields<'a> {
    fn get(self, name: &str) -> Option<&'a Json> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn text(self, name: &str, wanted: &str) -> Result<Option<&'a str>, BadProposal> {
        match self.get(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => {
                Err(bad(name, &format!("is {}: write {wanted}", printable(&other.to_string()))))
            }
        }
    }

    fn parsed<T>(
        self,
        name: &str,
        wanted: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, BadProposal> {
        let Some(text) = self.text(name, wanted)? else { return Ok(None) };
        let value = parse(text);
        let wrong =
            || bad(name, &format!("is \u{201c}{}\u{201d}: write {wanted}", printable(text)));
        value.map(Some).ok_or_else(wrong)
    }

    fn address(self, name: &str) -> Result<Option<Address>, BadProposal> {
        let wanted =
            "an address, 0x and 40 hexadecimal digits, whose checksum is right if it has capitals";
        self.parsed(name, wanted, |text| {
            let address: Address = text.strip_prefix("0x")?.parse().ok()?;
            let digits = text.get(2..)?;
            let mixed = digits.bytes().any(|c| c.is_ascii_uppercase())
                && digits.bytes().any(|c| c.is_ascii_lowercase());
            (!mixed || address.to_checksum(None) == text).then_some(address)
        })
    }

    fn bytes(self, name: &str) -> Result<Option<Bytes>, BadProposal> {
        let wanted = "0x and an even number of hexadecimal digits";
        self.parsed(name, wanted, |text| {
            text.strip_prefix("0x")?;
            text.parse().ok()
        })
    }

    fn claimed_hash(self) -> Result<Option<B256>, BadProposal> {
        for name in ["contractTransactionHash", "safeTxHash"] {
            let wanted = "a hash, 0x and 64 hexadecimal digits";
            let hash = self.parsed(name, wanted, |text| text.strip_prefix("0x")?.parse().ok())?;
            if hash.is_some() {
                return Ok(hash);
            }
        }
        Ok(None)
    }

    /// A whole number below 2^256, as a JSON number or in decimal digits.
    fn number(self, name: &str) -> Result<Option<U256>, BadProposal> {
        if let Some(number) = self.get(name).and_then(Json::as_u64) {
            return Ok(Some(U256::from(number)));
        }
        let wanted = "a whole number in decimal digits, in quotes";
        self.parsed(name, wanted, |text| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { U256::from_str_radix(text, 10).ok() } else { None }
        })
    }

    fn small(self, name: &str) -> Result<Option<u64>, BadProposal> {
        let number = self.number(name)?.map(u64::try_from).transpose();
        number.map_err(|_| bad(name, "is above 2^64: write the right number"))
    }

    fn operation(self) -> Result<Operation, BadProposal> {
        let number = self.number("operation")?;
        match needed("operation", number)? {
            U256::ZERO => Ok(Operation::Call),
            U256::ONE => Ok(Operation::DelegateCall),
            other => Err(bad("operation", &format!("is {other}: 0 is a call, 1 a delegatecall"))),
        }
    }
}

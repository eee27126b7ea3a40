//! Who we are at the relays: a key that signs the bodies of our requests and nothing else.

use alloy_primitives::{Address, hex, keccak256};

use crate::signer::{Key, KeyError, KeySource};

/// The identity. It grants nothing on any chain: whoever steals it can spend our good name at the relays. That is why
/// it may live in the process that reads the chain, and why it must not be an account that acts or holds funds.
#[derive(Debug)]
pub struct Identity(Key);

impl Identity {
    /// Reads the key from a keystore or the environment. A key elsewhere is refused: every request would wait for it.
    pub fn load(source: &KeySource) -> Result<Self, KeyError> {
        Ok(Self(source.load_here()?))
    }

    /// Its address, to be checked against the accounts that act.
    pub fn address(&self) -> Address {
        self.0.address()
    }

    /// The value of `X-Flashbots-Signature` for a body: `address:signature`, where the EIP-191 signature is over the
    /// text `0x…` of the body's keccak-256.
    pub(super) fn header(&self, body: &str) -> Result<String, String> {
        let text = keccak256(body).to_string();
        let signature = self.0.sign_text(&text)?;
        let (address, signature) =
            (hex::encode_prefixed(self.address()), hex::encode_prefixed(signature.as_bytes()));
        Ok(format!("{address}:{signature}"))
    }
}

#[cfg(test)]
impl Identity {
    pub(super) fn development() -> Self {
        Self(crate::signer::development_key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The vector was made with the published algorithm and the first key of every development chain.
    #[test]
    fn the_header_is_the_published_one() {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"eth_sendBundle","params":[{"txs":["0x00"],"blockNumber":"0x1"}]}"#;
        assert_eq!(
            keccak256(body).to_string(),
            "0xa9310d6367b47a4ec9d2fa7214f28b1fa7a256cc0ecd1589d8f9fadf3493cb9a"
        );
        assert_eq!(
            Identity::development().header(body).unwrap(),
            "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266:0xf55b739ae5c8b3e89310ec4cd7be5d7b9e27cc12e060db211c0abb2395358e7a4561adcdce3a050d69695820cba016e3a1cdafb603801d776f1db8884a0d0d671c"
        );
    }

    #[test]
    fn nothing_of_the_key_is_shown() {
        let shown = format!("{:?}", Identity::development());
        assert_eq!(shown, "Identity(Key(0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266))");
    }
}

//! Answers to probes at a block.

use std::time::Duration;

use alloy_primitives::{Address, B256, Bytes, U64, U256};
use futures_util::{FutureExt, StreamExt, stream};
use portcullis_types::{
    chain::BlockId,
    money::Asset,
    probe::{Probe, Reading},
    text::printable,
    wire::Prestate,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Node;
use crate::error::CallFailure;

/// How often is asked again where the node answered out of another block's state, and the pause before.
const AGAIN_MAX: u32 = 5;
const AGAIN_PAUSE: Duration = Duration::from_millis(20);
/// Most probes that are read at a time.
const PROBES_MAX: usize = 16;
/// `balanceOf(address)`.
const BALANCE_OF: [u8; 4] = [0x70, 0xa0, 0x82, 0x31];
/// Bytes of a word of return data.
const WORD_BYTES: usize = 32;

/// A value, and the slots that it was read from.
type Answer = (U256, Vec<(Address, B256)>);

/// Why there is no answer.
enum Unread {
    /// In the node's words, or ours.
    Said(String),
    /// The node's answer is not of the block that it was asked for.
    OtherBlock,
}

impl From<String> for Unread {
    fn from(text: String) -> Self {
        Self::Said(text)
    }
}

impl Node {
    /// Reads all probes as of `block`, in their order. A probe that fails fails alone.
    ///
    /// `depends_on` of a call are the slots that it read, where the node can say so. A call that
    /// also depends on the time, on the block number or on balances of the chain's coin changes
    /// without any of them: who keeps readings must ask those again anyway.
    ///
    /// There are nodes (anvil 1.7 under load) that answer for their newest block out of the state
    /// of the one that is just being made, and so would mix two blocks in one reading. What was
    /// asked while `block` was the newest is asked again if it is not any more: history stands. So
    /// is what contradicts the traces of the block, as far as they were seen; if it goes on, it
    /// was not read.
    pub async fn read(&self, probes: &[Probe], block: &BlockId) -> Vec<Reading> {
        let was_newest = self.is_newest(block).await;
        let mut answers = self.read_once(probes, block).await;
        if was_newest && !self.is_newest(block).await {
            answers = self.read_once(probes, block).await;
        }
        for _ in 0..AGAIN_MAX {
            if !answers.iter().any(|answer| matches!(answer, Err(Unread::OtherBlock))) {
                break;
            }
            tokio::time::sleep(AGAIN_PAUSE).await;
            answers = self.read_once(probes, block).await;
        }
        probes.iter().zip(answers).map(|(probe, answer)| reading(probe, answer)).collect()
    }

    /// Whether nothing was built on `block` yet, as far as the node says.
    async fn is_newest(&self, block: &BlockId) -> bool {
        self.newest_head().await.is_ok_and(|head| head.id.number <= block.number)
    }

    async fn read_once(&self, probes: &[Probe], block: &BlockId) -> Vec<Result<Answer, Unread>> {
        // Boxed: a stream of unnamed futures that borrow cannot be sent between threads.
        let read: Vec<_> = probes.iter().map(|probe| self.answer(probe, block).boxed()).collect();
        stream::iter(read).buffered(PROBES_MAX).collect().await
    }

    /// Whether there is a contract at `address` as of `block`.
    ///
    /// # Errors
    /// The node's words, if it could not be asked.
    pub async fn has_code(&self, address: Address, block: &BlockId) -> Result<bool, String> {
        let code: Bytes = self.at(block, "eth_getCode", vec![json!(address)]).await?;
        Ok(!code.is_empty())
    }

    /// What a view without arguments answers as a text (an ABI `string`, or `bytes32` as old tokens have it), made
    /// printable: it is whatever its author wrote.
    ///
    /// # Errors
    /// The node's words, or that the answer is no text.
    pub async fn text(&self, to: Address, data: &Bytes, block: &BlockId) -> Result<String, String> {
        let call = json!({"to": to, "data": data});
        let answer: Bytes = self.at(block, "eth_call", vec![call]).await?;
        text_of(&answer)
            .map(|text| printable(&text))
            .ok_or_else(|| "the answer is no text".to_owned())
    }

    async fn answer(&self, probe: &Probe, block: &BlockId) -> Result<Answer, Unread> {
        match probe {
            Probe::Storage { address, slot } => {
                let parameters = vec![json!(address), json!(slot)];
                let word: U256 = self.at(block, "eth_getStorageAt", parameters).await?;
                self.check(block, &[((*address, *slot), word.into())])?;
                Ok((word, vec![(*address, *slot)]))
            }
            Probe::Balance { asset: Asset::Native, holder } => {
                let wei: U256 = self.at(block, "eth_getBalance", vec![json!(holder)]).await?;
                Ok((wei, Vec::new()))
            }
            Probe::Balance { asset: Asset::Token(token), holder } => {
                let mut data = BALANCE_OF.to_vec();
                data.extend_from_slice(holder.into_word().as_slice());
                self.call(*token, &data.into(), 0, block).await
            }
            Probe::Call { to, data, word } => self.call(*to, data, *word, block).await,
        }
    }

    async fn call(
        &self,
        to: Address,
        data: &Bytes,
        word: u32,
        block: &BlockId,
    ) -> Result<Answer, Unread> {
        let call = json!({"to": to, "data": data});
        let (answer, slots) = tokio::join!(
            self.at::<Bytes>(block, "eth_call", vec![call.clone()]),
            self.slots_read(&call, block),
        );
        let value = word_of(&answer?, word)?;
        self.check(block, &slots)?;
        Ok((value, slots.into_iter().map(|(slot, _)| slot).collect()))
    }

    fn check(&self, block: &BlockId, held: &[((Address, B256), B256)]) -> Result<(), Unread> {
        let known = &self.inner.known;
        if held.iter().any(|(slot, word)| known.contradicts(block.hash, *slot, *word)) {
            return Err(Unread::OtherBlock);
        }
        Ok(())
    }

    /// The slots that a call reads, and what they hold; empty where the node cannot say, which means unknown.
    async fn slots_read(&self, call: &Value, block: &BlockId) -> Vec<((Address, B256), B256)> {
        let method = "debug_traceCall";
        let tracer = json!({"tracer": "prestateTracer", "tracerConfig": {"diffMode": false}});
        let by_hash = json!([call, {"blockHash": block.hash}, tracer]);
        let limit = self.inner.options.trace_time_limit;
        let Ok(said) = self.raw(method, &by_hash, limit).await else { return Vec::new() };
        let Ok(prestate) = said.read::<Prestate>() else { return Vec::new() };
        prestate
            .into_iter()
            .flat_map(|(address, account)| {
                account.storage.into_iter().map(move |(slot, word)| ((address, slot), word))
            })
            .collect()
    }

    /// Asks for something at a block: by its hash (EIP-1898), or where the node does not
    /// understand that by its number, and then makes sure that the number still names it.
    async fn at<T: DeserializeOwned>(
        &self,
        block: &BlockId,
        method: &'static str,
        mut parameters: Vec<Value>,
    ) -> Result<T, String> {
        let mut by_hash = parameters.clone();
        by_hash.push(json!({"blockHash": block.hash}));
        match self.ask(method, Value::Array(by_hash)).await {
            Err(failure) if failure.is_bad_parameters() => {}
            Err(failure) => return Err(said(failure)),
            Ok(answer) => return Ok(answer),
        }
        parameters.push(json!(U64::from(block.number)));
        let answer = self.ask(method, Value::Array(parameters)).await.map_err(said)?;
        let head = self.numbered_head(block.number).await.map_err(said)?;
        if head.is_none_or(|head| head.id != *block) {
            return Err(format!("block {} is not part of the chain any more", block.hash));
        }
        Ok(answer)
    }
}

fn reading(probe: &Probe, answer: Result<Answer, Unread>) -> Reading {
    let (value, depends_on) = match answer {
        Ok((value, depends_on)) => (Ok(value), depends_on),
        Err(Unread::Said(text)) => (Err(printable(&text)), Vec::new()),
        Err(Unread::OtherBlock) => {
            let text = "the node answers out of another block's state: it contradicts the traces of this block";
            (Err(text.to_owned()), Vec::new())
        }
    };
    Reading { probe: probe.clone(), value, depends_on }
}

/// The text in the return data of a view: an ABI `string`, or one word padded with zeros.
fn text_of(answer: &Bytes) -> Option<String> {
    let bytes = if answer.len() == WORD_BYTES {
        let end = answer.iter().position(|byte| *byte == 0).unwrap_or(WORD_BYTES);
        answer.get(..end)?
    } else {
        let number = |at: usize| -> Option<usize> {
            let word = answer.get(at..at.checked_add(WORD_BYTES)?)?;
            usize::try_from(U256::try_from_be_slice(word)?).ok()
        };
        let at = number(0)?;
        let start = at.checked_add(WORD_BYTES)?;
        answer.get(start..start.checked_add(number(at)?)?)?
    };
    Some(String::from_utf8_lossy(bytes).into_owned())
}

/// What an error says to a reader: for a revert its reason, otherwise what went wrong.
#[allow(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn said(failure: CallFailure) -> String {
    match &failure {
        CallFailure::Refused { message, .. } if failure.is_revert() => message.clone(),
        _ => failure.to_string(),
    }
}

fn word_of(answer: &Bytes, word: u32) -> Result<U256, String> {
    let start = WORD_BYTES.saturating_mul(word as usize);
    let bytes = answer.get(start..start.saturating_add(WORD_BYTES));
    bytes.map(U256::from_be_slice).ok_or_else(|| {
        if answer.is_empty() {
            "the call returned nothing: there may be no contract at that address".to_owned()
        } else {
            format!("the call returned {} bytes, too few for word {word}", answer.len())
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_answer_is_not_a_zero() {
        let two: Bytes = [[0u8; 32], U256::from(7).to_be_bytes()].concat().into();
        assert_eq!(word_of(&two, 0), Ok(U256::ZERO));
        assert_eq!(word_of(&two, 1), Ok(U256::from(7)));
        assert!(word_of(&two, 2).unwrap_err().contains("too few for word 2"));
        assert!(word_of(&two, u32::MAX).is_err());
        assert!(word_of(&Bytes::new(), 0).unwrap_err().contains("no contract"));
        assert!(word_of(&Bytes::from(vec![1]), 0).unwrap_err().contains("1 bytes"));
    }
}

//! The range's own line to its anvil: plain JSON-RPC, with the node's refusals kept apart from a
//! node that does not answer.

use crate::{
    RangeError,
    send::{TipWei, Transaction, max_fee_wei},
};
use alloy_primitives::{Address, B256, Bytes, U64, U256};
use alloy_provider::{Provider, ProviderBuilder, RootProvider};
use alloy_transport::TransportError;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value as Json, json};
use std::time::Duration;
use url::Url;

/// Seconds of chain time between two blocks.
pub(crate) const BLOCK_SECONDS: u64 = 12;

/// The base fee of every block, in wei: fixed, so that fees are the same in every run of a drill.
pub(crate) const BASE_FEE_WEI: u128 = 1_000_000_000;

/// How long one answer may take.
const ANSWER_SECONDS_MAX: u64 = 30;

/// A line to the chain. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Node {
    provider: RootProvider,
    genesis_timestamp: u64,
}

impl Node {
    /// A line to the node at `url`, whose genesis block is at `genesis_timestamp` (Unix seconds).
    pub(crate) fn new(url: &Url, genesis_timestamp: u64) -> Result<Self, RangeError> {
        // A proxy from the environment must not stand between us and loopback.
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(ANSWER_SECONDS_MAX))
            .build()
            .map_err(|error| RangeError::Node { method: "connect", message: error.to_string() })?;
        let provider = ProviderBuilder::default().connect_reqwest(client, url.clone());
        Ok(Self { provider, genesis_timestamp })
    }

    /// The number of the newest block.
    pub async fn block_number(&self) -> Result<u64, RangeError> {
        let number: U64 = self.request("eth_blockNumber", json!([])).await?;
        Ok(number.to())
    }

    /// What a wallet of a development account answers to typed data (EIP-712).
    ///
    /// # Errors
    /// [`RangeError::Refused`] for an account that is none of this chain's.
    pub async fn sign_typed_data(
        &self,
        account: Address,
        data: &Json,
    ) -> Result<Bytes, RangeError> {
        self.request("eth_signTypedData_v4", json!([account, data])).await
    }

    /// Mines one block with what is in the pool and returns its number. Without `timestamp` (Unix
    /// seconds) its time is `genesis + 12 s × number`.
    ///
    /// # Errors
    /// [`RangeError::Refused`] for a timestamp before that of the newest block.
    pub async fn mine(&self, timestamp: Option<u64>) -> Result<u64, RangeError> {
        let number = self.block_number().await? + 1;
        let timestamp = timestamp.unwrap_or_else(|| self.timestamp_of(number));
        self.request::<Json>("evm_mine", json!([timestamp])).await?;
        self.fix_base_fee().await?;
        Ok(number)
    }

    /// Un-says the newest `depth` blocks and mines as many empty ones in their place, one second
    /// later each, so that they are other blocks. Transactions of the old blocks are gone.
    ///
    /// This is a rollback and new blocks, not `anvil_reorg`, because the latter takes the
    /// timestamps of its blocks from the wall clock.
    ///
    /// # Errors
    /// [`RangeError::Refused`] where the chain has no `depth` blocks.
    pub async fn reorg(&self, depth: u64) -> Result<(), RangeError> {
        let head = self.block_number().await?;
        self.request::<Json>("anvil_rollback", json!([depth])).await?;
        self.fix_base_fee().await?;
        for number in head.saturating_sub(depth) + 1..=head {
            self.mine(Some(self.timestamp_of(number) + 1)).await?;
        }
        Ok(())
    }

    /// The time of a block that the range mines, in Unix seconds.
    pub(crate) fn timestamp_of(&self, number: u64) -> u64 {
        self.genesis_timestamp + BLOCK_SECONDS * number
    }

    /// Sets the base fee of the next block; anvil would move it with the use of the blocks.
    pub(crate) async fn fix_base_fee(&self) -> Result<(), RangeError> {
        let method = "anvil_setNextBlockBaseFeePerGas";
        self.request::<Json>(method, json!([U256::from(BASE_FEE_WEI)])).await?;
        Ok(())
    }

    /// Gives the transaction to the pool; anvil signs it for its development account.
    pub(crate) async fn send(
        &self,
        transaction: &Transaction,
        nonce: u64,
    ) -> Result<B256, RangeError> {
        let TipWei(tip) = transaction.tip;
        let mut fields = json!({
            "from": transaction.from,
            "data": transaction.input,
            "value": transaction.value,
            "gas": U64::from(transaction.gas),
            "nonce": U64::from(nonce),
            "maxFeePerGas": U256::from(max_fee_wei(transaction.tip)),
            "maxPriorityFeePerGas": U256::from(tip),
        });
        if let (Some(to), Some(fields)) = (transaction.to, fields.as_object_mut()) {
            fields.insert("to".to_owned(), json!(to));
        }
        self.request("eth_sendTransaction", json!([fields])).await
    }

    /// The next nonce of an account, with what is in the pool.
    pub(crate) async fn nonce(&self, account: Address) -> Result<u64, RangeError> {
        let nonce: U64 =
            self.request("eth_getTransactionCount", json!([account, "pending"])).await?;
        Ok(nonce.to())
    }

    /// Runs a call against the newest block.
    pub(crate) async fn call(
        &self,
        from: Address,
        to: Address,
        input: &Bytes,
    ) -> Result<Bytes, RangeError> {
        self.request("eth_call", json!([{"from": from, "to": to, "data": input}, "latest"])).await
    }

    /// The native balance of an account, in wei.
    pub(crate) async fn balance(&self, account: Address) -> Result<U256, RangeError> {
        self.request("eth_getBalance", json!([account, "latest"])).await
    }

    /// Whether there is a contract at the address.
    pub(crate) async fn has_code(&self, account: Address) -> Result<bool, RangeError> {
        let code: Bytes = self.request("eth_getCode", json!([account, "latest"])).await?;
        Ok(!code.is_empty())
    }

    /// A block with its transactions.
    pub(crate) async fn block(&self, number: u64) -> Result<Block, RangeError> {
        let block: Option<Block> =
            self.request("eth_getBlockByNumber", json!([U64::from(number), true])).await?;
        block.ok_or_else(|| RangeError::Node {
            method: "eth_getBlockByNumber",
            message: format!("there is no block {number}"),
        })
    }

    /// The receipts of a block, in order.
    pub(crate) async fn receipts(&self, number: u64) -> Result<Vec<Receipt>, RangeError> {
        self.request("eth_getBlockReceipts", json!([U64::from(number)])).await
    }

    /// What a mined transaction returned: for one that reverted, the revert data. The second part
    /// is the interpreter's own word for the failure.
    pub(crate) async fn returned(&self, hash: B256) -> Result<(Bytes, String), RangeError> {
        #[derive(Debug, Deserialize)]
        struct Frame {
            #[serde(default)]
            output: Bytes,
            #[serde(default)]
            error: String,
        }
        let tracer = json!([hash, {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": true}}]);
        let frame: Frame = self.request("debug_traceTransaction", tracer).await?;
        Ok((frame.output, frame.error))
    }

    /// Sends one JSON-RPC request.
    pub(crate) async fn request<
        T: DeserializeOwned + std::fmt::Debug + Send + Sync + Unpin + 'static,
    >(
        &self,
        method: &'static str,
        params: Json,
    ) -> Result<T, RangeError> {
        self.provider
            .raw_request(method.into(), params)
            .await
            .map_err(|error: TransportError| from_transport(method, &error))
    }
}

/// What the range needs to know of a block.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Block {
    pub(crate) hash: B256,
    /// Unix seconds.
    pub(crate) timestamp: U64,
    pub(crate) transactions: Vec<BlockTransaction>,
}

/// What the range needs to know of a transaction in a block.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct BlockTransaction {
    pub(crate) hash: B256,
    pub(crate) from: Address,
    pub(crate) to: Option<Address>,
    pub(crate) input: Bytes,
}

/// What the range needs to know of a receipt.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Receipt {
    #[serde(rename = "transactionHash")]
    pub(crate) hash: B256,
    status: U64,
}

impl Receipt {
    /// Whether the transaction did not revert.
    pub(crate) fn succeeded(&self) -> bool {
        self.status == U64::ONE
    }
}

fn from_transport(method: &'static str, error: &TransportError) -> RangeError {
    match error.as_error_resp() {
        Some(refusal) => {
            let data = refusal.data.as_ref().map_or(String::new(), |data| format!(" {data}"));
            RangeError::Refused { method, message: format!("{}{data}", refusal.message) }
        }
        None => RangeError::Node { method, message: with_causes(error) },
    }
}
/// An error and what led to it: a request that failed does not say by itself whether the chain ended or was slow.
fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.contains(&cause) { text } else { format!("{text}: {cause}") }
    })
}

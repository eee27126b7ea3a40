//! A world: the scenario's accounts and contracts on a chain, ready to be played.

use crate::{
    Chain, Node, RangeError, Scenario, Value, attack,
    dice::Stream,
    loss::Holdings,
    names::{Names, is_address},
    prepare::{Prepared, Step},
    scenario::Action,
    send::{Nonces, SET_UP_GAS, Sent, TipWei, Transaction},
    traffic,
};
use alloy_dyn_abi::{DynSolValue, FunctionExt};
use alloy_json_abi::{Function, JsonAbi};
use alloy_primitives::{Address, B256, Bytes};
use alloy_sol_types::decode_revert_reason;
use std::{collections::BTreeSet, sync::Arc};

/// How many blocks one step of the set-up may need: a step with a call for each of 60 members
/// needs ten.
const BLOCKS_PER_STEP_MAX: usize = 64;

/// A scenario's world on a chain.
#[derive(Debug)]
pub struct World {
    pub(crate) scenario: Arc<Scenario>,
    pub(crate) node: Node,
    pub(crate) names: Names,
    /// The names at the end of the set-up: honest users know nothing of the attack's contracts, so
    /// that their traffic is the same with and without it.
    pub(crate) honest_names: Names,
    pub(crate) nonces: Nonces,
    pub(crate) blocks_played: u64,
    pub(crate) held_before: Holdings,
    set_up_end_block: u64,
}

impl World {
    /// Runs the scenario's set-up on the chain.
    ///
    /// # Errors
    /// [`RangeError::SetUpStep`] for a step that the chain refused or reverted,
    /// [`RangeError::Scenario`] for a mistake in the file, both with file and line.
    pub async fn build(chain: &Chain, scenario: &Scenario, seed: u64) -> Result<Self, RangeError> {
        let names = Names::of_accounts(scenario, |index| chain.development_address(index))?;
        let mut world = Self {
            scenario: Arc::new(scenario.clone()),
            node: chain.node().clone(),
            honest_names: names.clone(),
            names,
            nonces: Nonces::default(),
            blocks_played: 0,
            held_before: Holdings::default(),
            set_up_end_block: 0,
        };
        for index in 0..scenario.world.setup.len() {
            world.set_up(index, seed).await?;
        }
        world.honest_names = world.names.clone();
        traffic::check(&world.scenario, &world.honest_names, seed)?;
        attack::check(&world.scenario, &world.names, seed)?;
        world.held_before = world.holdings().await?;
        world.set_up_end_block = world.node.block_number().await?;
        Ok(world)
    }

    /// Replaces each `{{name}}` of the template by the value of the name; `extra` comes first.
    /// Comment lines (first character `#`) stay as they are.
    ///
    /// # Errors
    /// [`RangeError::UnknownName`], with the names that exist.
    pub fn render(&self, template: &str, extra: &[(&str, &str)]) -> Result<String, RangeError> {
        self.names.render_template(template, extra)
    }

    /// What a name stands for.
    ///
    /// # Errors
    /// [`RangeError::UnknownName`], with the names that exist.
    pub fn value(&self, name: &str) -> Result<&Value, RangeError> {
        self.names.get(name)
    }

    /// The address of the account Portcullis acts with, where the scenario has one.
    pub fn responder(&self) -> Option<Address> {
        self.names.find("responder").and_then(Value::address)
    }

    /// The index of that account among the development accounts, for its key.
    pub fn responder_index(&self) -> Option<usize> {
        self.scenario.account("responder")
    }

    /// The number of the last block of the set-up.
    pub fn set_up_end_block(&self) -> u64 {
        self.set_up_end_block
    }

    async fn set_up(&mut self, index: usize, seed: u64) -> Result<(), RangeError> {
        let scenario = Arc::clone(&self.scenario);
        let Some(spanned) = scenario.world.setup.get(index) else { return Ok(()) };
        let spec = &spanned.value;
        let place = scenario.place(spanned.referenced.line());
        let action = spec.action().map_err(|why| RangeError::Scenario {
            place: place.clone(),
            message: why.to_owned(),
        })?;
        let step = Step {
            place: &place,
            action,
            from: &spec.from,
            args: &spec.args,
            value: spec.value.as_ref(),
            gas: SET_UP_GAS,
            tip: TipWei::from_gwei(1),
            seed,
            stream: Stream::SetUp,
            stream_index: (index as u64) << 32,
        };
        let done = match step.prepare(&self.names, scenario.folder())? {
            Prepared::Deploy { name, abi, transaction } => {
                let nonce = self.nonces.next(&self.node, transaction.from).await?;
                let address = transaction.from.create(nonce);
                self.names.insert_contract(&name, address, Arc::clone(&abi));
                self.mine_all(&[transaction], &abi).await?
            }
            Prepared::Calls(transactions) => {
                self.mine_all(&transactions, &JsonAbi::default()).await?
            }
            Prepared::View { name, function, from, to, input } => {
                self.bind(&name, &function, from, to, &input).await?
            }
        };
        done.map_err(|reason| {
            let label = label(action);
            RangeError::SetUpStep { place: place.clone(), step: index, label, reason }
        })
    }

    /// Sends the transactions and mines until all are in; the inner error is the contract's.
    async fn mine_all(
        &mut self,
        transactions: &[Transaction],
        abi: &JsonAbi,
    ) -> Result<Result<(), String>, RangeError> {
        let mut open = BTreeSet::new();
        for transaction in transactions {
            match self.nonces.send(&self.node, transaction).await? {
                Sent::Pooled(hash) => open.insert(hash),
                Sent::Refused(reason) => return Ok(Err(reason)),
            };
        }
        for _ in 0..BLOCKS_PER_STEP_MAX {
            if open.is_empty() {
                return Ok(Ok(()));
            }
            let block = self.node.mine(None).await?;
            for receipt in self.node.receipts(block).await? {
                open.remove(&receipt.hash);
                if !receipt.succeeded() {
                    return Ok(Err(self.revert_reason(receipt.hash, abi).await?));
                }
            }
        }
        Ok(Err("it was not mined: is its gas limit above the block's?".to_owned()))
    }

    /// Asks the contract and gives the answer the name.
    async fn bind(
        &mut self,
        name: &str,
        function: &Function,
        from: Address,
        to: Address,
        input: &Bytes,
    ) -> Result<Result<(), String>, RangeError> {
        let output = match self.node.call(from, to, input).await {
            Ok(output) => output,
            Err(RangeError::Refused { message, .. }) => return Ok(Err(message)),
            Err(error) => return Err(error),
        };
        Ok(bound_value(function, &output).map(|value| self.names.insert(name, value)))
    }

    /// Why a mined transaction reverted, in the contract's own words.
    async fn revert_reason(&self, hash: B256, abi: &JsonAbi) -> Result<String, RangeError> {
        let (output, interpreter) = self.node.returned(hash).await?;
        let Some(selector) = output.get(..4) else {
            return Ok(format!("{interpreter}, without a reason"));
        };
        let error = self
            .names
            .abis()
            .chain([abi])
            .flat_map(JsonAbi::errors)
            .find(|error| error.selector().as_slice() == selector);
        Ok(match (error, decode_revert_reason(&output)) {
            (Some(error), _) => format!("reverted with {} ({output})", error.signature()),
            (None, Some(reason)) => reason,
            (None, None) => format!("{interpreter} with {output}"),
        })
    }
}

/// The first value of a view's answer: address, bytes32 or uint256.
fn bound_value(function: &Function, output: &[u8]) -> Result<Value, String> {
    let word = output.get(..32).map(B256::from_slice).ok_or_else(|| {
        "it returned nothing: is there a contract, and has it this function?".to_owned()
    })?;
    if function.outputs.is_empty() {
        // Without a type, only what can be nothing else is taken for an address.
        let address = is_address(word).then(|| Value::Address(Address::from_word(word)));
        return Ok(address.unwrap_or(Value::Word(word)));
    }
    let values = function.abi_decode_output(output).map_err(|error| error.to_string())?;
    match values.first() {
        Some(DynSolValue::Address(Address::ZERO)) => Err("it returned the zero address".to_owned()),
        Some(DynSolValue::Address(address)) => Ok(Value::Address(*address)),
        Some(DynSolValue::Uint(number, _)) => Ok(Value::Uint(*number)),
        Some(DynSolValue::FixedBytes(word, 32)) => Ok(Value::Word(*word)),
        _ => Err("its first value is no address, uint256 or bytes32: use another view".to_owned()),
    }
}

fn label(action: Action<'_>) -> String {
    match action {
        Action::Deploy { name, artifact } => format!("deploy {name} from {artifact}"),
        Action::Call { target } => format!("call {target}"),
        Action::Bind { name, view } => format!("bind {name} to {view}"),
    }
}

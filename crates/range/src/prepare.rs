//! From a step of a scenario to the transactions it means.

use crate::{
    Place, RangeError,
    args::{GroupRule, Scope, check_known, group_in, parse_target},
    artifact::Artifact,
    dice::{Dice, Stream},
    names::{Names, Value},
    scenario::{Action, Arg},
    send::{TipWei, Transaction},
};
use alloy_json_abi::{Function, JsonAbi};
use alloy_primitives::{Address, Bytes};
use std::{path::Path, sync::Arc};

/// A step, with everything that decides its transactions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step<'a> {
    pub(crate) place: &'a Place,
    pub(crate) action: Action<'a>,
    pub(crate) from: &'a str,
    pub(crate) args: &'a [Arg],
    pub(crate) value: Option<&'a Arg>,
    /// Gas limit of each transaction.
    pub(crate) gas: u64,
    pub(crate) tip: TipWei,
    pub(crate) seed: u64,
    pub(crate) stream: Stream,
    /// Which stream of choices the step draws from; its members draw from the 2^16 after it.
    pub(crate) stream_index: u64,
}

/// What a step means.
#[derive(Debug)]
pub(crate) enum Prepared {
    /// A new contract, and the name it gets.
    Deploy { name: String, abi: Arc<JsonAbi>, transaction: Transaction },
    /// One call, or one for each member of a group.
    Calls(Vec<Transaction>),
    /// A question to a contract, whose answer gets a name.
    View { name: String, function: Function, from: Address, to: Address, input: Bytes },
}

impl Step<'_> {
    /// Gives names and arguments their values.
    ///
    /// # Errors
    /// [`RangeError::Scenario`] at the step's place, or the artifact's error.
    pub(crate) fn prepare(&self, names: &Names, folder: &Path) -> Result<Prepared, RangeError> {
        match self.action {
            Action::Deploy { name, artifact } => {
                let artifact = Artifact::load(artifact, folder)?;
                self.deploy(names, name, artifact).map_err(|why| self.wrong(why))
            }
            Action::Call { target } => self.calls(names, target).map_err(|why| self.wrong(why)),
            Action::Bind { name, view } => {
                self.view(names, name, view).map_err(|why| self.wrong(why))
            }
        }
    }

    /// An error at the step's place.
    pub(crate) fn wrong(&self, message: String) -> RangeError {
        RangeError::Scenario { place: self.place.clone(), message }
    }

    fn deploy(&self, names: &Names, name: &str, artifact: Artifact) -> Result<Prepared, String> {
        let from = single_sender(names, self.from)?;
        let mut scope = self.scope(names, GroupRule::Forbidden, from, 0);
        let inputs = artifact.abi.constructor().map_or(&[][..], |constructor| &constructor.inputs);
        let mut code = artifact.creation_code.to_vec();
        code.extend(scope.encode_arguments(inputs, self.args)?);
        let value = scope.native_value(self.value)?;
        let transaction = self.transaction(from, None, code.into(), value);
        Ok(Prepared::Deploy { name: name.to_owned(), abi: Arc::new(artifact.abi), transaction })
    }

    fn calls(&self, names: &Names, target: &str) -> Result<Prepared, String> {
        let (to, function) = resolve(names, target)?;
        let group = self.group(names, &function)?;
        let members = group.and_then(|group| names.group(group)).unwrap_or(&[]);
        let Some(group) = group else {
            let from = single_sender(names, self.from)?;
            let transaction = self.call(names, GroupRule::Forbidden, from, 0, to, &function)?;
            return Ok(Prepared::Calls(vec![transaction]));
        };
        let mut transactions = Vec::with_capacity(members.len());
        for (index, &member) in members.iter().enumerate() {
            let from = if self.from == group { member } else { single_sender(names, self.from)? };
            let rule = GroupRule::Member { group, member };
            transactions.push(self.call(names, rule, from, index as u64, to, &function)?);
        }
        Ok(Prepared::Calls(transactions))
    }

    fn view(&self, names: &Names, name: &str, view: &str) -> Result<Prepared, String> {
        let (to, mut function) = resolve(names, view)?;
        let from = single_sender(names, self.from)?;
        let input =
            self.scope(names, GroupRule::Forbidden, from, 0).encode_call(&function, self.args)?;
        // The return type is the one written, or else the one of the contract's ABI.
        if function.outputs.is_empty()
            && let Some((contract, _)) = view.split_once('.')
            && let Some(abi) = names.abi(contract.trim())
            && let Some(known) =
                abi.functions().find(|known| known.selector() == function.selector())
        {
            function.outputs.clone_from(&known.outputs);
        }
        Ok(Prepared::View { name: name.to_owned(), function, from, to, input })
    }

    /// The group that this call is repeated for: its senders or an argument, not two at once.
    fn group<'a>(&'a self, names: &Names, function: &Function) -> Result<Option<&'a str>, String> {
        let senders = names.group(self.from).is_some().then_some(self.from);
        let argument = group_in(names, &function.inputs, self.args)?;
        match (senders, argument) {
            (Some(first), Some(second)) if first != second => {
                Err(format!("{first} and {second} in one step: write a step for each group"))
            }
            (senders, argument) => Ok(senders.or(argument)),
        }
    }

    fn call(
        &self,
        names: &Names,
        rule: GroupRule<'_>,
        from: Address,
        member_index: u64,
        to: Address,
        function: &Function,
    ) -> Result<Transaction, String> {
        let mut scope = self.scope(names, rule, from, member_index);
        let input = scope.encode_call(function, self.args)?;
        let value = scope.native_value(self.value)?;
        Ok(self.transaction(from, Some(to), input, value))
    }

    fn scope<'a>(
        &self,
        names: &'a Names,
        groups: GroupRule<'a>,
        from: Address,
        member_index: u64,
    ) -> Scope<'a> {
        let dice = Dice::new(self.seed, self.stream, self.stream_index + member_index);
        Scope { names, dice, groups, from }
    }

    fn transaction(
        &self,
        from: Address,
        to: Option<Address>,
        input: Bytes,
        value: alloy_primitives::U256,
    ) -> Transaction {
        Transaction { from, to, input, value, gas: self.gas, tip: self.tip }
    }
}

/// The contract's address and the function of `contract.function(types)`.
pub(crate) fn resolve(names: &Names, target: &str) -> Result<(Address, Function), String> {
    let (contract, function) = parse_target(target)?;
    let value = names.get(contract).map_err(|error| error.to_string())?;
    let address = value
        .address()
        .ok_or_else(|| format!("{contract} is {value}, not a contract: name one before the dot"))?;
    check_known(names, contract, &function)?;
    Ok((address, function))
}

fn single_sender(names: &Names, from: &str) -> Result<Address, String> {
    match names.get(from).map_err(|error| error.to_string())? {
        Value::Address(address) => Ok(*address),
        _ => Err(format!("from: {from} is a group: write one account")),
    }
}

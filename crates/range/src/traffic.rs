//! Honest users: which transactions a block has, decided by the seed and the block alone.

use crate::{
    RangeError, Scenario,
    args::{GroupRule, Scope},
    dice::{Dice, Stream},
    names::{Names, Value},
    prepare::resolve,
    scenario::TrafficAction,
    send::{HONEST_GAS, TipWei, Transaction},
};
use alloy_primitives::{Address, U256};
use serde_saphyr::Spanned;

/// The honest transactions of a block, counted from 1 after the set-up. Nothing that happened on
/// the chain has a say, so the plan is the same in every run of the same seed.
pub(crate) fn plan(
    scenario: &Scenario,
    names: &Names,
    seed: u64,
    block_index: u64,
) -> Result<Vec<Transaction>, RangeError> {
    let Some(traffic) = &scenario.world.traffic else { return Ok(Vec::new()) };
    let [low, high] = traffic.value.per_block;
    let first_stream = block_index << 16;
    let mut dice = Dice::new(seed, Stream::Traffic, first_stream);
    let count = low + dice.below(high - low + 1);
    let mut transactions = Vec::new();
    for number in 1..=count {
        // A stream for each transaction: a new argument of one moves no other.
        let mut dice = Dice::new(seed, Stream::Traffic, first_stream + number);
        if let Some(action) = pick(&traffic.value.actions, &mut dice) {
            transactions.push(transaction(scenario, names, action, dice)?);
        }
    }
    Ok(transactions)
}

/// Tries every action once, so that a mistake is found before the drill starts.
pub(crate) fn check(scenario: &Scenario, names: &Names, seed: u64) -> Result<(), RangeError> {
    let Some(traffic) = &scenario.world.traffic else { return Ok(()) };
    for action in &traffic.value.actions {
        transaction(scenario, names, action, Dice::new(seed, Stream::Trial, 0))?;
    }
    Ok(())
}

fn pick<'a>(
    actions: &'a [Spanned<TrafficAction>],
    dice: &mut Dice,
) -> Option<&'a Spanned<TrafficAction>> {
    let total: u64 = actions.iter().map(|action| action.value.weight).sum();
    let mut draw = dice.below(total);
    for action in actions {
        match draw.checked_sub(action.value.weight) {
            Some(rest) => draw = rest,
            None => return Some(action),
        }
    }
    None
}

fn transaction(
    scenario: &Scenario,
    names: &Names,
    action: &Spanned<TrafficAction>,
    mut dice: Dice,
) -> Result<Transaction, RangeError> {
    let from = sender(names, &action.value.from, &mut dice)?;
    let mut scope = Scope { names, dice, groups: GroupRule::Random, from };
    fill(&mut scope, &action.value).map_err(|message| RangeError::Scenario {
        place: scenario.place(action.referenced.line()),
        message,
    })
}

fn sender(names: &Names, from: &str, dice: &mut Dice) -> Result<Address, RangeError> {
    let value = names.get(from)?;
    let member = match value {
        Value::Group(members) => members.get(dice.below(members.len() as u64) as usize).copied(),
        value => value.address(),
    };
    // The check of the file lets only accounts through here.
    Ok(member.unwrap_or_default())
}

fn fill(scope: &mut Scope<'_>, action: &TrafficAction) -> Result<Transaction, String> {
    let (to, function) = resolve(scope.names, &action.call)?;
    let input = scope.encode_call(&function, &action.args)?;
    let value: U256 = scope.native_value(action.value.as_ref())?;
    let tip = TipWei::from_gwei(1);
    Ok(Transaction { from: scope.from, to: Some(to), input, value, gas: HONEST_GAS, tip })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn plans(seed: u64) -> Vec<Vec<Transaction>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tiny");
        let scenario = Scenario::load(&folder).unwrap();
        let address = |index: usize| Ok(Address::with_last_byte(index as u8));
        let mut names = Names::of_accounts(&scenario, address).unwrap();
        names.insert("weth", Value::Address(Address::with_last_byte(100)));
        names.insert("pool", Value::Address(Address::with_last_byte(101)));
        (1..=20).map(|block| plan(&scenario, &names, seed, block).unwrap()).collect()
    }

    #[test]
    fn a_seed_decides_everything() {
        let first = plans(7);
        assert_eq!(first, plans(7));
        assert_ne!(first, plans(8));
        assert!(first.iter().all(|block| block.len() <= 4));
        assert!(first.iter().any(Vec::is_empty) && first.iter().any(|block| block.len() == 4));
        let users = 10..=13;
        for sent in first.iter().flatten() {
            assert!(users.contains(&sent.from[19]), "{sent:?}");
        }
    }
}

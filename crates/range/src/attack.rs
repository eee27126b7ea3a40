//! The attack: its steps, each in its block.

use crate::{
    RangeError, Scenario, World,
    dice::Stream,
    names::Names,
    prepare::{Prepared, Step},
    scenario::{Action, AttackStep},
    send::{ATTACK_GAS, Sent, TipWei, Transaction},
};
use alloy_primitives::Address;
use serde_saphyr::Spanned;
use std::sync::Arc;

/// A transaction of the attack that was sent, or that the node refused.
#[derive(Debug)]
pub(crate) struct AttackSent {
    pub(crate) step: usize,
    pub(crate) repetition: u64,
    pub(crate) label: String,
    /// The contract that is called; `None` for a deployment.
    pub(crate) to: Option<Address>,
    pub(crate) sent: Sent,
}

impl World {
    /// Sends the steps that are due in a block, counted from 1 after the set-up.
    pub(crate) async fn attack(
        &mut self,
        seed: u64,
        block_index: u64,
    ) -> Result<Vec<AttackSent>, RangeError> {
        let scenario = Arc::clone(&self.scenario);
        let Some(attack) = &scenario.world.attack else { return Ok(Vec::new()) };
        let Some(offset) = block_index.checked_sub(attack.value.start_block) else {
            return Ok(Vec::new());
        };
        let mut all = Vec::new();
        for (index, step) in attack.value.steps.iter().enumerate() {
            for (repetition, due) in (0..).zip(step.value.offsets()) {
                if due != offset {
                    continue;
                }
                for transaction in
                    self.attack_step(&scenario, index, step, repetition, seed).await?
                {
                    all.push(AttackSent {
                        step: index,
                        repetition,
                        label: step.value.label.clone(),
                        to: transaction.to,
                        sent: self.nonces.send(&self.node, &transaction).await?,
                    });
                }
            }
        }
        Ok(all)
    }

    /// The transactions of one step; a new contract's name is known from here on, whether or not
    /// the deployment succeeds.
    async fn attack_step(
        &mut self,
        scenario: &Scenario,
        index: usize,
        step: &Spanned<AttackStep>,
        repetition: u64,
        seed: u64,
    ) -> Result<Vec<Transaction>, RangeError> {
        match prepare(scenario, &self.names, index, step, repetition, seed)? {
            Prepared::Deploy { name, abi, transaction } => {
                let nonce = self.nonces.next(&self.node, transaction.from).await?;
                self.names.insert_contract(&name, transaction.from.create(nonce), abi);
                Ok(vec![transaction])
            }
            Prepared::Calls(transactions) => Ok(transactions),
            Prepared::View { .. } => Ok(Vec::new()),
        }
    }
}

/// Tries every step once, so that a mistake is found before the drill starts.
pub(crate) fn check(scenario: &Scenario, names: &Names, seed: u64) -> Result<(), RangeError> {
    let Some(attack) = &scenario.world.attack else { return Ok(()) };
    let mut names = names.clone();
    for (index, step) in attack.value.steps.iter().enumerate() {
        let prepared = prepare(scenario, &names, index, step, 0, seed)?;
        if let Prepared::Deploy { name, abi, .. } = prepared {
            // Any address does for a trial.
            names.insert_contract(&name, Address::repeat_byte(1), abi);
        }
    }
    Ok(())
}

fn prepare(
    scenario: &Scenario,
    names: &Names,
    index: usize,
    step: &Spanned<AttackStep>,
    repetition: u64,
    seed: u64,
) -> Result<Prepared, RangeError> {
    let place = scenario.place(step.referenced.line());
    let spec = &step.value;
    let action = spec
        .action()
        .map_err(|why| RangeError::Scenario { place: place.clone(), message: why.to_owned() })?;
    debug_assert!(!matches!(action, Action::Bind { .. }), "an attack binds nothing");
    let step = Step {
        place: &place,
        action,
        from: &spec.from,
        args: &spec.args,
        value: spec.value.as_ref(),
        gas: ATTACK_GAS,
        tip: TipWei::from_gwei(spec.tip_gwei),
        seed,
        stream: Stream::Attack,
        stream_index: ((index as u64) << 32) | (repetition << 16),
    };
    step.prepare(names, scenario.folder())
}

//! The play: block after block of traffic and attack, at a steady pace.

use crate::{
    AttackOutcome, BlockPlayed, HonestCounts, PlayReport, RangeError, World, attack::AttackSent,
    report::transactions_of, send::Sent, traffic,
};
use alloy_primitives::{Address, B256};
use std::{collections::BTreeMap, time::Duration};
use tokio::time::{Instant, sleep_until};

/// How to play a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlayOptions {
    /// Whether the attack takes place.
    pub attack: bool,
    /// Whether there is honest traffic.
    pub traffic: bool,
    /// How many blocks to play.
    pub blocks: u64,
    /// Wall-clock time between two blocks; what is sent waits in the pool for about as long.
    pub block_interval: Duration,
    /// What traffic and attack are decided by.
    pub seed: u64,
}

impl World {
    /// Plays blocks. A second call goes on where the first ended; between them the caller may
    /// re-organise the chain.
    ///
    /// # Errors
    /// The node's errors. A transaction that reverts or is refused is an outcome, not an error.
    pub async fn play(
        &mut self,
        options: PlayOptions,
        mut on_block: impl FnMut(&BlockPlayed),
    ) -> Result<PlayReport, RangeError> {
        self.nonces.forget();
        let first_block = self.node.block_number().await? + 1;
        let mut ledger = Ledger::default();
        let mut tick = Instant::now();
        for _ in 0..options.blocks {
            self.blocks_played += 1;
            let index = self.blocks_played;
            if options.traffic {
                self.send_traffic(options.seed, index, &mut ledger).await?;
            }
            if options.attack {
                for sent in self.attack(options.seed, index).await? {
                    ledger.add_attack(index, sent);
                }
            }
            // A late block does not make the next ones come sooner: the responder keeps its time.
            tick = (tick + options.block_interval).max(Instant::now());
            sleep_until(tick).await;
            let number = self.node.mine(None).await?;
            let played = self.settle(&mut ledger, index, number).await?;
            tracing::debug!(index, number, transactions = played.transactions, "block played");
            on_block(&played);
        }
        let last_block = self.node.block_number().await?;
        ledger.close();
        let loss = self.loss().await?;
        let responder_transactions = match self.responder() {
            Some(account) => transactions_of(&self.node, account, first_block, last_block).await?,
            None => Vec::new(),
        };
        Ok(PlayReport {
            seed: options.seed,
            first_block,
            last_block,
            blocks_played: options.blocks,
            attack: ledger.attack,
            honest_before: ledger.before,
            honest_after: ledger.after,
            loss_micro_usd: loss.micro_usd,
            loss_by_asset: loss.assets,
            responder_transactions,
        })
    }

    async fn send_traffic(
        &mut self,
        seed: u64,
        index: u64,
        ledger: &mut Ledger,
    ) -> Result<(), RangeError> {
        let attack_start = self.scenario.attack_start_block().unwrap_or(u64::MAX);
        let period = if index < attack_start { Period::Before } else { Period::After };
        for transaction in traffic::plan(&self.scenario, &self.honest_names, seed, index)? {
            let sent = self.nonces.send(&self.node, &transaction).await?;
            ledger.add_honest(period, &sent);
        }
        Ok(())
    }

    /// Reads a block that was mined and settles the transactions it has.
    async fn settle(
        &self,
        ledger: &mut Ledger,
        index: u64,
        number: u64,
    ) -> Result<BlockPlayed, RangeError> {
        let block = self.node.block(number).await?;
        for receipt in self.node.receipts(number).await? {
            let Some(open) = ledger.open.remove(&receipt.hash) else { continue };
            let mut success = receipt.succeeded();
            // A call to an address without code succeeds and does nothing: an attack whose
            // contract was never deployed has not succeeded.
            if let Open::Attack { to: Some(to), .. } = open {
                success = success && self.node.has_code(to).await?;
            }
            ledger.settle(open, number, success);
        }
        let (honest, attack) = ledger.take_block();
        Ok(BlockPlayed {
            index,
            number,
            timestamp: block.timestamp.to(),
            hash: block.hash,
            transactions: block.transactions.len() as u64,
            honest,
            attack,
        })
    }
}

/// Whether the attack has started.
#[derive(Debug, Clone, Copy)]
enum Period {
    Before,
    After,
}

/// A transaction in the pool.
#[derive(Debug, Clone, Copy)]
enum Open {
    Honest(Period),
    /// `outcome` is the place of its outcome in the ledger.
    Attack {
        outcome: usize,
        to: Option<Address>,
    },
}

/// What was sent and what became of it.
#[derive(Debug, Default)]
struct Ledger {
    open: BTreeMap<B256, Open>,
    attack: Vec<AttackOutcome>,
    before: HonestCounts,
    after: HonestCounts,
    /// What happened since the last block was taken.
    block_honest: HonestCounts,
    block_attack: Vec<AttackOutcome>,
}

impl Ledger {
    fn add_honest(&mut self, period: Period, sent: &Sent) {
        self.counts(period).sent += 1;
        self.block_honest.sent += 1;
        match sent {
            Sent::Pooled(hash) => {
                self.open.insert(*hash, Open::Honest(period));
            }
            Sent::Refused(reason) => {
                tracing::debug!(%reason, "an honest transaction was refused");
                self.count_honest(period, false);
            }
        }
    }

    fn add_attack(&mut self, block_index: u64, sent: AttackSent) {
        let AttackSent { step, repetition, label, to, sent } = sent;
        let (hash, refused) = match sent {
            Sent::Pooled(hash) => (Some(hash), None),
            Sent::Refused(reason) => (None, Some(reason)),
        };
        let outcome = AttackOutcome {
            step,
            repetition,
            label,
            block_index,
            block: None,
            hash,
            success: false,
            refused,
        };
        match hash {
            Some(hash) => {
                self.open.insert(hash, Open::Attack { outcome: self.attack.len(), to });
            }
            None => self.block_attack.push(outcome.clone()),
        }
        self.attack.push(outcome);
    }

    fn settle(&mut self, open: Open, block: u64, success: bool) {
        match open {
            Open::Honest(period) => self.count_honest(period, success),
            Open::Attack { outcome, .. } => {
                if let Some(outcome) = self.attack.get_mut(outcome) {
                    outcome.block = Some(block);
                    outcome.success = success;
                    self.block_attack.push(outcome.clone());
                }
            }
        }
    }

    fn count_honest(&mut self, period: Period, success: bool) {
        self.counts(period).add(success);
        self.block_honest.add(success);
    }

    fn counts(&mut self, period: Period) -> &mut HonestCounts {
        match period {
            Period::Before => &mut self.before,
            Period::After => &mut self.after,
        }
    }

    fn take_block(&mut self) -> (HonestCounts, Vec<AttackOutcome>) {
        (std::mem::take(&mut self.block_honest), std::mem::take(&mut self.block_attack))
    }

    /// What is still open at the end has failed.
    fn close(&mut self) {
        for open in std::mem::take(&mut self.open).into_values() {
            if let Open::Honest(period) = open {
                self.count_honest(period, false);
            }
        }
    }
}

impl HonestCounts {
    fn add(&mut self, success: bool) {
        if success {
            self.succeeded += 1;
        } else {
            self.failed += 1;
        }
    }
}

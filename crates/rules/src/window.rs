//! Windows: what passed a rule's condition, counted or added up over time or blocks, group by group.
//!
//! A window speaks when its measure **reaches** the bound: it was below before the newest entry, and is not any more.
//! Nothing but the entries is remembered, so that taking the entries of a block out again is all there is to a
//! re-organisation; and entries are kept for [`REORG_BLOCKS_MAX`] blocks after they fell out, because time goes back too.

use std::collections::{BTreeMap, VecDeque};

use alloy_primitives::U256;
use portcullis_types::chain::BlockId;

use crate::{
    ast::Operator,
    eval::{Failure, arithmetic, order},
    limits::{REORG_BLOCKS_MAX, WINDOW_BLOCKS_MAX, WINDOW_GROUPS_MAX},
    value::Value,
};

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measure {
    Count,
    Sum,
    Max,
    /// Count or sum a unit of time or blocks.
    Rate,
}

/// How far back a window reaches, or what a rate is per.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Span {
    Seconds(u64),
    Blocks(u64),
}

impl Span {
    pub(crate) fn length(self) -> u64 {
        match self {
            Self::Seconds(length) | Self::Blocks(length) => length,
        }
    }
}

/// What a window does.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Spec {
    pub(crate) measure: Measure,
    pub(crate) over: Span,
    pub(crate) per: u64,
    pub(crate) at_least: Value,
}

/// Its state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Window {
    groups: BTreeMap<Value, Group>,
    /// Groups by when they were last used.
    recent: BTreeMap<u64, Value>,
    clock: u64,
    pub(crate) groups_dropped: u64,
    pub(crate) blocks_dropped: u64,
}

#[derive(Debug, Clone, Default)]
struct Group {
    entries: VecDeque<Entry>,
    used: u64,
}

/// All of one block.
#[derive(Debug, Clone)]
struct Entry {
    block: BlockId,
    timestamp: u64,
    /// Count, sum or maximum of the block.
    value: Value,
}

impl Spec {
    fn contains(&self, entry: &Entry, block: BlockId, timestamp: u64) -> bool {
        match self.over {
            Span::Seconds(length) => entry.timestamp.saturating_add(length) > timestamp,
            Span::Blocks(length) => entry.block.number.saturating_add(length) > block.number,
        }
    }

    fn join(&self, a: Value, b: Value) -> Result<Value, Failure> {
        match self.measure {
            Measure::Max => Ok(if order(&a, &b)?.is_ge() { a } else { b }),
            _ => arithmetic(Operator::Add, a, b),
        }
    }

    fn reached(&self, value: Option<&Value>) -> Result<bool, Failure> {
        let Some(value) = value else { return Ok(false) };
        let (value, bound) = match self.measure {
            Measure::Rate => (times(value, self.per)?, times(&self.at_least, self.over.length())?),
            _ => (value.clone(), self.at_least.clone()),
        };
        Ok(order(&value, &bound)?.is_ge())
    }

    /// The measure for people.
    fn shown(&self, value: Value) -> Result<Value, Failure> {
        match self.measure {
            Measure::Rate => {
                let length = Value::Uint(U256::from(self.over.length().max(1)));
                arithmetic(Operator::Divide, times(&value, self.per)?, length)
            }
            _ => Ok(value),
        }
    }
}

fn times(value: &Value, factor: u64) -> Result<Value, Failure> {
    arithmetic(Operator::Multiply, value.clone(), Value::Uint(U256::from(factor)))
}

impl Window {
    /// Enters a value; gives the measure back if this reached the bound.
    ///
    /// # Errors
    /// Overflow, or amounts of two assets in one group; the value is not entered then.
    pub(crate) fn enter(
        &mut self,
        spec: &Spec,
        key: &Value,
        block: BlockId,
        timestamp: u64,
        value: Value,
    ) -> Result<Option<Value>, Failure> {
        self.clock += 1;
        self.make_room(key);
        let group = self.groups.entry(key.clone()).or_default();
        self.recent.remove(&group.used);
        group.used = self.clock;
        self.recent.insert(self.clock, key.clone());

        let before = group.measure(spec, block, timestamp)?;
        let after = match &before {
            Some(before) => spec.join(before.clone(), value.clone())?,
            None => value.clone(),
        };
        let fires = !spec.reached(before.as_ref())? && spec.reached(Some(&after))?;
        self.blocks_dropped += group.add(spec, Entry { block, timestamp, value })?;
        if fires { spec.shown(after).map(Some) } else { Ok(None) }
    }

    fn make_room(&mut self, key: &Value) {
        if self.groups.len() < WINDOW_GROUPS_MAX || self.groups.contains_key(key) {
            return;
        }
        if let Some((_, oldest)) = self.recent.pop_first() {
            self.groups.remove(&oldest);
            self.groups_dropped += 1;
        }
    }

    /// Takes out what was entered in these blocks.
    pub(crate) fn retract(&mut self, blocks: &[BlockId]) {
        for group in self.groups.values_mut() {
            group.entries.retain(|entry| !blocks.contains(&entry.block));
        }
        let recent = &mut self.recent;
        self.groups.retain(|_, group| {
            let keep = !group.entries.is_empty();
            if !keep {
                recent.remove(&group.used);
            }
            keep
        });
    }
}

impl Group {
    fn measure(
        &self,
        spec: &Spec,
        block: BlockId,
        timestamp: u64,
    ) -> Result<Option<Value>, Failure> {
        let mut measure = None;
        for entry in self.entries.iter().filter(|entry| spec.contains(entry, block, timestamp)) {
            measure = Some(match measure {
                None => entry.value.clone(),
                Some(sum) => spec.join(sum, entry.value.clone())?,
            });
        }
        Ok(measure)
    }

    /// Adds an entry; gives back how many had to be dropped that may still be needed.
    fn add(&mut self, spec: &Spec, new: Entry) -> Result<u64, Failure> {
        let (block, timestamp) = (new.block, new.timestamp);
        match self.entries.iter_mut().rev().find(|entry| entry.block == new.block) {
            Some(entry) => entry.value = spec.join(entry.value.clone(), new.value)?,
            None => self.entries.push_back(new),
        }
        while let Some(oldest) = self.entries.front()
            && !spec.contains(oldest, block, timestamp)
            && oldest.block.number.saturating_add(REORG_BLOCKS_MAX) < block.number
        {
            self.entries.pop_front();
        }
        let mut dropped = 0;
        while self.entries.len() > WINDOW_BLOCKS_MAX {
            self.entries.pop_front();
            dropped += 1;
        }
        Ok(dropped)
    }
}

#[cfg(test)]
mod tests;

//! What was learned of a protocol's past, and what is new against it.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use portcullis_types::protocol::Protocol;
use serde::{Deserialize, Serialize};

use super::form::{Form, Function};

/// What stands in `format` of a learned reference.
pub const FORMAT: &str = "portcullis-learned/1";

/// Most functions, steps and forms of a reference: more would not be one protocol's.
pub const FUNCTIONS_MAX: usize = 10_000;
/// See [`FUNCTIONS_MAX`].
pub const STEPS_MAX: usize = 100_000;
/// See [`FUNCTIONS_MAX`].
pub const FORMS_MAX: usize = 100_000;

/// Where the reference is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum LearnedSource {
    /// A JSON file beside the configuration; whoever loads the configuration puts its content here.
    File(String),
    /// The reference itself.
    Inline(Box<Learned>),
}

/// How honest use of a protocol went, from transactions that succeeded. Made by `portcullis learn`, readable and
/// editable by people; never changed while the program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Learned {
    /// [`FORMAT`].
    pub format: String,
    /// Transactions learned from: those that entered the protocol.
    pub transactions: u64,
    /// First block of them.
    pub from_block: u64,
    /// Last block of them.
    pub to_block: u64,
    /// What it would have said of its own past.
    pub false_alarms: FalseAlarms,
    /// A function entered more than this many times as often as ever before in one transaction is new; at least 1.
    pub repeat_factor: u32,
    /// Functions, with the most entries that one transaction made.
    pub functions: BTreeMap<Function, u32>,
    /// Steps: the functions entered directly after each.
    pub steps: BTreeMap<Function, BTreeSet<Function>>,
    /// Hashes of whole forms. One that is added by hand is known whatever it consists of.
    pub forms: BTreeSet<B256>,
}

/// Alarms on transactions that were not learned from, each judged by a reference of those before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FalseAlarms {
    /// How many raised one.
    pub alarms: u64,
    /// Out of how many.
    pub of: u64,
}

/// Something that no transaction of the past did.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum News {
    /// Entered a function.
    Function(Function),
    /// Entered a function this often.
    Repeats {
        /// The function.
        function: Function,
        /// How often it was entered.
        times: u32,
        /// The most that was seen.
        most: u32,
    },
    /// Entered the second directly after the first.
    Step(Function, Function),
}

impl News {
    /// For people.
    pub fn show(&self, protocol: &Protocol) -> String {
        match self {
            Self::Function(function) => format!("{} was never entered", function.show(protocol)),
            Self::Repeats { function, times, most } => format!(
                "{} was entered {times} times, at most {most} before",
                function.show(protocol)
            ),
            Self::Step(from, to) => {
                format!("{} never came right after {}", to.show(protocol), from.show(protocol))
            }
        }
    }
}

impl Learned {
    /// A reference without any past.
    pub fn empty(repeat_factor: u32) -> Self {
        Self {
            format: FORMAT.to_owned(),
            transactions: 0,
            from_block: 0,
            to_block: 0,
            false_alarms: FalseAlarms::default(),
            repeat_factor,
            functions: BTreeMap::new(),
            steps: BTreeMap::new(),
            forms: BTreeSet::new(),
        }
    }

    /// Adds an honest transaction's form. Forms that enter nothing are passed over.
    pub fn add(&mut self, block: u64, form: &Form) {
        if form.first.is_none() {
            return;
        }
        if self.transactions == 0 {
            (self.from_block, self.to_block) = (block, block);
        }
        self.transactions = self.transactions.saturating_add(1);
        self.from_block = self.from_block.min(block);
        self.to_block = self.to_block.max(block);
        for (function, count) in &form.entries {
            let most = self.functions.entry(*function).or_default();
            *most = (*most).max(*count);
        }
        for (from, to) in &form.steps {
            self.steps.entry(*from).or_default().insert(*to);
        }
        self.forms.insert(form.hash());
    }

    /// What is new about a form, sorted. Of a function never entered only that is said, not the steps to and from it.
    pub fn news(&self, form: &Form) -> Vec<News> {
        let listed = self.forms.contains(&form.hash());
        let mut news = Vec::new();
        for (function, times) in &form.entries {
            match self.functions.get(function) {
                None if listed => {}
                None => news.push(News::Function(*function)),
                Some(most) if *times > most.saturating_mul(self.repeat_factor) => {
                    news.push(News::Repeats { function: *function, times: *times, most: *most });
                }
                Some(_) => {}
            }
        }
        for (from, to) in &form.steps {
            let is_known = |function| self.functions.contains_key(function);
            let taken = self.steps.get(from).is_some_and(|next| next.contains(to));
            if !listed && !taken && is_known(from) && is_known(to) {
                news.push(News::Step(*from, *to));
            }
        }
        news
    }
}

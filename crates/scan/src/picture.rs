//! One transaction as a thief's victim would draw it: who belongs to the sender, what they did, what they got.

use alloy_primitives::{
    Address, I256, U256,
    map::{HashMap, HashSet},
};
use portcullis_types::{
    evidence::{CallKind, Evidence, Flow, Frame},
    money::{Asset, Usd},
};

pub(crate) use crate::entry::Entry;
use crate::{
    entry,
    history::History,
    prices::Prices,
    vocabulary::{Meaning, Vocabulary},
};

/// A call by the sender's side to somebody else's contract that may write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Act {
    /// Frame.
    pub(crate) frame: u32,
    /// Who acts.
    pub(crate) actor: Address,
    /// On whom.
    pub(crate) callee: Address,
    /// By which function; none for bare value.
    pub(crate) selector: Option<[u8; 4]>,
    /// What that means.
    pub(crate) meaning: Option<Meaning>,
}

/// A call by somebody else's contract to the sender's side.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Posed {
    /// Frame.
    pub(crate) frame: u32,
    /// Who calls.
    pub(crate) caller: Address,
    /// The sender's contract that answers.
    pub(crate) answering: Address,
    /// By which function; none for bare value.
    pub(crate) selector: Option<[u8; 4]>,
    /// What that means.
    pub(crate) meaning: Option<Meaning>,
    /// What the caller was itself asked to do.
    pub(crate) during: Option<Meaning>,
    /// Whether it may only read.
    pub(crate) reads: bool,
}

/// Everything the signals look at.
pub(crate) struct Picture<'a> {
    pub(crate) evidence: &'a Evidence,
    pub(crate) vocabulary: &'a Vocabulary,
    pub(crate) prices: &'a Prices,
    pub(crate) entry: Entry,
    /// The sender, his contract, what they created.
    own: HashSet<Address>,
    /// Contracts of `own` that were created in this transaction.
    pub(crate) created: HashSet<Address>,
    /// Accounts that do nothing but receive from `own`: where money is taken to.
    pub(crate) receivers: HashSet<Address>,
    /// Addresses that act or are acted on by call data.
    active: HashSet<Address>,
    pub(crate) acts: Vec<Act>,
    pub(crate) posed: Vec<Posed>,
    /// What the sender's side, receivers included, gained or lost, wrapped and bare coins as one; no zeros.
    pub(crate) net: Vec<(Asset, I256)>,
    pub(crate) profit: Profit,
}

/// What the sender's side made of it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Profit {
    /// Priced gains less priced losses.
    pub(crate) usd: Usd,
    /// Whether anything was gained, priced or not.
    pub(crate) gained: bool,
    /// Whether anything was given away on balance, leaving out dust of what has a price.
    pub(crate) gave: bool,
}

/// Below this a loss is dust, next to a gain.
const DUST: Usd = Usd::dollars(100);

impl<'a> Picture<'a> {
    pub(crate) fn new(
        evidence: &'a Evidence,
        vocabulary: &'a Vocabulary,
        prices: &'a Prices,
        history: &History,
    ) -> Self {
        let entry = entry::of(evidence, vocabulary, history);
        let mut picture = Self {
            evidence,
            vocabulary,
            prices,
            entry,
            own: HashSet::default(),
            created: HashSet::default(),
            receivers: HashSet::default(),
            active: HashSet::default(),
            acts: Vec::new(),
            posed: Vec::new(),
            net: Vec::new(),
            profit: Profit::default(),
        };
        picture.find_own();
        picture.find_calls();
        picture.find_receivers();
        picture.find_profit();
        picture
    }

    /// Whether the sender's side acts through code of its own.
    pub(crate) fn private(&self) -> bool {
        matches!(self.entry, Entry::Private | Entry::Lent(_) | Entry::Creation)
    }

    pub(crate) fn is_own(&self, address: &Address) -> bool {
        self.own.contains(address)
    }

    /// Whether an address neither acts nor is acted on by call data: an account whose money moves without it.
    pub(crate) fn silent(&self, address: &Address) -> bool {
        !self.active.contains(address)
    }

    /// Whether the sender's side gained something, or may have: without logs nobody knows what was minted or burnt.
    pub(crate) fn may_have_gained(&self) -> bool {
        self.profit.gained || !self.evidence.known.logs
    }

    /// Whether a contract of the sender's side, not the sender himself, was paid.
    pub(crate) fn contract_was_paid_by(&self, payer: &Address) -> bool {
        self.evidence.transfers.iter().any(|transfer| {
            transfer.from == *payer
                && transfer.to != self.evidence.from
                && self.own.contains(&transfer.to)
        })
    }

    pub(crate) fn frame(&self, index: u32) -> Option<&'a Frame> {
        self.evidence.frames.get(index as usize)
    }

    pub(crate) fn meaning(&self, frame: &Frame) -> Option<Meaning> {
        self.vocabulary.meaning(frame.selector()?)
    }

    pub(crate) fn did(&self, meaning: Meaning) -> bool {
        self.acts.iter().any(|act| act.meaning == Some(meaning))
    }

    /// Acts beyond moving, wrapping and trading tokens, by frame.
    pub(crate) fn acts_beyond_trade(&self) -> impl Iterator<Item = &Act> {
        self.acts.iter().filter(|act| beyond_trade(act.meaning) && act.selector.is_some())
    }

    /// Flows of everybody else, holder by holder.
    pub(crate) fn others(&self) -> impl Iterator<Item = (Address, &'a [Flow])> {
        let flows: &'a [Flow] = &self.evidence.flows;
        flows
            .chunk_by(|a, b| a.holder == b.holder)
            .filter_map(|chunk| chunk.first().map(|first| (first.holder, chunk)))
            .filter(|(holder, _)| !self.own.contains(holder) && !self.receivers.contains(holder))
    }

    /// The sender and his contracts, the sender first.
    pub(crate) fn own_sorted(&self) -> Vec<Address> {
        let mut rest: Vec<Address> =
            self.own.iter().copied().filter(|a| *a != self.evidence.from).collect();
        rest.sort_unstable();
        let mut all = vec![self.evidence.from];
        all.append(&mut rest);
        all
    }

    fn find_own(&mut self) {
        self.own.insert(self.evidence.from);
        match self.entry {
            Entry::Direct => {}
            Entry::Lent(borrower) => {
                self.own.insert(borrower);
            }
            Entry::Wallet | Entry::Private | Entry::Creation => self.own.extend(self.evidence.to),
        }
        self.find_helpers();
        for created in &self.evidence.created {
            if self.own.contains(&created.creator) && self.private() {
                self.own.insert(created.address);
                self.created.insert(created.address);
            }
        }
    }

    /// Contracts that one's own contract passes its own call on to, by the same function of no standard, are one's own.
    fn find_helpers(&mut self) {
        if self.entry != Entry::Private {
            return;
        }
        let root = self.evidence.frames.first().and_then(Frame::selector);
        for frame in &self.evidence.frames {
            if frame.kind == CallKind::Call
                && frame.selector() == root
                && self.own.contains(&frame.from)
            {
                self.own.insert(frame.to);
            }
        }
        if let Some(worker) = self.worker() {
            self.own.insert(worker);
        }
    }

    /// The one contract that one's own contract puts to work, by a function of no standard: it is given nothing, calls
    /// others, and hands over all that they pay it. What a contract that does nothing itself hands its work to is a part
    /// of it.
    fn worker(&self) -> Option<Address> {
        let mut worker = None;
        for frame in &self.evidence.frames {
            let calls = frame.kind == CallKind::Call && frame.effective;
            if !calls || !self.own.contains(&frame.from) || self.own.contains(&frame.to) {
                continue;
            }
            let Some(selector) = frame.selector() else { continue };
            match self.vocabulary.meaning(selector) {
                Some(Meaning::Token | Meaning::Wrap | Meaning::View) => {}
                None if worker.is_none_or(|one| one == frame.to) => worker = Some(frame.to),
                _ => return None,
            }
        }
        let worker = worker?;
        let keeps = self.evidence.flows.iter().any(|flow| flow.holder == worker);
        let transfers = || self.evidence.transfers.iter();
        let given = transfers().any(|t| t.to == worker && self.own.contains(&t.from));
        let hands_over = transfers().any(|t| t.from == worker && self.own.contains(&t.to));
        let works = self.evidence.frames.iter().any(|frame| {
            frame.kind == CallKind::Call
                && frame.from == worker
                && frame.selector().is_some_and(|selector| {
                    self.vocabulary.meaning(selector) != Some(Meaning::Token)
                })
        });
        (works && hands_over && !given && !keeps).then_some(worker)
    }

    fn find_calls(&mut self) {
        for (index, frame) in self.evidence.frames.iter().enumerate() {
            if !frame.effective {
                continue;
            }
            let selector = frame.selector();
            self.active.insert(frame.from);
            if selector.is_some() {
                self.active.insert(frame.to);
                self.active.insert(frame.context);
            }
            if !matches!(frame.kind, CallKind::Call | CallKind::StaticCall)
                || precompiled(&frame.to)
            {
                continue;
            }
            let (from_own, to_own) = (self.own.contains(&frame.from), self.own.contains(&frame.to));
            let reads = frame.kind == CallKind::StaticCall;
            let meaning = selector.and_then(|selector| self.vocabulary.meaning(selector));
            let frame_index = index as u32;
            if from_own && !to_own && !reads {
                let meaning = self.meant(index, frame, meaning);
                let (actor, callee) = (frame.from, frame.to);
                self.acts.push(Act { frame: frame_index, actor, callee, selector, meaning });
            } else if to_own && !from_own {
                let outer = frame.parent.and_then(|parent| self.frame(parent));
                let during = outer.and_then(|outer| self.meaning(outer));
                let (caller, answering) = (frame.from, frame.to);
                let frame = frame_index;
                let posed = Posed { frame, caller, answering, selector, meaning, during, reads };
                self.posed.push(posed);
            }
        }
    }

    /// What looks like unwrapping a coin is a withdrawal where the callee then moves a token of somebody else's.
    fn meant(&self, index: usize, frame: &Frame, meaning: Option<Meaning>) -> Option<Meaning> {
        if meaning != Some(Meaning::Wrap) || frame.input.len() == 4 {
            return meaning;
        }
        let inside = self.evidence.frames.iter().skip(index + 1);
        let mut inside = inside.take_while(|one| one.parent >= Some(index as u32));
        let moves = inside.any(|one| {
            one.from == frame.to
                && one.to != frame.to
                && one.kind == CallKind::Call
                && self.meaning(one) == Some(Meaning::Token)
        });
        if moves { Some(Meaning::TakeOut) } else { meaning }
    }

    fn find_receivers(&mut self) {
        if !self.private() {
            return;
        }
        let mut spends: HashSet<Address> = HashSet::default();
        for transfer in &self.evidence.transfers {
            spends.insert(transfer.from);
        }
        for frame in &self.evidence.frames {
            let left = frame.kind == CallKind::SelfDestruct && self.own.contains(&frame.from);
            if left && !self.own.contains(&frame.to) && self.silent(&frame.to) {
                self.receivers.insert(frame.to);
            }
        }
        for transfer in &self.evidence.transfers {
            let to = transfer.to;
            let taken_there = self.own.contains(&transfer.from) && !self.own.contains(&to);
            if taken_there && !to.is_zero() && self.silent(&to) && !spends.contains(&to) {
                self.receivers.insert(to);
            }
        }
    }

    fn find_profit(&mut self) {
        let mut sums: HashMap<Asset, I256> = HashMap::default();
        for flow in &self.evidence.flows {
            if self.own.contains(&flow.holder) || self.receivers.contains(&flow.holder) {
                let asset = self.prices.plain(self.evidence.chain, flow.asset);
                let sum = sums.entry(asset).or_default();
                *sum = sum.saturating_add(flow.delta);
            }
        }
        self.net = sums.into_iter().filter(|(_, delta)| !delta.is_zero()).collect();
        self.net.sort_unstable_by_key(|(asset, _)| *asset);
        for (asset, delta) in &self.net {
            let value = self.prices.value(self.evidence.chain, *asset, delta.unsigned_abs());
            if delta.is_negative() {
                self.profit.gave |= value.is_none_or(|value| value > DUST);
                self.profit.usd = self.profit.usd - value.unwrap_or_default();
            } else {
                self.profit.gained = true;
                self.profit.usd += value.unwrap_or_default();
            }
        }
    }

    /// What the sender's side gained of an asset; zero if nothing.
    pub(crate) fn gain_of(&self, asset: Asset) -> U256 {
        let asset = self.prices.plain(self.evidence.chain, asset);
        let found = self.net.iter().find(|(one, delta)| *one == asset && delta.is_positive());
        found.map(|(_, delta)| delta.unsigned_abs()).unwrap_or_default()
    }
}

/// Whether a function does more than move, wrap, ask and trade.
fn beyond_trade(meaning: Option<Meaning>) -> bool {
    !matches!(
        meaning,
        Some(
            Meaning::Token
                | Meaning::Wrap
                | Meaning::View
                | Meaning::Swap
                | Meaning::Route
                | Meaning::Wallet
                | Meaning::Flash
                | Meaning::FlashCallback
                | Meaning::Callback
                | Meaning::Liquidate
        )
    )
}

/// The contracts of the client itself, at the lowest addresses.
fn precompiled(address: &Address) -> bool {
    address.0.iter().take(18).all(|byte| *byte == 0)
}

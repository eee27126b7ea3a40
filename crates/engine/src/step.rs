//! The loop: one event in, what it means and what is to be done out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use alloy_primitives::{Address, B256};
use portcullis_case::Case;
use portcullis_detect::{ConfigError, Findings};
use portcullis_types::{
    action::{AttackSample, Outcome},
    case_event::CaseEvent,
    chain::{BlockHead, BlockId, ChainEvent},
    evidence::Evidence,
    ids::{CaseId, ChainId, EffectId, Millis, Seq},
    invariant::{Broken, Invariant, check},
    probe::Reading,
};

use crate::{
    brakes::Brakes,
    chain_state::ChainState,
    event::{Config, Effect, Entry, Event, StepOutput},
    guard::Guard,
    links::{Links, Shown},
    outside::Outside,
    runs::Runs,
    sight::guards,
};

/// The engine. Two of them on the same journal agree.
#[derive(Default)]
pub struct Engine {
    pub(crate) config: Option<Config>,
    pub(crate) chains: BTreeMap<ChainId, ChainState>,
    pub(crate) guards: Vec<Guard>,
    pub(crate) cases: BTreeMap<CaseId, Case>,
    pub(crate) outstanding: BTreeMap<EffectId, Effect>,
    pub(crate) samples: BTreeMap<B256, AttackSample>,
    pub(crate) sample_order: VecDeque<B256>,
    pub(crate) findings_dropped: u64,
    pub(crate) brakes: Brakes,
    pub(crate) runs: Runs,
    pub(crate) links: Links,
    /// Alerts of other programs that fire, by their identity there.
    pub(crate) outside: BTreeMap<String, Outside>,
}

/// One step under way: its place, its time and what it has produced so far.
pub(crate) struct Step {
    pub(crate) seq: Seq,
    pub(crate) at: Millis,
    pub(crate) out: StepOutput,
    /// What the transactions of this step show of their authors.
    pub(crate) shown: Shown,
}

impl Engine {
    /// An engine that knows nothing yet. The first event must be [`Event::Started`].
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one entry in.
    ///
    /// # Errors
    /// A configuration that cannot be used: the entry must not have been journaled; check it with [`Engine::accepts`]
    /// before.
    pub fn step(&mut self, entry: &Entry) -> Result<StepOutput, ConfigError> {
        let (out, shown) = (StepOutput::default(), Shown::default());
        let mut step = Step { seq: entry.seq, at: entry.at, out, shown };
        match &entry.event {
            Event::Started { config, .. } => self.start(&mut step, config)?,
            Event::Chain(event) => self.chain_moved(&mut step, event),
            Event::Inspected { effect, chain, block, evidence, .. } => {
                if self.outstanding.remove(effect).is_some() {
                    self.inspected(&mut step, *chain, *block, evidence);
                }
            }
            Event::Read { effect, chain, block, readings } => {
                if self.outstanding.remove(effect).is_some() {
                    self.read(&mut step, *chain, *block, readings);
                }
            }
            Event::Acted { action, outcome } => self.acted(&mut step, *action, outcome),
            Event::Pending { evidence } => self.foresee(&mut step, evidence),
            Event::Tick => {}
            Event::Approval { approval } => self.signed(&mut step, approval),
            Event::SelfTested { protocol, checks } => self.self_tested(&mut step, protocol, checks),
            Event::Heartbeat(news) => self.heard(&mut step, news),
            Event::StrangeHold(news) => self.saw_hold(&mut step, news),
            Event::Command { case, command } => self.commanded(&mut step, *case, command),
            Event::PlaybookStarted { case, by, playbook, roster } => {
                self.playbook_started(&step, *case, by, (playbook, roster));
            }
            Event::Playbook { case, run, event, signature } => {
                self.playbook_moved(&mut step, (*case, *run), event, signature.as_ref());
            }
        }
        self.lapse(&mut step);
        self.release_expired(&mut step);
        Ok(step.out)
    }

    /// Whether a configuration can be used.
    ///
    /// # Errors
    /// Names the field and the remedy.
    pub fn accepts(config: &Config) -> Result<(), ConfigError> {
        guards(config).map(drop)
    }

    fn start(&mut self, step: &mut Step, config: &Config) -> Result<(), ConfigError> {
        let mut before = std::mem::replace(&mut self.guards, guards(config)?);
        for guard in &mut self.guards {
            let name = &guard.config.protocol.name;
            if let Some(old) = before.iter_mut().find(|old| old.config.protocol.name == *name) {
                let (mine, theirs) = (&guard.config.policy, &old.config.policy);
                let same = mine.guardians == theirs.guardians && mine.autonomy == theirs.autonomy;
                guard.incidents.inherit(std::mem::take(&mut old.incidents), same);
                guard.inherit_books(old);
            }
        }
        for chain in &config.chains {
            self.chains.entry(chain.chain).or_default();
        }
        self.brakes.keep(config);
        self.config = Some(config.clone());
        // Reads asked for by the configuration before may name probes nobody wants any more.
        self.outstanding.retain(|_, effect| !matches!(effect, Effect::Read { .. }));
        let heads: Vec<(ChainId, BlockId)> = self
            .chains
            .iter()
            .filter_map(|(chain, state)| state.head().map(|head| (*chain, head.id)))
            .collect();
        for (chain, head) in heads {
            self.ask_reads(step, chain, head);
        }
        Ok(())
    }

    fn chain_moved(&mut self, step: &mut Step, event: &ChainEvent) {
        match event {
            ChainEvent::Committed { chain, head } => self.committed(step, *chain, head),
            ChainEvent::Reorged { chain, old, new } => self.reorged(step, *chain, old, new),
            ChainEvent::Blind { chain, from, to, .. } => {
                self.chains.entry(*chain).or_default().blinded(*from, *to);
                let concerned = |guard: &&mut Guard| guard.config.protocol.chain == *chain;
                self.guards.iter_mut().filter(concerned).for_each(Guard::doubt);
            }
            // What a pending transaction does is told by `Event::Pending`; that there is one says nothing.
            ChainEvent::Pending { .. } => {}
        }
    }

    fn committed(&mut self, step: &mut Step, chain: ChainId, head: &BlockHead) {
        if !self.chains.entry(chain).or_default().commit(head) {
            return;
        }
        self.read_parent_once(step, chain, head);
        self.ask(step, Effect::Inspect { chain, block: head.id });
        self.age_findings(step, chain, head.id);
        self.expire_pending(step, chain, head.id);
        self.reassert_if_replaced(step, chain, head.id);
    }

    /// Before the first block is looked into, the state before it is read: shares and invariants need a start.
    fn read_parent_once(&mut self, step: &mut Step, chain: ChainId, head: &BlockHead) {
        let unread = |guard: &Guard| guard.config.protocol.chain == chain && !guard.has_readings();
        let asked = self
            .outstanding
            .values()
            .any(|effect| matches!(effect, Effect::Read { chain: c, .. } if *c == chain));
        if self.guards.iter().any(unread) && !asked && head.id.number > 0 {
            let parent = BlockId { number: head.id.number - 1, hash: head.parent };
            self.ask_reads(step, chain, parent);
        }
    }

    fn reorged(&mut self, step: &mut Step, chain: ChainId, old: &[BlockId], new: &[BlockHead]) {
        self.chains.entry(chain).or_default().uncommit(old);
        self.outstanding.retain(|_, effect| match effect {
            Effect::Inspect { chain: c, block } | Effect::Read { chain: c, block, .. } => {
                *c != chain || !old.contains(block)
            }
            Effect::Act { .. } => true,
        });
        for guard in self.guards.iter_mut().filter(|guard| guard.concerns(chain)) {
            guard.retract(chain, old);
        }
        self.retract_findings(step, chain, old);
        self.tell_seen(step, chain);
        self.reassert_removed(step, chain, old);
        for head in new {
            self.committed(step, chain, head);
        }
    }

    fn inspected(
        &mut self,
        step: &mut Step,
        chain: ChainId,
        block: BlockId,
        evidence: &[Evidence],
    ) {
        self.chains.entry(chain).or_default().inspected(block);
        self.remember_samples(evidence);
        self.show(step, evidence);
        for index in 0..self.guards.len() {
            let mut findings = Findings::default();
            if let Some(guard) = self.guards.get_mut(index) {
                guard.inspect(evidence, &mut findings);
            }
            self.raise_from(step, index, (chain, block), findings);
        }
        self.tell_seen(step, chain);
        self.ask_reads(step, chain, block);
    }

    fn read(&mut self, step: &mut Step, chain: ChainId, block: BlockId, readings: &[Reading]) {
        for index in 0..self.guards.len() {
            let mut findings = Findings::default();
            if let Some(guard) = self.guards.get_mut(index)
                && guard.config.protocol.chain == chain
            {
                guard.read(block, readings, &mut findings);
            }
            self.raise(step, index, block, findings);
            self.check_holds(step, index, block);
        }
    }

    /// Asks for everything that may have changed, as of the end of `block`, or of a later one that was inspected before
    /// it: an older state must not be taken for the newest.
    fn ask_reads(&mut self, step: &mut Step, chain: ChainId, block: BlockId) {
        let newest = self.chains.get(&chain).and_then(ChainState::newest_inspected);
        let block = newest.filter(|newest| newest.number > block.number).unwrap_or(block);
        // What changed in a block that nobody has looked into yet is not known: two sides of an invariant that were read
        // before and after it would not belong together.
        let unseen =
            self.chains.get(&chain).is_some_and(|state| state.is_waiting_before(block.number));
        let mut probes = BTreeSet::new();
        for guard in self.guards.iter_mut().filter(|guard| guard.config.protocol.chain == chain) {
            if unseen {
                guard.doubt();
            }
            probes.extend(guard.stale().cloned());
        }
        // One reading under way answers for older ones: only the newest state counts.
        self.outstanding
            .retain(|_, effect| !matches!(effect, Effect::Read { chain: c, block: b, .. } if *c == chain && b.number < block.number && *b != block));
        if !probes.is_empty() {
            let probes = probes.into_iter().collect();
            self.ask(step, Effect::Read { chain, block, probes });
        }
    }

    pub(crate) fn ask(&mut self, step: &mut Step, effect: Effect) -> EffectId {
        let id = step.next_effect();
        self.outstanding.insert(id, effect.clone());
        step.out.effects.push((id, effect));
        id
    }

    /// Writes on a case's timeline.
    pub(crate) fn write(&mut self, step: &mut Step, event: CaseEvent) {
        let id = event.case();
        if let CaseEvent::Opened { protocol, .. } = &event {
            self.cases.entry(id).or_insert_with(|| Case::open(id, protocol.clone(), step.at));
        }
        if let Some(case) = self.cases.get_mut(&id) {
            case.apply(step.seq, step.at, &event);
        }
        self.link(step, &event);
        self.runs.touch(id);
        step.out.case_events.push(event);
    }

    fn acted(&mut self, step: &mut Step, action: EffectId, outcome: &Outcome) {
        // An outcome of an action that has ended, or was never asked for, says nothing new (ACT-3).
        let Some(Effect::Act { action: asked, so_far }) = self.outstanding.get_mut(&action) else {
            return;
        };
        so_far.push(outcome.clone());
        let case = asked.case;
        self.write(step, CaseEvent::ActionMoved { case, action, outcome: outcome.clone() });
        if outcome.is_final() {
            self.outstanding.remove(&action);
            self.action_ended(step, case, action, outcome);
        }
    }

    /// The promises that the engine can check of itself: DET-1 for every chain, ACT-1 for every lever.
    ///
    /// # Errors
    /// The first that is broken; the process must stop.
    pub fn check(&self) -> Result<(), Broken> {
        self.chains.values().try_for_each(ChainState::check)?;
        let mut moving = BTreeSet::new();
        for effect in self.outstanding.values() {
            if let Effect::Act { action, .. } = effect {
                let first = moving.insert((&action.protocol, &action.lever.name));
                let detail = || format!("two actions of {} are under way", action.lever.name);
                check(Invariant::Act1, first, detail)?;
            }
        }
        Ok(())
    }

    /// Effects without an answer: all that a restart has to do again.
    pub fn outstanding(&self) -> impl Iterator<Item = (EffectId, &Effect)> {
        self.outstanding.iter().map(|(id, effect)| (*id, effect))
    }

    /// Whether an effect is still wanted.
    pub fn wants(&self, effect: EffectId) -> bool {
        self.outstanding.contains_key(&effect)
    }

    /// Whether the state of everything protected was asked for and answered: from then on nothing escapes.
    pub fn is_informed(&self) -> bool {
        self.guards.iter().all(Guard::has_readings)
    }

    /// The cases, oldest first.
    pub fn cases(&self) -> impl DoubleEndedIterator<Item = &Case> {
        self.cases.values()
    }

    /// What is known of a chain.
    pub fn chain(&self, chain: ChainId) -> Option<&ChainState> {
        self.chains.get(&chain)
    }

    /// The configuration in force.
    pub fn config(&self) -> Option<&Config> {
        self.config.as_ref()
    }

    /// Whether a transaction concerns anything protected, and so belongs into the journal.
    pub fn is_relevant(&self, evidence: &Evidence) -> bool {
        self.guards.iter().any(|guard| guard.is_relevant(evidence))
    }

    /// Contracts whose re-entries must be looked at closely.
    pub fn is_protected(&self, address: Address) -> bool {
        self.guards.iter().any(|guard| guard.config.protocol.contract(address).is_some())
    }

    /// Findings that a limit dropped, over all blocks.
    pub fn findings_dropped(&self) -> u64 {
        self.findings_dropped
    }

    /// What could not be read of a protocol's state at the last try: `(protocol, probe, why)`.
    pub fn unread(&self) -> Vec<(String, String, String)> {
        let mut all = Vec::new();
        for guard in &self.guards {
            for (probe, why) in guard.unread() {
                let probe = serde_json::to_string(probe).unwrap_or_default();
                all.push((guard.config.protocol.name.clone(), probe, why.to_owned()));
            }
        }
        all
    }
}

impl Step {
    pub(crate) fn next_effect(&self) -> EffectId {
        let index = u32::try_from(self.out.effects.len()).unwrap_or(u32::MAX);
        EffectId { seq: self.seq, index }
    }
}

//! What the tests share: running the program, and a world with a watcher beside it.

mod ask;
mod story;
mod watcher;

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use alloy_primitives::{U256, hex};
use portcullis_observe::Node;
use portcullis_range::{
    BlockPlayed, Chain, ChainOptions, PlayOptions, PlayReport, Scenario, World, project_root,
    transactions_of,
};
use portcullis_types::{chain::BlockHead, probe::Probe};

pub(crate) use ask::ask;
pub(crate) use story::Story;
pub(crate) use watcher::Watcher;

/// The id of every local chain.
const CHAIN: u64 = 31_337;

/// `paused()`.
const PAUSED: [u8; 4] = hex!("5c975abb");

/// The program.
pub(crate) fn portcullis() -> Command {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
}

/// Runs the program to its end.
pub(crate) fn run(args: &[&str]) -> Output {
    portcullis().args(args).stdin(Stdio::null()).output().expect("the program starts")
}

/// Standard output and standard error as text, and the exit code.
pub(crate) fn texts(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

/// Whether tests on a chain are switched off.
pub(crate) fn without_chain() -> bool {
    let off = std::env::var_os("PORTCULLIS_SKIP_CHAIN").is_some();
    if off {
        eprintln!("skipped: PORTCULLIS_SKIP_CHAIN is set");
    }
    off
}

/// The project's folder.
pub(crate) fn root() -> PathBuf {
    project_root().expect("tests run inside the project")
}

/// Recorded chain data beside the project, if it is there.
pub(crate) fn shared(part: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("PORTCULLIS_SHARED")
        .map_or_else(|| root().join("../shared"), PathBuf::from)
        .join("data")
        .join(part);
    if !folder.exists() {
        eprintln!("skipped: no recorded chain data ({part}); set PORTCULLIS_SHARED to its folder");
        return None;
    }
    Some(folder)
}

/// A world, and a `portcullis run` that watches it.
pub(crate) struct Rig {
    pub(crate) chain: Chain,
    pub(crate) world: World,
    pub(crate) scenario: Scenario,
    pub(crate) watcher: Watcher,
}

impl Rig {
    /// Builds the world of a scenario.
    pub(crate) async fn new(scenario: &str) -> Self {
        Self::of(Scenario::load(&root().join("scenarios").join(scenario)).expect("a scenario"))
            .await
    }

    /// The same, with the attack in another block.
    pub(crate) async fn with_attack_at(scenario: &str, block: u64) -> Self {
        let from = root().join("scenarios").join(scenario);
        let original = Scenario::load(&from).expect("a scenario");
        let start = original.attack_start_block().expect("an attack");
        let blocks = original.blocks();
        let folder = tempfile::tempdir().expect("a folder");
        let to = folder.path().join(scenario);
        std::fs::create_dir(&to).expect("made");
        std::fs::copy(from.join("portcullis.yaml"), to.join("portcullis.yaml")).expect("copied");
        let world = std::fs::read_to_string(from.join("world.yaml")).expect("a world");
        let world = world
            .replace(&format!("startBlock: {start}"), &format!("startBlock: {block}"))
            .replace(&format!("\nblocks: {blocks}"), &format!("\nblocks: {}", blocks + block));
        std::fs::write(to.join("world.yaml"), world).expect("written");
        Self::of(Scenario::load(&to).expect("a scenario")).await
    }

    /// The same, on a chain whose first block is of this time, Unix seconds.
    pub(crate) async fn on_chain_of(scenario: &str, genesis_timestamp: u64) -> Self {
        let folder = root().join("scenarios").join(scenario);
        let options = ChainOptions { genesis_timestamp, ..ChainOptions::default() };
        Self::with(Scenario::load(&folder).expect("a scenario"), options).await
    }

    async fn of(scenario: Scenario) -> Self {
        Self::with(scenario, ChainOptions::default()).await
    }

    async fn with(scenario: Scenario, options: ChainOptions) -> Self {
        let chain = Chain::spawn(options).await.expect("anvil; run: make setup");
        let world =
            World::build(&chain, &scenario, scenario.default_seed()).await.expect("a world");
        let index = world.responder_index().expect("a responder");
        let key = chain.development_key(index).expect("a key").to_string();
        Self { chain, world, scenario, watcher: Watcher::new(key) }
    }

    /// Writes the configuration, with the node at `rpc`.
    pub(crate) fn configure(&self, rpc: &str) {
        self.configure_with(rpc, &[]);
    }

    /// The same, with parts of the text replaced.
    pub(crate) fn configure_with(&self, rpc: &str, replaced: &[(&str, &str)]) {
        let template = self.scenario.configuration().expect("a configuration");
        let extra = [("rpc", rpc), ("journal", "journal.sqlite")];
        let mut text = self.world.render(template, &extra).expect("names are known");
        // A second is long on loopback, and no test waits longer for a node that hangs.
        let timeout = ("    pollMs: 50\n", "    pollMs: 50\n    requestTimeoutMs: 1000\n");
        for (from, to) in std::iter::once(&timeout).chain(replaced) {
            assert!(text.contains(from), "{from} is in the configuration");
            text = text.replace(from, to);
        }
        std::fs::write(self.config(), text).expect("written");
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.watcher.config()
    }

    /// Starts watching, and waits until it does.
    pub(crate) async fn watch(&mut self) {
        self.watcher.start();
        self.watcher.ready().await;
    }

    /// How to play so many blocks.
    pub(crate) fn options(&self, attack: bool, blocks: u64, interval_ms: u64) -> PlayOptions {
        PlayOptions {
            attack,
            traffic: true,
            blocks,
            block_interval: Duration::from_millis(interval_ms),
            seed: self.scenario.default_seed(),
        }
    }

    /// Plays blocks.
    pub(crate) async fn play(&mut self, attack: bool, blocks: u64, interval_ms: u64) -> PlayReport {
        self.play_telling(attack, blocks, interval_ms, |_| {}).await
    }

    /// Plays until a lever holds: on a busy machine the pull may come after the blocks that were asked for, and nobody
    /// else makes a block for it.
    pub(crate) async fn play_until_held(&mut self, blocks: u64, interval_ms: u64) {
        self.play(true, blocks, interval_ms).await;
        for _ in 0..100 {
            self.caught_up(Duration::from_mins(1)).await;
            if self.story_so_far().held_in().is_some() {
                return;
            }
            self.play(true, 1, 200).await;
        }
        panic!("no lever holds\n{}", self.watcher.log());
    }

    /// Plays blocks, and tells of each.
    pub(crate) async fn play_telling(
        &mut self,
        attack: bool,
        blocks: u64,
        interval_ms: u64,
        tell: impl FnMut(&BlockPlayed),
    ) -> PlayReport {
        let options = self.options(attack, blocks, interval_ms);
        self.world.play(options, tell).await.expect("played")
    }

    /// What the journal says, after checking that it is in order.
    pub(crate) fn story(&self) -> Story {
        Story::read(&self.watcher.journal())
    }

    /// What the journal says so far.
    pub(crate) fn story_so_far(&self) -> Story {
        Story::fold(&self.watcher.journal())
    }

    /// The newest block.
    pub(crate) async fn head(&self) -> BlockHead {
        let node = Node::connect(&[self.chain.http_url()], CHAIN).await.expect("a node");
        node.head().await.expect("a head")
    }

    /// Waits until every block up to the newest is inspected, or fails.
    pub(crate) async fn caught_up(&self, within: Duration) {
        let head = self.head().await.id;
        let seen = |story: &Story| {
            let coverage = &story.coverage;
            // Beyond the newest block there is nothing yet to look at: where the node did not answer on a busy machine, the
            // block after it stays blind until there is one.
            let is_blind = coverage.blind.iter().any(|(from, _)| *from <= head.number);
            let whole = coverage.waiting.is_empty() && !is_blind;
            whole && story.chain().last() == Some(&head)
        };
        self.until(&format!("caught up with {head:?}"), within, seen).await;
    }

    /// Waits until the journal says so, or fails.
    pub(crate) async fn until(&self, what: &str, within: Duration, is_so: impl Fn(&Story) -> bool) {
        let deadline = Instant::now() + within;
        loop {
            let story = self.story_so_far();
            if is_so(&story) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "it is not so that {what}: {:?}\n{}",
                story.coverage,
                self.watcher.log()
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Blocks of the chain as it is now that hold a successful transaction of the responder: all it can do is pause.
    pub(crate) async fn pauses(&self) -> Vec<u64> {
        let responder = self.world.responder().expect("a responder");
        let first = self.world.set_up_end_block() + 1;
        let last = self.chain.block_number().await.expect("a head");
        let sent =
            transactions_of(self.chain.node(), responder, first, last).await.expect("readable");
        sent.iter().filter(|one| one.success).map(|one| one.block).collect()
    }

    /// What the contract `target` answers to `paused()` now.
    pub(crate) async fn is_paused(&self, target: &str) -> bool {
        let to = self.world.value(target).expect("a name").address().expect("an address");
        let node = Node::connect(&[self.chain.http_url()], CHAIN).await.expect("a node");
        let head = node.head().await.expect("a head").id;
        let probe = Probe::Call { to, data: PAUSED.into(), word: 0 };
        let readings = node.read(&[probe], &head).await;
        *readings[0].value.as_ref().expect("an answer") == U256::ONE
    }
}

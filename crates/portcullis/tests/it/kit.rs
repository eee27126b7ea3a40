//! What the tests share: running the program, and a world with a watcher beside it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use portcullis::store::{Body, Journal, replay_check};
use portcullis_engine::{Coverage, Engine, Event};
use portcullis_range::{Chain, ChainOptions, PlayOptions, PlayReport, Scenario, World, project_root};
use portcullis_types::case_event::CaseEvent;
use tempfile::TempDir;

/// The program.
pub fn portcullis() -> Command {
    Command::new(env!("CARGO_BIN_EXE_portcullis"))
}

/// Runs the program to its end.
pub fn run(args: &[&str]) -> Output {
    portcullis().args(args).stdin(Stdio::null()).output().expect("the program starts")
}

/// Standard output and standard error as text, and the exit code.
pub fn texts(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.status.code())
}

/// Whether tests on a chain are switched off.
pub fn without_chain() -> bool {
    let off = std::env::var_os("PORTCULLIS_SKIP_CHAIN").is_some();
    if off {
        eprintln!("skipped: PORTCULLIS_SKIP_CHAIN is set");
    }
    off
}

/// The project's folder.
pub fn root() -> PathBuf {
    project_root().expect("tests run inside the project")
}

/// Recorded chain data beside the project, if it is there.
pub fn shared(part: &str) -> Option<PathBuf> {
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
pub struct Rig {
    pub chain: Chain,
    pub world: World,
    pub scenario: Scenario,
    folder: TempDir,
    key: String,
    child: Option<std::process::Child>,
}

impl Rig {
    /// Builds the world of a scenario.
    pub async fn new(scenario: &str) -> Self {
        let scenario = Scenario::load(&root().join("scenarios").join(scenario)).expect("a scenario");
        let chain = Chain::spawn(ChainOptions::default()).await.expect("anvil; run: make setup");
        let world = World::build(&chain, &scenario, scenario.default_seed()).await.expect("a world");
        let index = world.responder_index().expect("a responder");
        let key = chain.development_key(index).expect("a key").to_string();
        let folder = tempfile::tempdir().expect("a folder");
        Self { chain, world, scenario, folder, key, child: None }
    }

    /// Writes the configuration, with the node at `rpc`.
    pub fn configure(&self, rpc: &str) {
        let template = self.scenario.configuration().expect("a configuration");
        let extra = [("rpc", rpc), ("journal", "journal.sqlite")];
        let text = self.world.render(template, &extra).expect("names are known");
        let text = text.replace("requestTimeoutMs", "# requestTimeoutMs").replace(
            "    pollMs: 50\n",
            "    pollMs: 50\n    requestTimeoutMs: 1000\n",
        );
        std::fs::write(self.config(), text).expect("written");
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("portcullis.yaml")
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal.sqlite")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Starts watching; returns at once.
    pub fn start(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .expect("a log");
        let ready = self.folder.path().join("ready");
        let _absent = std::fs::remove_file(&ready);
        let child = portcullis()
            .args(["run", "-v", "--stop-with-stdin", "--config"])
            .arg(self.config())
            .arg("--ready-file")
            .arg(ready)
            .env("PORTCULLIS_RESPONDER_KEY", &self.key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.child = Some(child);
    }

    /// Waits until it watches.
    pub async fn ready(&mut self) {
        let ready = self.folder.path().join("ready");
        let deadline = Instant::now() + Duration::from_secs(30);
        while !ready.exists() {
            let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("its state"));
            assert!(ended.is_none(), "it ended with {ended:?}:\n{}", self.log());
            assert!(Instant::now() < deadline, "it does not watch:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("gone");
        }
    }

    /// Asks it to end, and waits.
    pub async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = child.try_wait().expect("its state") {
                assert!(status.success(), "it ended with {status}:\n{}", self.log());
                return;
            }
            if Instant::now() > deadline {
                child.kill().expect("killed");
                panic!("it does not end:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Plays blocks.
    pub async fn play(&mut self, attack: bool, blocks: u64, interval_ms: u64) -> PlayReport {
        let options = PlayOptions {
            attack,
            traffic: true,
            blocks,
            block_interval: Duration::from_millis(interval_ms),
            seed: self.scenario.default_seed(),
        };
        self.world.play(options, |_| {}).await.expect("played")
    }

    /// What the journal says, after checking that it is in order.
    pub fn story(&self) -> Story {
        Story::read(&self.journal())
    }

    /// Waits until every block up to the head is inspected, or fails.
    pub async fn caught_up(&self, within: Duration) {
        let deadline = Instant::now() + within;
        loop {
            let head = self.chain.block_number().await.expect("a head");
            let story = Story::fold_only(&self.journal());
            let coverage = &story.coverage;
            if coverage.head == Some(head) && coverage.waiting.is_empty() && coverage.blind.is_empty() {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "not caught up with block {head}: {coverage:?}\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _dead = child.kill();
            let _gone = child.wait();
        }
    }
}

/// What happened, from a journal.
pub struct Story {
    pub coverage: Coverage,
    pub events: Vec<CaseEvent>,
    /// How often each block was inspected, by number and hash.
    pub inspected: BTreeMap<(u64, alloy_primitives::B256), u64>,
    pub engine: Engine,
}

impl Story {
    fn read(path: &Path) -> Self {
        let journal = Journal::open_to_read(path).expect("a journal");
        replay_check(&journal).expect("the journal is in order");
        Self::fold_only(path)
    }

    fn fold_only(path: &Path) -> Self {
        let journal = Journal::open_to_read(path).expect("a journal");
        let (mut engine, mut events, mut inspected) = (Engine::new(), Vec::new(), BTreeMap::new());
        journal
            .each(|record| -> anyhow::Result<()> {
                if let Ok(Body::Event(event)) = record.parse()
                    && let Event::Inspected { block, .. } = &*event
                {
                    *inspected.entry((block.number, block.hash)).or_default() += 1;
                }
                if let Some(entry) = record.entry().map_err(anyhow::Error::msg)? {
                    events.extend(engine.step(&entry)?.case_events);
                }
                Ok(())
            })
            .expect("readable");
        let chain = engine.config().expect("configured").chains[0].chain;
        let coverage = engine.chain(chain).expect("a chain").coverage();
        Self { coverage, events, inspected, engine }
    }

    /// No finding raised twice, no block of the chain left out or looked into twice.
    pub fn assert_whole(&self) {
        let mut keys = BTreeSet::new();
        for event in &self.events {
            if let CaseEvent::FindingRaised { finding, .. } = event {
                assert!(keys.insert(finding.key), "alerted twice: {}", finding.sentence);
            }
        }
        let (first, head) = (self.coverage.first.expect("a first"), self.coverage.head.expect("a head"));
        let numbers: BTreeSet<u64> = self.inspected.keys().map(|(number, _)| *number).collect();
        let missing: Vec<u64> = (first..=head).filter(|number| !numbers.contains(number)).collect();
        assert!(missing.is_empty(), "blocks unaccounted for: {missing:?}");
        assert!(self.coverage.blind.is_empty(), "blind: {:?}", self.coverage.blind);
        let twice: Vec<_> = self.inspected.iter().filter(|(_, count)| **count > 1).collect();
        assert!(twice.is_empty(), "looked into twice: {twice:?}");
    }
}

/// Pauses that the responder's account has on the chain.
pub async fn pauses_on_chain(rig: &mut Rig) -> usize {
    // A play of no block reads nothing, so one more block is played and the whole chain is scanned.
    let responder = rig.world.responder().expect("a responder");
    let first = rig.world.set_up_end_block() + 1;
    let node = rig.chain.node().clone();
    let last = node.block_number().await.expect("a head");
    portcullis_range::transactions_of(&node, responder, first, last)
        .await
        .expect("readable")
        .iter()
        .filter(|one| one.success)
        .count()
}

//! The two plays of a drill.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use portcullis_range::{Chain, ChainOptions, PlayOptions, PlayReport, World};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep},
};

use super::{Plan, measure::Measured, room::Room};

/// Longest time a started `portcullis run` may take until it watches.
const READY_WITHIN: Duration = Duration::from_mins(1);

/// Longest time it may take to end after it was told to.
const END_WITHIN: Duration = Duration::from_secs(20);

/// The record of a drill, in its folder.
pub(crate) const JOURNAL: &str = "portcullis.sqlite";
/// Time between two blocks once the play is over and the console stays open.
const OPEN_INTERVAL: Duration = Duration::from_secs(2);

/// A play that Portcullis watched.
#[derive(Debug)]
pub(crate) struct Guarded {
    pub(crate) report: PlayReport,
    pub(crate) measured: Measured,
    pub(crate) journal: PathBuf,
    /// What is still running, where a visitor looks at it.
    pub(crate) open: Option<Open>,
}

/// Chain and program of a drill whose console stays open.
#[derive(Debug)]
pub(crate) struct Open {
    watcher: Watcher,
    chain: Chain,
    link: String,
}

impl Open {
    /// How a visitor gets in.
    pub(crate) fn link(&self) -> &str {
        &self.link
    }

    /// Waits until the visitor interrupts, then ends the program.
    pub(crate) async fn until_interrupted(mut self) -> anyhow::Result<()> {
        let interrupted = tokio::signal::ctrl_c();
        tokio::pin!(interrupted);
        loop {
            tokio::select! {
                heard = &mut interrupted => {
                    heard.context("interrupts cannot be seen")?;
                    return self.watcher.end().await;
                }
                // A chain that stands still would soon be reported as blindness, and what a visitor orders would never be
                // mined. At an interrupt the chain may be gone first: then there is nothing to mine.
                () = sleep(OPEN_INTERVAL) => drop(self.chain.mine(None).await),
            }
        }
    }
}

/// The attack, and nobody there.
pub(crate) async fn plain_play(plan: &Plan) -> anyhow::Result<PlayReport> {
    let chain = Chain::spawn(ChainOptions::default()).await?;
    let mut world = World::build(&chain, &plan.scenario, plan.seed).await?;
    play(plan, &mut world, true, "without Portcullis").await
}

/// The same world, watched by this very program in a process of its own.
pub(crate) async fn guarded_play(plan: &Plan, attack: bool) -> anyhow::Result<Guarded> {
    let chain = Chain::spawn(ChainOptions::default()).await?;
    let mut world = World::build(&chain, &plan.scenario, plan.seed).await?;
    start_over(&plan.out)?;
    let prepared = |listen| Room::prepare(&plan.out, (&chain, &world, &plan.scenario), listen);
    let room = plan.console.map(prepared).transpose()?;
    let template = plan.scenario.configuration().map(|own| match &room {
        Some(room) => format!("{own}{}", room.sections),
        None => own.to_owned(),
    });
    let mut watcher = Watcher::start(&plan.out, &chain, &world, template.as_deref()).await?;
    if let Some(room) = &room {
        eprint!("{}", room.invitation());
    }
    let report = play(plan, &mut world, attack, "with Portcullis").await?;
    // The last block is looked into, and what was sent is verified, before the watcher is told to end.
    sleep(Duration::from_millis(1_500)).await;
    if !plan.stays_open {
        watcher.end().await?;
    }
    let first_attack_block =
        plan.scenario.attack_start_block().map(|start| world.set_up_end_block() + start);
    let since = first_attack_block.filter(|_| attack);
    let measured = Measured::read(&watcher.journal, &report, since)?;
    let journal = watcher.journal.clone();
    let link = room.map(|room| room.link);
    let open = link.filter(|_| plan.stays_open).map(|link| Open { watcher, chain, link });
    Ok(Guarded { report, measured, journal, open })
}

async fn play(
    plan: &Plan,
    world: &mut World,
    attack: bool,
    title: &str,
) -> anyhow::Result<PlayReport> {
    let progress = progress(plan, title);
    let options = PlayOptions {
        attack,
        traffic: true,
        blocks: plan.blocks,
        block_interval: plan.interval,
        seed: plan.seed,
    };
    let report = world.play(options, |_| progress.inc(1)).await?;
    progress.finish_and_clear();
    Ok(report)
}

fn progress(plan: &Plan, title: &str) -> ProgressBar {
    if plan.quiet {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{msg:<20} [{bar:30}] block {pos}/{len}, {elapsed}");
    ProgressBar::new(plan.blocks)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(title.to_owned())
}

/// A `portcullis run` beside the play.
#[derive(Debug)]
pub(crate) struct Watcher {
    child: Child,
    pub(crate) journal: PathBuf,
    log: PathBuf,
}

impl Watcher {
    /// Writes the scenario's configuration for this chain and starts watching.
    pub(crate) async fn start(
        out: &Path,
        chain: &Chain,
        world: &World,
        template: Option<&str>,
    ) -> anyhow::Result<Self> {
        let template = template.context("the scenario has no portcullis.yaml: add one")?;
        let rpc = chain.http_url();
        let text = world.render(template, &[("rpc", &rpc), ("journal", JOURNAL)])?;
        let config = out.join("portcullis.yaml");
        std::fs::write(&config, text).with_context(|| format!("{}", config.display()))?;
        let key = match world.responder_index() {
            Some(index) => chain.development_key(index)?,
            None => bail!("the scenario's world has no account `responder`: add one"),
        };
        Self::spawn(out, &config, &key.to_string()).await
    }

    async fn spawn(out: &Path, config: &Path, key: &str) -> anyhow::Result<Self> {
        let (log, ready) = (out.join("portcullis.log"), out.join("ready"));
        let errors = std::fs::File::create(&log).with_context(|| format!("{}", log.display()))?;
        let child = Command::new(std::env::current_exe()?)
            .args(["run", "-v", "--stop-with-stdin", "--config"])
            .arg(config)
            .arg("--ready-file")
            .arg(&ready)
            .env("PORTCULLIS_RESPONDER_KEY", key)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(errors)
            .kill_on_drop(true)
            .spawn()?;
        let mut watcher = Self { child, journal: out.join(JOURNAL), log };
        watcher.wait_until(&ready).await?;
        Ok(watcher)
    }

    async fn wait_until(&mut self, ready: &Path) -> anyhow::Result<()> {
        let deadline = Instant::now() + READY_WITHIN;
        while !ready.exists() {
            if let Some(status) = self.child.try_wait()? {
                bail!("portcullis run ended with {status} before it watched:\n{}", self.tail());
            }
            if Instant::now() > deadline {
                bail!("portcullis run did not watch within {READY_WITHIN:?}:\n{}", self.tail());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Tells it to end and waits.
    pub(crate) async fn end(&mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        match tokio::time::timeout(END_WITHIN, self.child.wait()).await {
            Ok(status) if status.as_ref().is_ok_and(std::process::ExitStatus::success) => Ok(()),
            Ok(status) => bail!("portcullis run ended with {}:\n{}", status?, self.tail()),
            Err(_) => bail!("portcullis run did not end within {END_WITHIN:?}:\n{}", self.tail()),
        }
    }

    fn tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_else(|error| error.to_string());
        let lines: Vec<&str> = text.lines().rev().take(20).collect();
        lines.into_iter().rev().collect::<Vec<_>>().join("\n")
    }
}

/// Makes the folder `out`, or removes what an earlier drill left in it, and nothing else: the folder is the user's.
pub(crate) fn start_over(out: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(out).with_context(|| format!("{}", out.display()))?;
    let ours = [
        "sqlite",
        "sqlite-wal",
        "sqlite-shm",
        "sqlite.audit.jsonl",
        "sqlite.outbox",
        "lock",
        "log",
        "yaml",
    ];
    let ours = ours.iter().map(|ending| out.join(format!("portcullis.{ending}")));
    let more = ["ready", "drill.json", "roster.yaml", "people.keys", "visitor.token"];
    for path in ours.chain(more.map(|name| out.join(name))) {
        gone(&path, std::fs::remove_file(&path))?;
    }
    for folder in ["evidence", "approvals"].map(|ending| out.join(format!("{JOURNAL}.{ending}"))) {
        gone(&folder, std::fs::remove_dir_all(&folder))?;
    }
    Ok(())
}

/// What is not there need not be removed.
fn gone(path: &Path, removed: std::io::Result<()>) -> anyhow::Result<()> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{}", path.display()))
        }
        _ => Ok(()),
    }
}

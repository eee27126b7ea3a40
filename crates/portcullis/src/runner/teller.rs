//! Tells people what happened: reads behind the journal, puts notices into the outbox, and sends what waits there.
//!
//! **What.** A thread of its own reads what was journaled since the last notice and enqueues what people are told of it;
//! each channel has a task that sends. The journal is the queue between detection and telling: nothing that detects,
//! decides or acts waits for a channel, and what a crash left untold is told after the next start.
//!
//! **Assumptions.** One program writes the journal and the outbox.
//!
//! **Promises.** Every notable answer of the engine reaches the outbox at least once, in order. Trouble with the outbox is
//! said on standard error and never stops the watch.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    time::Duration,
};

use anyhow::Context as _;
use portcullis_engine::Event;
use portcullis_notify::{
    Dispatcher, Kind, Notice, NoticeKey, NotifyFile, Outbox, Plan, Severity, blind_notice,
    brake_notices, notices,
};
use portcullis_types::ids::Seq;

use super::now;
use crate::store::{Body, Journal, Record};

/// Longest time between two looks at the journal.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Time between two looks at a channel's queue.
const SEND_EVERY: Duration = Duration::from_millis(250);
/// Pause after trouble with the outbox or the journal.
const TROUBLE_PAUSE: Duration = Duration::from_secs(5);
/// Most records that are read at once.
const RECORDS_MAX: u32 = 256;

/// A handle to the thread that tells. It ends when this is dropped.
pub(crate) struct Teller {
    wake: SyncSender<()>,
    outbox: Outbox,
}

impl Teller {
    /// Starts telling what is journaled from now on, and what an earlier run left untold. In a new outbox nothing of the
    /// past is told. `folder` is where relative paths of secrets are.
    ///
    /// # Errors
    /// An outbox that cannot be opened, a secret that cannot be read.
    pub(crate) fn start(
        file: &NotifyFile,
        folder: &Path,
        journal: &Journal,
    ) -> anyhow::Result<Self> {
        let outbox = Outbox::open(&file.outbox, Plan::new(file, now().0))?;
        let dispatcher = Dispatcher::new(outbox.clone(), file, folder).context("notify")?;
        let from = begin(&outbox, journal)?;
        let (wake, woken) = sync_channel(1);
        let path = journal.path().to_owned();
        let (shared, outbox) = (outbox.clone(), outbox);
        std::thread::Builder::new()
            .name("teller".to_owned())
            .spawn(move || Reading { path, outbox, at: from, journal: None }.run(&woken))?;
        send(&Arc::new(dispatcher));
        Ok(Self { wake, outbox: shared })
    }

    /// The outbox that it fills: another handle.
    pub(crate) fn outbox(&self) -> Outbox {
        self.outbox.clone()
    }

    /// Says that something was journaled.
    pub(crate) fn wake(&self) {
        // Where a wake is waiting already, one is enough.
        let _full = self.wake.try_send(());
    }
}

/// Where telling begins: behind the last step that was told, or at the end of the journal where the outbox is new. That end
/// is written down before anything else, so that a crash before the first notice leaves nothing untold.
fn begin(outbox: &Outbox, journal: &Journal) -> anyhow::Result<Seq> {
    if let Some(step) = outbox.last_step()? {
        return Ok(Seq(step));
    }
    let end = journal.last_seq();
    let mark = Notice::new(Kind::Acknowledged, Severity::P5, "begin", "telling begins", now());
    outbox.enqueue_to(now(), &mark, &NoticeKey::of_step(end, u32::MAX), &[])?;
    Ok(end)
}

/// Gives each channel a task, so that a slow one holds up no other.
fn send(dispatcher: &Arc<Dispatcher>) {
    let names: Vec<String> = dispatcher.channels().map(str::to_owned).collect();
    for name in names {
        let dispatcher = Arc::clone(dispatcher);
        tokio::spawn(async move {
            loop {
                let pause = match dispatcher.tick_channel(now(), &name).await {
                    Ok(_) => SEND_EVERY,
                    Err(error) => {
                        tracing::error!(channel = name, %error, "the outbox cannot be used");
                        TROUBLE_PAUSE
                    }
                };
                tokio::time::sleep(pause).await;
            }
        });
    }
}

/// How far the journal was read.
struct Reading {
    path: PathBuf,
    outbox: Outbox,
    at: Seq,
    journal: Option<Journal>,
}

impl Reading {
    fn run(mut self, woken: &Receiver<()>) {
        let mut was_in_trouble = false;
        loop {
            let pause = match self.tell() {
                Ok(()) => {
                    was_in_trouble = false;
                    LOOK_EVERY
                }
                Err(error) => {
                    // Once, and on standard error: nobody would be told of it otherwise.
                    if !was_in_trouble {
                        eprintln!("ALERT: people cannot be told: {error:#}");
                    }
                    (was_in_trouble, self.journal) = (true, None);
                    TROUBLE_PAUSE
                }
            };
            if woken.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
                // A last look: what was journaled on the way out. What it misses is told after the next start.
                let _left = self.tell();
                return;
            }
        }
    }

    fn tell(&mut self) -> anyhow::Result<()> {
        let journal = match self.journal.take() {
            Some(journal) => journal,
            None => Journal::open_to_read(&self.path)?,
        };
        let journal = self.journal.insert(journal);
        loop {
            let records = journal.to_tell(self.at, RECORDS_MAX)?;
            let Some(last) = records.last().map(|record| record.seq) else { return Ok(()) };
            for record in &records {
                let told = notices_of(record)?;
                if !told.is_empty() {
                    self.outbox.enqueue_all(now(), &told)?;
                }
            }
            self.at = last;
        }
    }
}

/// What people are told of a record.
fn notices_of(record: &Record) -> anyhow::Result<Vec<(NoticeKey, Notice)>> {
    let body = record.parse().map_err(anyhow::Error::msg)?;
    Ok(match body {
        Body::Output(recorded) => {
            let output = &recorded.output;
            let mut all = notices(recorded.of, record.at, &output.case_events, None);
            all.extend(brake_notices(recorded.of, record.at, &output.brakes));
            all
        }
        Body::Event(event) => match *event {
            Event::Chain(fact) => blind_notice(record.at, &fact)
                .map(|notice| (NoticeKey::named(&format!("blind/{}", record.seq)), notice))
                .into_iter()
                .collect(),
            _ => Vec::new(),
        },
    })
}

#[cfg(test)]
mod tests {
    use portcullis_types::{
        chain::{BlindCause, ChainEvent},
        ids::Millis,
    };

    use super::*;

    #[test]
    fn telling_begins_where_the_first_run_began_although_nothing_was_told() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create_or_open(&folder.path().join("j.sqlite")).unwrap();
        let past = journal.append(Millis(1), &Event::Tick).unwrap();
        let file: NotifyFile = serde_json::from_str(r#"{"channels": [], "routes": []}"#).unwrap();
        let open = || Outbox::open(&folder.path().join("o.sqlite"), Plan::new(&file, 1)).unwrap();
        assert_eq!(begin(&open(), &journal).unwrap(), past);
        journal.append(Millis(2), &Event::Tick).unwrap();
        assert_eq!(begin(&open(), &journal).unwrap(), past, "after a crash");
    }

    #[test]
    fn blocks_that_could_not_be_seen_are_told_and_others_are_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::create_or_open(&folder.path().join("j.sqlite")).unwrap();
        let cause = BlindCause::Unreachable { detail: "gone".to_owned() };
        let blind = Event::Chain(ChainEvent::Blind { chain: 1, from: 7, to: 9, cause });
        journal.append(Millis(1), &Event::Tick).unwrap();
        let seq = journal.append(Millis(2), &blind).unwrap();
        journal.append(Millis(3), &Event::Tick).unwrap();
        let found = journal.to_tell(Seq(0), 10).unwrap();
        assert_eq!(found.iter().map(|record| record.seq).collect::<Vec<_>>(), [seq]);
        let told = notices_of(&found[0]).unwrap();
        assert_eq!(told[0].1.title, "chain 1: blocks 7 to 9 could not be seen");
        assert_eq!(journal.to_tell(seq, 10).unwrap(), []);
    }
}

//! Journal and engine as one: nothing is stepped that was not written down before (CASE-1).

use portcullis_engine::{Config, Engine, Entry, Event, StepOutput};
use portcullis_types::ids::{Millis, Seq};

use crate::store::{Body, Journal, RecordedOutput, StoreError};

/// Why the engine cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The journal failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The configuration does not work.
    #[error("the configuration cannot be used: {0}")]
    Config(#[from] portcullis_detect::ConfigError),
    /// The journal holds something this version does not understand.
    #[error(
        "{0}; use the version of portcullis that wrote the journal, or move the file away to start a new one"
    )]
    Unreadable(String),
    /// The recorded decisions do not follow from the recorded events.
    #[error(
        "the answer recorded for event {of} is not the one this version gives; it was written by another version or is not genuine: \
         run `portcullis journal verify`, then move the file away to start a new one"
    )]
    Diverged {
        /// Which event.
        of: Seq,
    },
}

/// Journal and engine.
pub struct Core {
    engine: Engine,
    journal: Journal,
}

impl Core {
    /// Restores the engine from the journal and makes `config` the configuration in force.
    ///
    /// # Errors
    /// [`CoreError`]: the journal is damaged, of another version, or does not lead to the decisions in it.
    pub fn open(journal: Journal, config: &Config, at: Millis) -> Result<Self, CoreError> {
        let mut restore = Restore::default();
        journal.each(|record| {
            let body = record.parse().map_err(CoreError::Unreadable)?;
            restore.take(record.seq, record.at, &record.body, body)
        })?;
        let mut core = Self { engine: restore.engine, journal };
        if let Some((of, output, _)) = restore.due {
            // A crash fell between the event and its answer.
            core.journal.append_output(at, of, &output)?;
        }
        if core.engine.config() != Some(config) {
            let version = env!("CARGO_PKG_VERSION").to_owned();
            Engine::accepts(config)?;
            core.take(at, Event::Started { version, config: Box::new(config.clone()) })?;
        }
        Ok(core)
    }

    /// Journals an event and steps it. The effects asked for are in the answer.
    ///
    /// # Errors
    /// [`CoreError`]: nothing was stepped, or the answer could not be written; either way this process must stop.
    pub fn take(&mut self, at: Millis, event: Event) -> Result<StepOutput, CoreError> {
        self.take_numbered(at, event).map(|(_, output)| output)
    }

    /// The same, with the number of the event's record.
    ///
    /// # Errors
    /// As [`Core::take`].
    pub fn take_numbered(
        &mut self,
        at: Millis,
        event: Event,
    ) -> Result<(Seq, StepOutput), CoreError> {
        let seq = self.journal.append(at, &event)?;
        let output = self.engine.step(&Entry { seq, at, event })?;
        if output.is_notable() {
            self.journal.append_output(at, seq, &output)?;
        }
        Ok((seq, output))
    }

    /// What follows from the journal by itself ([`Engine::follow_up`]); it is not journaled yet.
    pub fn follow_up(&mut self, now: Millis) -> Option<Event> {
        self.engine.follow_up(now)
    }

    /// The engine, to look at.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The journal, to look at.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }
}

#[derive(Default)]
struct Restore {
    engine: Engine,
    due: Option<(Seq, StepOutput, String)>,
}

impl Restore {
    fn take(&mut self, seq: Seq, at: Millis, text: &str, body: Body) -> Result<(), CoreError> {
        match body {
            Body::Output(recorded) => match self.due.take() {
                Some((_, _, expected)) if expected == text => Ok(()),
                _ => Err(CoreError::Diverged { of: recorded.of }),
            },
            Body::Event(event) => {
                if let Some((of, ..)) = self.due.take() {
                    return Err(CoreError::Diverged { of });
                }
                let output = self.engine.step(&Entry { seq, at, event: *event })?;
                if output.is_notable() {
                    let recorded = RecordedOutput { of: seq, output: output.clone() };
                    let text = serde_json::to_string(&recorded).map_err(StoreError::from)?;
                    self.due = Some((seq, output, text));
                }
                Ok(())
            }
        }
    }
}

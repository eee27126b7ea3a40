//! What a record of the journal is.

use alloy_primitives::B256;
use portcullis_engine::{Entry, Event, StepOutput};
use portcullis_types::ids::{Millis, Seq};
use serde::{Deserialize, Serialize};

/// One record as it stands on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Place, from 1, without gaps.
    pub seq: Seq,
    /// When it was written.
    pub at: Millis,
    /// `event` or `output`.
    pub kind: String,
    /// JSON, the exact bytes that are hashed.
    pub body: String,
    /// Hash over this record and the one before.
    pub hash: B256,
}

/// A record's body, understood.
#[derive(Debug, Clone, PartialEq)]
pub enum Body {
    /// An input of the engine.
    Event(Box<Event>),
    /// What the engine answered to the event at `of`, where people must be able to read it later.
    Output(Box<RecordedOutput>),
}

/// An answer of the engine, as written down when it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedOutput {
    /// The event.
    pub of: Seq,
    /// The answer.
    pub output: StepOutput,
}

impl Record {
    /// Kind of an input record.
    pub const EVENT: &'static str = "event";
    /// Kind of an output record.
    pub const OUTPUT: &'static str = "output";

    /// Whether people are told of it: an answer, or a block that could not be seen. The databases ask the same.
    pub(super) fn is_told(&self) -> bool {
        self.kind == Self::OUTPUT
            || self.body.starts_with("{\"event\":\"chain\",\"fact\":\"blind\"")
    }

    /// The body, parsed.
    ///
    /// # Errors
    /// What does not fit; the record is from another version or was damaged.
    pub fn parse(&self) -> Result<Body, String> {
        let wrong = |error: serde_json::Error| {
            format!("record {} is no {} that this version knows: {error}", self.seq, self.kind)
        };
        match self.kind.as_str() {
            Self::EVENT => serde_json::from_str(&self.body).map(Body::Event).map_err(wrong),
            Self::OUTPUT => serde_json::from_str(&self.body).map(Body::Output).map_err(wrong),
            other => Err(format!("record {} is of the unknown kind `{other}`", self.seq)),
        }
    }

    /// The record as an input of the engine; none for an output.
    ///
    /// # Errors
    /// As [`Record::parse`].
    pub fn entry(&self) -> Result<Option<Entry>, String> {
        Ok(match self.parse()? {
            Body::Event(event) => Some(Entry { seq: self.seq, at: self.at, event: *event }),
            Body::Output(_) => None,
        })
    }
}

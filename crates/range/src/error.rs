//! What can go wrong in the range. Every message names the place and what to do about it.

use std::{fmt, io, path::PathBuf};

/// A line of a file, shown as `file:line`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, counted from 1; 0 where the parser gave none.
    pub line: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// Why the range could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RangeError {
    /// No folder with `scenarios/` was found.
    #[error(
        "no folder with scenarios/ at or above {}: run inside the project, or set PORTCULLIS_ROOT to it",
        start.display()
    )]
    RootNotFound {
        /// Where the search began.
        start: PathBuf,
    },
    /// The anvil binary was not found.
    #[error("anvil is not installed (looked for {looked_for}): run: make setup")]
    AnvilNotFound {
        /// The places that were tried.
        looked_for: String,
    },
    /// anvil did not start, or was not ready in time.
    #[error("anvil at {} did not start: {cause}; its last output:\n{log}", binary.display())]
    AnvilStart {
        /// The binary that was run.
        binary: PathBuf,
        /// What happened.
        cause: String,
        /// The last lines that anvil printed.
        log: String,
    },
    /// A file could not be read or written.
    #[error("cannot use {}: {source}: {remedy}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
        /// What to do.
        remedy: String,
    },
    /// A file is not the YAML that it should be.
    #[error("{place}: {message}")]
    Yaml {
        /// File and line.
        place: Place,
        /// The parser's message, with the lines of the file around the mistake.
        message: String,
    },
    /// A scenario says something that cannot be; the message says what to write instead.
    #[error("{place}: {message}")]
    Scenario {
        /// File and line.
        place: Place,
        /// What is wrong and what to write.
        message: String,
    },
    /// A contract artifact cannot be used.
    #[error("artifact {}: {message}", file.display())]
    Artifact {
        /// The artifact's file.
        file: PathBuf,
        /// What is wrong and what to do.
        message: String,
    },
    /// A step of the set-up did not succeed.
    #[error(
        "{place}: set-up step {step} ({label}) failed: {reason}; correct the step or what it depends on"
    )]
    SetUpStep {
        /// File and line.
        place: Place,
        /// The step's index, from 0.
        step: usize,
        /// What the step does.
        label: String,
        /// Why it failed, as the contract said it.
        reason: String,
    },
    /// A name in a template or an argument is not of this world.
    #[error("unknown name {{{{{name}}}}}: use one of {known}")]
    UnknownName {
        /// The name.
        name: String,
        /// The names that exist.
        known: String,
    },
    /// The node answered with an error.
    #[error("the node refused {method}: {message}")]
    Refused {
        /// The JSON-RPC method.
        method: &'static str,
        /// The node's message, with the revert data where it gave any.
        message: String,
    },
    /// The node did not answer, or not with what was asked for.
    #[error("no usable answer to {method}: {message}; the chain may have ended: start a new one")]
    Node {
        /// The JSON-RPC method.
        method: &'static str,
        /// What happened.
        message: String,
    },
    /// A number does not fit.
    #[error("{what} is too large to count: {remedy}")]
    Overflow {
        /// The quantity.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// A proxy could not be started.
    #[error(
        "cannot listen on loopback: {source}: close programs that hold many ports and try again"
    )]
    Listen {
        /// What the system said.
        source: io::Error,
    },
    /// An account was asked for that the chain was not started with.
    #[error(
        "no development account {index}: this chain has {count}; use a smaller index or start it with more accounts"
    )]
    NoAccount {
        /// The index that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
}

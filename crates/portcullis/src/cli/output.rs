//! What commands print.

use std::io::{IsTerminal, Write};

use portcullis_types::money::Usd;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use tracing_subscriber::EnvFilter;

/// Dollars as a JSON number, exact: the digits are written as they are, not by way of a float.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsdNumber(pub Usd);

impl Serialize for UsdNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw = RawValue::from_string(self.0.plain()).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

/// Logs go to standard error, coloured on a terminal only.
pub(crate) fn start_logging(verbose: u8) {
    let default = match verbose {
        0 => "portcullis=warn,error",
        1 => "portcullis=info,portcullis_observe=info,portcullis_act=info,warn",
        _ => "portcullis=debug,portcullis_observe=debug,portcullis_act=debug,info",
    };
    let filter = EnvFilter::try_from_env("PORTCULLIS_LOG").unwrap_or_else(|_| default.into());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
}

/// Prints one JSON object on standard output.
pub(crate) fn print_json(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Colours for a terminal, nothing for a pipe.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    pub(crate) fn stdout() -> Self {
        Self { on: std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none() }
    }

    fn wrap(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.wrap("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.wrap("2", text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.wrap("32", text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.wrap("31", text)
    }
}

/// Wall-clock time of day in UTC with milliseconds: `14:03:07.125`.
pub(crate) fn time_of_day(at: portcullis_types::ids::Millis) -> String {
    let (ms, seconds) = (at.0 % 1000, at.0 / 1000);
    let (s, m, h) = (seconds % 60, seconds / 60 % 60, seconds / 3600 % 24);
    format!("{h:02}:{m:02}:{s:02}.{ms:03}")
}

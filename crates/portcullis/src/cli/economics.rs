//! `portcullis economics`: whether attacking a protocol pays, what its limits leave to an attacker, whom they hold up, and
//! which to change first. Docs: `docs/economics.md`.

mod costs;
mod history;
mod levers;
mod page;
mod report;
mod text;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::{
    Ending, load_config,
    output::{Paint, print_json},
};
use history::History;
use report::Report;

#[derive(Debug, Args)]
pub(crate) struct EconomicsArgs {
    /// The configuration.
    #[arg(long, default_value = "portcullis.yaml")]
    config: PathBuf,
    /// Recordings of honest use, in the order of the chain: from them it is known whom the limits hold up.
    #[arg(long, num_args = 1.., value_name = "PATH")]
    recording: Vec<PathBuf>,
    /// Read the recordings up to and with this block, for instance the last before an exploit.
    #[arg(long, requires = "recording")]
    until: Option<u64>,
    /// Folder for `economics.json` and `economics.html`; made if it is not there.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub(crate) fn economics(args: &EconomicsArgs, json: bool) -> anyhow::Result<Ending> {
    let config = load_config(&args.config)?;
    let protocols = &config.engine.protocols;
    let histories = if args.recording.is_empty() {
        Vec::new()
    } else {
        let described: Vec<_> = protocols.iter().map(|one| &one.protocol).collect();
        History::read(&args.recording, args.until, &described)?
    };
    let report = Report::new(protocols, &histories);
    if json {
        print_json(&report)?;
    } else {
        print!("{}", text::text(&report, Paint::stdout()));
    }
    if let Some(out) = &args.out {
        std::fs::create_dir_all(out)
            .with_context(|| format!("cannot make the folder {}", out.display()))?;
        let write = |name: &str, text: String| {
            let path = out.join(name);
            std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
        };
        write("economics.json", serde_json::to_string_pretty(&report)? + "\n")?;
        write("economics.html", page::page(&report))?;
        if !json {
            println!("{}", out.join("economics.html").display());
        }
    }
    Ok(Ending::Fine)
}

#[cfg(test)]
mod tests;

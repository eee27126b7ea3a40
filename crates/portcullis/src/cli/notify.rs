//! `portcullis notify test`: does every channel of the team take a message?

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;
use portcullis_notify::{
    Audience, Dispatcher, Kind, Notice, NoticeKey, Outbox, Plan, Recipient, Severity,
};
use portcullis_types::text::printable;
use serde::Serialize;

use super::{
    Ending, Usage, load_config,
    output::{Paint, print_json},
};
use crate::runner::now;

/// What to do with the channels.
#[derive(Debug, Subcommand)]
pub(crate) enum NotifyCommand {
    /// Send a test message over every channel of the team, once. The queue of a running program is not touched.
    Test {
        /// The configuration.
        #[arg(long, default_value = "portcullis.yaml")]
        config: PathBuf,
    },
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Tested {
    channel: String,
    delivered: bool,
    /// Why not, and nothing where it was.
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

pub(crate) async fn notify(command: &NotifyCommand, json: bool) -> anyhow::Result<Ending> {
    let NotifyCommand::Test { config: path } = command;
    let config = load_config(path)?;
    let Some(file) = &config.notify else {
        let text = format!(
            "{}: there is no section `notify`: add one as docs/notifications.md shows",
            path.display()
        );
        return Err(Usage(text).into());
    };
    let place = tempfile::tempdir().context("no place for a queue of the test's own")?;
    let outbox = Outbox::open(&place.path().join("test.sqlite"), Plan::new(file, now().0))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let dispatcher = Dispatcher::new(outbox.clone(), file, folder)
        .map_err(|problem| Usage(format!("{}: {problem}", path.display())))?;
    let team = file.channels.iter().filter(|channel| channel.audience == Audience::Team);
    let to: Vec<Recipient> =
        team.map(|channel| Recipient { channel: channel.name.clone(), to: None }).collect();
    let title = format!("{}: this is a test, nothing has happened", file.source);
    let notice = Notice::new(Kind::Acknowledged, Severity::P5, "test", &title, now());
    outbox.enqueue_to(now(), &notice, &NoticeKey::named("test"), &to)?;
    dispatcher.tick(now()).await?;
    let health = dispatcher.health()?;
    let tested: Vec<Tested> = to
        .into_iter()
        .map(|Recipient { channel, .. }| {
            let found = health.channel(&channel);
            Tested {
                delivered: found.is_some_and(|found| found.sent > 0),
                why: found.map(|found| printable(&found.why)).unwrap_or_default(),
                channel,
            }
        })
        .collect();
    let all = tested.iter().all(|one| one.delivered);
    if json {
        print_json(&tested)?;
        return Ok(if all { Ending::Fine } else { Ending::NotInOrder });
    }
    let paint = Paint::stdout();
    for Tested { channel, delivered, why } in &tested {
        if *delivered {
            println!("{} {channel}: took the message; look whether it arrived", paint.good("ok "));
        } else {
            println!("{} {channel}: {why}", paint.bad("NO "));
        }
    }
    let public = file.channels.len().saturating_sub(tested.len());
    if public > 0 {
        println!("{public} public channels were left alone: what anybody may read, people release");
    }
    Ok(if all { Ending::Fine } else { Ending::NotInOrder })
}

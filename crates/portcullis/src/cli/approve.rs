//! `portcullis approve`: what guardians are asked for, the text to sign, and the way of a signature to the running program.
//!
//! No key is here. A guardian signs with a wallet, anywhere; `--typed-data` prints what to sign.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use alloy_primitives::{Address, Bytes};
use anyhow::Context as _;
use clap::Args;
use portcullis_decide::approval::typed_data;
use portcullis_engine::{Asked, Engine};
use portcullis_types::{
    approval::{Approval, ApprovalKind, ApprovalRequest},
    ids::CaseId,
    text::printable,
};
use serde::Serialize;

use super::{Ending, JournalArgs, Usage, case::fold, output::print_json};
use crate::{
    runner::{hand_over, now},
    store::Journal,
};

/// Largest signature file that is read, bytes.
const SIGNATURE_FILE_BYTES_MAX: u64 = 4_096;
/// Longest wait for the running program to take a signature.
const WAIT: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    #[command(flatten)]
    place: JournalArgs,
    /// Case, for instance PC-000042. Without it: list what is asked for.
    #[arg(long, requires = "lever")]
    case: Option<String>,
    /// Lever.
    #[arg(long, requires = "case")]
    lever: Option<String>,
    /// What for, where a lever is asked for more than once.
    #[arg(long, value_enum)]
    action: Option<ActionArg>,
    /// Print the typed data to sign (EIP-712, for `eth_signTypedData_v4`).
    #[arg(long, conflicts_with = "signature", requires = "case")]
    typed_data: bool,
    /// File with the signature: 65 bytes in hexadecimal. Checked, then handed to the running program.
    #[arg(long, requires = "case")]
    signature: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum ActionArg {
    Pull,
    Ratify,
    Resume,
}

impl From<ActionArg> for ApprovalKind {
    fn from(action: ActionArg) -> Self {
        match action {
            ActionArg::Pull => Self::Pull,
            ActionArg::Ratify => Self::Ratify,
            ActionArg::Resume => Self::Resume,
        }
    }
}

/// One request, for `--json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AskedShown<'a> {
    #[serde(flatten)]
    request: &'a ApprovalRequest,
    signed: Vec<Address>,
}

#[derive(Debug, Serialize)]
struct HandedOver {
    guardian: Address,
    /// Whether the running program has looked at it.
    taken: bool,
}

pub(crate) async fn approve(args: &ApproveArgs, json: bool) -> anyhow::Result<Ending> {
    let journal = args.place.path()?;
    let engine = fold(&Journal::open_to_read(&journal)?)?;
    let (Some(case), Some(lever)) = (&args.case, &args.lever) else {
        return list(&engine, json);
    };
    let asked = find(&engine, case, lever, args.action.map(Into::into))?;
    let Some(file) = &args.signature else {
        // The typed data is JSON either way.
        if !args.typed_data && !json {
            eprintln!("sign this, then: portcullis approve … --signature FILE");
        }
        print_json(&typed_data(&asked.request))?;
        return Ok(Ending::Fine);
    };
    let request = &asked.request;
    let approval = Approval {
        kind: request.kind,
        case: request.case,
        lever: request.lever.clone(),
        decision: request.decision,
        signature: read_signature(file)?,
    };
    let guardian = match engine.judge(&approval, now()) {
        Ok((guardian, _)) => guardian,
        Err(why) => return Err(Usage(format!("{}: {why}", file.display())).into()),
    };
    let waiting = hand_over(&journal, &approval)
        .with_context(|| format!("the folder beside {} cannot be written", journal.display()))?;
    let taken = wait_until_gone(&waiting).await;
    if json {
        print_json(&HandedOver { guardian, taken })?;
    } else if taken {
        println!("taken: signed by {guardian}; `portcullis case show` says what came of it");
    } else {
        println!("signed by {guardian} and handed over; nothing runs that takes it, start `run`");
    }
    Ok(if taken { Ending::Fine } else { Ending::NotInOrder })
}

fn list(engine: &Engine, json: bool) -> anyhow::Result<Ending> {
    let asked: Vec<&Asked> = engine.approvals_asked().collect();
    if json {
        let shown = |one: &&Asked| -> serde_json::Result<serde_json::Value> {
            let signed = one.signed.iter().copied().collect();
            serde_json::to_value(AskedShown { request: &one.request, signed })
        };
        let all = asked.iter().map(shown).collect::<Result<Vec<_>, _>>()?;
        print_json(&serde_json::json!({ "asked": all }))?;
        return Ok(Ending::Fine);
    }
    if asked.is_empty() {
        println!("guardians are asked for nothing");
    }
    for one in asked {
        let request = &one.request;
        println!(
            "{}  {}  {}  {} ({})  {} of {} signed, {} s left",
            request.case,
            request.protocol,
            request.kind.name(),
            request.lever,
            request.rung.name(),
            one.signed.len(),
            request.signatures,
            request.deadline.since(now()) / 1_000
        );
    }
    Ok(Ending::Fine)
}

fn find<'a>(
    engine: &'a Engine,
    case: &str,
    lever: &str,
    kind: Option<ApprovalKind>,
) -> anyhow::Result<&'a Asked> {
    let id = CaseId::try_from(case.to_owned()).map_err(Usage)?;
    let is_it = |asked: &&Asked| {
        let request = &asked.request;
        request.case == id && request.lever == lever && kind.is_none_or(|kind| request.kind == kind)
    };
    let mut found = engine.approvals_asked().filter(is_it);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => Err(Usage(
            "more than one thing is asked for this lever: say which with --action".to_owned(),
        )
        .into()),
        (None, _) => Err(Usage(format!(
            "nobody is asked for {} in {id}: `portcullis approve` lists what is asked for",
            printable(lever)
        ))
        .into()),
    }
}

fn read_signature(path: &Path) -> anyhow::Result<Bytes> {
    let wrong = |why: String| Usage(format!("{}: {why}", path.display()));
    let size = std::fs::metadata(path).map_err(|error| wrong(error.to_string()))?.len();
    if size > SIGNATURE_FILE_BYTES_MAX {
        return Err(wrong(format!("is {size} bytes long: a signature has 65")).into());
    }
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    let text = text.trim().trim_matches('"');
    text.parse().map_err(|_| wrong("is no hexadecimal text: write 0x and 130 digits".into()).into())
}

async fn wait_until_gone(path: &Path) -> bool {
    let deadline = Instant::now() + WAIT;
    while Instant::now() < deadline {
        if !path.exists() {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

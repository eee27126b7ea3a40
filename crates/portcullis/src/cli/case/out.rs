//! What of a case leaves the program: post-mortem, exports, bundle.

use std::path::{Path, PathBuf};

use alloy_primitives::B256;
use anyhow::Context as _;
use clap::{Args, ValueEnum};
use portcullis_case::{
    Case, PlaybookRun,
    export::{cacao, ocsf, stix},
};
use portcullis_engine::Engine;
use portcullis_types::ids::{CaseId, Millis};

use super::{fold, pick};
use crate::{
    bundle,
    cli::{Ending, JournalArgs, Usage, load_config, output::print_json},
    config::war::evidence_beside,
    runner::{Order, Who, letterbox},
    store::Journal,
};

/// In which form a case is exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// The playbooks that were run, as CACAO 2.0.
    Cacao,
    /// The case, as STIX 2.1.
    Stix,
    /// Findings and case, as OCSF.
    Ocsf,
}

/// `case postmortem`.
#[derive(Debug, Args)]
pub(crate) struct PostmortemArgs {
    /// Case id. Default: the newest.
    id: Option<String>,
    /// Folder to write `ID.md`, `ID.html` and `ID.json` to.
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    place: JournalArgs,
}

/// `case export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Case id. Default: the newest.
    id: Option<String>,
    /// Form.
    #[arg(long, value_enum)]
    format: Format,
    /// Name of your organisation, as others shall read it.
    #[arg(long, default_value = "portcullis")]
    producer: String,
    /// File to write. Default: standard output.
    #[arg(long)]
    out: Option<PathBuf>,
    #[command(flatten)]
    place: JournalArgs,
}

/// `case bundle`.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// Case id. Default: the newest.
    id: Option<String>,
    /// File to write, a tar.
    #[arg(long)]
    out: PathBuf,
    /// Take the journal from its beginning: then whoever checks it computes every decision again. It tells them of all
    /// other cases too.
    #[arg(long)]
    whole: bool,
    /// Folder of evidence. Default: the one of the configuration, or `JOURNAL.evidence` where a journal is given.
    #[arg(long)]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    place: JournalArgs,
}

/// `case verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The bundle.
    file: PathBuf,
    /// Hash of its last record as you know it from elsewhere. Without it the bundle only agrees with itself.
    #[arg(long)]
    expect_head: Option<B256>,
}

/// `case say`.
#[derive(Debug, Args)]
pub(crate) struct SayArgs {
    /// Who speaks, by the name in the roster.
    #[arg(long = "as")]
    who: String,
    /// What, as JSON: `{"order":"command","case":"PC-000042","command":{"who":"","when":0,"what":{"command":"acknowledge"}}}`,
    /// `{"order":"startPlaybook","case":…,"playbook":"drain-in-progress"}`, or `{"order":"playbook",…}`.
    order: String,
    #[command(flatten)]
    place: JournalArgs,
}

pub(super) fn say(args: &SayArgs, json: bool) -> anyhow::Result<Ending> {
    let order: Order = serde_json::from_str(&args.order).map_err(|error| {
        Usage(format!("this is no order: {error}; see `portcullis case say --help`"))
    })?;
    let who = Who { name: args.who.clone() };
    match letterbox::say(&args.place.path()?, who, order)? {
        Ok(seq) if json => print_json(&serde_json::json!({ "taken": true, "seq": seq }))?,
        Ok(seq) => println!("taken: entry {seq} of the journal"),
        Err(refused) => {
            if json {
                print_json(&serde_json::json!({ "taken": false, "refused": refused }))?;
            } else {
                println!("refused: {refused}");
            }
            return Ok(Ending::NotInOrder);
        }
    }
    Ok(Ending::Fine)
}

/// When the journal was last written: nothing later is in the record.
fn as_of(journal: &Journal) -> Millis {
    journal.last_at()
}

fn runs(engine: &Engine, case: CaseId) -> Vec<&PlaybookRun> {
    engine.runs(case).map(|(_, run)| run).collect()
}

fn write(path: &Path, text: &[u8]) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("{}: cannot be written", path.display()))
}

pub(super) fn postmortem(args: &PostmortemArgs, json: bool) -> anyhow::Result<Ending> {
    let journal = Journal::open_to_read(&args.place.path()?)?;
    let engine = fold(&journal)?;
    let case = pick(&engine, args.id.as_deref())?;
    let post = bundle::postmortem(&engine, case, as_of(&journal), Some(journal.head()));
    std::fs::create_dir_all(&args.out)
        .with_context(|| format!("{}: cannot be made", args.out.display()))?;
    let file = |ending: &str| args.out.join(format!("{}.{ending}", case.id));
    write(&file("md"), post.markdown().as_bytes())?;
    write(&file("html"), post.html().as_bytes())?;
    write(&file("json"), &serde_json::to_vec_pretty(&post.json())?)?;
    let files = [file("md"), file("html"), file("json")];
    if json {
        print_json(&serde_json::json!({ "case": case.id, "files": files }))?;
        return Ok(Ending::Fine);
    }
    for file in files {
        println!("{}", file.display());
    }
    println!("five whys, lessons and owners are for people: fill them in");
    Ok(Ending::Fine)
}

pub(super) fn export(args: &ExportArgs) -> anyhow::Result<Ending> {
    let journal = Journal::open_to_read(&args.place.path()?)?;
    let engine = fold(&journal)?;
    let case: &Case = pick(&engine, args.id.as_deref())?;
    let now = as_of(&journal);
    let value = match args.format {
        Format::Stix => stix::bundle(case, &args.producer, now),
        Format::Ocsf => {
            let mut events = ocsf::findings(case);
            events.push(ocsf::incident(case, &args.producer, now));
            serde_json::Value::Array(events)
        }
        Format::Cacao => {
            let producer = cacao::Producer {
                name: args.producer.clone(),
                created: case.opened_at,
                modified: now,
            };
            let runs = runs(&engine, case.id);
            if runs.is_empty() {
                eprintln!("no playbook was run in {}", case.id);
            }
            runs.iter().map(|run| cacao::export(run.playbook(), &producer)).collect()
        }
    };
    let text = serde_json::to_vec_pretty(&value)?;
    match &args.out {
        Some(path) => write(path, &text)?,
        None => println!("{}", String::from_utf8_lossy(&text)),
    }
    Ok(Ending::Fine)
}

pub(super) fn bundle(args: &BundleArgs, json: bool) -> anyhow::Result<Ending> {
    let journal = Journal::open_to_read(&args.place.path()?)?;
    let engine = fold(&journal)?;
    let case = pick(&engine, args.id.as_deref())?.id;
    // A journal that was given by its path needs no configuration.
    let configured = match &args.place.journal {
        None => load_config(&args.place.config)?.war.map(|war| war.evidence),
        Some(path) => Some(evidence_beside(path)),
    };
    let evidence = args.evidence.clone().or(configured);
    let made = bundle::make(&journal, case, evidence.as_deref(), args.whole)?;
    write(&args.out, &made.bytes)?;
    if !made.missing.is_empty() {
        eprintln!(
            "{} file(s) that people handed in are named in the journal and NOT in the bundle: name their folder with \
             --evidence ({})",
            made.missing.len(),
            made.missing.join(", ")
        );
    }
    let manifest = &made.manifest;
    if json {
        print_json(manifest)?;
        return Ok(Ending::Fine);
    }
    println!(
        "{}: {} with records {} to {} and {} files, {} bytes\nhead: {}\ntell this head by another way than the file; \
         they check with: portcullis case verify FILE --expect-head {}",
        args.out.display(),
        manifest.case,
        manifest.first,
        manifest.last,
        manifest.files.len(),
        made.bytes.len(),
        manifest.head,
        manifest.head
    );
    Ok(Ending::Fine)
}

pub(super) fn verify(args: &VerifyArgs, json: bool) -> anyhow::Result<Ending> {
    let about = || format!("{}: cannot be read", args.file.display());
    let length = std::fs::metadata(&args.file).with_context(about)?.len();
    anyhow::ensure!(
        length <= 2 * bundle::BUNDLE_BYTES_MAX,
        "{} is {length} bytes long, more than any bundle",
        args.file.display()
    );
    let bytes = std::fs::read(&args.file).with_context(about)?;
    match bundle::verify(&bytes, args.expect_head) {
        Ok(checked) if json => {
            print_json(&serde_json::json!({ "verified": true, "bundle": checked }))?;
            Ok(Ending::Fine)
        }
        Ok(checked) => {
            let manifest = &checked.manifest;
            println!(
                "verified: {}, {} records, {} files",
                manifest.case,
                checked.records,
                manifest.files.len()
            );
            match checked.answers {
                Some(answers) => println!(
                    "{answers} answers and all reports computed again from the journal, and equal"
                ),
                None => println!(
                    "a part of the journal: decisions and reports are told, not computed again"
                ),
            }
            println!("head: {}", manifest.head);
            if args.expect_head.is_none() {
                println!(
                    "this agrees with itself; compare the head with one you know from elsewhere (--expect-head)"
                );
            }
            Ok(Ending::Fine)
        }
        Err(bad) => {
            if json {
                let (file, why) = (&bad.file, &bad.why);
                print_json(&serde_json::json!({ "verified": false, "file": file, "why": why }))?;
            } else {
                println!("NOT verified: {bad}");
            }
            Ok(Ending::NotInOrder)
        }
    }
}

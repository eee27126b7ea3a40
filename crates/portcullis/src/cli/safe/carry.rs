//! Signing and carrying out. The process that reads the chain holds no key: another is started for the one transaction,
//! before any node is asked, and judges it by itself.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use clap::Args;
use portcullis_act::{
    FeePolicy,
    fees::WEI_PER_GWEI,
    safe::{
        Check, Gathered, Kind, OwnerSignature, SignatureFile, agrees, join, refusals_of_bytes, send,
    },
    signer::{KeySource, Policy, SignerProcess, TransactionSigner as _, serve},
};
use serde_json::json;
use tokio::process::Command;

use super::{
    Case, Ending, ProposalArgs, Report, Signed, Usage, finish,
    post::{self, ServiceArgs},
    read_bounded,
};
use crate::config::{KeyFile, ResponderFile};

#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    #[command(flatten)]
    proposal: ProposalArgs,
    /// The file for the signature; must not exist.
    #[arg(long)]
    out: PathBuf,
    /// Hours after which `safe exec` refuses it. The chain does not know: whoever has enough signatures can carry them
    /// out with another program until the nonce is used up.
    #[arg(long, value_name = "HOURS")]
    expires_in: Option<u32>,
    /// Also give the signature to the service, which has to have the transaction.
    #[arg(long)]
    post: bool,
    #[command(flatten)]
    service: ServiceArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    proposal: ProposalArgs,
    /// Files with owners' signatures, as `safe sign` writes them; those in the proposal count too.
    #[arg(long, num_args = 1..)]
    signatures: Vec<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct SignerArgs {
    #[command(flatten)]
    proposal: ProposalArgs,
    /// Sign as the executor, not as an owner.
    #[arg(long)]
    executor: bool,
}

/// Which key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Owner,
    Executor,
}

/// What came of asking for a signature.
pub(super) enum Agreed {
    /// It did not pass, and nothing was signed.
    Refused(Check),
    /// It passed, and the owner signed.
    Signed(Check, OwnerSignature),
}

/// Checks the whole of it, by the bytes and on the chain, and has it signed as an owner if it passes.
pub(super) async fn agree(case: &Case, args: &ProposalArgs) -> anyhow::Result<Agreed> {
    let check = Check::of_bytes(case.question());
    if !check.refusals.is_empty() {
        return Ok(Agreed::Refused(check));
    }
    let signer = start(case, args, Role::Owner).await?;
    let mut check = Check::on_chain(case.question(), &case.nodes().await?, None).await;
    let owner = signer.address();
    if check.before.as_ref().is_some_and(|state| !state.owners.contains(&owner)) {
        check.passes = false;
        check
            .unseen
            .push(format!("{owner} is no owner of this Safe: its signature would not count"));
    }
    if !check.passes {
        return Ok(Agreed::Refused(check));
    }
    Ok(Agreed::Signed(check, signer.sign_safe(&case.subject).await?))
}

/// What stands in a file with a signature.
pub(super) fn signature_file(
    case: &Case,
    check: &Check,
    signature: &OwnerSignature,
    expires: Option<u64>,
) -> serde_json::Value {
    json!({
        "safe": case.subject.safe,
        "chainId": case.subject.chain_id,
        "safeTxHash": check.hashes.safe_tx,
        "owner": signature.owner,
        "signature": signature.bytes,
        "expires": expires,
    })
}

pub(super) async fn sign(args: &SignArgs, json: bool) -> anyhow::Result<Ending> {
    let case = Case::read(&args.proposal)?;
    if args.out.exists() {
        let out = args.out.display();
        return Err(Usage(format!("{out} is there already: name another file with --out")).into());
    }
    if args.post {
        // What can be wrong on this side is said before anybody is asked to sign.
        post::service(&case.config, &args.service)?;
    }
    let (check, signature) = match agree(&case, &args.proposal).await? {
        Agreed::Refused(check) => return refused(&case, check, json),
        Agreed::Signed(check, signature) => (check, signature),
    };
    let hours = args.expires_in.map(|hours| u64::from(hours) * 3600);
    let expires = match (hours.map(|seconds| now().saturating_add(seconds)), case.proposal.expires)
    {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
    let file = signature_file(&case, &check, &signature, expires);
    write_new(&args.out, &serde_json::to_string_pretty(&file)?)?;
    let posted =
        if args.post { Some(post::confirm(&case, &args.service, &signature).await?) } else { None };
    let signed = Some(Signed { owner: signature.owner, file: args.out.clone() });
    let signatures = case.gathered(&check, vec![signature]);
    let report = Report { ok: true, signatures, expires, signed, posted, executed: None, check };
    finish(&case, &report, json, true)
}

pub(super) fn write_new(path: &Path, text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file = std::fs::File::create_new(path)
        .with_context(|| format!("{}: cannot be written", path.display()))?;
    writeln!(file, "{text}").with_context(|| format!("{}: cannot be written", path.display()))
}

/// Says why not, whatever the command was.
pub(super) fn refused(case: &Case, check: Check, json: bool) -> anyhow::Result<Ending> {
    let signatures = case.gathered(&check, Vec::new());
    let expires = case.proposal.expires;
    let report = Report {
        ok: false,
        check,
        signatures,
        expires,
        signed: None,
        posted: None,
        executed: None,
    };
    finish(case, &report, json, true)
}

pub(super) async fn exec(args: &ExecArgs, json: bool) -> anyhow::Result<Ending> {
    let case = Case::read(&args.proposal)?;
    let check = Check::of_bytes(case.question());
    let (more, expires) = collect(&case, &check, &args.signatures)?;
    expired(expires, now())?;
    if !check.refusals.is_empty() {
        return refused(&case, check, json);
    }
    let signer = start(&case, &args.proposal, Role::Executor).await?;
    let nodes = case.nodes().await?;
    let check = Check::on_chain(case.question(), &nodes, None).await;
    if !check.passes {
        return refused(&case, check, json);
    }
    // This machine's clock may be wrong; the chain's is what matters to the owners.
    expired(expires, check.block_time.unwrap_or(0))?;
    let mut signatures = case.gathered(&check, more);
    ask_the_chain(&case, &nodes, &check, signer.address(), &mut signatures).await?;
    if signatures.missing > 0 {
        let report = Report {
            ok: false,
            check,
            signatures,
            expires,
            signed: None,
            posted: None,
            executed: None,
        };
        return finish(&case, &report, json, true);
    }
    // The Safe reads as many as the threshold and no more.
    let threshold = check.before.as_ref().map_or(0, |state| state.threshold.saturating_to());
    let joined = join(signatures.counted.iter().take(threshold).cloned().collect())?;
    let check = Check::on_chain(case.question(), &nodes, Some(&joined)).await;
    if !check.passes {
        return refused(&case, check, json);
    }
    let policy = fees(holder(&case, Role::Executor)?);
    let executed = send(&nodes, &signer, &case.subject, &joined, policy).await?;
    let ok = executed.success;
    let report = Report {
        ok,
        check,
        signatures,
        expires,
        signed: None,
        posted: None,
        executed: Some(executed),
    };
    finish(&case, &report, json, true)
}

/// Up to the executor's ceiling. Nothing burns here: it is given two blocks, or half a minute, before it pays more.
fn fees(executor: &ResponderFile) -> FeePolicy {
    FeePolicy {
        tip_wei: u128::from(executor.tip_gwei) * WEI_PER_GWEI,
        ceiling_wei: executor.fee_wei_max,
        bump_after_blocks: 2,
        bump_after: Duration::from_secs(30),
        ..FeePolicy::default()
    }
}

fn expired(expires: Option<u64>, now: u64) -> Result<(), Usage> {
    let Some(expires) = expires.filter(|expires| *expires <= now) else { return Ok(()) };
    Err(Usage(format!(
        "it expired at Unix time {expires}: it is not sent. Its signatures are still good on the chain until its nonce is used up: use the nonce up with another transaction"
    )))
}

/// The signatures of files, and the earliest expiry of all.
fn collect(
    case: &Case,
    check: &Check,
    files: &[PathBuf],
) -> Result<(Vec<OwnerSignature>, Option<u64>), Usage> {
    let mut found = Vec::new();
    let mut expires = case.proposal.expires;
    for path in files {
        let wrong = |problem: String| Usage(format!("{}: {problem}", path.display()));
        let file =
            SignatureFile::parse(&read_bounded(path)?).map_err(|bad| wrong(bad.to_string()))?;
        if let Some(claimed) = file.claimed_hash.filter(|hash| *hash != check.hashes.safe_tx) {
            return Err(wrong(format!(
                "`safeTxHash` is {claimed} and this transaction's is {}: it is for another one, leave it out",
                check.hashes.safe_tx
            )));
        }
        for (claimed, bytes) in &file.signatures {
            let signature = OwnerSignature::read(bytes, &check.hashes, *claimed);
            found.push(signature.map_err(|bad| wrong(format!("`signature` {bad}")))?);
        }
        expires = match (expires, file.expires) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
    Ok((found, expires))
}

/// Sets aside those whose agreement only the chain knows, and who did not agree.
async fn ask_the_chain(
    case: &Case,
    nodes: &portcullis_act::Nodes,
    check: &Check,
    sender: alloy_primitives::Address,
    gathered: &mut Gathered,
) -> anyhow::Result<()> {
    let mut counted = Vec::new();
    for signature in std::mem::take(&mut gathered.counted) {
        if agrees(nodes, &case.subject, &check.hashes, &signature, Some(sender)).await? {
            counted.push(signature);
            continue;
        }
        gathered.missing += 1;
        let owner = signature.owner;
        gathered.set_aside.push(match signature.kind {
            Kind::Contract => format!("{owner} is a contract and does not agree to its signature"),
            _ => format!("{owner} has not approved the hash on the chain: have approveHash sent"),
        });
    }
    gathered.counted = counted;
    // More than the threshold may have been there.
    let threshold: usize = check.before.as_ref().map_or(0, |state| state.threshold.saturating_to());
    gathered.missing = threshold.saturating_sub(gathered.counted.len());
    Ok(())
}

fn holder(case: &Case, role: Role) -> Result<&ResponderFile, Usage> {
    let (one, name) = match role {
        Role::Owner => (&case.config.signer, "signer"),
        Role::Executor => (&case.config.executor, "executor"),
    };
    one.as_ref()
        .ok_or_else(|| Usage(format!("the configuration has no `{name}`: add its address and key")))
}

/// Starts the process with the key. It reads configuration and transaction itself.
async fn start(case: &Case, args: &ProposalArgs, role: Role) -> anyhow::Result<SignerProcess> {
    let holder = holder(case, role)?;
    let expected = holder.address;
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("safe").arg("signer").arg("--config").arg(&args.config).stderr(Stdio::inherit());
    if let Some(file) = &args.file {
        command.arg(file);
    }
    for change in &args.expect {
        command.arg("--expect").arg(change.to_string());
    }
    if role == Role::Executor {
        command.arg("--executor");
    }
    let signer = SignerProcess::spawn(command).await?;
    let address = signer.address();
    anyhow::ensure!(
        address == expected,
        "the key belongs to {address}, the configuration says {expected}: correct one of them"
    );
    let source = holder.key.as_ref().map(KeyFile::source);
    if source.as_ref().is_some_and(KeySource::needs_a_hand) {
        eprintln!("compare what the Ledger shows with the hashes above, and press its buttons");
    }
    Ok(match source {
        Some(source) => signer.patient(source.sign_time_limit()),
        None => signer,
    })
}

pub(super) async fn signer(args: &SignerArgs) -> anyhow::Result<Ending> {
    let case = Case::read(&args.proposal)?;
    let (_, refusals) = refusals_of_bytes(&case.subject, &case.rules);
    if let Some(refusal) = refusals.first() {
        return Err(Usage(refusal.why.clone()).into());
    }
    let role = if args.executor { Role::Executor } else { Role::Owner };
    let holder = holder(&case, role)?;
    let missing = || Usage("there is no `key`: add a keystore".to_owned());
    let (source, account) = (holder.key.as_ref().ok_or_else(missing)?.source(), holder.address);
    let mut policy = Policy::for_levers(&[], holder.fee_wei_max, holder.signatures_per_hour_max);
    policy.safe_transactions.push(case.subject);
    serve(tokio::io::stdin(), tokio::io::stdout(), source, account, policy).await?;
    Ok(Ending::Fine)
}

/// Unix time in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

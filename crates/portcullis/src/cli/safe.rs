//! `portcullis safe`: look at a Safe's transaction before it is signed; sign it; carry it out.

mod carry;
mod post;
mod print;

use std::path::{Path, PathBuf};

use alloy_primitives::{Address, B256};
use clap::{Args, Subcommand};
use portcullis_act::{
    Nodes,
    safe::{
        CALL_ONLY, Change, Check, Executed, Gathered, OwnerSignature, PROPOSAL_BYTES_MAX, Proposal,
        Question, Rules, Subject, fetch, gather, limited,
    },
};
use serde::Serialize;

use super::{Ending, Usage, output::print_json};
use crate::{
    config::{SafeFile, load_safe},
    runner::urls,
};

/// What to do with a Safe's transaction.
#[derive(Debug, Subcommand)]
pub(crate) enum SafeCommand {
    /// Say what a proposed transaction is: hashes, calls, what it would change, who signed.
    Show(LookArgs),
    /// Play it on the newest state and refuse what no owner should sign.
    Check(LookArgs),
    /// Check it, and sign it as an owner if nothing is refused.
    Sign(carry::SignArgs),
    /// Check it, sign it as an owner, and propose it to the other owners through the service.
    Propose(post::ProposeArgs),
    /// Put it into a batch that fails after a time which the owners sign with it.
    Limit(LimitArgs),
    /// Check it, join the owners' signatures and carry it out.
    Exec(carry::ExecArgs),
    /// Hold the key for one transaction. Started by `sign` and `exec`; talks over standard input and output.
    #[command(hide = true)]
    Signer(carry::SignerArgs),
}

/// Where a transaction is and what is wanted of it.
#[derive(Debug, Clone, Args)]
pub(crate) struct ProposalArgs {
    /// The transaction as JSON, as the Safe Transaction Service writes it.
    #[arg(required_unless_present = "fetch")]
    file: Option<PathBuf>,
    /// What the owner decided beforehand: Safe, chain, keys.
    #[arg(long, default_value = "safe.yaml")]
    config: PathBuf,
    /// A change of who rules the Safe that is wanted, for example `add-owner:0x…` or `threshold:3`. May be repeated.
    #[arg(long, value_name = "CHANGE")]
    expect: Vec<Change>,
    /// Let a nonce through that is not the next one: others will come first.
    #[arg(long)]
    nonce_ahead: bool,
    /// Fetch the transaction with this hash from the configured service instead of a file (`show` and `check`).
    #[arg(long, value_name = "HASH", conflicts_with = "file")]
    fetch: Option<B256>,
}

#[derive(Debug, Args)]
pub(crate) struct LookArgs {
    #[command(flatten)]
    proposal: ProposalArgs,
    /// Ask no node. Then nothing passes.
    #[arg(long)]
    offline: bool,
    /// Keep what was fetched in this file.
    #[arg(long, requires = "fetch")]
    save: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    #[command(flatten)]
    proposal: ProposalArgs,
    /// A `NotAfter` contract on the Safe's chain (`contracts/src/safe/NotAfter.sol`).
    #[arg(long)]
    contract: Address,
    /// Unix time in seconds: the last second in which it may be carried out.
    #[arg(long)]
    not_after: u64,
    /// The `MultiSendCallOnly` to use. Default: Safe's own, version 1.4.1.
    #[arg(long)]
    batcher: Option<Address>,
    /// The file for the new proposal; must not exist.
    #[arg(long)]
    out: PathBuf,
}

/// `safe limit --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Limited {
    file: PathBuf,
    safe_tx_hash: B256,
}

/// `safe … --json`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Whether the command did what it was asked to.
    ok: bool,
    check: Check,
    signatures: Gathered,
    /// Unix time in seconds after which `safe exec` refuses.
    expires: Option<u64>,
    /// Of `sign`: who signed, and the file.
    signed: Option<Signed>,
    /// Of `propose` and `sign --post`.
    posted: Option<post::Posted>,
    /// Of `exec`.
    executed: Option<Executed>,
}

#[derive(Debug, Serialize)]
struct Signed {
    owner: Address,
    file: PathBuf,
}

pub(crate) async fn safe(command: &SafeCommand, json: bool) -> anyhow::Result<Ending> {
    match command {
        SafeCommand::Show(args) => look(args, json, false).await,
        SafeCommand::Check(args) => look(args, json, true).await,
        SafeCommand::Sign(args) => carry::sign(args, json).await,
        SafeCommand::Propose(args) => post::propose(args, json).await,
        SafeCommand::Limit(args) => limit(args, json),
        SafeCommand::Exec(args) => carry::exec(args, json).await,
        SafeCommand::Signer(args) => carry::signer(args).await,
    }
}

/// A transaction, the owner's decisions, and what both say together.
struct Case {
    config: SafeFile,
    proposal: Proposal,
    subject: Subject,
    rules: Rules,
    tokens: Vec<Address>,
}

impl Case {
    fn new(args: &ProposalArgs, file: &Path, text: &str) -> Result<Self, Usage> {
        let config = load_safe(&args.config).map_err(Usage)?;
        let wrong = |problem: String| Usage(format!("{}: {problem}", file.display()));
        let proposal = Proposal::parse(text).map_err(|bad| wrong(bad.to_string()))?;
        if let Some(safe) = proposal.safe.filter(|safe| *safe != config.safe) {
            return Err(wrong(format!(
                "`safe` is {safe} and the configuration is for {}: give the configuration of that Safe, or do not sign",
                config.safe
            )));
        }
        if let Some(chain) = proposal.chain_id.filter(|chain| *chain != config.chain.id) {
            return Err(wrong(format!(
                "`chainId` is {chain} and the configuration is for {}: give the configuration of that chain, or do not sign",
                config.chain.id
            )));
        }
        let subject = Subject {
            chain_id: config.chain.id,
            safe: config.safe,
            version: config.version,
            tx: proposal.tx.clone(),
        };
        let rules = Rules {
            delegate_targets: config.delegatecall.clone(),
            expected: args.expect.iter().copied().collect(),
            nonce_ahead: args.nonce_ahead,
        };
        let tokens = config.tokens.iter().map(|one| one.token).collect();
        Ok(Self { config, proposal, subject, rules, tokens })
    }

    /// From the file that the arguments name.
    fn read(args: &ProposalArgs) -> Result<Self, Usage> {
        let file = args.file.as_deref().ok_or_else(|| {
            Usage("a signature needs a file: fetch the transaction with `safe show --fetch … --save` and look at it first".to_owned())
        })?;
        Self::new(args, file, &read_bounded(file)?)
    }

    fn question(&self) -> Question<'_> {
        Question {
            subject: &self.subject,
            claimed_hash: self.proposal.claimed_hash,
            rules: &self.rules,
            sender: self.config.executor.as_ref().map(|executor| executor.address),
            tokens: &self.tokens,
        }
    }

    async fn nodes(&self) -> anyhow::Result<Nodes> {
        let limit = std::time::Duration::from_millis(self.config.chain.request_timeout_ms);
        Ok(Nodes::connect(&urls(&self.config.chain)?, limit).await?)
    }

    /// The signatures that came with the proposal and in files, sorted out against the owners.
    fn gathered(&self, check: &Check, more: Vec<OwnerSignature>) -> Gathered {
        let mut bad = Vec::new();
        let mut good = Vec::new();
        for (index, (claimed, bytes)) in self.proposal.signatures.iter().enumerate() {
            match OwnerSignature::read(bytes, &check.hashes, *claimed) {
                Ok(signature) => good.push(signature),
                Err(error) => bad.push(format!("signature {} of the proposal {error}", index + 1)),
            }
        }
        // The same signature may come by two ways.
        good.extend(more);
        let mut seen = Vec::new();
        good.retain(|one| {
            let is_new = !seen.contains(one);
            seen.push(one.clone());
            is_new
        });
        let (owners, threshold) = check.before.as_ref().map_or((&[][..], 0), |state| {
            (state.owners.as_slice(), state.threshold.saturating_to())
        });
        let mut gathered = gather(good, owners, threshold);
        gathered.set_aside.extend(bad);
        gathered
    }
}

/// The text of a file that is not too long to be one.
fn read_bounded(file: &Path) -> Result<String, Usage> {
    let wrong = |problem: String| Usage(format!("{}: {problem}", file.display()));
    let size =
        std::fs::metadata(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if size.len() > PROPOSAL_BYTES_MAX as u64 {
        return Err(wrong(format!("is longer than {PROPOSAL_BYTES_MAX} bytes: it is no proposal")));
    }
    std::fs::read_to_string(file)
        .map_err(|error| wrong(format!("cannot be read as UTF-8 text: {error}")))
}

async fn look(args: &LookArgs, json: bool, judge: bool) -> anyhow::Result<Ending> {
    let case = match args.proposal.fetch {
        None => Case::read(&args.proposal)?,
        Some(hash) => fetched(args, hash).await?,
    };
    let check = if args.offline {
        Check::of_bytes(case.question())
    } else {
        Check::on_chain(case.question(), &case.nodes().await?, None).await
    };
    let report = Report {
        ok: check.passes || !judge,
        signatures: case.gathered(&check, Vec::new()),
        expires: case.proposal.expires,
        signed: None,
        posted: None,
        executed: None,
        check,
    };
    finish(&case, &report, json, judge)
}

async fn fetched(args: &LookArgs, hash: B256) -> anyhow::Result<Case> {
    let config = load_safe(&args.proposal.config).map_err(Usage)?;
    let service = config.service.as_ref().ok_or_else(|| {
        Usage("--fetch needs `service` in the configuration, with the service's `url`".to_owned())
    })?;
    let text = fetch(&service.url, hash, post::key(&config)?.as_deref()).await?;
    if let Some(save) = &args.save {
        std::fs::write(save, &text)
            .map_err(|error| anyhow::anyhow!("{}: cannot be written: {error}", save.display()))?;
    }
    let case = Case::new(&args.proposal, Path::new("(fetched)"), &text)?;
    let computed = case.subject.hashes().safe_tx;
    anyhow::ensure!(
        computed == hash,
        "the service gave a transaction with the hash {computed} when asked for {hash}: do not sign it"
    );
    Ok(case)
}

/// Writes a proposal with a deadline. Nothing is judged here: the new file is checked as any other.
fn limit(args: &LimitArgs, json: bool) -> anyhow::Result<Ending> {
    let case = Case::read(&args.proposal)?;
    let default = CALL_ONLY.iter().find(|(version, _)| *version == "1.4.1").map(|(_, at)| *at);
    let batcher = args.batcher.or(default).unwrap_or_default();
    let tx = limited(&case.subject.tx, args.contract, batcher, args.not_after);
    let subject = Subject { tx, ..case.subject };
    let safe_tx_hash = subject.hashes().safe_tx;
    let tx = &subject.tx;
    let file = serde_json::json!({
        "safe": subject.safe, "chainId": subject.chain_id, "to": tx.to, "value": tx.value.to_string(),
        "data": tx.data, "operation": tx.operation.number(), "safeTxGas": tx.safe_tx_gas.to_string(),
        "baseGas": tx.base_gas.to_string(), "gasPrice": tx.gas_price.to_string(), "gasToken": tx.gas_token,
        "refundReceiver": tx.refund_receiver, "nonce": tx.nonce.to_string(),
        "contractTransactionHash": safe_tx_hash, "expires": args.not_after,
    });
    carry::write_new(&args.out, &serde_json::to_string_pretty(&file)?)?;
    if json {
        print_json(&Limited { file: args.out.clone(), safe_tx_hash })?;
    } else {
        println!("{}: {safe_tx_hash}; check it before anybody signs it", args.out.display());
    }
    Ok(Ending::Fine)
}

/// Prints a report. What could not be looked at is an error of its own kind.
fn finish(case: &Case, report: &Report, json: bool, judge: bool) -> anyhow::Result<Ending> {
    let Report { check, ok, .. } = report;
    let unseen = (judge && check.refusals.is_empty()).then(|| check.unseen.join("; "));
    let unseen = unseen.filter(|unseen| !unseen.is_empty());
    let ending = if *ok { Ending::Fine } else { Ending::NotInOrder };
    if json {
        print_json(report)?;
    } else {
        print::report(&case.config, report);
    }
    match unseen {
        Some(unseen) => Err(anyhow::anyhow!("could not look, so it does not pass: {unseen}")),
        None => Ok(ending),
    }
}

//! Showing a transaction and signatures to the other owners, through a Safe Transaction Service. Nothing goes there that
//! did not pass the whole check.

use std::path::PathBuf;

use clap::Args;
use portcullis_act::{
    safe::{ORIGIN_CHARS_MAX, OwnerSignature, Service, fetch},
    signer::secret_line,
};
use serde::Serialize;
use url::Url;

use super::{
    Case, Ending, ProposalArgs, Report, Signed, Usage,
    carry::{Agreed, agree, refused, signature_file, write_new},
    finish,
};
use crate::config::SafeFile;

#[derive(Debug, Args)]
pub(crate) struct ProposeArgs {
    #[command(flatten)]
    proposal: ProposalArgs,
    #[command(flatten)]
    service: ServiceArgs,
    /// Also keep the signature in this file; must not exist.
    #[arg(long)]
    out: Option<PathBuf>,
    /// What the other owners see as its origin.
    #[arg(long, default_value = "portcullis")]
    origin: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct ServiceArgs {
    /// The service's address up to `/api`, instead of the configured one.
    #[arg(long, value_name = "URL")]
    service: Option<Url>,
}

/// What was handed to the service.
#[derive(Debug, Serialize)]
pub(super) struct Posted {
    /// Host of the service.
    pub(super) service: String,
    /// `proposal` or `confirmation`.
    pub(super) what: &'static str,
}

pub(super) async fn propose(args: &ProposeArgs, json: bool) -> anyhow::Result<Ending> {
    let case = Case::read(&args.proposal)?;
    if args.origin.chars().count() > ORIGIN_CHARS_MAX {
        return Err(Usage(format!("--origin has at most {ORIGIN_CHARS_MAX} characters")).into());
    }
    // What can be wrong on this side is said before anybody is asked to sign.
    let service = service(&case.config, &args.service)?;
    let (check, owner, signature) = match agree(&case, &args.proposal).await? {
        Agreed::Refused(check) => return refused(&case, check, json),
        Agreed::Signed(check, signature) => (check, signature.owner, signature),
    };
    let signed = match &args.out {
        None => None,
        Some(out) => {
            let file = signature_file(&case, &check, &signature, case.proposal.expires);
            write_new(out, &serde_json::to_string_pretty(&file)?)?;
            Some(Signed { owner, file: out.clone() })
        }
    };
    service.propose(&case.subject, &signature, &args.origin).await?;
    kept(&case, &args.service, &check.hashes.safe_tx).await?;
    let report = Report {
        ok: true,
        signatures: case.gathered(&check, vec![signature]),
        expires: case.proposal.expires,
        signed,
        posted: Some(Posted { service: service.host().to_owned(), what: "proposal" }),
        executed: None,
        check,
    };
    finish(&case, &report, json, true)
}

/// Adds a signature to what the service has.
pub(super) async fn confirm(
    case: &Case,
    args: &ServiceArgs,
    signature: &OwnerSignature,
) -> anyhow::Result<Posted> {
    let service = service(&case.config, args)?;
    service.confirm(case.subject.hashes().safe_tx, signature).await?;
    Ok(Posted { service: service.host().to_owned(), what: "confirmation" })
}

/// The service with its key, from the environment or from a file that nobody else can read.
pub(super) fn service(config: &SafeFile, args: &ServiceArgs) -> anyhow::Result<Service> {
    let url = address(config, args)?;
    Ok(Service::new(url, key(config)?)?)
}

fn address<'a>(config: &'a SafeFile, args: &'a ServiceArgs) -> Result<&'a Url, Usage> {
    args.service.as_ref().or(config.service.as_ref().map(|one| &one.url)).ok_or_else(|| {
        Usage(
            "there is no service to post to: add `service` with its `url` to the configuration, or give --service"
                .to_owned(),
        )
    })
}

/// The key that the configuration names for the service.
pub(super) fn key(config: &SafeFile) -> anyhow::Result<Option<String>> {
    let Some(service) = &config.service else { return Ok(None) };
    if let Some(name) = &service.token_variable {
        let value = std::env::var(name).map_err(|_| {
            Usage(format!(
                "the environment variable {name} is not set: `service.tokenVariable` names it"
            ))
        })?;
        return Ok(Some(value));
    }
    Ok(match &service.token_file {
        Some(path) => Some(secret_line(path)?),
        None => None,
    })
}

/// Asks the service for what it now has: what the other owners see must be what was signed here.
async fn kept(
    case: &Case,
    args: &ServiceArgs,
    hash: &alloy_primitives::B256,
) -> anyhow::Result<()> {
    let text = fetch(address(&case.config, args)?, *hash, key(&case.config)?.as_deref()).await?;
    let proposal = portcullis_act::safe::Proposal::parse(&text)?;
    anyhow::ensure!(
        proposal.tx == case.subject.tx,
        "the service took it and now shows another transaction for {hash}: tell the other owners not to sign there"
    );
    Ok(())
}

//! From the file to what the engine, the reader and the signer need: names resolved, contradictions refused.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use alloy_primitives::Address;
use portcullis_engine::{ChainSettings, Config, Engine, ProtocolConfig};
use portcullis_notify::NotifyFile;
use portcullis_types::{
    money::{Asset, Usd},
    protocol::{AssetSpec, Contract, Protocol},
};

use super::{
    file::{ChainFile, ConfigFile, KeyFile, ProtocolFile, ResponderFile},
    lanes,
    learned::read_learned,
    self_test::{self, SelfTestFile},
    sentinels::{self, SentinelsFile},
    war::War,
};

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// For the engine; holds no secret and no node address.
    pub engine: Config,
    /// Chains and their nodes.
    pub chains: Vec<ChainFile>,
    /// The account that pulls levers, with paths made absolute.
    pub responder: Option<ResponderFile>,
    /// The accounts that sign for Wardens, with paths made absolute.
    pub sentinels: Option<SentinelsFile>,
    /// Journal, absolute or relative to the current folder.
    pub journal: PathBuf,
    /// How often the brakes are tested.
    pub self_test: SelfTestFile,
    /// Who is told what, with the outbox's path as the journal's.
    pub notify: Option<NotifyFile>,
    /// The API and the console.
    pub console: Option<super::Console>,
    /// Who answers in an incident, with all files read.
    pub war: Option<War>,
}

/// A problem and the value it is about.
pub(super) type Problem = (String, Option<String>);

impl Compiled {
    pub(super) fn new(path: &Path, references: &Path, file: &ConfigFile) -> Result<Self, Problem> {
        let folder = path.parent().unwrap_or(Path::new(""));
        let chains = chains(file)?;
        let mut protocols = Vec::new();
        let mut names = BTreeSet::new();
        for protocol in &file.protocols {
            unique(&mut names, "protocol", &protocol.name)?;
            let mut compiled = compile_protocol(folder, file, protocol)?;
            read_learned(references, &mut compiled.detectors)?;
            protocols.push(compiled);
        }
        if protocols.is_empty() {
            return Err(about("`protocols` is empty: describe at least one protocol", "protocols"));
        }
        let settings = chains
            .iter()
            .map(|chain| ChainSettings {
                chain: chain.id,
                name: chain.name.clone(),
                confirmed_depth: chain.confirmed_depth,
                finalised_depth: chain.finalised_depth,
            })
            .collect();
        let engine = Config { chains: settings, protocols };
        Engine::accepts(&engine).map_err(|error| {
            // The value in question, or else the field, is what to look for in the file.
            let value = error.problem.split('`').nth(1);
            let field = error.field.rsplit('.').next();
            let about = value.or(field).map(str::to_owned);
            (error.to_string(), about)
        })?;
        Ok(Self {
            engine,
            chains,
            responder: match &file.responder {
                Some(responder) => {
                    Some(lanes::lanes(folder, absolute(folder, responder.clone()), file)?)
                }
                None => None,
            },
            sentinels: match &file.sentinels {
                Some(from) => Some(sentinels::compile(folder, from, file.responder.as_ref())?),
                None => None,
            },
            journal: folder.join(&file.journal),
            self_test: self_test::compile(file.self_test)?,
            notify: file.notify.as_ref().map(|notify| told(folder, notify)).transpose()?,
            console: file
                .console
                .as_ref()
                .map(|console| super::console::compile(folder, console))
                .transpose()?,
            war: file
                .war
                .as_ref()
                .map(|war| super::war::compile(folder, &folder.join(&file.journal), war))
                .transpose()?,
        })
    }
}

fn told(folder: &Path, file: &NotifyFile) -> Result<NotifyFile, Problem> {
    file.check().map_err(|problem| (format!("notify: {problem}"), problem.about))?;
    Ok(NotifyFile { outbox: folder.join(&file.outbox), ..file.clone() })
}

pub(super) fn about(problem: &str, about: &str) -> Problem {
    (problem.to_owned(), Some(about.to_owned()))
}

pub(super) fn unique(seen: &mut BTreeSet<String>, what: &str, name: &str) -> Result<(), Problem> {
    if name.is_empty() {
        return Err((format!("a {what} has an empty name: give it one"), None));
    }
    if seen.insert(name.to_owned()) {
        return Ok(());
    }
    Err(about(&format!("the {what} `{name}` is described twice: rename or remove one"), name))
}

fn chains(file: &ConfigFile) -> Result<Vec<ChainFile>, Problem> {
    let (mut names, mut ids, mut chains) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for chain in &file.chains {
        unique(&mut names, "chain", &chain.name)?;
        unique(&mut ids, "chain id", &chain.id.to_string())?;
        if chain.confirmed_depth > chain.finalised_depth {
            let text = format!(
                "chain `{}`: confirmedDepth {} is above finalisedDepth {}: lower the first or raise the second",
                chain.name, chain.confirmed_depth, chain.finalised_depth
            );
            return Err(about(&text, "confirmedDepth"));
        }
        if chain.poll_ms == 0 || chain.request_timeout_ms == 0 {
            return Err(about("pollMs and requestTimeoutMs must be above 0", "Ms: 0"));
        }
        let mut chain = chain.clone();
        chain.nodes = chain.nodes.iter().map(|node| expand(node)).collect::<Result<_, _>>()?;
        lanes::relays(&mut chain, file)?;
        chains.push(chain);
    }
    Ok(chains)
}

/// Replaces `${NAME}` by the environment's value.
pub(super) fn expand(text: &str) -> Result<String, Problem> {
    let Some((before, rest)) = text.split_once("${") else { return Ok(text.to_owned()) };
    let Some((name, after)) = rest.split_once('}') else {
        return Err(about("a `${` without its `}`: close it or write the address in full", "${"));
    };
    let value = std::env::var(name).map_err(|_| {
        about(
            &format!("the environment variable {name} is not set: export it before the start"),
            name,
        )
    })?;
    Ok(format!("{before}{value}{}", expand(after)?))
}

fn compile_protocol(
    folder: &Path,
    file: &ConfigFile,
    from: &ProtocolFile,
) -> Result<ProtocolConfig, Problem> {
    let Some(chain) = file.chains.iter().find(|chain| chain.name == from.chain) else {
        let known: Vec<&str> = file.chains.iter().map(|chain| chain.name.as_str()).collect();
        let text = format!(
            "protocol `{}` is on the chain `{}`, which is not described; known: {}",
            from.name,
            from.chain,
            known.join(", ")
        );
        return Err(about(&text, &from.chain));
    };
    let protocol = Protocol {
        name: from.name.clone(),
        chain: chain.id,
        contracts: contracts(from)?,
        assets: assets(from)?,
    };
    from.policy.validate().map_err(|text| {
        let quoted = text.split('`').nth(1).map(str::to_owned);
        (format!("protocol `{}`: {text}", from.name), quoted)
    })?;
    if let Some(symbol) = from
        .policy
        .economics
        .iter()
        .flat_map(|e| e.holdings_usd.keys())
        .find(|symbol| protocol.assets.iter().all(|spec| spec.symbol != **symbol))
    {
        let text = format!(
            "protocol `{}`: `holdingsUsd` names `{symbol}`, which is none of its assets: correct it, or add the asset",
            from.name
        );
        return Err(about(&text, symbol));
    }
    let ladder = ladder(file, from, chain.id)?;
    let (mut detectors, policy) = (from.detectors.clone(), from.policy.clone());
    super::rules::inline(folder, &mut detectors)
        .map_err(|text| (format!("protocol `{}`: {text}", from.name), Some("rules".to_owned())))?;
    guardians_are_people(file, from)?;
    if policy.autonomy.may_pull() && ladder.is_empty() {
        let text = format!(
            "protocol `{}` may act but has no lever: add one under `ladder`, or set autonomy to observe",
            from.name
        );
        return Err(about(&text, "autonomy"));
    }
    Ok(ProtocolConfig { protocol, detectors, ladder, policy })
}

/// A key that the program holds must not be able to agree with the program.
fn guardians_are_people(file: &ConfigFile, from: &ProtocolFile) -> Result<(), Problem> {
    let machines =
        file.responder.iter().map(|one| one.address).chain(
            file.sentinels.iter().flat_map(|sentinels| &sentinels.keys).map(|one| one.address),
        );
    let guardians = from.policy.guardians.iter().flat_map(|guardians| &guardians.addresses);
    let machines: BTreeSet<Address> = machines.collect();
    match guardians.into_iter().find(|guardian| machines.contains(*guardian)) {
        None => Ok(()),
        Some(guardian) => {
            let text = format!(
                "protocol `{}`: the guardian {guardian} is an account of the program's own: name a person's",
                from.name
            );
            Err(about(&text, &guardian.to_string()))
        }
    }
}

fn contracts(from: &ProtocolFile) -> Result<Vec<Contract>, Problem> {
    let (mut names, mut addresses, mut out) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for contract in &from.contracts {
        unique(&mut names, "contract", &contract.name)?;
        unique(&mut addresses, "contract address", &contract.address.to_string())?;
        out.push(Contract {
            name: contract.name.clone(),
            address: contract.address,
            holds_value: contract.holds_value,
        });
    }
    if out.is_empty() {
        let text = format!("protocol `{}` has no contract: nothing could be watched", from.name);
        return Err(about(&text, &from.name));
    }
    Ok(out)
}

fn assets(from: &ProtocolFile) -> Result<Vec<AssetSpec>, Problem> {
    let (mut names, mut seen, mut out) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for asset in &from.assets {
        unique(&mut names, "asset", &asset.symbol)?;
        let id = asset.token.map_or(Asset::Native, Asset::Token);
        unique(&mut seen, "token", &id.to_string())?;
        if asset.price_usd < Usd::ZERO || asset.decimals > 77 {
            let text = format!(
                "asset `{}`: the price must not be negative and decimals must be at most 77",
                asset.symbol
            );
            return Err(about(&text, &asset.symbol));
        }
        out.push(AssetSpec {
            symbol: asset.symbol.clone(),
            asset: id,
            decimals: asset.decimals,
            price_usd: asset.price_usd,
        });
    }
    Ok(out)
}

fn ladder(
    file: &ConfigFile,
    from: &ProtocolFile,
    chain: u64,
) -> Result<Vec<portcullis_types::action::Lever>, Problem> {
    if from.ladder.is_empty() {
        return Ok(Vec::new());
    }
    let Some(responder) = &file.responder else {
        let text = format!(
            "protocol `{}` has levers but there is no `responder`: name the account that pulls them",
            from.name
        );
        return Err(about(&text, "ladder"));
    };
    let (mut names, mut out) = (BTreeSet::new(), Vec::new());
    for config in &from.ladder {
        let lever = config
            .build(chain, responder.address)
            .map_err(|error| about(&format!("protocol `{}`: {error}", from.name), config.name()))?;
        unique(&mut names, "lever", &lever.name)?;
        covers_known(from, &lever)?;
        out.push(lever);
    }
    Ok(out)
}

/// A lever that covers no contract of the protocol can never be chosen.
fn covers_known(
    from: &ProtocolFile,
    lever: &portcullis_types::action::Lever,
) -> Result<(), Problem> {
    let known: BTreeSet<Address> = from.contracts.iter().map(|contract| contract.address).collect();
    match lever.covers.iter().find(|address| !known.contains(*address)) {
        None => Ok(()),
        Some(stranger) => {
            let text = format!(
                "lever `{}` covers {stranger}, which is not among the contracts of `{}`: add it there",
                lever.name, from.name
            );
            Err(about(&text, &stranger.to_string()))
        }
    }
}

pub(super) fn absolute(folder: &Path, mut responder: ResponderFile) -> ResponderFile {
    absolute_key(folder, &mut responder.key);
    responder
}

pub(super) fn absolute_key(folder: &Path, key: &mut Option<KeyFile>) {
    if let Some(KeyFile::Keystore { path, password_file }) = key {
        *path = folder.join(&*path);
        *password_file = folder.join(&*password_file);
    }
}

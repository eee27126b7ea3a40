//! Puts the running program together: sources, readers, signer and responders around one engine.

use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use portcullis_act::{
    ActSettings, Actuator, FeePolicy, Nodes,
    signer::{Sentinel, TransactionSigner},
};
use portcullis_engine::{Engine, StepOutput};
use portcullis_observe::{Node, Resume, RpcSource, SourceOptions, Start};
use portcullis_types::{brake::HoldNews, chain::BlockId};
use tokio::sync::{mpsc, oneshot};

use super::{
    core::Core,
    desk::Desk,
    heartbeats::{keep_alive, start_sentinels},
    lanes::{relays, start_lanes, start_signer},
    reader::Reader,
    responder::Responder,
    room::{People, Room},
    self_test::test_brakes,
    service::{Fact, Inbox, JOBS_MAX, Notable, Service, ServiceError},
    teller::Teller,
};
use crate::config::{ChainFile, Compiled, ResponderFile, online::node_options};

/// Facts, reports and failures that may wait for the journal.
const WAITING_MAX: usize = 64;

/// Longest pause before a node that fails is asked for its head again, unless it is asked less often anyway. An attack
/// does not wait until a node has rested.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Gwei in wei.
const GWEI: u128 = 1_000_000_000;

impl Service {
    /// Connects everything that a configuration names. `config_path` is where the signer reads it for itself.
    ///
    /// # Errors
    /// A node that cannot be reached or is of another chain; a signer that does not start or has another account.
    pub async fn start(
        core: Core,
        config: &Compiled,
        config_path: &Path,
        notable: Box<dyn FnMut(&StepOutput) + Send>,
        ready: Box<dyn FnOnce() + Send>,
    ) -> anyhow::Result<Self> {
        // The keys come first: nothing of a chain has been read when their policies are set.
        let keys = Keys::start(config, config_path).await?;
        let (facts, facts_in) = mpsc::channel(WAITING_MAX);
        let (answers, answers_in) = mpsc::channel(JOBS_MAX);
        let (reports, reports_in) = mpsc::channel(WAITING_MAX);
        let (failures, failures_in) = mpsc::channel(WAITING_MAX);
        let (pending, pending_in) = mpsc::channel(WAITING_MAX);
        let (news, news_in) = mpsc::channel(WAITING_MAX);
        let shared = Arc::new(config.clone());
        let (mut readers, mut responders) = (BTreeMap::new(), BTreeMap::new());
        let mut nodes = BTreeMap::new();
        for chain in &config.chains {
            let node = Node::connect_with(&chain.nodes, chain.id, node_options(chain)).await?;
            let capabilities = node.capabilities().await?;
            let method = capabilities.evidence_method();
            eprintln!("{} at {}: {method}", chain.name, node.shown());
            let source =
                RpcSource::new(node.clone(), &resume(core.engine(), chain), options(chain));
            follow(source, facts.clone(), failures.clone());
            if chain.pending {
                super::pool::watch(node.clone(), pending.clone(), failures.clone());
            }
            test_brakes(&shared, chain, &news);
            nodes.insert(chain.id, node.clone());
            readers.insert(chain.id, Reader::start(node, method, answers.clone()));
            if let (Some(keys), Some(responder)) = (&keys, &config.responder) {
                let actuator = keys.actuator(config, chain, responder).await?;
                let known: Vec<HoldNews> = core.engine().strange_holds().cloned().collect();
                let told = (fees(responder), news.clone(), known);
                keep_alive(config, chain, &keys.sentinels, told).await?;
                let responder = Responder::new(actuator, reports.clone(), failures.clone());
                let ladders = config.engine.protocols.iter().flat_map(|one| &one.ladder);
                let levers = ladders.filter(|lever| lever.chain == chain.id).cloned().collect();
                responder.keep_warm(levers, Duration::from_millis(chain.poll_ms));
                responders.insert(chain.id, responder);
            }
        }
        let (notable, people) = telling(config, config_path, &core, notable)?;
        let (desk, said) = Desk::new();
        let (errands, errands_in) = mpsc::channel(WAITING_MAX);
        let since = core.journal().last_at();
        let room = Room::new(config.war.clone(), people, nodes, errands, since);
        let (approvals, approvals_in) = mpsc::channel(WAITING_MAX);
        super::spool::watch(&config.journal, approvals);
        let people_here = config.war.as_ref().map(|war| war.roster.clone());
        super::letterbox::watch(&config.journal, desk.clone(), people_here);
        let inbox = Inbox {
            facts: facts_in,
            answers: answers_in,
            reports: reports_in,
            failures: failures_in,
            pending: pending_in,
            approvals: approvals_in,
            news: news_in,
            said,
            errands: errands_in,
            _open: (reports, failures),
        };
        Ok(Self::new(core, inbox, readers, responders, notable, ready, (desk, room)))
    }
}

/// What is told of a step, and to people too where the configuration names channels.
fn telling(
    config: &Compiled,
    config_path: &Path,
    core: &Core,
    mut notable: Notable,
) -> anyhow::Result<(Notable, People)> {
    let Some(file) = &config.notify else { return Ok((notable, People::default())) };
    let folder = config_path.parent().unwrap_or(Path::new(""));
    let teller = Teller::start(file, folder, core.journal())?;
    let on_call = file.roster.as_ref().map(portcullis_notify::roster::Roster::new).transpose()?;
    let people = People { outbox: Some(teller.outbox()), on_call };
    let notable: Notable = Box::new(move |output| {
        notable(output);
        teller.wake();
    });
    Ok((notable, people))
}

/// The processes that sign, where there is a key to act with.
struct Keys {
    signer: Arc<dyn TransactionSigner>,
    lanes: Vec<Arc<dyn TransactionSigner>>,
    /// Without somebody who relays, no order is made: so they are here.
    sentinels: Vec<Arc<dyn Sentinel>>,
}

impl Keys {
    async fn start(config: &Compiled, config_path: &Path) -> anyhow::Result<Option<Self>> {
        let Some(responder) = config.responder.as_ref().filter(|one| one.key.is_some()) else {
            return Ok(None);
        };
        Ok(Some(Self {
            signer: start_signer(config_path, responder.address, responder.key.as_ref(), false)
                .await?,
            lanes: start_lanes(responder, config_path).await,
            sentinels: start_sentinels(config, config_path).await,
        }))
    }

    /// Who acts on a chain, with which accounts and by which roads.
    async fn actuator(
        &self,
        config: &Compiled,
        chain: &ChainFile,
        responder: &ResponderFile,
    ) -> anyhow::Result<Actuator> {
        let limit = Duration::from_millis(chain.request_timeout_ms);
        let settings = ActSettings {
            fees: fees(responder),
            poll_interval: Duration::from_millis(chain.poll_ms),
            answer_time_limit: limit,
            route: chain.route,
            ..ActSettings::default()
        };
        let nodes = Nodes::connect(&urls(chain)?, limit).await?;
        let actuator = Actuator::new(nodes, chain.id, Arc::clone(&self.signer), settings)
            .with_sentinels(self.sentinels.clone())
            .with_lanes(self.lanes.clone());
        Ok(match relays(config, chain, responder)? {
            Some(relays) => actuator.with_relays(relays),
            None => actuator,
        })
    }
}

fn fees(responder: &ResponderFile) -> FeePolicy {
    FeePolicy {
        tip_wei: u128::from(responder.tip_gwei) * GWEI,
        ceiling_wei: responder.fee_wei_max,
        emergency_ceiling_wei: responder.emergency_fee_wei_max,
        ..FeePolicy::default()
    }
}

/// The addresses that the responder can use: it speaks HTTP and WebSocket, the reader IPC as well.
pub(crate) fn urls(chain: &ChainFile) -> anyhow::Result<Vec<url::Url>> {
    let is_remote = |node: &&String| node.starts_with("http") || node.starts_with("ws");
    let remote: Vec<&String> = chain.nodes.iter().filter(is_remote).collect();
    anyhow::ensure!(
        !remote.is_empty(),
        "chain `{}` has no http or ws node: the responder cannot use IPC, add one under `nodes`",
        chain.name
    );
    // The text of the error leaves the address out: it may hold a key.
    let parsed = |(place, node): (usize, &&String)| {
        node.parse()
            .map_err(|_| anyhow::anyhow!("node {} of chain `{}` is no URL", place + 1, chain.name))
    };
    remote.iter().enumerate().map(parsed).collect()
}

fn resume(engine: &Engine, chain: &ChainFile) -> Resume {
    let recent: Vec<BlockId> = engine
        .chain(chain.id)
        .map(|state| state.recent().map(|head| head.id).collect())
        .unwrap_or_default();
    Resume { recent, start: Start::Head }
}

fn options(chain: &ChainFile) -> SourceOptions {
    SourceOptions {
        poll_interval: Duration::from_millis(chain.poll_ms),
        pause_max: PAUSE_MAX.max(Duration::from_millis(chain.poll_ms)),
        ..SourceOptions::default()
    }
}

/// Hands every fact over and moves on only when the journal has it.
fn follow(mut source: RpcSource, facts: mpsc::Sender<Fact>, failures: mpsc::Sender<ServiceError>) {
    tokio::spawn(async move {
        loop {
            let event = match source.next().await {
                Ok(event) => event,
                Err(error) => {
                    // If nobody listens, the program has ended already.
                    let _gone = failures.send(error.into()).await;
                    return;
                }
            };
            let (journaled, written) = oneshot::channel();
            if facts.send(Fact { event: event.clone(), journaled }).await.is_err() {
                return;
            }
            if written.await.is_err() {
                return;
            }
            source.acknowledge(&event);
        }
    });
}

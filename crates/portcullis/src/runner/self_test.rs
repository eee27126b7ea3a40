//! The brakes, tested on a schedule beside detection. By a task and connections of its own, one protocol after another and
//! within a time limit, so that neither a block nor an action ever waits for it.

use std::{sync::Arc, time::Duration};

use portcullis_act::Nodes;
use portcullis_engine::{Engine, Event, ProtocolConfig};
use portcullis_types::brake::{BeatNews, BrakeCheck, HoldNews, Standing};
use tokio::sync::mpsc;

use super::wiring::urls;
use crate::{
    brakes::{all_unseen, lever_name, look},
    config::{ChainFile, Compiled},
};

/// What the tasks beside detection tell the journal, where it is new.
#[derive(Debug)]
pub(crate) enum News {
    /// A self-test of a protocol.
    Tested { protocol: String, checks: Vec<BrakeCheck> },
    /// A heartbeat.
    Beat(BeatNews),
    /// A hold of a Warden.
    Hold(HoldNews),
}

impl News {
    /// The event to journal, if this is new. What an action of ours holds is not judged by a test: a lever that is pulled
    /// cannot be pulled.
    pub(crate) fn event(self, engine: &Engine) -> Option<Event> {
        match self {
            Self::Tested { protocol, mut checks } => {
                let config = engine.config()?;
                let mut all = config.protocols.iter();
                let guarded = all.find(|one| one.protocol.name == protocol)?;
                for lever in &guarded.ladder {
                    if engine.is_lever_busy(&protocol, &lever.name) {
                        let name = lever_name(lever);
                        for check in checks.iter_mut().filter(|check| check.brake == name) {
                            (check.standing, check.why) = (Standing::Held, String::new());
                        }
                    }
                }
                engine.is_news(&protocol, &checks).then_some(Event::SelfTested { protocol, checks })
            }
            Self::Beat(news) => engine.is_new_beat(&news).then_some(Event::Heartbeat(news)),
            Self::Hold(news) => {
                let ours = engine.cases().any(|case| {
                    portcullis_act::warden::incident_of(&case.protocol, case.id) == news.incident
                });
                (!ours && engine.is_new_hold(&news)).then_some(Event::StrangeHold(news))
            }
        }
    }
}

/// Starts testing the brakes of a chain's protocols, at once and then on schedule.
pub(crate) fn test_brakes(config: &Arc<Compiled>, chain: &ChainFile, news: &mpsc::Sender<News>) {
    let settings = config.self_test;
    let mine = |one: &&ProtocolConfig| one.protocol.chain == chain.id && !one.ladder.is_empty();
    let protocols: Vec<ProtocolConfig> =
        config.engine.protocols.iter().filter(mine).cloned().collect();
    if settings.every_seconds == 0 || protocols.is_empty() {
        return;
    }
    let (config, chain, news) = (Arc::clone(config), chain.clone(), news.clone());
    let limit = Duration::from_secs(settings.time_limit_seconds);
    tokio::spawn(async move {
        let mut turns = tokio::time::interval(Duration::from_secs(settings.every_seconds));
        turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut known: Vec<Vec<String>> = vec![Vec::new(); protocols.len()];
        loop {
            turns.tick().await;
            for (protocol, known) in protocols.iter().zip(&mut known) {
                let tested = tokio::time::timeout(limit, test(&config, &chain, protocol)).await;
                let unseen = |why: String| all_unseen(protocol, known.clone(), &why);
                let checks = match tested {
                    Ok(Ok(checks)) => {
                        *known = checks.iter().map(|check| check.brake.clone()).collect();
                        checks
                    }
                    Ok(Err(error)) => unseen(format!("{error:#}")),
                    Err(_) => unseen(format!(
                        "the test took longer than {} s: look at the node, or raise timeLimitSeconds",
                        limit.as_secs()
                    )),
                };
                let protocol = protocol.protocol.name.clone();
                if news.send(News::Tested { protocol, checks }).await.is_err() {
                    return;
                }
            }
        }
    });
}

/// One test, over fresh connections: those of the last one may have died since.
async fn test(
    config: &Compiled,
    chain: &ChainFile,
    protocol: &ProtocolConfig,
) -> anyhow::Result<Vec<BrakeCheck>> {
    let limit = Duration::from_millis(chain.request_timeout_ms);
    let nodes = Nodes::connect(&urls(chain)?, limit).await?;
    nodes.require_chain(chain.id).await?;
    Ok(look(config, chain, protocol, &nodes).await)
}

//! The responder of one chain: performs actions, each stage journaled before the next begins.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use portcullis_act::{Actuator, PerformError, Report as ActReport, Reporting, Stopped};
use portcullis_types::{
    action::{Action, Lever, Outcome},
    ids::EffectId,
};
use tokio::sync::{mpsc, oneshot};

use super::{
    clock::now,
    service::{Report, ServiceError},
};

/// Pause before an action that did not settle is taken up again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Pulls levers on one chain.
pub(crate) struct Responder {
    actuator: Arc<Actuator>,
    reports: mpsc::Sender<Report>,
    failures: mpsc::Sender<ServiceError>,
}

impl Responder {
    pub(crate) fn new(
        actuator: Actuator,
        reports: mpsc::Sender<Report>,
        failures: mpsc::Sender<ServiceError>,
    ) -> Self {
        Self { actuator: Arc::new(actuator), reports, failures }
    }

    /// Keeps orders for these levers warm, beside the caller, as long as the program runs. What would not work is said
    /// when it begins not to.
    pub(crate) fn keep_warm(&self, levers: Vec<Lever>, every: Duration) {
        let actuator = Arc::clone(&self.actuator);
        tokio::spawn(async move {
            let mut troubles: BTreeMap<String, Option<String>> = BTreeMap::new();
            loop {
                match actuator.keep_warm(&levers).await {
                    Ok(reports) => {
                        for report in reports {
                            let before =
                                troubles.insert(report.lever.clone(), report.trouble.clone());
                            if let Some(why) = &report.trouble
                                && before.flatten().is_none()
                            {
                                tracing::warn!(lever = %report.lever, block = report.block, %why, "this lever would not work now");
                            }
                        }
                    }
                    Err(error) => tracing::debug!(%error, "nothing was kept warm"),
                }
                tokio::time::sleep(every).await;
            }
        });
    }

    /// Performs an action to its end, beside the caller. The actuator does as many at a time as
    /// it has lanes.
    pub(crate) fn perform(&self, action: Action, so_far: Vec<Outcome>) {
        let actuator = Arc::clone(&self.actuator);
        let failures = self.failures.clone();
        let line = Line { reports: self.reports.clone(), told: Arc::default() };
        tokio::spawn(async move {
            let mut so_far = so_far;
            loop {
                match actuator.perform(&action, &so_far, now(), &line).await {
                    // Without a journal there is nothing to act for: the program is ending.
                    Ok(_) | Err(PerformError::Stopped(_)) => return,
                    Err(PerformError::Broken(broken)) => {
                        // If nobody listens, the program has ended already.
                        let _gone = failures.send(broken.into()).await;
                        return;
                    }
                    Err(error @ PerformError::Unsettled { .. }) => {
                        tracing::error!(action = %action.id, %error, "a transaction is not settled");
                        so_far.extend(line.take());
                        tokio::time::sleep(AGAIN_AFTER).await;
                    }
                }
            }
        });
    }
}

/// The line from the actuator to the journal, and what was told over it.
struct Line {
    reports: mpsc::Sender<Report>,
    told: Arc<std::sync::Mutex<Vec<Outcome>>>,
}

impl Line {
    fn take(&self) -> Vec<Outcome> {
        let mut told = self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut told)
    }

    async fn tell(&self, action: EffectId, outcome: Outcome) -> Result<(), Stopped> {
        let closed = || Stopped { why: "the journal is closed".to_owned() };
        let (journaled, written) = oneshot::channel();
        let report = Report { action, outcome: outcome.clone(), journaled };
        self.reports.send(report).await.map_err(|_| closed())?;
        written.await.map_err(|_| closed())?;
        self.told.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outcome);
        Ok(())
    }
}

impl ActReport for Line {
    fn report(&self, action: EffectId, outcome: Outcome) -> Reporting<'_> {
        Box::pin(self.tell(action, outcome))
    }
}

//! The responder of one chain: performs actions, each stage journaled before the next begins.

use std::{sync::Arc, time::Duration};

use portcullis_act::{Actuator, PerformError, Report as ActReport, Reporting, Stopped};
use portcullis_types::{
    action::{Action, Outcome},
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

    /// Performs an action to its end, beside the caller. The actuator does one at a time.
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

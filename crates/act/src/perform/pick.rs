//! Which account carries an action out of which nothing was signed.

use std::collections::BTreeMap;

use portcullis_types::action::{Action, Intent, Outcome};
use tokio::time::Instant;

use super::{
    Actuator, PerformError,
    fresh::{Ended, Fresh},
    job::{Job, Plan, has_passed},
};
use crate::{
    lanes::{LaneHold, Taken},
    report::Report,
};

/// What is to be done, before it has a lane.
pub(super) struct Run<'a> {
    pub(super) actuator: &'a Actuator,
    pub(super) action: &'a Action,
    pub(super) plan: Plan,
    pub(super) report: &'a dyn Report,
}

impl<'a> Run<'a> {
    /// The job on one lane.
    pub(super) fn job(&self, lane: LaneHold) -> Box<Job<'a>> {
        let built_for = self.actuator.lanes.first();
        let plan = self.plan.clone().for_account(built_for, lane.account());
        Job::new(self.actuator, self.action, plan, self.report, lane)
    }
}

/// Takes an action of which nothing was signed through the first lane that is clear. One that is jammed is passed over
/// for the next, and tried again when all were; one that cannot do it at all is left out.
pub(super) async fn through_any_lane(run: &Run<'_>) -> Result<Outcome, PerformError> {
    let (lanes, settings) = (&run.actuator.lanes, &run.actuator.settings);
    let is_release = run.action.intent == Intent::Release;
    let start = Instant::now();
    let mut unfit: BTreeMap<usize, String> = BTreeMap::new();
    loop {
        let mut jammed: BTreeMap<usize, String> = BTreeMap::new();
        let is_busy = loop {
            let tried: Vec<usize> = unfit.keys().chain(jammed.keys()).copied().collect();
            let lane = match lanes.take(is_release, &tried, settings.poll_interval).await {
                Taken::Lane(lane) => lane,
                Taken::Busy => break true,
                Taken::AllTried => break false,
            };
            let (place, account) = (lane.place(), lane.account());
            match Fresh::new(run.job(lane)).run().await? {
                Ended::Done(outcome) => return Ok(outcome),
                Ended::PassedOver(pass) => {
                    tracing::warn!(action = %run.action.id, lane = %account, why = %pass.why, "this lane is passed over");
                    let list = if pass.may_clear { &mut jammed } else { &mut unfit };
                    list.insert(place, pass.why);
                }
            }
        };
        let no_hope = jammed.is_empty() && !is_busy;
        if no_hope || (!is_busy && has_passed(start, settings.in_flight_time_limit)) {
            jammed.append(&mut unfit);
            let why: Vec<String> = jammed.into_values().collect();
            return super::refuse(run.action, run.report, why.join("; ")).await;
        }
        if is_busy && has_passed(start, settings.settle_time_limit) {
            let why = "the lanes that are not jammed are all in use".to_owned();
            return Err(PerformError::Unsettled { limit: settings.settle_time_limit, why });
        }
        tokio::time::sleep(settings.poll_interval).await;
    }
}

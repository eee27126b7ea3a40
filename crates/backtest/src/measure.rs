//! From what was said and what was so to the figures of the report.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use alloy_primitives::Address;
use portcullis_scan::Level;

use crate::{
    files::shown,
    incidents::{Incident, Incidents},
    join::{Counts, Joined, Told, Truth, Unlabelled},
    judge::Alert,
    loss::mean_saved,
    report::{
        BlindPlace, Cause, Detection, DetectorShare, FalseAlert, LISTED_MAX, Miss, Percentiles,
        RecallOf, RecordingLine, Report, THRESHOLDS_MAX, Tally, Threshold, evidence_link,
    },
    stats::{clopper_pearson, percentile, share},
    tables::Tables,
};

/// Everything that is measured.
pub(crate) struct Measured<'a> {
    pub(crate) recordings: &'a [PathBuf],
    pub(crate) joined: &'a [Joined],
    pub(crate) told: &'a [Told],
    pub(crate) incidents: &'a Incidents,
    pub(crate) unlabelled: Unlabelled,
}

impl Measured<'_> {
    pub(crate) fn report(&self, tables: Tables) -> Report {
        let mut report = Report::default();
        self.count(&mut report);
        self.times(&mut report, tables);
        let all = || self.incidents.all.iter();
        report.by_class = recall_by(all().map(|one| (one.class.clone(), one)));
        report.by_chain = recall_by(all().map(|one| (one.chain.to_string(), one)));
        report.by_year = recall_by(all().map(|one| (year(one), one)));
        report.by_detector = self.by_detector();
        report.score_curve = self.score_curve(report.benign_transactions);
        report.by_recording = self.by_recording();
        let false_alerts: Vec<&Told> = self.false_alerts().collect();
        report.false_alerts_by_cause = causes(&false_alerts);
        let listed = false_alerts.into_iter().take(LISTED_MAX);
        report.false_alert_list = listed.filter_map(|told| self.false_alert(told)).collect();
        let (seen, missed): (Vec<_>, Vec<_>) = all().partition(|one| one.is_detected());
        report.misses =
            missed.into_iter().take(LISTED_MAX).filter_map(|one| self.miss(one)).collect();
        report.detections =
            seen.into_iter().take(LISTED_MAX).filter_map(|one| self.detection(one)).collect();
        report.blind = self.blind();
        report
    }

    fn count(&self, report: &mut Report) {
        let mut counts = Counts::default();
        self.joined.iter().for_each(|one| counts.add(&one.counts));
        let all = &self.incidents.all;
        report.incidents = all.len() as u64;
        report.incidents_detected = all.iter().filter(|one| one.is_detected()).count() as u64;
        report.incidents_blind = all.iter().filter(|one| one.is_blind).count() as u64;
        report.recall = share(report.incidents_detected, report.incidents);
        report.recall_interval95 = report.recall.map(|_| {
            let (low, high) = clopper_pearson(report.incidents_detected, report.incidents);
            [low, high]
        });
        report.transactions = counts.transactions;
        report.exploit_transactions = counts.exploit;
        report.setup_transactions = counts.setup;
        report.unlabelled = counts.unlabelled;
        report.blind_transactions = counts.blind;
        report.blind_lines = self.joined.iter().map(|one| one.blind.1).sum();
        report.unlabelled_counted_as = match self.unlabelled {
            Unlabelled::Benign => "benign",
            Unlabelled::Ignore => "ignored",
        };
        // Preparation that nobody labelled is no honest use.
        let preparations = self.incidents.preparations.iter();
        let counted = preparations
            .filter(|place| self.told.get(**place).is_some_and(|one| one.truth == Truth::Benign));
        report.benign_transactions = counts.benign.saturating_sub(counted.count() as u64);
        report.false_alerts = self.false_alerts().count() as u64;
        report.false_automatic =
            self.false_alerts().filter(|told| told.is_automatic()).count() as u64;
        report.false_alert_rate = share(report.false_alerts, report.benign_transactions);
        report.false_alert_rate_upper95 = report
            .false_alert_rate
            .map(|_| clopper_pearson(report.false_alerts, report.benign_transactions).1);
        let unknown = |(place, one): &(usize, &Told)| {
            one.truth == Truth::Unknown
                && one.is_alerted()
                && !self.incidents.preparations.contains(place)
        };
        report.unlabelled_alerts = self.told.iter().enumerate().filter(unknown).count() as u64;
    }

    fn times(&self, report: &mut Report, tables: Tables) {
        let all = &self.incidents.all;
        let leads: Vec<i64> = all.iter().filter_map(|one| one.lead_seconds(self.told)).collect();
        let lasts: Vec<i64> = all.iter().filter_map(|one| one.seconds_to_last(self.told)).collect();
        let percentiles = |values: &[i64]| Percentiles {
            p50: percentile(values, 50),
            p90: percentile(values, 90),
        };
        report.lead_known = leads.len() as u64;
        report.lead_seconds = percentiles(&leads);
        report.lead_to_last_seconds = percentiles(&lasts);
        report.atomic_incidents = all.iter().filter(|one| one.thefts.len() < 2).count() as u64;
        let curves = all.iter().filter_map(|one| one.loss_curve(self.told));
        // Several thefts at unknown times draw no curve.
        report.loss_curves = curves
            .filter(|curve| {
                curve.seconds.is_some() || curve.saved_percent.0.values().any(Option::is_some)
            })
            .collect();
        report.loss_curves.extend(tables.curves);
        report.loss_saved_percent = mean_saved(&report.loss_curves);
        report.baselines = tables.baselines;
    }

    /// Alerts on honest transactions, in order.
    fn false_alerts(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().enumerate().filter_map(|(place, one)| {
            let is_false = one.truth == Truth::Benign && one.is_alerted();
            (is_false && !self.incidents.preparations.contains(&place)).then_some(one)
        })
    }

    fn by_detector(&self) -> Vec<DetectorShare> {
        let mut shares: Tally<DetectorShare> = Tally::new();
        for told in self.told {
            for detector in told.alert.as_ref().map(detectors).unwrap_or_default() {
                shares.entry(detector).or_default().transactions += 1;
            }
            let whispers: BTreeSet<String> = told.whispers.iter().flat_map(detectors).collect();
            for detector in whispers {
                shares.entry(detector).or_default().on_probation += 1;
            }
        }
        for incident in &self.incidents.all {
            let alerts = incident.alerts.iter().filter_map(|p| self.told.get(*p)?.alert.as_ref());
            let spoke: BTreeSet<String> = alerts.flat_map(detectors).collect();
            let is_alone = spoke.len() == 1;
            for detector in spoke {
                let share = shares.entry(detector).or_default();
                share.incidents += 1;
                share.only_by_it += u64::from(is_alone);
            }
        }
        for told in self.false_alerts() {
            let spoke = told.alert.as_ref().map(detectors).unwrap_or_default();
            let is_alone = spoke.len() == 1;
            for detector in spoke {
                let share = shares.entry(detector).or_default();
                share.false_alerts += 1;
                share.false_only_by_it += u64::from(is_alone);
            }
        }
        shares.into_iter().map(|(detector, share)| DetectorShare { detector, ..share }).collect()
    }

    /// Thresholds are e-values that occur, thinned out evenly; the smallest is the detectors' own.
    fn score_curve(&self, benign: u64) -> Vec<Threshold> {
        let sorted = |mut scores: Vec<f64>| {
            scores.sort_by(f64::total_cmp);
            scores
        };
        let all = &self.incidents.all;
        let hits = sorted(all.iter().filter_map(|one| one.score(self.told)).collect());
        let alarms =
            sorted(self.false_alerts().filter_map(|t| Some(t.alert.as_ref()?.e_value)).collect());
        let mut values = sorted(hits.iter().chain(&alarms).copied().collect());
        values.dedup();
        let step = values.len().div_ceil(THRESHOLDS_MAX).max(1);
        let from = |scores: &[f64], e_value: f64| {
            (scores.len() - scores.partition_point(|score| *score < e_value)) as u64
        };
        let threshold = |e_value: f64| {
            let (detected, false_alerts) = (from(&hits, e_value), from(&alarms, e_value));
            let rate = share(false_alerts, benign);
            Threshold {
                e_value,
                incidents_detected: detected,
                recall: share(detected, all.len() as u64),
                false_alerts,
                false_alert_rate: rate,
                false_alert_rate_upper95: rate.map(|_| clopper_pearson(false_alerts, benign).1),
            }
        };
        values.into_iter().step_by(step).map(threshold).collect()
    }

    fn by_recording(&self) -> Vec<RecordingLine> {
        let mut lines = Vec::new();
        let mut alerts: BTreeMap<usize, (u64, u64)> = BTreeMap::new();
        for told in self.told.iter().filter(|told| told.truth == Truth::Exploit) {
            alerts.entry(told.recording).or_default().0 += u64::from(told.is_alerted());
        }
        for told in self.false_alerts() {
            alerts.entry(told.recording).or_default().1 += 1;
        }
        for (place, (path, one)) in self.recordings.iter().zip(self.joined).enumerate() {
            if one.chain.is_none() {
                // It was not played; the report says so elsewhere.
                continue;
            }
            let (exploit_alerts, false_alerts) = alerts.get(&place).copied().unwrap_or_default();
            lines.push(RecordingLine {
                recording: shown(path),
                chain: one.chain,
                labelled: one.has_labels,
                transactions: one.counts.transactions,
                blind_transactions: one.counts.blind,
                exploit_transactions: one.counts.exploit,
                exploit_alerts,
                benign_transactions: one.counts.benign,
                false_alerts,
            });
        }
        lines.truncate(LISTED_MAX);
        lines
    }

    fn blind(&self) -> Vec<BlindPlace> {
        let mut places = Vec::new();
        for (path, one) in self.recordings.iter().zip(self.joined) {
            for blind in &one.blind.0 {
                let (recording, cause) = (shown(path), blind.cause.clone());
                places.push(BlindPlace { recording, line: blind.line, cause });
            }
        }
        places.truncate(LISTED_MAX);
        places
    }

    fn path(&self, told: &Told) -> String {
        self.recordings.get(told.recording).map(|path| shown(path)).unwrap_or_default()
    }

    fn false_alert(&self, told: &Told) -> Option<FalseAlert> {
        let alert = told.alert.as_ref()?;
        Some(FalseAlert {
            hash: told.seen.hash,
            chain: told.chain,
            recording: self.path(told),
            line: told.seen.place.line,
            block: told.seen.place.block,
            labelled: told.label.is_some(),
            level: level_name(alert.level),
            class: alert.class.clone(),
            cause: cause(alert),
            detectors: loudest_first(alert),
            e_value: alert.e_value,
            sentence: alert.sentence.clone(),
            evidence: evidence_link(told.seen.hash),
        })
    }

    fn miss(&self, incident: &Incident) -> Option<Miss> {
        let thefts: Vec<&Told> = incident.thefts.iter().filter_map(|p| self.told.get(*p)).collect();
        let first = thefts.first()?;
        let victims: BTreeSet<Address> = thefts.iter().flat_map(|one| labelled(one).1).collect();
        Some(Miss {
            incident: incident.name.clone(),
            date: incident.date.clone(),
            chain: incident.chain,
            class: incident.class.clone(),
            transactions: thefts.iter().take(100).map(|one| one.seen.hash).collect(),
            victims: victims.into_iter().collect(),
            loss_usd: incident.loss.map(crate::report::Dollars),
            recording: self.path(first),
            line: first.seen.place.line,
            blind: incident.is_blind,
            why: if incident.is_blind {
                "could not be looked into, which is not the same as nothing found".to_owned()
            } else {
                "no detector spoke".to_owned()
            },
            evidence: evidence_link(first.seen.hash),
        })
    }

    fn detection(&self, incident: &Incident) -> Option<Detection> {
        let first = self.told.get(*incident.alerts.first()?)?;
        let alerts: Vec<&Alert> =
            incident.alerts.iter().filter_map(|p| self.told.get(*p)?.alert.as_ref()).collect();
        let thefts = || incident.thefts.iter().filter_map(|place| self.told.get(*place));
        let attackers: BTreeSet<Address> = thefts().flat_map(|one| labelled(one).0).collect();
        let victims: BTreeSet<Address> = thefts().flat_map(|one| labelled(one).1).collect();
        let names = |known: &BTreeSet<Address>, said: fn(&Alert) -> &Vec<Address>| {
            let is_named =
                || alerts.iter().any(|alert| said(alert).iter().any(|a| known.contains(a)));
            (!known.is_empty()).then(is_named)
        };
        let level = alerts.iter().filter_map(|alert| alert.level).max();
        Some(Detection {
            incident: incident.name.clone(),
            date: incident.date.clone(),
            chain: incident.chain,
            class: incident.class.clone(),
            hash: first.seen.hash,
            recording: self.path(first),
            line: first.seen.place.line,
            level: level_name(level),
            detectors: alerts
                .iter()
                .flat_map(|a| detectors(a))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            e_value: incident.score(self.told).unwrap_or_default(),
            on_preparation: first.truth != Truth::Exploit,
            lead_seconds: incident.lead_seconds(self.told),
            attacker_named: names(&attackers, |alert| &alert.attackers),
            victim_named: names(&victims, |alert| &alert.victims)
                .max(names(&victims, |alert| &alert.targets)),
            loss_usd: incident.loss.map(crate::report::Dollars),
            loss_seen_usd: incident.loss_seen(self.told).map(crate::report::Dollars),
            loss_agrees: incident.loss_agrees(self.told),
            sentence: first.alert.as_ref().map(|alert| alert.sentence.clone()).unwrap_or_default(),
            evidence: evidence_link(first.seen.hash),
        })
    }
}

fn labelled(told: &Told) -> (Vec<Address>, Vec<Address>) {
    told.label.as_ref().map(|l| (l.attackers.clone(), l.victims.clone())).unwrap_or_default()
}

fn detectors(alert: &Alert) -> BTreeSet<String> {
    alert.voices.iter().map(|voice| voice.detector.clone()).collect()
}

fn loudest_first(alert: &Alert) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let names = alert.voices.iter().map(|voice| voice.detector.clone());
    names.filter(|name| seen.insert(name.clone())).collect()
}

fn level_name(level: Option<Level>) -> &'static str {
    match level {
        Some(Level::Act) => "act",
        Some(Level::Alert) => "alert",
        None => "probation",
    }
}

fn cause(alert: &Alert) -> String {
    let loudest = alert.voices.first().map_or("unnamed", |voice| voice.detector.as_str());
    format!("{loudest} ({})", alert.class)
}

/// Most frequent first.
fn causes(false_alerts: &[&Told]) -> Vec<Cause> {
    let mut tally: Tally<(u64, u64)> = Tally::new();
    for told in false_alerts {
        let Some(alert) = &told.alert else { continue };
        let entry = tally.entry(cause(alert)).or_default();
        entry.0 += 1;
        entry.1 += u64::from(told.is_automatic());
    }
    let mut causes: Vec<Cause> = tally
        .into_iter()
        .map(|(cause, (alerts, automatic))| Cause { cause, alerts, automatic })
        .collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.alerts));
    causes
}

fn recall_by<'a>(named: impl Iterator<Item = (String, &'a Incident)>) -> Vec<RecallOf> {
    let mut tally: Tally<(u64, u64)> = Tally::new();
    for (name, incident) in named {
        let entry = tally.entry(name).or_default();
        entry.0 += 1;
        entry.1 += u64::from(incident.is_detected());
    }
    let recall = |(name, (incidents, detected)): (String, (u64, u64))| RecallOf {
        name,
        incidents,
        detected,
        recall: share(detected, incidents).unwrap_or_default(),
    };
    tally.into_iter().map(recall).collect()
}

/// The year of an incident, from a date that begins with it.
fn year(incident: &Incident) -> String {
    let year: String = incident.date.iter().flat_map(|date| date.chars()).take(4).collect();
    let is_year = year.len() == 4 && year.chars().all(|c| c.is_ascii_digit());
    if is_year { year } else { "unknown".to_owned() }
}

//! From discoveries to findings.

use std::collections::BTreeMap;

use alloy_primitives::Address;
use portcullis_types::finding::{Confidence, Finding};

use super::{
    LiquidityFlow, META,
    books::Closed,
    score::{Form, Leader, Way},
    settings::Venue,
    watch::{Discovery, Run, Verdict},
};
use crate::detector::{Findings, draft_of_block};

impl LiquidityFlow {
    /// Says once that a chain was not seen, and again only after it was back.
    pub(super) fn say_blind(&mut self, closed: &Closed, out: &mut Findings) {
        self.told_blind.retain(|chain| closed.blind.contains(chain));
        for chain in &closed.blind {
            if self.told_blind.contains(chain) {
                continue;
            }
            self.told_blind.push(*chain);
            let mut finding =
                self.draft(closed, Address::ZERO, &[b"blind", &chain.to_be_bytes()[..]]);
            finding.contract = self.contract(None);
            finding.sentence = format!(
                "could not look: chain {chain} was not seen whole in the {} s from second {}; flows of its venues, and what \
                 they lead, are not judged until it is back: see to its node",
                self.settings.bucket_seconds,
                self.second(closed.bucket),
            );
            out.push(finding);
        }
    }

    pub(super) fn report(&self, closed: &Closed, verdict: &Verdict, out: &mut Findings) {
        if let Some(error) = &verdict.failed {
            let mut finding = self.draft(closed, Address::ZERO, &[b"reference"]);
            finding.contract = self.contract(None);
            finding.sentence = format!(
                "could not look: the reference of the flows cannot be used and is learned anew ({error}); see that all chains \
                 are seen without holes"
            );
            out.push(finding);
        }
        let mut single: BTreeMap<(usize, Way), Vec<&Discovery>> = BTreeMap::new();
        let mut together: Vec<&Discovery> = Vec::new();
        for discovery in &verdict.discoveries {
            match discovery.form {
                Form::Excess { venue, way, .. } => {
                    single.entry((venue, way)).or_default().push(discovery);
                }
                Form::Together { .. } => together.push(discovery),
            }
        }
        for ((venue, way), discoveries) in single {
            out.extend_one(self.excess(closed, (venue, way), &discoveries, verdict));
        }
        out.extend_one(self.together(closed, &together, verdict));
    }

    fn excess(
        &self,
        closed: &Closed,
        (index, way): (usize, Way),
        discoveries: &[&Discovery],
        verdict: &Verdict,
    ) -> Option<Finding> {
        let venue = self.settings.venues.get(index)?;
        let strongest =
            discoveries.iter().max_by(|a, b| a.e_value.total_cmp(&b.e_value)).copied()?;
        let amount = strongest.run.amounts.first().copied()?;
        let detail = [venue.name.as_bytes(), way.text().as_bytes()];
        let mut finding = self.draft(closed, self.contract(Some(venue)), &detail);
        finding.confidence = Confidence::evidence(verdict.fused);
        finding.asset = Some(venue.spec.asset);
        finding.amount = Some(amount);
        finding.evidence.push(self.moved(venue, way, amount, strongest.run, closed));
        for discovery in discoveries {
            let Form::Excess { leader, .. } = &discovery.form else { continue };
            let line = match leader.as_ref().and_then(|leader| self.leads(leader)) {
                Some(text) => format!("not explained by {text}: e-value {:.3e}", discovery.e_value),
                None => format!("nothing usually leads it: e-value {:.3e}", discovery.e_value),
            };
            finding.evidence.push(line);
        }
        self.add_context(&mut finding, (index, way), closed, verdict);
        let led =
            discoveries.iter().any(|one| matches!(one.form, Form::Excess { leader: Some(_), .. }));
        finding.sentence = format!(
            "{} went {} {} on chain {} in {}, {}",
            venue.spec.show(amount),
            way.text(),
            venue.name,
            venue.chain,
            self.span(strongest.run, closed),
            if led {
                "more than the flows explain that usually lead it"
            } else {
                "more than it usually moves"
            },
        );
        Some(finding)
    }

    /// All venues that lose at once in one finding: a finding a pair would say the same thing many times.
    fn together(
        &self,
        closed: &Closed,
        discoveries: &[&Discovery],
        verdict: &Verdict,
    ) -> Option<Finding> {
        let mut lost: BTreeMap<usize, Run> = BTreeMap::new();
        let mut lines = Vec::new();
        for discovery in discoveries {
            let Form::Together { venues, .. } = discovery.form else { continue };
            let names = venues.map(|venue| self.name(venue));
            let [first, second] = names;
            lines.push(format!("{first} and {second} at once: e-value {:.3e}", discovery.e_value));
            for (venue, amount) in venues.into_iter().zip(discovery.run.amounts) {
                let run = Run { amounts: [amount; 2], ..discovery.run };
                let known = lost.entry(venue).or_insert(run);
                if run.first < known.first {
                    *known = run;
                }
            }
        }
        let own = |index: &&usize| {
            let venue = self.settings.venues.get(**index);
            venue.is_some_and(|venue| venue.chain == self.protocol.chain)
        };
        let first = lost.keys().find(own).or(lost.keys().next()).copied()?;
        let venue = self.settings.venues.get(first)?;
        let names: Vec<&str> = lost.keys().map(|index| self.name(*index)).collect();
        let all = names.join("\n");
        let detail = [&b"together"[..], all.as_bytes()];
        let mut finding = self.draft(closed, self.contract(Some(venue)), &detail);
        finding.confidence = Confidence::evidence(verdict.fused);
        for (index, run) in &lost {
            let (Some(venue), [amount, _]) = (self.settings.venues.get(*index), run.amounts) else {
                continue;
            };
            finding.evidence.push(self.moved(venue, Way::Out, amount, *run, closed));
        }
        finding.evidence.extend(lines);
        self.add_context(&mut finding, (usize::MAX, Way::Out), closed, verdict);
        finding.sentence = format!("liquidity leaves {} at once", names.join(", "));
        Some(finding)
    }

    /// What was unusual elsewhere not long before, and how many of how many departed.
    fn add_context(
        &self,
        finding: &mut Finding,
        of: (usize, Way),
        closed: &Closed,
        verdict: &Verdict,
    ) {
        for ((index, way), unusual) in &verdict.unusual {
            let ago = closed.bucket.saturating_sub(unusual.bucket);
            let (Some(venue), true) = (self.settings.venues.get(*index), (*index, *way) != of)
            else {
                continue;
            };
            if ago <= self.settings.max_lag as u64 {
                finding.evidence.push(format!(
                    "also unusual: {} {} {} on chain {}, {ago} buckets before (p {:.1e})",
                    venue.spec.show(unusual.amount),
                    way.text(),
                    venue.name,
                    venue.chain,
                    unusual.p,
                ));
            }
        }
        finding.evidence.push(format!(
            "{} of {} flows departed, at a false discovery rate of {} %",
            verdict.n_rejected,
            verdict.n_all,
            self.settings.rate * 100.0,
        ));
    }

    fn moved(
        &self,
        venue: &Venue,
        way: Way,
        amount: alloy_primitives::U256,
        run: Run,
        closed: &Closed,
    ) -> String {
        format!(
            "{} ({} USD) {} {} on chain {} in {}",
            venue.spec.show(amount),
            venue.spec.value(amount),
            way.text(),
            venue.name,
            venue.chain,
            self.span(run, closed),
        )
    }

    fn span(&self, run: Run, closed: &Closed) -> String {
        let n = closed.bucket.saturating_sub(run.first) + 1;
        let seconds = n.saturating_mul(self.settings.bucket_seconds);
        format!("the {seconds} s from second {}", self.second(run.first))
    }

    fn leads(&self, leader: &Leader) -> Option<String> {
        let venue = self.settings.venues.get(leader.venue)?;
        let seconds = leader.lag as u64 * self.settings.bucket_seconds;
        Some(format!(
            "what goes {} {} on chain {} some {seconds} s before",
            leader.way.text(),
            venue.name,
            venue.chain
        ))
    }

    /// A form in words.
    pub(super) fn describe(&self, form: &Form) -> String {
        match form {
            Form::Excess { venue, way, leader, .. } => {
                let led = leader.as_ref().and_then(|leader| {
                    Some(format!("{}, {:.3} for 1", self.leads(leader)?, leader.ratio))
                });
                let led = led.unwrap_or_else(|| "nothing".to_owned());
                format!("{} {}: led by {led}", way.text(), self.name(*venue))
            }
            Form::Together { venues: [first, second], .. } => {
                format!("out of {} and {} at once", self.name(*first), self.name(*second))
            }
        }
    }

    fn name(&self, venue: usize) -> &str {
        self.settings.venues.get(venue).map_or("", |venue| venue.name.as_str())
    }

    fn second(&self, bucket: u64) -> u64 {
        bucket.saturating_mul(self.settings.bucket_seconds)
    }

    /// The contract concerned: the venue itself where it is on the protocol's chain, else the first venue there, else a
    /// contract of the protocol: on the protocol's chain the venue's address may be anybody's.
    fn contract(&self, venue: Option<&Venue>) -> Address {
        let own =
            |venue: &&Venue| venue.chain == self.protocol.chain && venue.account != Address::ZERO;
        let first = || self.settings.venues.iter().find(own).map(|venue| venue.account);
        let any = || self.protocol.contracts.first().map(|contract| contract.address);
        let itself = venue.filter(own).map(|venue| venue.account);
        itself.or_else(first).or_else(any).unwrap_or_default()
    }

    fn draft(&self, closed: &Closed, contract: Address, detail: &[&[u8]]) -> Finding {
        let mut bytes = closed.bucket.to_be_bytes().to_vec();
        for part in detail {
            bytes.extend_from_slice(part);
        }
        let (maturity, protocol) = (self.settings.maturity, &self.protocol);
        draft_of_block(&META, maturity, protocol, self.newest, contract, &bytes)
    }
}

impl Findings {
    fn extend_one(&mut self, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.push(finding);
        }
    }
}

//! From what the book says to findings.

use portcullis_types::{
    finding::{Confidence, Finding, Outlook},
    ids::FindingKey,
    money::Usd,
};

use crate::detector::{Findings, place};

use super::{
    Bridge, META, asset,
    book::Judgement,
    sums::Deficit,
    terms::{Fault, Release, Unknown, Verdict},
};

impl Bridge {
    pub(super) fn report(&mut self, judged: Vec<Judgement>, out: &mut Findings) {
        for judgement in judged {
            if let Some(finding) = self.opinion(&judgement) {
                out.push(finding);
            }
            // Without what was open at the beginning, or after a hole, every old lock looks like a deficit.
            if let Some(deficit) = judgement.deficit.as_ref().filter(|deficit| deficit.is_proof) {
                out.push(self.deficit(&judgement, deficit));
            }
        }
    }

    fn opinion(&mut self, judgement: &Judgement) -> Option<Finding> {
        let release = &judgement.release;
        let e_value = judgement.e_value();
        let (confidence, sentence) = match &judgement.verdict {
            Verdict::Matched => {
                self.told_blind = false;
                return None;
            }
            // Without ids only the sums say something.
            Verdict::Pending | Verdict::Unknown(Unknown::NoId) => return None,
            Verdict::Broken(faults) => {
                let texts: Vec<&str> = faults.iter().copied().map(Fault::text).collect();
                let forged = judgement.verdict.is_forged();
                let confidence =
                    if forged { Confidence::PROOF } else { Confidence::evidence(e_value) };
                (
                    confidence,
                    format!("the bridge released {}: {}", self.what(release), texts.join("; ")),
                )
            }
            Verdict::Unknown(Unknown::HistoryIncomplete) => (
                Confidence::evidence(e_value),
                format!(
                    "the bridge released {} and no lock of it was seen, which may be older than what was seen",
                    self.what(release)
                ),
            ),
            Verdict::Unknown(Unknown::SourceBehind | Unknown::TooManyPending) => {
                if std::mem::replace(&mut self.told_blind, true) {
                    return None;
                }
                (
                    Confidence::evidence(1.0),
                    format!(
                        "could not look: the bridge released {} and chain {} was not seen up to then; see to its node",
                        self.what(release),
                        self.source_chain
                    ),
                )
            }
        };
        Some(Finding { confidence, sentence, ..self.draft(judgement, b"release") })
    }

    fn deficit(&self, judgement: &Judgement, deficit: &Deficit) -> Finding {
        let spec = self.protocol.asset(asset(deficit.token));
        let show =
            |amount| spec.map_or_else(|| format!("{amount} units"), |spec| spec.show(amount));
        let draft = self.draft(judgement, b"sums");
        Finding {
            // The release itself carries the loss where it is known to be forged.
            loss: Usd::ZERO,
            amount: Some(deficit.grown),
            outlook: Outlook::AllAtRisk,
            confidence: Confidence::PROOF,
            evidence: vec![
                format!("released since the watch began: {}", show(deficit.released)),
                format!("locked and final: {}", show(deficit.covered)),
                format!("of the difference {} is new", show(deficit.grown)),
            ],
            sentence: format!(
                "the bridge has released {} more than was locked and final",
                show(deficit.released.saturating_sub(deficit.covered))
            ),
            ..draft
        }
    }

    fn draft(&self, judgement: &Judgement, kind: &[u8]) -> Finding {
        let release = &judgement.release;
        let (chain, contract) = (self.protocol.chain, self.release.contract);
        let forged = judgement.verdict.is_forged();
        let mut detail = kind.to_vec();
        detail.extend_from_slice(&release.ordinal.to_be_bytes());
        let mut evidence = Vec::new();
        if let Some(id) = release.id {
            evidence.push(format!("message id {id}"));
        }
        if let Some(beneficiary) = release.beneficiary {
            evidence.push(format!("paid to {beneficiary}"));
        }
        evidence.push(format!(
            "{} releases judged before, {} of them alike",
            judgement.judged_before, judgement.alike_before
        ));
        Finding {
            key: FindingKey::derive(
                META.id,
                &self.protocol.name,
                chain,
                place(Some(release.transaction), release.block),
                contract,
                &detail,
            ),
            detector: META.id.to_owned(),
            maturity: self.maturity,
            protocol: self.protocol.name.clone(),
            chain,
            block: release.block,
            transaction: Some(release.transaction),
            actor: Some(release.sender),
            contract,
            asset: release.token.map(asset),
            amount: release.amount,
            loss: if forged { release.value } else { Usd::ZERO },
            // Who can forge one message can forge the next.
            outlook: if forged { Outlook::AllAtRisk } else { Outlook::Continues },
            confidence: Confidence::evidence(1.0),
            evidence,
            sentence: String::new(),
        }
    }

    fn what(&self, release: &Release) -> String {
        let spec = release.token.and_then(|token| self.protocol.asset(asset(token)));
        match (spec, release.amount) {
            (Some(spec), Some(amount)) => spec.show(amount),
            (None, Some(amount)) => format!("{amount} units"),
            (_, None) => "a message".to_owned(),
        }
    }
}

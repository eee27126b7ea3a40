//! Findings move on with the chain: retracted with their block, confirmed and final with the blocks on top.

use portcullis_types::{
    case_event::CaseEvent, chain::BlockId, finding::FindingStatus, ids::ChainId,
};

use crate::step::{Engine, Step};

impl Engine {
    pub(crate) fn retract_findings(&mut self, step: &mut Step, chain: ChainId, old: &[BlockId]) {
        let mut events = Vec::new();
        for case in self.cases.values() {
            for record in case.findings.values() {
                let gone = record.finding.chain == chain && old.contains(&record.block);
                if gone && record.status != FindingStatus::Retracted {
                    events.push(CaseEvent::FindingMoved {
                        case: case.id,
                        key: record.finding.key,
                        status: FindingStatus::Retracted,
                        block: record.block,
                    });
                }
            }
        }
        self.write_retractions(step, events);
    }

    pub(crate) fn age_findings(&mut self, step: &mut Step, chain: ChainId, head: BlockId) {
        let settings = self.config.iter().flat_map(|config| &config.chains);
        let Some(settings) = settings.into_iter().find(|settings| settings.chain == chain) else {
            return;
        };
        let (confirmed, finalised) = (settings.confirmed_depth, settings.finalised_depth);
        let mut events = Vec::new();
        for case in self.cases.values() {
            for record in case.findings.values().filter(|record| record.finding.chain == chain) {
                let depth = head.number.saturating_sub(record.block.number);
                let status = match record.status {
                    FindingStatus::Seen if depth >= confirmed => FindingStatus::Confirmed,
                    FindingStatus::Confirmed if depth >= finalised => FindingStatus::Finalised,
                    _ => continue,
                };
                let key = record.finding.key;
                events.push(CaseEvent::FindingMoved { case: case.id, key, status, block: head });
            }
        }
        for event in events {
            self.write(step, event);
        }
    }
}

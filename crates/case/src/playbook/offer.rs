//! Which playbooks a case asks for.

use super::Playbook;
use crate::Case;

impl Playbook {
    /// Why this playbook is for a case: the findings that stand and that its triggers name. None where no trigger matches.
    pub fn why_for(&self, case: &Case) -> Option<String> {
        let severity = case.severity()?;
        let mut named: Vec<&str> = case
            .live_findings()
            .filter(|finding| self.is_for(&finding.detector, &finding.detector, severity))
            .map(|finding| finding.detector.as_str())
            .collect();
        named.sort_unstable();
        named.dedup();
        if named.is_empty() {
            return None;
        }
        Some(format!("{} found by {}", severity.name(), named.join(", ")))
    }
}

//! Alerts of other programs: name servers, build machines, clouds, whatever a chain does not show.
//!
//! An alert is a word in a case like any other, said by the program that hands it in. It decides nothing and pulls nothing:
//! it stands on the timeline of the case to which it belongs, and a grave one opens a case for people.

use portcullis_types::text::is_plain;
use serde::{Deserialize, Serialize};

use crate::severity::Severity;

/// Longest text of an alert, characters.
pub const ALERT_TEXT_CHARS_MAX: usize = 200;

/// An alert of another program, as Prometheus Alertmanager tells it (webhook payload, version 4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OutsideAlert {
    /// Identity there: the same while it fires.
    pub fingerprint: String,
    /// Its name there.
    pub name: String,
    /// What it says of itself, in one sentence; may be empty.
    pub text: String,
    /// How bad it is. Never P1: others do not see the chain.
    pub severity: Severity,
    /// Whether it fires; else it is over.
    pub is_firing: bool,
    /// The protocol that it concerns, if it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
}

impl OutsideAlert {
    /// Whether it opens a case where none is open: a P2 does.
    pub fn is_grave(&self) -> bool {
        self.severity.is_at_least(Severity::P2)
    }

    /// In one sentence.
    pub fn sentence(&self) -> String {
        let verb = if self.is_firing { "fires" } else { "is over" };
        let grade = self.severity.name();
        if self.text.is_empty() {
            format!("the alert {} {verb} ({grade})", self.name)
        } else {
            format!("the alert {} {verb} ({grade}): {}", self.name, self.text)
        }
    }

    /// Why it cannot be taken, and what to do; none if it can.
    pub fn fault(&self) -> Option<(String, &'static str)> {
        if self.fingerprint.is_empty() || self.name.is_empty() {
            let why = "the alert has no fingerprint or no name".to_owned();
            return Some((why, "send what Alertmanager sends, version 4"));
        }
        if self.severity == Severity::P1 {
            let why = "an alert of another program is no P1".to_owned();
            return Some((why, "let people declare one who have looked"));
        }
        let texts = [&self.fingerprint, &self.name, &self.text].into_iter().chain(&self.protocol);
        for text in texts {
            if text.chars().count() > ALERT_TEXT_CHARS_MAX || !text.chars().all(is_plain) {
                let why = format!(
                    "a text of the alert is longer than {ALERT_TEXT_CHARS_MAX} characters, or has some that do not show"
                );
                return Some((why, "make it shorter and printable first"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alert_is_short_plain_and_never_the_worst() {
        let good = OutsideAlert {
            fingerprint: "c0ffee".to_owned(),
            name: "DnsChanged".to_owned(),
            text: String::new(),
            severity: Severity::P2,
            is_firing: true,
            protocol: None,
        };
        assert_eq!(good.fault(), None);
        assert_eq!(good.sentence(), "the alert DnsChanged fires (P2)");
        let over = OutsideAlert { is_firing: false, text: "moved".to_owned(), ..good.clone() };
        assert_eq!(over.sentence(), "the alert DnsChanged is over (P2): moved");
        let with = |change: &dyn Fn(&mut OutsideAlert)| {
            let mut alert = good.clone();
            change(&mut alert);
            alert.fault().is_some()
        };
        assert!(with(&|alert| alert.fingerprint.clear()));
        assert!(with(&|alert| alert.name.clear()));
        assert!(with(&|alert| alert.severity = Severity::P1));
        assert!(with(&|alert| alert.text = "\u{202e}moved".to_owned()));
        assert!(with(&|alert| alert.text = "a\nb".to_owned()));
        assert!(with(&|alert| alert.name = "x".repeat(ALERT_TEXT_CHARS_MAX + 1)));
        assert!(with(&|alert| alert.protocol = Some("\u{1b}[2J".to_owned())));
        assert!(!with(&|alert| alert.severity = Severity::P4));
    }
}

//! Where a journal may be cut in two.

use portcullis_case::Case;
use portcullis_engine::Engine;
use portcullis_types::ids::{Millis, Seq};

use super::{journal::Journal, record::Record, verify::VerifyError};

/// The last record that may go into an archive, so that everything up to it was written before `before`, and every case that
/// is open, or in which anything happened since, begins behind it. None where nothing more than now may be archived.
///
/// # Errors
/// The journal is damaged, or written by a version that this one does not understand.
pub fn cut(journal: &Journal, before: Millis) -> Result<Option<Seq>, VerifyError> {
    let (mut engine, mut young) = (Engine::new(), None);
    journal.each(|record| -> Result<(), VerifyError> {
        if record.at >= before {
            young.get_or_insert(record.seq);
        }
        if let Some(entry) = record.entry().map_err(VerifyError::Unreadable)? {
            engine.step(&entry).map_err(|error| VerifyError::Unreadable(error.to_string()))?;
        }
        Ok(())
    })?;
    let first_kept = engine.cases().filter(|case| is_kept(case, before)).map(|case| case.id.0);
    let after_last = Seq(journal.last_seq().0 + 1);
    let first = first_kept.chain(young).min().unwrap_or(after_last);
    let mut last = Seq(first.0.saturating_sub(1));
    // An answer stays with its event.
    let next = journal.after(last, 1)?;
    if next.first().is_some_and(|record| record.kind == Record::OUTPUT) {
        last = Seq(last.0.saturating_sub(1));
    }
    let archived = journal.anchor().map_or(Seq(0), |anchor| anchor.seq);
    Ok(Some(last).filter(|last| *last > archived))
}

fn is_kept(case: &Case, before: Millis) -> bool {
    let said = case.life.record().last().map(|recorded| recorded.entry.at);
    let happened = case.timeline.last().map(|entry| entry.at);
    let touched = said.into_iter().chain(happened).chain([case.opened_at]).max();
    case.life.stage().is_open() || touched.is_some_and(|touched| touched >= before)
}

#[cfg(test)]
mod tests {
    use portcullis_case::{CaseCommand, Command};
    use portcullis_types::ids::CaseId;

    use super::*;

    #[test]
    fn a_case_is_kept_while_it_is_open_or_young() {
        let mut case = Case::open(CaseId(Seq(7)), "bank".into(), Millis(100));
        assert!(is_kept(&case, Millis(1_000)), "open, however old");
        let what = Command::FalsePositive { why: "a migration".into() };
        let command = CaseCommand { who: "ada".into(), when: Millis(200), what };
        case.command(Seq(9), Millis(200), &command).unwrap();
        assert!(is_kept(&case, Millis(200)), "closed since");
        assert!(!is_kept(&case, Millis(201)));
        let what = Command::Note { text: "asked for".into() };
        let command = CaseCommand { who: "ada".into(), when: Millis(500), what };
        case.command(Seq(11), Millis(500), &command).unwrap();
        assert!(is_kept(&case, Millis(201)), "somebody wrote something since");
    }
}

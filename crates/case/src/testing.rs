//! A small case for tests of what is made of cases.

use alloy_primitives::{Address, B256, Bytes, U256};
use portcullis_types::{
    action::{Action, Call, Intent, Lever, Outcome, Rung, Undo, ViewCheck},
    case_event::CaseEvent,
    chain::BlockId,
    finding::{Confidence, Finding, Maturity, Outlook},
    ids::{CaseId, EffectId, FindingKey, Millis, Seq},
    money::Usd,
};

use crate::{Case, CaseCommand, Command};

pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const ID: CaseId = CaseId(Seq(7));

pub(crate) fn block(number: u64) -> BlockId {
    BlockId { number, hash: B256::with_last_byte(number as u8) }
}

pub(crate) fn finding(number: u64, loss: i64, sentence: &str) -> CaseEvent {
    let finding = Finding {
        key: FindingKey(B256::with_last_byte(number as u8)),
        detector: "gross-outflow".into(),
        maturity: Maturity::Stable,
        protocol: "bank".into(),
        chain: 1,
        block: block(number),
        transaction: Some(B256::with_last_byte(0x77)),
        actor: Some(Address::with_last_byte(0x66)),
        contract: Address::with_last_byte(0x55),
        asset: None,
        amount: None,
        loss: Usd::dollars(loss),
        outlook: Outlook::Continues,
        confidence: Confidence::PROOF,
        evidence: vec!["balance fell".into()],
        sentence: sentence.into(),
    };
    CaseEvent::FindingRaised { case: ID, finding: Box::new(finding) }
}

pub(crate) fn action(seq: u64, intent: Intent) -> CaseEvent {
    let call = Call { to: Address::ZERO, data: Bytes::new(), gas_limit: 1 };
    let verify = ViewCheck {
        to: Address::ZERO,
        data: Bytes::new(),
        expect: U256::ONE,
        meaning: "paused".into(),
        word: 0,
    };
    let lever = Lever {
        name: "vault-pause".into(),
        rung: Rung::Market,
        chain: 1,
        covers: vec![],
        preflight: vec![],
        call,
        verify,
        undo: Undo::ByExpiry,
        hold_seconds: 60,
        false_stop_cost: Usd::ZERO,
        traps: vec![],
        warden: None,
        false_stop_parts: None,
        forms: Vec::new(),
    };
    let action = Action {
        id: EffectId { seq: Seq(seq), index: 0 },
        case: ID,
        protocol: "bank".into(),
        intent,
        lever,
        attack: None,
        expires: Millis(0),
    };
    CaseEvent::ActionIssued { case: ID, action: Box::new(action) }
}

pub(crate) fn held(seq: u64) -> CaseEvent {
    let outcome = Outcome::Held { block: block(12), by_us: true };
    CaseEvent::ActionMoved { case: ID, action: EffectId { seq: Seq(seq), index: 0 }, outcome }
}

pub(crate) fn say(case: &mut Case, seq: u64, minute: u64, what: Command) {
    let at = Millis(minute * MINUTE);
    case.command(Seq(seq), at, &CaseCommand { who: "ada".into(), when: at, what }).unwrap();
}

/// Detected at minute 100, pulled by the machine, acknowledged, leaking, contained by hand.
pub(crate) fn case() -> Case {
    let mut case = Case::open(ID, "bank".into(), Millis(100 * MINUTE));
    let at = |minute: u64| Millis(minute * MINUTE);
    case.apply(Seq(7), at(100), &finding(10, 500, "500 USD left"));
    case.apply(Seq(8), at(101), &action(8, Intent::Pull));
    case.apply(Seq(9), at(103), &held(8));
    say(&mut case, 10, 104, Command::Acknowledge);
    let (lever, loss) = ("vault-pause".to_owned(), Usd::dollars(20));
    case.apply(Seq(11), at(105), &CaseEvent::LossAfterHold { case: ID, lever, loss });
    case.apply(Seq(12), at(105), &finding(11, 20, "<script>alert(1)</script> [x](javascript:y)"));
    say(&mut case, 13, 110, Command::Contained { how: "by hand".into() });
    case
}

//! Plays one recording and writes down what was said of each transaction.
//!
//! **Assumption.** A judge is given a recording, and a configuration or none. It is given nothing else.
//!
//! **Promise.** What it says follows from Evidence alone. What people say about the same transactions is joined
//! afterwards, by other modules; a test reads the source of this one to see that it cannot name them.

mod protocol;

use std::path::Path;

use alloy_primitives::{Address, B256};
use portcullis_engine::Config;
use portcullis_observe::{ObserveError, Recording};
use portcullis_scan::{AttackClass, Level, Scanner, Suspicion};
use portcullis_types::{
    chain::BlindCause,
    ids::ChainId,
    money::{Asset, Usd},
    text::printable,
};
use serde::Serialize;

use crate::{
    error::BacktestError,
    footage::{Footage, Scene},
};
use protocol::ProtocolJudge;

/// Everything that was said of one recording.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tape {
    /// Chain; none of an empty recording.
    pub chain: Option<ChainId>,
    /// Every transaction in order, looked into or not.
    pub transactions: Vec<Seen>,
    /// Alerts in order.
    pub alerts: Vec<Alert>,
    /// Lines that could not be looked into, at most [`BLIND_LINES_MAX`].
    pub blind: Vec<BlindLine>,
    /// How many such lines there are.
    pub blind_lines: u64,
    /// Whether a line is executed on the state that the one before left.
    pub carries_state: bool,
}

/// Most blind lines of a recording that are kept with their cause.
pub const BLIND_LINES_MAX: usize = 20;

/// One transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seen {
    /// Hash; made up for a phase.
    pub hash: B256,
    /// Sender; zero where the recording does not say.
    pub from: Address,
    /// Name of the phase, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<String>,
    /// Where it is.
    pub place: Place,
    /// Whether it could not be looked into.
    pub is_blind: bool,
}

/// Where a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Line of the recording, from 1.
    pub line: u64,
    /// Place in the line, from 0.
    pub index: u32,
    /// Height, where known.
    pub block: Option<u64>,
    /// Seconds since the epoch, where known.
    pub time: Option<u64>,
}

/// Something that was said.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alert {
    /// Transactions that it may be about, by place among those of the tape, in order. One, unless a state was found wrong
    /// at the end of a block.
    pub suspects: Vec<usize>,
    /// How much it asks for; none for what is written down without being counted (detectors on probation).
    pub level: Option<Level>,
    /// What it looks like.
    pub class: String,
    /// Which detectors, strongest first.
    pub voices: Vec<Voice>,
    /// Greatest e-value among the voices that count.
    pub e_value: f64,
    /// Who gained.
    pub attackers: Vec<Address>,
    /// Who lost.
    pub victims: Vec<Address>,
    /// Whose functions were used for it, as far as that was looked at.
    pub targets: Vec<Address>,
    /// What was lost.
    pub losses: Vec<LossSeen>,
    /// In one sentence; printable.
    pub sentence: String,
}

/// What one detector said.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Voice {
    /// Detector.
    pub detector: String,
    /// How sure: value of an e-variable against "nothing is wrong".
    pub e_value: f64,
    /// What it saw; printable.
    pub sentence: String,
    /// Frames that show it, by index.
    pub frames: Vec<u32>,
}

/// A loss as the judge saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LossSeen {
    /// Who.
    pub victim: Address,
    /// What; none where it is known in dollars only.
    pub asset: Option<Asset>,
    /// Smallest units, decimal.
    pub amount: Option<String>,
    /// At a reference price.
    pub usd: Option<Usd>,
}

/// A line that could not be looked into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BlindLine {
    /// Line, from 1.
    pub line: u64,
    /// Why.
    pub cause: String,
}

/// How transactions are judged.
#[derive(Debug, Clone, Copy)]
pub enum Mode<'a> {
    /// Nothing is known of any protocol: victims and attackers are inferred.
    ChainWide,
    /// By a configuration.
    ProtocolAware(&'a Config),
}

impl Mode<'_> {
    /// Whether a configuration describes this chain: then its lines may stand among those of another, in order of time.
    fn knows(self, chain: ChainId) -> bool {
        match self {
            Self::ChainWide => false,
            Self::ProtocolAware(config) => {
                config.chains.iter().any(|settings| settings.chain == chain)
            }
        }
    }
}

/// What a recording was found to be.
pub enum Played {
    /// It was played.
    Tape(Box<Tape>),
    /// It is of a chain that the configuration does not describe.
    OtherChain(ChainId),
}

/// Plays a recording. `tick` is called after every line with the number of transactions in it.
///
/// # Errors
/// If the recording cannot be read to its end; what came before is dropped, so that a damaged file is never taken for a
/// shorter one.
pub fn play(
    path: &Path,
    mode: Mode<'_>,
    tick: &(dyn Fn(u64) + Sync),
) -> Result<Played, BacktestError> {
    let recording = Recording::open(path)?;
    let chain = recording.meta()?.chain_id;
    let mut judge = match mode {
        Mode::ChainWide => Judge::ChainWide(Box::default()),
        Mode::ProtocolAware(config) => {
            if !mode.knows(chain) {
                return Ok(Played::OtherChain(chain));
            }
            Judge::ProtocolAware(Box::new(ProtocolJudge::new(config)?))
        }
    };
    let mut tape = Tape { chain: Some(chain), ..Tape::default() };
    let mut footage = Footage::new();
    for line in recording.lines() {
        let (number, line) = line?;
        let Some(scene) = footage.stage(line) else { continue };
        if scene.chain != chain && !mode.knows(scene.chain) {
            let problem = format!(
                "is of chain {}, the recording of chain {chain}: give each chain its own file, or a configuration that \
                 describes both",
                scene.chain
            );
            return Err(ObserveError::BadRecording {
                path: path.into(),
                line: number.line,
                problem,
            }
            .into());
        }
        let before = tape.transactions.len();
        tape.enter(&scene, number.line);
        let said = footage.load(&scene).and_then(|()| judge.judge(&mut footage, &scene, before));
        match said {
            Ok(alerts) => tape.alerts.extend(alerts),
            Err(cause) => tape.go_blind(before, number.line, &cause),
        }
        tick(scene.transactions.len() as u64);
    }
    Ok(Played::Tape(Box::new(tape)))
}

impl Tape {
    fn enter(&mut self, scene: &Scene, line: u64) {
        self.carries_state |= scene.carries_state();
        for (index, (hash, from)) in (0_u32..).zip(&scene.transactions) {
            self.transactions.push(Seen {
                hash: *hash,
                from: *from,
                phase: scene.phase.clone(),
                place: Place { line, index, block: scene.block, time: scene.time },
                is_blind: false,
            });
        }
    }

    fn go_blind(&mut self, first: usize, line: u64, cause: &BlindCause) {
        self.transactions.iter_mut().skip(first).for_each(|seen| seen.is_blind = true);
        self.blind_lines += 1;
        if self.blind.len() < BLIND_LINES_MAX {
            self.blind.push(BlindLine { line, cause: sentence(&cause.to_string()) });
        }
    }
}

enum Judge {
    ChainWide(Box<Scanner>),
    ProtocolAware(Box<ProtocolJudge>),
}

impl Judge {
    /// What is said of the transactions of a scene that was loaded; the first of them is number `first` of the tape.
    fn judge(
        &mut self,
        footage: &mut Footage,
        scene: &Scene,
        first: usize,
    ) -> Result<Vec<Alert>, BlindCause> {
        match self {
            Self::ProtocolAware(judge) => judge.judge(footage, scene, first),
            Self::ChainWide(scanner) => {
                let mut alerts = Vec::new();
                for one in footage.inspect(scene)? {
                    if let Some(suspicion) = scanner.inspect(&one) {
                        alerts.push(alert_of(suspicion, first + one.index as usize));
                    }
                }
                Ok(alerts)
            }
        }
    }
}

/// A suspicion as an alert on transaction `place` of the tape.
fn alert_of(suspicion: Suspicion, place: usize) -> Alert {
    let losses = suspicion.losses.into_iter().map(|loss| LossSeen {
        victim: loss.victim,
        asset: Some(loss.asset),
        amount: Some(loss.amount.to_string()),
        usd: loss.usd,
    });
    let voices = suspicion.signals.into_iter().map(|signal| Voice {
        detector: signal.detector.to_owned(),
        e_value: finite(signal.e_value),
        sentence: sentence(&signal.sentence),
        frames: signal.frames,
    });
    let (losses, voices): (_, Vec<Voice>) = (losses.collect(), voices.collect());
    Alert {
        suspects: vec![place],
        level: Some(suspicion.level),
        class: class_name(suspicion.class).to_owned(),
        e_value: finite(suspicion.e_value),
        voices,
        attackers: suspicion.attackers,
        victims: suspicion.victims,
        targets: suspicion.targets,
        losses,
        sentence: sentence(&suspicion.sentence),
    }
}

/// Most characters of a sentence; detectors name addresses in full.
const SENTENCE_CHARS_MAX: usize = 600;
/// A piece of text that [`printable`] leaves whole.
const PIECE_CHARS: usize = 100;

/// A sentence made printable, longer than a single name may be.
fn sentence(text: &str) -> String {
    let chars: Vec<char> = text.chars().take(SENTENCE_CHARS_MAX).collect();
    let pieces =
        chars.chunks(PIECE_CHARS).map(|piece| printable(&piece.iter().collect::<String>()));
    pieces.collect()
}

/// JSON knows neither infinity nor "not a number"; the first is as sure as a float can say, the second says nothing.
fn finite(e_value: f64) -> f64 {
    if e_value.is_nan() { 0.0 } else { e_value.clamp(0.0, f64::MAX) }
}

/// The name of a class as it stands in reports.
fn class_name(class: AttackClass) -> &'static str {
    match class {
        AttackClass::PriceManipulation => "priceManipulation",
        AttackClass::Reentrancy => "reentrancy",
        AttackClass::AccessControl => "accessControl",
        AttackClass::Accounting => "accounting",
        AttackClass::Governance => "governance",
        AttackClass::Bridge => "bridge",
        AttackClass::ApprovalAbuse => "approvalAbuse",
        AttackClass::Other => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_long_enough_for_addresses_and_no_longer() {
        let long = format!("{} took it from {}", Address::repeat_byte(1), "x".repeat(200));
        assert_eq!(sentence(&long), long);
        assert_eq!(sentence(&"y".repeat(10_000)).len(), SENTENCE_CHARS_MAX);
        assert_eq!(sentence("a\u{1b}[2J"), "a\\u{1b}[2J");
        assert_eq!((finite(f64::NAN), finite(f64::INFINITY)), (0.0, f64::MAX));
    }
}

//! What speaks for an attack, one file a signal.
//!
//! Each signal says how rarely it fires where nothing is wrong; the reciprocal is its e-value. `verdict.rs` fuses them.
//!
//! The rates are judgement, held against 6,841 transactions of ordinary blocks (2016 to 2024): what is called uncommon
//! fired there at most a few times, what is rare once, what is unheard of never. So small a sample can bound a rate at
//! one in 2,280 at best (95 %); that the rarest are far rarer is known from what else happens on chains, not measured.

use alloy_primitives::Address;

use crate::{picture::Picture, suspicion::AttackClass};

mod approval;
mod armed;
mod exposed;
mod flash;
mod governed;
mod minted;
mod outsized;
mod posed;
mod pulled;
mod reentry;
mod repeat;
mod rescued;
mod round_trip;
mod sybil;
mod there_and_back;
mod to_and_fro;
mod unpaid;
mod upkeep;
mod vouched;
mod wrapping;

/// In one of a hundred ordinary transactions.
pub(crate) const OFTEN: f64 = 100.0;
/// In one of a thousand ordinary transactions.
pub(crate) const UNCOMMON: f64 = 1_000.0;
/// In one of 20,000 ordinary transactions: two such things together are an alarm.
pub(crate) const RARE: f64 = 20_000.0;
/// In no ordinary transaction known in kind: enough for an alarm by itself, whatever was gained.
pub(crate) const UNHEARD: f64 = 80_000.0;

/// What a signal saw.
#[derive(Debug, Clone)]
pub(crate) struct Sighting {
    /// Value of the e-variable.
    pub(crate) e_value: f64,
    /// What kind of attack shows this.
    pub(crate) class: AttackClass,
    /// In one sentence, without the full stop.
    pub(crate) sentence: String,
    /// Frames that show it.
    pub(crate) frames: Vec<u32>,
    /// On whom it is done, if the signal knows.
    pub(crate) victims: Vec<Address>,
}

/// A signal: its name and what it looks for.
pub(crate) type Watch = (&'static str, fn(&Picture<'_>) -> Option<Sighting>);

/// All signals. Their number is the denominator of the average in `verdict.rs`: whoever adds one raises [`RARE`] to 1,000
/// times and [`UNHEARD`] to 4,000 times it, and answers for the rates that this claims (a test reminds).
pub(crate) const WATCHES: &[Watch] = &[
    ("tricked-approval", approval::look),
    ("armed-contract", armed::look),
    ("exposed-function", exposed::look),
    ("flash-funded", flash::look),
    ("governed", governed::look),
    ("bulk-mint", minted::look),
    ("outsized-payout", outsized::look),
    ("posed-contract", posed::look),
    ("pulled-approval", pulled::look),
    ("entered-again", reentry::look),
    ("repeated-act", repeat::look),
    ("rescued", rescued::look),
    ("round-trip", round_trip::look),
    ("many-hands", sybil::look),
    ("there-and-back", there_and_back::look),
    ("to-and-fro", to_and_fro::look),
    ("unpaid", unpaid::look),
    ("pool-upkeep", upkeep::look),
    ("vouched", vouched::look),
    ("wrapping-amounts", wrapping::look),
];

/// Most frames named by a signal.
pub(crate) const FRAMES_MAX: usize = 16;

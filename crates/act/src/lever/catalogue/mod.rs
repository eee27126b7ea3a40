//! The catalogue of brakes: what is known of each as data, and how a row of it becomes a [`Lever`].
//!
//! A row says which call stops, what must be so before, what is so afterwards, how it ends, who may call, what goes on
//! working and what can go wrong. `docs/levers.md` is written from these rows, and the conformance test plays each
//! against real contracts or, where no package ships them, against a shape rebuilt from the interface.
//!
//! In templates `{field}` is a field of the configuration, in this program's spelling (`data_provider` for
//! `dataProvider`); `{responder}` is the account that pulls, `{hold_seconds}` the hold.

mod others;
mod page;
mod resolve;
mod rows_governance;
mod rows_lending;
mod rows_ours;
mod rows_pause;
mod rows_rollup;

pub(super) use self::resolve::{Common, Fields, build};
pub use self::{
    others::{NOT_A_LEVER, NotALever},
    page::page,
};

/// A call as the catalogue writes it.
#[derive(Debug, Clone, Copy)]
pub struct CallTemplate {
    /// The contract: a field.
    pub at: &'static str,
    /// The signature; may name a field that holds one.
    pub function: &'static str,
    /// Its arguments.
    pub args: &'static [&'static str],
}

/// A view as the catalogue writes it. Where it names an optional field that the configuration leaves out, the view is
/// left out.
#[derive(Debug, Clone, Copy)]
pub struct ViewTemplate {
    /// The contract: a field.
    pub at: &'static str,
    /// The signature.
    pub function: &'static str,
    /// Its arguments.
    pub args: &'static [&'static str],
    /// What must be answered.
    pub expect: &'static str,
    /// In which word of the answer, from 0.
    pub word: u32,
}

/// How a brake ends.
#[derive(Debug, Clone, Copy)]
pub enum UndoTemplate {
    /// By a call, of the responder where the configuration says `release: responder`, of people otherwise.
    Call {
        /// The first of these whose fields are all there.
        calls: &'static [CallTemplate],
        /// What is so afterwards.
        verify: ViewTemplate,
    },
    /// By itself.
    Expiry,
    /// Only by people, who are not the responder.
    People,
}

/// What a row was tested against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tested {
    /// The contracts of this package.
    Package(&'static str),
    /// Contracts of this repository.
    Ours(&'static str),
    /// A shape rebuilt from the interface: this file, because no package ships the contracts.
    Shape(&'static str),
}

/// One brake.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// `kind` in the configuration; after a dot the value of `action`, where one kind has several brakes.
    pub kind: &'static str,
    /// Whose mechanism it is.
    pub system: &'static str,
    /// The call that stops.
    pub stop: CallTemplate,
    /// What must be so before.
    pub preflight: &'static [ViewTemplate],
    /// What is so while it holds.
    pub verify: ViewTemplate,
    /// How it ends.
    pub undo: UndoTemplate,
    /// The field with the contract whose losses it stops, where the configuration does not say.
    pub covers: &'static str,
    /// Gas limit where the configuration says none.
    pub gas: u64,
    /// Who may pull, and after which delay.
    pub who: &'static str,
    /// Who undoes it, and when it ends by itself.
    pub ends: &'static str,
    /// What goes on working.
    pub keeps: &'static str,
    /// What can go wrong, for people.
    pub traps: &'static [&'static str],
    /// What it was tested against.
    pub tested: Tested,
    /// An example, as YAML.
    pub example: &'static str,
}

/// All rows: one for each brake that the data of this catalogue describes, those in code included.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    rows_pause::ROWS
        .iter()
        .chain(rows_governance::ROWS)
        .chain(rows_lending::ROWS)
        .chain(rows_rollup::ROWS)
        .chain(rows_ours::ROWS)
}

/// The row of a kind.
pub fn row(kind: &str) -> Option<&'static Row> {
    rows().find(|row| row.kind == kind)
}

/// A view that answers a flag or a word in its first place.
const fn view(
    at: &'static str,
    function: &'static str,
    args: &'static [&'static str],
    expect: &'static str,
) -> ViewTemplate {
    ViewTemplate { at, function, args, expect, word: 0 }
}

/// The same in another place.
const fn view_word(template: ViewTemplate, word: u32) -> ViewTemplate {
    ViewTemplate { word, ..template }
}

const fn call(
    at: &'static str,
    function: &'static str,
    args: &'static [&'static str],
) -> CallTemplate {
    CallTemplate { at, function, args }
}

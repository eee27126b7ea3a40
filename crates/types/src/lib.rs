//! The words of Portcullis.
//!
//! Every arrow between two rooms of the program carries one of the types in this crate: facts about the chain
//! ([`chain`], [`wire`], [`access`]), what a transaction did ([`evidence`]), what a detector says of it ([`finding`]),
//! what is to be done ([`decision`], [`action`]) and what people read ([`case_event`]).
//!
//! **Assumptions.** Chain data was parsed at the edge; addresses, hashes and amounts are typed end to end.
//!
//! **Promises.** Nothing here reads a clock, a disk or a network, nothing here panics, and money is never a
//! floating-point number.

pub mod access;
pub mod action;
pub mod brake;
pub mod case_event;
pub mod chain;
pub mod decision;
pub mod evidence;
pub mod finding;
pub mod ids;
pub mod invariant;
pub mod money;
pub mod probe;
pub mod protocol;
pub mod text;
pub mod wire;

pub mod approval;
pub mod false_stop;

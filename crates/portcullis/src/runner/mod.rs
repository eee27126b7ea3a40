//! Runs the engine against the world: journals what comes in, steps, has the effects done outside, journals what
//! became of them.

mod clock;
mod core;
pub mod desk;
mod heartbeats;
mod keeper;
mod lanes;
pub mod letterbox;
mod player;
mod pool;
mod reader;
mod responder;
mod room;
mod self_test;
mod service;
pub mod spool;
mod teller;
mod wiring;
mod words;

pub use clock::now;
pub use core::{Core, CoreError};
pub use desk::{Desk, Order, Refused, Who};
pub(crate) use lanes::relays;
pub use player::{BlindRange, Played, Player};
pub use service::{Service, ServiceError, Stop};
pub use spool::hand_over;
pub(crate) use wiring::urls;

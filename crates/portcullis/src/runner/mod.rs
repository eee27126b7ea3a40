//! Runs the engine against the world: journals what comes in, steps, has the effects done outside, journals what
//! became of them.

mod clock;
mod core;
mod heartbeats;
mod keeper;
mod player;
mod pool;
mod reader;
mod responder;
mod self_test;
mod service;
mod wiring;

pub use clock::now;
pub use core::{Core, CoreError};
pub use player::{BlindRange, Played, Player};
pub use service::{Service, ServiceError, Stop};
pub(crate) use wiring::urls;

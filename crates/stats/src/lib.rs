//! Streaming statistics with stated false-alarm rates.

mod error;
mod promise;
mod special;

pub mod conformal;
pub mod cusum;
pub mod ebh;
pub mod edetector;
pub mod evalue;
pub mod hawkes;
pub mod pot;
pub mod windows;

pub use conformal::{ConformalWatch, PowerBets, Reference};
pub use edetector::{BoundedMean, EDetector, Level, Watch};
pub use error::StatsError;
pub use evalue::EValue;
pub use promise::{Bound, Promise};

#[cfg(test)]
mod testing;

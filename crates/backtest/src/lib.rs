//! Plays recordings against detectors and measures them by labels that the detectors never see.
//!
//! The way: [`files`] finds recordings and labels; [`judge`] plays each recording, several at a time, and writes down what
//! was said; [`join`] puts that together with the labels; [`incidents`] and the measuring turn it into a [`report::Report`];
//! [`exhibit`] goes back to the recordings for what people want to see of misses and false alarms; [`html`] shows it.
//!
//! **Promises.** A judge is given recordings and a configuration, nothing else. The report is the same whatever the
//! number of threads, apart from the two figures that are about time. Memory does not grow with the number of honest
//! transactions that nobody talks about.

mod error;
pub mod exhibit;
pub mod files;
mod footage;
pub mod html;
pub mod incidents;
pub mod join;
pub mod judge;
pub mod labels;
pub mod loss;
pub mod loss_curve;
mod measure;
mod names;
pub mod report;
mod run;
pub mod stats;
pub mod tables;
mod text;

pub use error::BacktestError;
pub use footage::{Footage, Scene};
pub use join::Unlabelled;
pub use run::{Backtest, Options, Progress, run};

#[cfg(test)]
mod tests;

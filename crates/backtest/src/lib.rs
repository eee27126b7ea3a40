//! Plays recordings against detectors and measures them by labels that the detectors never see.

mod footage;

pub use footage::Footage;

pub mod loss_curve;

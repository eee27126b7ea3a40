//! Detectors: from Evidence to Findings. Pure; one detector, one file.
#![warn(missing_docs)]

pub mod detector;

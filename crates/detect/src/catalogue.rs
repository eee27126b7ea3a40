//! All detectors there are.

use crate::{
    control_plane, detector::Meta, failed_attempts, first_caller, gross_outflow, invariant,
    reentrancy,
};

/// The description of every detector, in the order in which they are documented.
pub const ALL: &[&Meta] = &[
    &gross_outflow::META,
    &control_plane::META,
    &invariant::META,
    &reentrancy::META,
    &first_caller::META,
    &failed_attempts::META,
    &crate::adversarial_deployment::META,
    &crate::governance::META,
    &crate::volatility::META,
    &crate::contagion::META,
];

//! All detectors there are.

use crate::{control_plane, detector::Meta, gross_outflow, invariant, reentrancy, rules};

/// The description of every detector, in the order in which they are documented.
pub const ALL: &[&Meta] = &[
    &gross_outflow::META,
    &control_plane::META,
    &invariant::META,
    &reentrancy::META,
    &rules::META,
];

//! All detectors there are.

use crate::detector::Meta;

/// The description of every detector, in the order in which they are documented.
pub const ALL: &[&Meta] = &[
    &crate::gross_outflow::META,
    &crate::control_plane::META,
    &crate::invariant::META,
    &crate::reentrancy::META,
    &crate::first_caller::META,
    &crate::failed_attempts::META,
    &crate::adversarial_deployment::META,
    &crate::governance::META,
    &crate::net_loss::META,
    &crate::bridge::META,
    &crate::novelty::META,
    &crate::price_manipulation::META,
    &crate::supply::META,
    &crate::vault::META,
    &crate::market_or_theft::META,
    &crate::volatility::META,
    &crate::contagion::META,
    &crate::stale_oracle::META,
    &crate::rules::META,
    &crate::liquidity_flow::META,
];

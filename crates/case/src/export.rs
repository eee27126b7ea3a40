//! What other tools read: playbooks as CACAO 2.0, cases as STIX 2.1 and OCSF.
//!
//! All ids follow from what they name, so that two exports of one thing are equal, byte for byte.

pub mod cacao;
mod cacao_step;
mod called;
pub mod ocsf;
pub mod stix;
#[cfg(test)]
mod tests;
mod uuid;

pub(crate) use called::called;

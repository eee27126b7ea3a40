//! The rule language: CEL over Evidence, checked when it is loaded.

//! Playbooks: what people and machine do in an incident, in which order, by when, and who must agree.
//!
//! A playbook is a file (`playbooks/*.yaml`). [`read`] turns it into a [`Playbook`] or into all of its problems, each with
//! file, line, column, field and remedy; [`check`] holds it against the people, levers and addresses that there are.

mod check;
mod diagnostic;
mod model;
mod offer;
mod read;
mod roster;
mod schema;
mod steps;
#[cfg(test)]
mod tests;
mod yaml;

pub use check::{Fault, Means, check};
pub use diagnostic::Diagnostic;
pub use model::{
    Approval, Audience, Clock, Condition, Kind, Playbook, PostCondition, Role, RoleNeed, Step,
    Trigger, Undo,
};
pub use read::read;
pub use roster::{Person, Roster, read_roster};
pub use schema::json_schema;

/// Largest playbook file, bytes.
pub const FILE_BYTES_MAX: usize = 131_072;
/// Most steps of a playbook. Nobody works through more in a night.
pub const STEPS_MAX: usize = 100;
/// Most people of a roster.
pub const PEOPLE_MAX: usize = 500;
/// Longest clock of a step, minutes: 30 days.
pub const CLOCK_MINUTES_MAX: u32 = 43_200;
/// Longest clock of a step that begins at once in a playbook for a P1 or P2, minutes: SEAL asks for an answer within 15.
pub const FIRST_CLOCK_MINUTES_MAX: u32 = 15;
/// Most problems reported of one file. Who has more mends these first.
pub const PROBLEMS_MAX: usize = 64;

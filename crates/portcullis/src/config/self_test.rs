//! How often the brakes are tested beside `run`.

use serde::Deserialize;

use super::compile::{Problem, about};

/// `selfTest` of the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SelfTestFile {
    /// Seconds between two tests of a chain's brakes; 0 switches them off. Default 300.
    #[serde(default = "five_minutes")]
    pub every_seconds: u64,
    /// Longest time for one test of a protocol, seconds; what is not answered by then "could not be looked at". Default
    /// 60.
    #[serde(default = "minute")]
    pub time_limit_seconds: u64,
}

impl Default for SelfTestFile {
    fn default() -> Self {
        Self { every_seconds: five_minutes(), time_limit_seconds: minute() }
    }
}

fn five_minutes() -> u64 {
    300
}

fn minute() -> u64 {
    60
}

pub(super) fn compile(from: SelfTestFile) -> Result<SelfTestFile, Problem> {
    if from.time_limit_seconds == 0 {
        let text =
            "timeLimitSeconds must be above 0: to switch the self-test off, set everySeconds to 0";
        return Err(about(text, "timeLimitSeconds"));
    }
    Ok(from)
}

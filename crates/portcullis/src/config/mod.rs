//! The configuration: one YAML file that describes what to protect and how.

mod compile;
mod console;
mod file;
mod keys;
mod lanes;
mod learned;
mod load;
pub mod online;
pub mod rules;
mod safe;
mod self_test;
mod sentinels;
pub mod war;

pub use compile::Compiled;
pub use console::{Console, ConsoleFile};
pub use file::{ChainFile, ConfigFile, KeyFile, ResponderFile};
pub use lanes::{LaneFile, RelayFile};
pub use load::{ConfigProblem, load, parse, parse_proposed};
pub use safe::{SafeFile, ServiceFile, TokenFile, load_safe};
pub use self_test::SelfTestFile;
pub use sentinels::{SentinelFile, SentinelsFile};
pub use war::{War, WarFile};

//! All limits of the rule language, with their units. What exceeds one is refused at load, or counted while running.

/// Largest rule file, bytes.
pub const FILE_BYTES_MAX: usize = 65_536;
/// Most rules of a set.
pub const RULES_MAX: usize = 4_096;
/// Deepest nesting of maps and lists in a rule file.
pub const YAML_DEPTH_MAX: usize = 24;
/// Longest expression, bytes.
pub const EXPRESSION_BYTES_MAX: usize = 4_096;
/// Deepest nesting of an expression.
pub const EXPRESSION_DEPTH_MAX: usize = 32;
/// Most operators of one kind after each other (`a.b.c…`, `!!…`): the parser calls itself for each.
pub const EXPRESSION_CHAIN_MAX: usize = 64;
/// Most nodes of an expression once `let` and `params` are put in.
pub const EXPRESSION_NODES_MAX: usize = 1_024;
/// Most steps of one evaluation: nodes visited, list elements made.
pub const STEPS_MAX: u32 = 100_000;
/// Most elements of a named list of a rule.
pub const LIST_ELEMENTS_MAX: usize = 4_096;
/// Most groups of one window. The one unused for longest goes first, counted.
pub const WINDOW_GROUPS_MAX: usize = 4_096;
/// Most blocks with entries in one group of a window. The oldest goes first, counted.
pub const WINDOW_BLOCKS_MAX: usize = 4_096;
/// Longest window over time, seconds: 30 days.
pub const WINDOW_SECONDS_MAX: u64 = 30 * 86_400;
/// Longest window over blocks.
pub const WINDOW_LENGTH_BLOCKS_MAX: u64 = 250_000;
/// Entries that fell out of a window are kept for this many blocks more: a re-organisation may bring them back.
/// 51 minutes of 12-second blocks, more than four times the two epochs after which Ethereum is final.
pub const REORG_BLOCKS_MAX: u64 = 256;
/// Most matches of one rule in one transaction. The rest is counted.
pub const MATCHES_MAX: usize = 256;
/// Most problems that are reported of one set of files. Who has more mends these first.
pub const PROBLEMS_MAX: usize = 64;

//! One look at a node: what is new against what was given.
//!
//! ```text
//! head above the tip ── next block fits ──► Next
//!        │                    └─ does not ─► walk back by parent hashes ──► Replaced
//! head at the tip ──── same hash ──► Nothing        │
//!        └──────────── other hash ──────────────────┘
//! head below the tip ─ a block that was given ──► Behind (a lagging node, not a re-organisation)
//!        └──────────── another block ───────────────┘
//! ```

use std::collections::VecDeque;

use futures_util::{StreamExt, stream};
use portcullis_types::chain::{BlindCause, BlockHead, BlockId};

use super::{Start, cursor::Cursor};
use crate::{error::CallFailure, node::Node};

/// Most blocks that are asked for at a time while a gap is filled.
const HEADS_MAX: u64 = 16;

/// What a look may assume.
#[derive(Debug, Clone)]
pub(super) struct View {
    pub(super) cursor: Cursor,
    pub(super) start: Start,
    pub(super) reorg_depth_max: usize,
    pub(super) gap_blocks_max: u64,
}

/// What a look found.
#[derive(Debug)]
pub(super) enum Seen {
    /// Blocks on top of the tip, lowest first.
    Next(Vec<BlockHead>),
    /// Blocks in the place of others.
    Replaced { old: Vec<BlockId>, new: Vec<BlockHead> },
    /// The gap up to the head is too long; its first part is given up.
    TooFar { from: u64, to: u64 },
    /// The tip is the head, or the block to start at is not there yet.
    Nothing,
    /// The node is behind the tip.
    Behind { head: BlockId },
}

/// Why a look failed.
#[derive(Debug)]
pub(super) enum Trouble {
    /// A request failed.
    Call(CallFailure),
    /// The answers do not fit each other.
    Inconsistent {
        detail: String,
        /// Which blocks cannot be seen, where that is more than the next one.
        range: Option<(u64, u64)>,
    },
}

impl From<CallFailure> for Trouble {
    fn from(failure: CallFailure) -> Self {
        Self::Call(failure)
    }
}

impl Trouble {
    /// The cause, and the blocks that it hides if they are known.
    pub(super) fn told(self) -> (BlindCause, Option<(u64, u64)>) {
        match self {
            Self::Call(failure) => (failure.into(), None),
            Self::Inconsistent { detail, range } => (BlindCause::Inconsistent { detail }, range),
        }
    }
}

/// Looks once.
pub(super) async fn look(node: Node, view: View) -> Result<Seen, Trouble> {
    let head = node.newest_head().await?;
    let Some(tip) = view.cursor.tip() else { return first(&node, &view, head).await };
    let at_tip = head.id.number == tip.number;
    let was_given = view.cursor.hash_at(head.id.number) == Some(head.id.hash);
    if was_given {
        return Ok(if at_tip { Seen::Nothing } else { Seen::Behind { head: head.id } });
    }
    if view.cursor.oldest().is_some_and(|oldest| head.id.number < oldest.number) {
        // Too far back to tell a lagging node from a re-organised one.
        return Ok(Seen::Behind { head: head.id });
    }
    if head.id.number <= tip.number {
        return replaced(&node, &view, head).await;
    }
    let gap = head.id.number - tip.number;
    if gap > view.gap_blocks_max {
        let (from, to) = (tip.number + 1, head.id.number - view.gap_blocks_max);
        return Ok(Seen::TooFar { from, to });
    }
    let next = following(&node, tip.number + 1, &head).await?;
    if next.first().is_some_and(|first| first.parent == tip.hash) {
        return Ok(Seen::Next(next));
    }
    let Some(at_tip) = node.numbered_head(tip.number).await? else {
        return Err(missing(tip.number, &head));
    };
    if at_tip.id == tip {
        let detail = format!("block {} is not on top of {}", tip.number + 1, tip.hash);
        return Err(Trouble::Inconsistent { detail, range: None });
    }
    replaced(&node, &view, at_tip).await
}

/// The first block of all.
async fn first(node: &Node, view: &View, head: BlockHead) -> Result<Seen, Trouble> {
    let number = match view.start {
        Start::Head => return Ok(Seen::Next(vec![head])),
        Start::Number(number) => number,
    };
    if head.id.number < number {
        return Ok(Seen::Nothing);
    }
    Ok(Seen::Next(following(node, number, &head).await?))
}

/// Blocks from `number` on, some at a time, as far as each stands on the one before.
async fn following(node: &Node, number: u64, head: &BlockHead) -> Result<Vec<BlockHead>, Trouble> {
    if number == head.id.number {
        return Ok(vec![head.clone()]);
    }
    let last = head.id.number.min(number.saturating_add(HEADS_MAX - 1));
    let asked = stream::iter(number..=last).map(|number| node.numbered_head(number));
    let answers: Vec<_> = asked.buffered(HEADS_MAX as usize).collect().await;
    let mut heads: Vec<BlockHead> = Vec::new();
    for answer in answers {
        // What came before a failure is good; the failure comes again if it stays.
        let next = match answer {
            Ok(Some(next)) => next,
            Ok(None) if heads.is_empty() => return Err(missing(number, head)),
            Err(failure) if heads.is_empty() => return Err(failure.into()),
            Ok(None) | Err(_) => break,
        };
        if heads.last().is_some_and(|before| next.parent != before.id.hash) {
            break;
        }
        heads.push(next);
    }
    Ok(heads)
}

/// Walks back from `top`, which is not part of what was given, to a block that is. By parent hash
/// and not by number, so that a second re-organisation meanwhile cannot mix two chains.
async fn replaced(node: &Node, view: &View, top: BlockHead) -> Result<Seen, Trouble> {
    let Some(oldest) = view.cursor.oldest() else { return Ok(Seen::Nothing) };
    let highest = top.id.number;
    let mut new: VecDeque<BlockHead> = VecDeque::new();
    let mut block = top;
    let lowest = loop {
        let number = block.id.number;
        if view.cursor.hash_at(number) == Some(block.id.hash) {
            break number + 1;
        }
        let parent = block.parent;
        new.push_front(block);
        if number <= oldest.number || new.len() > view.reorg_depth_max {
            if view.cursor.is_whole() && new.len() <= view.reorg_depth_max {
                // Nothing older was ever given: all of it is taken back.
                break number;
            }
            return Err(too_deep(view, highest));
        }
        let Some(next) = node.hashed_head(parent).await? else {
            let detail = format!("the node names block {parent} as a parent and does not have it");
            return Err(Trouble::Inconsistent { detail, range: None });
        };
        if next.id.number + 1 != number {
            let detail = format!("block {number} has a parent with number {}", next.id.number);
            return Err(Trouble::Inconsistent { detail, range: None });
        }
        block = next;
    };
    let old = view.cursor.at_or_above(lowest);
    if old.len() > view.reorg_depth_max {
        return Err(too_deep(view, highest));
    }
    if old.is_empty() {
        return Ok(Seen::Nothing);
    }
    Ok(Seen::Replaced { old, new: new.into() })
}

fn missing(number: u64, head: &BlockHead) -> Trouble {
    let detail = format!("the node names head {} and has no block {number}", head.id.number);
    Trouble::Inconsistent { detail, range: Some((number, head.id.number)) }
}

/// Everything that was kept may be wrong, and everything since.
fn too_deep(view: &View, top: u64) -> Trouble {
    let detail = format!(
        "the node's chain shares none of the newest {} blocks with what was seen: a \
         re-organisation deeper than that, or a node of another chain; compare nodes before \
         starting again from an agreed block",
        view.reorg_depth_max
    );
    let range = view.cursor.oldest().map(|oldest| (oldest.number, top.max(oldest.number)));
    Trouble::Inconsistent { detail, range }
}

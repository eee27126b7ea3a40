//! What the routes do.

mod alerts;
mod cases;
mod evidence;
mod hand_out;
mod journal;
mod metrics;
mod public;
mod records;
mod sign_in;
mod system;
mod write;

pub(crate) use alerts::*;
pub(crate) use cases::*;
pub(crate) use evidence::*;
pub(crate) use hand_out::*;
pub(crate) use journal::*;
pub(crate) use metrics::metrics;
pub(crate) use public::*;
pub(crate) use records::*;
pub(crate) use sign_in::*;
pub(crate) use system::*;
pub(crate) use write::*;

use portcullis_types::text::printable;
use serde::Serialize;
use utoipa::ToSchema;

use super::{error::ApiError, shown::Shown};

/// An answer of JSON, or a refusal.
pub(crate) type Answer<T> = Result<Shown<T>, ApiError>;

/// A page of a list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
    /// Entries that are there and cannot be read; left out where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unreadable: Option<Unreadable>,
}

/// Most entries that are named of those that cannot be read.
const UNREADABLE_NAMED_MAX: usize = 10;

/// Entries of a list that are there and cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct Unreadable {
    /// How many.
    pub(crate) count: u64,
    /// The first of them, and why: `name: reason`.
    pub(crate) why: Vec<String>,
}

impl Unreadable {
    /// One more.
    pub(crate) fn note(&mut self, name: &str, why: impl std::fmt::Display) {
        self.count += 1;
        if self.why.len() < UNREADABLE_NAMED_MAX {
            let why = printable(&why.to_string());
            self.why.push(format!("{}: {why}", printable(name)));
        }
    }

    /// None where there is none.
    pub(crate) fn any(self) -> Option<Self> {
        (self.count > 0).then_some(self)
    }
}

impl<T> Page<T> {
    /// The page of `all` after the cursor, which is the place of the last item before it.
    pub(crate) fn of<S>(
        all: impl Iterator<Item = S>,
        page: super::asked::PageAsked,
        show: impl FnMut(S) -> T,
    ) -> Self {
        let from = page.after.unwrap_or(0);
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let mut rest = all.skip(skip).peekable();
        let items: Vec<T> = rest.by_ref().take(page.limit).map(show).collect();
        let next = rest.peek().map(|_| (from + items.len() as u64).to_string());
        Self { items, next, unreadable: None }
    }

    /// The same, where some entries could not be read.
    pub(crate) fn but(mut self, unreadable: Unreadable) -> Self {
        self.unreadable = unreadable.any();
        self
    }
}

/// Runs what reads files, away from the threads that answer.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(_) => Err(ApiError::busy("the work was broken off")),
    }
}

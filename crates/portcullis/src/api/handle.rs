//! What the routes do.

mod cases;
mod evidence;
mod hand_out;
mod journal;
mod metrics;
mod records;
mod sign_in;
mod system;
mod write;

pub(crate) use cases::*;
pub(crate) use evidence::*;
pub(crate) use hand_out::*;
pub(crate) use journal::*;
pub(crate) use metrics::metrics;
pub(crate) use records::*;
pub(crate) use sign_in::*;
pub(crate) use system::*;
pub(crate) use write::*;

use serde::Serialize;

use super::{error::ApiError, shown::Shown};

/// An answer of JSON, or a refusal.
pub(crate) type Answer<T> = Result<Shown<T>, ApiError>;

/// A page of a list.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) next: Option<String>,
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
        Self { items, next }
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

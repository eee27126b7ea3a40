//! Lanes: accounts that act for one chain, each with nonces of its own, so that a transaction that is stuck on one never
//! stands before a pull.
//!
//! **What.** [`Lanes`] hands out lanes: a pull takes any that is free; a release leaves at least one healthy lane free
//! and waits behind pulls; an action whose transaction was signed already gets the lane of that transaction and no
//! other. [`LaneHealth`] says how each stands.
//!
//! **Assumptions.** The accounts are used by nobody else. Where somebody does, the lane is seen as jammed and passed
//! over.
//!
//! **Promises.** A lane is held by one action at a time, so no nonce is given twice (ACT-1).

mod book;
mod look;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use alloy_primitives::Address;
use tokio::{sync::Notify, time::timeout};

use self::book::{Book, Wish};
pub use self::look::{LaneLook, look};
use crate::signer::{SignError, SignRequest, Signing, TransactionSigner};

/// Most lanes of one chain. Each is an account to fund and to watch.
pub const LANES_MAX: usize = 16;

/// The lanes of one chain, the preferred one first.
#[derive(Debug)]
pub(crate) struct Lanes {
    signers: Vec<Arc<dyn TransactionSigner>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    book: Mutex<Book>,
    changed: Notify,
}

/// A lane in use; given back when dropped.
pub(crate) struct LaneHold {
    place: usize,
    signer: Arc<dyn TransactionSigner>,
    shared: Arc<Shared>,
    /// Whether the account is a configured lane.
    is_ours: bool,
}

/// What came of asking for a lane.
#[derive(Debug)]
pub(crate) enum Taken {
    /// This one.
    Lane(LaneHold),
    /// Those that were not tried are busy, and were for as long as was waited.
    Busy,
    /// All were tried.
    AllTried,
}

/// How one lane stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaneHealth {
    /// Its account.
    pub account: Address,
    /// Whether an action uses it now.
    pub busy: bool,
    /// What kept the last action off it; none where that went through, or nothing was tried.
    pub trouble: Option<String>,
}

impl Lanes {
    pub(crate) fn new(first: Arc<dyn TransactionSigner>) -> Self {
        Self::of(vec![first])
    }

    fn of(signers: Vec<Arc<dyn TransactionSigner>>) -> Self {
        let book = Mutex::new(Book::new(signers.len()));
        Self { signers, shared: Arc::new(Shared { book, changed: Notify::new() }) }
    }

    /// The same lanes and `more`; an account that is there already, and what is above [`LANES_MAX`], is left out.
    pub(crate) fn with(self, more: Vec<Arc<dyn TransactionSigner>>) -> Self {
        let mut signers = self.signers;
        for one in more {
            let is_known = signers.iter().any(|known| known.address() == one.address());
            if is_known || signers.len() >= LANES_MAX {
                tracing::warn!(account = %one.address(), "this lane is not used: it is there twice, or there are too many");
            } else {
                signers.push(one);
            }
        }
        Self::of(signers)
    }

    /// The account of the preferred lane.
    pub(crate) fn first(&self) -> Address {
        self.signers.first().map(|signer| signer.address()).unwrap_or_default()
    }

    /// The accounts, the preferred one first.
    pub(crate) fn accounts(&self) -> Vec<Address> {
        self.signers.iter().map(|signer| signer.address()).collect()
    }

    pub(crate) fn health(&self) -> Vec<LaneHealth> {
        let book = self.shared.book();
        let of = |(place, signer): (usize, &Arc<dyn TransactionSigner>)| {
            let (busy, trouble) = book.standing(place);
            LaneHealth { account: signer.address(), busy, trouble }
        };
        self.signers.iter().enumerate().map(of).collect()
    }

    /// A lane that was not tried, for a release or for a pull. Once something was tried, waits no longer than `limit`
    /// for one that is busy: what was jammed may be clear by then.
    pub(crate) async fn take(&self, is_release: bool, tried: &[usize], limit: Duration) -> Taken {
        if self.shared.book().all_tried(tried) {
            return Taken::AllTried;
        }
        let list = tried.to_vec();
        let wish =
            if is_release { Wish::LetGo { tried: list } } else { Wish::Stop { tried: list } };
        let place = if tried.is_empty() {
            Some(self.shared.wait_for(wish).await)
        } else {
            timeout(limit, self.shared.wait_for(wish)).await.ok()
        };
        match place.and_then(|place| self.hold(place)) {
            Some(hold) => Taken::Lane(hold),
            None => Taken::Busy,
        }
    }

    /// The lane of `account`, once it is free. Where it is none of ours any more, one that cannot sign: what is out is
    /// followed and sent again as it is.
    pub(crate) async fn take_own(&self, account: Address) -> LaneHold {
        let place = self.signers.iter().position(|signer| signer.address() == account);
        if let Some(place) = place {
            let place = self.shared.wait_for(Wish::Only(place)).await;
            if let Some(hold) = self.hold(place) {
                return hold;
            }
        }
        let signer = Arc::new(Keyless(account));
        let shared = Arc::clone(&self.shared);
        LaneHold { place: usize::MAX, signer, shared, is_ours: false }
    }

    fn hold(&self, place: usize) -> Option<LaneHold> {
        let signer = Arc::clone(self.signers.get(place)?);
        Some(LaneHold { place, signer, shared: Arc::clone(&self.shared), is_ours: true })
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for(&self, wish: Wish) -> usize {
        let line = InLine { shared: self, ticket: self.book().wait(wish) };
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on a change is not missed.
            changed.as_mut().enable();
            let granted = self.book().grant(line.ticket);
            if let Some(place) = granted {
                return place;
            }
            changed.await;
        }
    }
}

/// A place in the line, left when its owner waits no more.
struct InLine<'a> {
    shared: &'a Shared,
    ticket: u64,
}

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.shared.book().leave(self.ticket);
        self.shared.changed.notify_waiters();
    }
}

impl LaneHold {
    pub(crate) fn place(&self) -> usize {
        self.place
    }

    pub(crate) fn account(&self) -> Address {
        self.signer.address()
    }

    pub(crate) fn signer(&self) -> &dyn TransactionSigner {
        &*self.signer
    }

    /// Notes what keeps an action off this lane; `None` where it goes through.
    pub(crate) fn note(&self, trouble: Option<&str>) {
        self.shared.book().note(self.place, trouble.map(str::to_owned));
    }
}

impl Drop for LaneHold {
    fn drop(&mut self) {
        if self.is_ours {
            self.shared.book().free(self.place);
            self.shared.changed.notify_waiters();
        }
    }
}

impl fmt::Debug for LaneHold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LaneHold({})", self.account())
    }
}

/// An account whose key is not configured any more.
#[derive(Debug)]
struct Keyless(Address);

impl TransactionSigner for Keyless {
    fn address(&self) -> Address {
        self.0
    }

    fn sign(&self, _: SignRequest) -> Signing<'_> {
        let why = format!(
            "{} is no lane any more, and a transaction of it is out: add it under `lanes` again until that is settled",
            self.0
        );
        Box::pin(async move { Err(SignError::Refused { why }) })
    }
}

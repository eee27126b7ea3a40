//! What an attacker takes until he is stopped: `E[G(T_r)]`.

use portcullis_types::money::Usd;

use super::{
    bound::{Holding, loss_bound},
    part,
    response::Response,
};

/// A drain: how much there is, and how fast it can be taken.
#[derive(Debug, Clone, Copy)]
pub struct Drain<'a> {
    /// Everything within reach.
    pub value: Usd,
    /// How long taking all of it takes at a constant rate, seconds.
    pub seconds: u64,
    /// Limits that are enforced; none where none are.
    pub enforced: Option<&'a [Holding]>,
}

impl Drain<'_> {
    /// Taken in `seconds`: the rate times the time, at most what the limits leave and what there is.
    pub fn taken_in(&self, seconds: u64) -> Usd {
        let value = self.value.max_zero();
        let taken =
            if seconds >= self.seconds { value } else { value.mul_ratio(seconds, self.seconds) };
        self.within_limits(taken, seconds)
    }

    /// Taken in one transaction.
    pub fn at_once(&self) -> Usd {
        self.within_limits(self.value.max_zero(), 0)
    }

    fn within_limits(&self, taken: Usd, seconds: u64) -> Usd {
        match self.enforced.and_then(|holdings| loss_bound(holdings, seconds)) {
            Some(bound) => taken.min(bound),
            None => taken,
        }
    }

    /// `E[G(T)]` for this response. Exact where no limit is enforced, else over [`Response::points`].
    pub fn expected(&self, response: &Response) -> Usd {
        if self.enforced.is_none() {
            return part(self.value.max_zero(), response.share_taken(self.seconds));
        }
        let points = response.points();
        points.iter().map(|point| part(self.taken_in(point.seconds), point.probability)).sum()
    }
}

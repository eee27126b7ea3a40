//! How strange the flows of a bucket are. Only ranks of scores are used, so that no tail is too heavy.

/// How many buckets of a flow's own past are looked at.
pub(super) const OWN_PAST_BUCKETS: usize = 32;

/// Dollars that went into a venue and out of it in a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Flow {
    pub(super) came: f64,
    pub(super) left: f64,
}

/// Flows of all venues in a bucket; none where a venue was not seen.
pub(super) type Row = Vec<Option<Flow>>;

/// Which way value went, seen from the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Way {
    In,
    Out,
}

impl Way {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::In => "into",
            Self::Out => "out of",
        }
    }
}

impl Flow {
    pub(super) fn way(self, way: Way) -> f64 {
        match way {
            Way::In => self.came,
            Way::Out => self.left,
        }
    }

    fn net_left(self) -> f64 {
        (self.left - self.came).max(0.0)
    }
}

/// A flow that usually goes before another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Leader {
    pub(super) venue: usize,
    pub(super) way: Way,
    /// Buckets.
    pub(super) lag: usize,
    /// By how many buckets more or less the lag may differ.
    pub(super) spread: usize,
    /// How many dollars follow a dollar.
    pub(super) ratio: f64,
}

impl Leader {
    /// The oldest bucket that is looked at.
    pub(super) fn reach(&self) -> usize {
        self.lag + self.spread
    }

    /// What the leader moved in the buckets that may explain this one, dollars. None if one of them was not seen.
    pub(super) fn explains<'a>(&self, row: impl Fn(usize) -> Option<&'a Row>) -> Option<f64> {
        let mut sum = 0.0;
        for ago in self.lag.saturating_sub(self.spread)..=self.reach() {
            sum += row(ago)?.get(self.venue).copied().flatten()?.way(self.way);
        }
        Some(sum)
    }
}

/// What is scored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// What a venue moves beyond what its leader explains.
    Excess {
        /// Whose flow.
        venue: usize,
        /// Which way.
        way: Way,
        /// Dollars of a usual bucket.
        scale: f64,
        /// Most that its own past may explain, dollars a bucket: as much as it did in nine of ten buckets of the
        /// reference. Otherwise a drain would explain itself.
        own_max: f64,
        /// What explains it; none where nothing usually does.
        leader: Option<Leader>,
    },
    /// What leaves two venues at once.
    Together {
        /// Which.
        venues: [usize; 2],
        /// Dollars of a usual bucket.
        scales: [f64; 2],
    },
}

/// The score; `row(0)` is the bucket itself and `row(n)` the one n buckets before. None if something that it needs was not
/// seen.
pub(super) fn score<'a>(form: &Form, row: impl Fn(usize) -> Option<&'a Row>) -> Option<f64> {
    let now = row(0)?;
    match form {
        Form::Excess { venue, way, scale, own_max, leader } => {
            let moved = now.get(*venue).copied().flatten()?.way(*way);
            let explained = match leader {
                Some(leader) => leader.explains(&row)? * leader.ratio,
                None => 0.0,
            };
            let explained = explained + own_past(&row, (*venue, *way)).min(*own_max);
            Some((moved / scale).ln_1p() - (explained / scale).ln_1p())
        }
        Form::Together { venues, scales } => {
            let mut least = f64::INFINITY;
            for (venue, scale) in venues.iter().zip(scales) {
                let left = now.get(*venue).copied().flatten()?.net_left();
                least = least.min((left / scale).ln_1p());
            }
            Some(least)
        }
    }
}

/// The mean of what a flow was in the buckets before this one, of those that were seen; 0 if none was.
pub(super) fn own_past<'a>(
    row: impl Fn(usize) -> Option<&'a Row>,
    (venue, way): (usize, Way),
) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for ago in 1..=OWN_PAST_BUCKETS {
        if let Some(flow) = row(ago).and_then(|row| row.get(venue).copied().flatten()) {
            sum += flow.way(way);
            n += 1.0;
        }
    }
    if n > 0.0 { sum / n } else { 0.0 }
}

//! What users write about the detector `liquidity-flow`, and its check.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use portcullis_types::{
    finding::Maturity,
    ids::ChainId,
    money::Asset,
    protocol::{AssetSpec, Protocol},
};
use serde::{Deserialize, Serialize};

use super::META;
use crate::{
    build::{ConfigError, Resolver},
    number::Decimal,
};

/// Most venues of one detector: 132 ordered pairs.
pub const VENUES_MAX: usize = 12;

/// Length of a bucket, seconds.
pub const BUCKET_SECONDS: std::ops::RangeInclusive<u64> = 10..=86_400;

/// Length of the reference, buckets. A quarter of the fewest must be enough for the test of a relation.
pub const REFERENCE_BUCKETS: std::ops::RangeInclusive<u64> = 600..=8_192;

/// Longest lag between leader and follower, buckets.
pub const LAG_BUCKETS: std::ops::RangeInclusive<u64> = 1..=32;

/// Length of an epoch, buckets.
pub const EPOCH_BUCKETS: std::ops::RangeInclusive<u64> = 16..=65_536;

/// Longest patience with a chain that is behind, buckets.
pub const PATIENCE_BUCKETS_MAX: u64 = 64;

/// Longest time a bucket waits for re-organisations, seconds.
const SETTLE_SECONDS_MAX: u64 = 86_400;

const LAG_DEFAULT: u64 = 8;
const EPOCH_DEFAULT: u64 = 2_048;
const SETTLE_SECONDS: u64 = 60;
const DECIMALS_MAX: u8 = 36;

/// `detector: liquidity-flow`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LiquidityFlowConfig {
    /// Lowers the detector's own maturity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    /// Where flows are watched. 2 to 12.
    pub venues: Vec<VenueConfig>,
    /// Length of a bucket, seconds; 10 to 86,400. Flows are compared bucket by bucket.
    pub bucket_seconds: u64,
    /// The first so many buckets that were seen on all chains are the reference; 600 to 8,192.
    pub reference_buckets: u64,
    /// The longest lag between a leader and what follows it, buckets; 1 to 32. Default 8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lag_buckets: Option<u64>,
    /// The promise is given for so many buckets, then anew; 16 to 65,536. Default 2,048.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch_buckets: Option<u64>,
    /// The share of false findings among those that stand, in the mean, percent; above 0, at most 50: `"5"`.
    pub false_discovery_rate: Decimal,
    /// How long a chain that is behind is waited for, seconds. Default: four buckets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience_seconds: Option<u64>,
    /// How long after its end a bucket is judged, so that a re-organisation can still change it, seconds. Default 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settle_seconds: Option<u64>,
}

/// One asset of one account on one chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VenueConfig {
    /// Name for people, unique: `ethereum-usdc`.
    pub name: String,
    /// Its chain. Default: the protocol's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<ChainId>,
    /// Pool, bridge or vault: an address, or the name of a contract. The zero address stands for the token's mints (out)
    /// and burns (in).
    pub account: String,
    /// Symbol of the protocol's asset that it holds, for price and name.
    pub asset: String,
    /// Address of the token on the venue's chain, or `native`. Default on the protocol's chain: that of the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Decimals on the venue's chain. Default: those of the asset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decimals: Option<u8>,
    /// Which flows may be found strange. Default `both`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
}

/// Which way value goes, seen from the venue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// Into it.
    In,
    /// Out of it.
    Out,
    /// Either.
    Both,
}

/// A venue, resolved.
#[derive(Debug, Clone)]
pub(super) struct Venue {
    pub(super) name: String,
    pub(super) chain: ChainId,
    pub(super) account: Address,
    pub(super) token: Asset,
    pub(super) decimals: u8,
    pub(super) spec: AssetSpec,
    pub(super) direction: Direction,
}

impl Venue {
    /// An amount of the venue's chain in smallest units of the protocol's asset, rounded down. Saturates.
    pub(super) fn units(&self, amount: U256) -> U256 {
        let ten = U256::from(10);
        let (here, there) = (self.decimals, self.spec.decimals);
        if here > there {
            amount / ten.saturating_pow(U256::from(here - there)).max(U256::from(1))
        } else {
            amount.saturating_mul(ten.saturating_pow(U256::from(there - here)))
        }
    }

    /// What has to be watched to see it: the account, or the token whose mints and burns are meant.
    pub(super) fn watched(&self) -> Address {
        match self.token {
            Asset::Token(token) if self.account == Address::ZERO => token,
            _ => self.account,
        }
    }
}

/// All settings, checked.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) maturity: Maturity,
    pub(super) venues: Vec<Venue>,
    pub(super) bucket_seconds: u64,
    pub(super) reference_buckets: usize,
    pub(super) max_lag: usize,
    pub(super) epoch_buckets: u64,
    /// A share, above 0.
    pub(super) rate: f64,
    pub(super) patience_seconds: u64,
    pub(super) settle_seconds: u64,
}

impl Settings {
    pub(super) fn new(
        protocol: &Protocol,
        config: &LiquidityFlowConfig,
    ) -> Result<Self, ConfigError> {
        let resolver = Resolver { protocol, meta: &META };
        let n_venues = config.venues.len();
        if !(2..=VENUES_MAX).contains(&n_venues) {
            let problem = format!("there are {n_venues}");
            let remedy = format!("name 2 to {VENUES_MAX}: one venue has nothing to lead it");
            return Err(resolver.error("venues", problem, remedy));
        }
        let mut venues = Vec::new();
        let (mut names, mut places) = (BTreeSet::new(), BTreeSet::new());
        for (index, one) in config.venues.iter().enumerate() {
            let venue = venue(&resolver, &format!("venues[{index}]"), one)?;
            let is_new = names.insert(venue.name.clone())
                && places.insert((venue.chain, venue.account, venue.token));
            if venue.name.is_empty() || !is_new {
                let problem = format!("`{}` is empty, or stands there twice", venue.name);
                let remedy = "name each account and token once, each by a name of its own";
                return Err(resolver.error(format!("venues[{index}].name"), problem, remedy));
            }
            venues.push(venue);
        }
        let seconds = within(&resolver, "bucketSeconds", config.bucket_seconds, BUCKET_SECONDS)?;
        let reference = config.reference_buckets;
        let reference = within(&resolver, "referenceBuckets", reference, REFERENCE_BUCKETS)?;
        let lag = config.max_lag_buckets.unwrap_or(LAG_DEFAULT);
        let lag = within(&resolver, "maxLagBuckets", lag, LAG_BUCKETS)?;
        let epoch = config.epoch_buckets.unwrap_or(EPOCH_DEFAULT);
        let patience = config.patience_seconds.unwrap_or(4 * seconds);
        let longest = PATIENCE_BUCKETS_MAX * seconds;
        let settle = config.settle_seconds.unwrap_or(SETTLE_SECONDS);
        Ok(Self {
            maturity: resolver.maturity(config.maturity)?,
            venues,
            bucket_seconds: seconds,
            reference_buckets: usize::try_from(reference).unwrap_or(usize::MAX),
            max_lag: usize::try_from(lag).unwrap_or(usize::MAX),
            epoch_buckets: within(&resolver, "epochBuckets", epoch, EPOCH_BUCKETS)?,
            rate: rate(&resolver, config.false_discovery_rate)?,
            patience_seconds: within(&resolver, "patienceSeconds", patience, 0..=longest)?,
            settle_seconds: within(&resolver, "settleSeconds", settle, 0..=SETTLE_SECONDS_MAX)?,
        })
    }
}

fn within(
    resolver: &Resolver<'_>,
    field: &str,
    value: u64,
    range: std::ops::RangeInclusive<u64>,
) -> Result<u64, ConfigError> {
    if range.contains(&value) {
        return Ok(value);
    }
    let remedy = format!("write {} to {}", range.start(), range.end());
    Err(resolver.error(field, format!("{value} is outside of that"), remedy))
}

/// Percent as a share, 0.01 % to 50 %.
fn rate(resolver: &Resolver<'_>, percent: Decimal) -> Result<f64, ConfigError> {
    let points = percent.units(2).and_then(|points| u32::try_from(points).ok());
    points
        .filter(|points| (1..=5_000).contains(points))
        .map(|p| f64::from(p) / 10_000.0)
        .ok_or_else(|| {
            let problem = format!("{percent} is not between 0.01 and 50 percent");
            resolver.error("falseDiscoveryRate", problem, "write for instance \"5\"")
        })
}

fn venue(resolver: &Resolver<'_>, field: &str, config: &VenueConfig) -> Result<Venue, ConfigError> {
    let at = |name: &str| format!("{field}.{name}");
    let own = resolver.protocol.chain;
    let chain = config.chain.unwrap_or(own);
    let spec = resolver.asset(&at("asset"), &config.asset)?.clone();
    // A name means the contract of the protocol, which is on its own chain only.
    let account = if chain == own {
        resolver.account(&at("account"), &config.account)?
    } else {
        address(resolver, &at("account"), &config.account)?
    };
    let token = match config.token.as_deref() {
        Some("native") => Asset::Native,
        Some(text) => Asset::Token(address(resolver, &at("token"), text)?),
        None if chain == own => spec.asset,
        None => {
            let problem = format!("the token of `{}` on chain {chain} is not known", config.name);
            let remedy = "write its address on that chain, or `native`";
            return Err(resolver.error(at("token"), problem, remedy));
        }
    };
    let decimals = config.decimals.unwrap_or(spec.decimals);
    if decimals > DECIMALS_MAX {
        let problem = format!("{decimals} is more than {DECIMALS_MAX}");
        return Err(resolver.error(
            at("decimals"),
            problem,
            "write what the token's decimals() says",
        ));
    }
    if account == Address::ZERO && token == Asset::Native {
        let problem = "the native coin has no mints and burns to watch";
        return Err(resolver.error(at("account"), problem, "name the pool or bridge"));
    }
    let direction = config.direction.unwrap_or(Direction::Both);
    Ok(Venue { name: config.name.clone(), chain, account, token, decimals, spec, direction })
}

fn address(resolver: &Resolver<'_>, field: &str, text: &str) -> Result<Address, ConfigError> {
    text.parse().map_err(|_| {
        let problem = format!("`{text}` is not an address");
        resolver.error(field, problem, "write 0x and 40 hexadecimal digits in quotes")
    })
}

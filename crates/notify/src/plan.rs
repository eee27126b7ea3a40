//! What the outbox needs to know of the configuration: channels, their rates, and who is told what.

use crate::{
    config::NotifyFile,
    config::RouteFile,
    notice::{Audience, Kind, Notice},
    severity::Severity,
};

/// One channel, as the outbox sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelPlan {
    /// Name.
    pub name: String,
    /// Who reads it.
    pub audience: Audience,
    /// Most messages a minute.
    pub per_minute: u32,
    /// Most messages at once. The last is kept for P1 where it is at least two.
    pub burst: u32,
}

/// Who is told what, how fast, and how much may wait.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Channels.
    pub channels: Vec<ChannelPlan>,
    /// Routes.
    pub routes: Vec<RouteFile>,
    /// Further messages of a kind and group are folded for so long, milliseconds.
    pub group_millis: u64,
    /// Most rows that wait for one channel, but for the one that counts the rest.
    pub queue_rows_max: u32,
    /// A channel that fails for so long is told of on the others, milliseconds.
    pub down_after_millis: u64,
    /// Seed of the jitter between tries.
    pub seed: u64,
}

impl Plan {
    /// From a configuration that was checked.
    pub fn new(file: &NotifyFile, seed: u64) -> Self {
        let channels = file.channels.iter().map(|channel| {
            let (per_minute, burst) = channel.via.default_rate();
            ChannelPlan {
                name: channel.name.clone(),
                audience: channel.audience,
                per_minute: channel.per_minute.unwrap_or(per_minute),
                burst: channel.burst.unwrap_or(burst),
            }
        });
        Self {
            channels: channels.collect(),
            routes: file.routes.clone(),
            group_millis: file.group_seconds.saturating_mul(1000),
            queue_rows_max: file.queue_rows_max,
            down_after_millis: file.down_after_seconds.saturating_mul(1000),
            seed,
        }
    }

    /// The channels that take a notice, each once. Public ones take it only if it holds a public status.
    pub fn channels_of(&self, notice: &Notice) -> Vec<&ChannelPlan> {
        let routed = self.routed(notice.kind, notice.severity);
        routed
            .into_iter()
            .filter(|channel| channel.audience == Audience::Team || notice.public.is_some())
            .collect()
    }

    /// The channels of the team that are told about `channel`, which cannot be told itself: those of the routes for
    /// channels that are down, else all others.
    pub(crate) fn others(&self, channel: &str, severity: Severity) -> Vec<&ChannelPlan> {
        let is_other =
            |other: &&ChannelPlan| other.name != channel && other.audience == Audience::Team;
        let mut out = self.routed(Kind::ChannelDown, severity);
        out.retain(is_other);
        if out.is_empty() {
            out = self.channels.iter().filter(is_other).collect();
        }
        out
    }

    pub(crate) fn channel(&self, name: &str) -> Option<&ChannelPlan> {
        self.channels.iter().find(|channel| channel.name == name)
    }

    fn routed(&self, kind: Kind, severity: Severity) -> Vec<&ChannelPlan> {
        let takes = |name: &str| {
            let mut routes = self.routes.iter().filter(|route| route.takes(kind, severity));
            routes.any(|route| route.channels.iter().any(|channel| channel == name))
        };
        self.channels.iter().filter(|channel| takes(&channel.name)).collect()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn channel(name: &str, audience: Audience) -> ChannelPlan {
        ChannelPlan { name: name.to_owned(), audience, per_minute: 600, burst: 10 }
    }

    pub(crate) fn route(
        min_severity: Severity,
        kinds: Option<Vec<Kind>>,
        channels: &[&str],
    ) -> RouteFile {
        RouteFile {
            min_severity,
            kinds,
            channels: channels.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// `ops` for the team, `status` for anybody, told everything.
    pub(crate) fn both_audiences() -> Plan {
        Plan {
            channels: vec![channel("ops", Audience::Team), channel("status", Audience::Public)],
            routes: vec![route(Severity::P5, None, &["ops", "status"])],
            group_millis: 30_000,
            queue_rows_max: 1_000,
            down_after_millis: 60_000,
            seed: 7,
        }
    }

    #[test]
    fn routes_take_by_severity_and_kind_and_each_channel_once() {
        let mut plan = both_audiences();
        plan.channels = ["a", "b", "c"].map(|name| channel(name, Audience::Team)).to_vec();
        plan.routes = vec![
            route(Severity::P2, None, &["a", "b"]),
            route(Severity::P5, Some(vec![Kind::Blind]), &["b", "c"]),
        ];
        let names = |kind: Kind, severity: Severity| -> Vec<String> {
            let notice = Notice::new(kind, severity, "g", "t", portcullis_types::ids::Millis(0));
            plan.channels_of(&notice).iter().map(|channel| channel.name.clone()).collect()
        };
        assert_eq!(names(Kind::Finding, Severity::P1), ["a", "b"]);
        assert_eq!(names(Kind::Blind, Severity::P1), ["a", "b", "c"]);
        assert_eq!(names(Kind::Blind, Severity::P4), ["b", "c"]);
        assert!(names(Kind::Finding, Severity::P3).is_empty());
        let others = |channel| {
            plan.others(channel, Severity::P3)
                .into_iter()
                .map(|c| c.name.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(others("a"), ["b", "c"], "where no route takes it, all others are told");
    }

    #[test]
    fn a_public_channel_takes_only_what_was_released() {
        let plan = both_audiences();
        let notice =
            Notice::new(Kind::Declared, Severity::P1, "g", "t", portcullis_types::ids::Millis(0));
        let names: Vec<_> =
            plan.channels_of(&notice).iter().map(|channel| channel.name.as_str()).collect();
        assert_eq!(names, ["ops"]);
    }
}

//! The shape of `world.yaml`.

use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer},
};
use serde_saphyr::Spanned;
use std::{collections::BTreeMap, fmt};

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct WorldFile {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) seed: u64,
    pub(crate) blocks: u64,
    pub(crate) block_interval_ms: u64,
    pub(crate) accounts: BTreeMap<String, AccountSpec>,
    pub(crate) setup: Vec<Spanned<SetUpStep>>,
    #[serde(default)]
    pub(crate) traffic: Option<Spanned<Traffic>>,
    #[serde(default)]
    pub(crate) attack: Option<Spanned<Attack>>,
    #[serde(default)]
    pub(crate) loss: Option<Spanned<Loss>>,
}

/// One development account, or a group of them: first and last index.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "an account is an index (3) or a group ([10, 29])")]
pub(crate) enum AccountSpec {
    One(usize),
    Group([usize; 2]),
}

impl AccountSpec {
    /// The smallest index.
    pub(crate) fn first(&self) -> usize {
        match *self {
            Self::One(index) | Self::Group([index, _]) => index,
        }
    }

    /// The largest index.
    pub(crate) fn last(&self) -> usize {
        match *self {
            Self::One(index) | Self::Group([_, index]) => index,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SetUpStep {
    #[serde(default)]
    pub(crate) deploy: Option<String>,
    #[serde(default)]
    pub(crate) artifact: Option<String>,
    #[serde(default)]
    pub(crate) call: Option<String>,
    #[serde(default)]
    pub(crate) bind: Option<String>,
    #[serde(default)]
    pub(crate) view: Option<String>,
    #[serde(default)]
    pub(crate) args: Vec<Arg>,
    #[serde(default = "deployer")]
    pub(crate) from: String,
    #[serde(default)]
    pub(crate) value: Option<Arg>,
}

fn deployer() -> String {
    "deployer".to_owned()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Traffic {
    pub(crate) per_block: [u64; 2],
    pub(crate) actions: Vec<Spanned<TrafficAction>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct TrafficAction {
    pub(crate) weight: u64,
    pub(crate) from: String,
    pub(crate) call: String,
    #[serde(default)]
    pub(crate) args: Vec<Arg>,
    #[serde(default)]
    pub(crate) value: Option<Arg>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Attack {
    pub(crate) start_block: u64,
    pub(crate) steps: Vec<Spanned<AttackStep>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AttackStep {
    pub(crate) block: u64,
    pub(crate) label: String,
    pub(crate) from: String,
    #[serde(default)]
    pub(crate) deploy: Option<String>,
    #[serde(default)]
    pub(crate) artifact: Option<String>,
    #[serde(default)]
    pub(crate) call: Option<String>,
    #[serde(default)]
    pub(crate) args: Vec<Arg>,
    #[serde(default)]
    pub(crate) value: Option<Arg>,
    #[serde(default = "one")]
    pub(crate) tip_gwei: u64,
    #[serde(default)]
    pub(crate) repeat: Repeat,
}

fn one() -> u64 {
    1
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Repeat {
    pub(crate) times: u64,
    pub(crate) every_blocks: u64,
}

impl Default for Repeat {
    fn default() -> Self {
        Self { times: 1, every_blocks: 1 }
    }
}

impl AttackStep {
    /// The blocks of the step's repetitions, as offsets from the attack's start.
    pub(crate) fn offsets(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.repeat.times).map(|n| self.block + n * self.repeat.every_blocks)
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Loss {
    pub(crate) thieves: Vec<String>,
    pub(crate) assets: Vec<Spanned<AssetSpec>>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AssetSpec {
    /// A name of the world, or `native`.
    pub(crate) token: String,
    pub(crate) decimals: u8,
    pub(crate) price_usd: String,
}

/// What a step does, told apart by the keys it has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action<'a> {
    Deploy { name: &'a str, artifact: &'a str },
    Call { target: &'a str },
    Bind { name: &'a str, view: &'a str },
}

/// The keys of a step that say what it does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActionSpec<'a> {
    pub(crate) deploy: Option<&'a str>,
    pub(crate) artifact: Option<&'a str>,
    pub(crate) call: Option<&'a str>,
    pub(crate) bind: Option<&'a str>,
    pub(crate) view: Option<&'a str>,
}

impl<'a> ActionSpec<'a> {
    /// The one thing that the step does, or what to write.
    pub(crate) fn action(self) -> Result<Action<'a>, &'static str> {
        match self {
            Self {
                deploy: Some(name),
                artifact: Some(artifact),
                call: None,
                bind: None,
                view: None,
            } => Ok(Action::Deploy { name, artifact }),
            Self { call: Some(target), deploy: None, artifact: None, bind: None, view: None } => {
                Ok(Action::Call { target })
            }
            Self {
                bind: Some(name),
                view: Some(view),
                deploy: None,
                artifact: None,
                call: None,
            } => Ok(Action::Bind { name, view }),
            _ => Err(
                "a step has either deploy: and artifact:, or call:, or (in the set-up) bind: and view:",
            ),
        }
    }
}

impl SetUpStep {
    pub(crate) fn action(&self) -> Result<Action<'_>, &'static str> {
        ActionSpec {
            deploy: self.deploy.as_deref(),
            artifact: self.artifact.as_deref(),
            call: self.call.as_deref(),
            bind: self.bind.as_deref(),
            view: self.view.as_deref(),
        }
        .action()
    }
}

impl AttackStep {
    pub(crate) fn action(&self) -> Result<Action<'_>, &'static str> {
        let (deploy, artifact) = (self.deploy.as_deref(), self.artifact.as_deref());
        ActionSpec { deploy, artifact, call: self.call.as_deref(), bind: None, view: None }.action()
    }
}

/// An argument, before the world gives its names a meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Arg {
    Integer(i128),
    Bool(bool),
    Text(String),
    List(Vec<Arg>),
    Calldata { target: String, args: Vec<Arg> },
    Signatures(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgMap {
    #[serde(default)]
    calldata: Option<String>,
    #[serde(default)]
    args: Vec<Arg>,
    #[serde(default)]
    signatures: Option<String>,
}

impl<'de> Deserialize<'de> for Arg {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ArgVisitor)
    }
}

struct ArgVisitor;

impl<'de> Visitor<'de> for ArgVisitor {
    type Value = Arg;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, a string, a list, {calldata, args} or {signatures}")
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Arg, E> {
        Ok(Arg::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Arg, E> {
        Ok(Arg::Integer(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Arg, E> {
        Ok(Arg::Integer(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Arg, E> {
        Err(E::custom(format!("{value} is not exact: write the number in quotes, as \"1_000e6\"")))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Arg, E> {
        Ok(Arg::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Arg, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Arg::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Arg, A::Error> {
        match ArgMap::deserialize(MapAccessDeserializer::new(map))? {
            ArgMap { calldata: Some(target), args, signatures: None } => {
                Ok(Arg::Calldata { target, args })
            }
            ArgMap { calldata: None, args, signatures: Some(group) } if args.is_empty() => {
                Ok(Arg::Signatures(group))
            }
            _ => Err(de::Error::custom(
                "write {calldata: \"contract.function(types)\", args: [...]} or {signatures: group}",
            )),
        }
    }
}

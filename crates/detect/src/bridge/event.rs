//! Events as users write them, and what a log of one says.

use alloy_dyn_abi::{DynSolEvent, DynSolType, DynSolValue, Specifier};
use alloy_json_abi::Event;
use alloy_primitives::{Address, B256, U256, keccak256};
use portcullis_types::evidence::Log;

use crate::{
    build::{ConfigError, Resolver},
    config::BridgeEvent,
};

/// Most characters of an event's signature.
const SIGNATURE_CHARS_MAX: usize = 1_024;

/// Reads the logs of one event of one contract.
#[derive(Debug, Clone)]
pub(crate) struct EventReader {
    pub(crate) contract: Address,
    topic: B256,
    event: DynSolEvent,
    id: Vec<Place>,
    token: Option<Place>,
    amount: Option<Place>,
    beneficiary: Option<Place>,
    only: Vec<(Place, B256)>,
}

/// Where a field stands: among the topics or in the data, whole or a part of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    indexed: bool,
    index: usize,
    part: Option<(usize, usize)>,
}

/// What a log says, as far as the configuration names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) id: Option<B256>,
    pub(crate) token: Option<Address>,
    pub(crate) amount: Option<U256>,
    pub(crate) beneficiary: Option<B256>,
}

/// What became of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is of another event, or of one that the filter leaves out.
    Nothing,
    /// It is of the event and says this.
    Message(Message),
    /// It is of the event by its hash but cannot be read as it: the signature in the configuration marks other parameters
    /// as `indexed` than the contract does, or a part of bytes is longer than the bytes.
    Unreadable,
}

impl EventReader {
    pub(crate) fn new(
        resolver: &Resolver<'_>,
        side: &str,
        contract: Address,
        config: &BridgeEvent,
    ) -> Result<Self, ConfigError> {
        let at = |field: &str| format!("{side}.{field}");
        let bad = |why: &str| {
            resolver.error(
                at("event"),
                why,
                "write it with names, as in `Deposited(bytes32 indexed id, address token, uint256 amount)`",
            )
        };
        if config.event.len() > SIGNATURE_CHARS_MAX {
            return Err(bad("the signature is too long"));
        }
        let parsed =
            Event::parse(&config.event).map_err(|e| bad(&format!("not understood ({e})")))?;
        let event = parsed.resolve().map_err(|e| bad(&format!("not understood ({e})")))?;
        let topic = event.topic_0().ok_or_else(|| bad("it is anonymous, so it has no hash"))?;
        let finder = Finder { resolver, parsed: &parsed };
        let place = |field: &str, name: &Option<String>, wanted| match name {
            Some(name) => finder.find(&at(field), name, wanted).map(Some),
            None => Ok(None),
        };
        let mut id = Vec::new();
        for (index, name) in config.id.iter().enumerate() {
            id.push(finder.find(&at(&format!("id[{index}]")), name, Wanted::Word)?);
        }
        let mut only = Vec::new();
        for (index, filter) in config.only.iter().enumerate() {
            let field = at(&format!("only[{index}].field"));
            let word = B256::from(filter.equals.0);
            only.push((finder.find(&field, &filter.field, Wanted::Word)?, word));
        }
        Ok(Self {
            contract,
            topic,
            event,
            id,
            token: place("token", &config.token, Wanted::Account)?,
            amount: place("amount", &config.amount, Wanted::Number)?,
            beneficiary: place("beneficiary", &config.beneficiary, Wanted::Account)?,
            only,
        })
    }

    pub(crate) fn read(&self, log: &Log) -> Heard {
        if log.address != self.contract || log.topics.first() != Some(&self.topic) {
            return Heard::Nothing;
        }
        self.read_parts(log).unwrap_or(Heard::Unreadable)
    }

    fn read_parts(&self, log: &Log) -> Option<Heard> {
        let parts = self.event.decode_log_parts(log.topics.iter().copied(), &log.data).ok()?;
        let word = |place: &Place| {
            let values = if place.indexed { &parts.indexed } else { &parts.body };
            word(values.get(place.index)?, place.part)
        };
        for (place, wanted) in &self.only {
            if word(place)? != *wanted {
                return Some(Heard::Nothing);
            }
        }
        let mut message = Message::default();
        match self.id.as_slice() {
            [] => {}
            [place] => message.id = Some(word(place)?),
            places => {
                let mut bytes = Vec::with_capacity(places.len() * 32);
                for place in places {
                    bytes.extend_from_slice(word(place)?.as_slice());
                }
                message.id = Some(keccak256(bytes));
            }
        }
        if let Some(place) = &self.token {
            message.token = Some(Address::from_word(word(place)?));
        }
        if let Some(place) = &self.amount {
            message.amount = Some(word(place)?.into());
        }
        if let Some(place) = &self.beneficiary {
            message.beneficiary = Some(word(place)?);
        }
        Some(Heard::Message(message))
    }
}

/// A value as one word: numbers and accounts left-padded, as topics hold them; bytes and strings by their hash.
fn word(value: &DynSolValue, part: Option<(usize, usize)>) -> Option<B256> {
    if let Some((from, to)) = part {
        let bytes = value.as_bytes()?.get(from..to)?;
        return Some(B256::left_padding_from(bytes));
    }
    match value {
        DynSolValue::Bytes(bytes) => Some(keccak256(bytes)),
        DynSolValue::String(text) => Some(keccak256(text)),
        value => value.as_word(),
    }
}

/// What a field is needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Word,
    Account,
    Number,
}

struct Finder<'a> {
    resolver: &'a Resolver<'a>,
    parsed: &'a Event,
}

impl Finder<'_> {
    /// The place of `name`, or of `name[from..to]`: bytes from `from` to before `to` of a parameter of type `bytes`.
    fn find(&self, field: &str, text: &str, wanted: Wanted) -> Result<Place, ConfigError> {
        let bad = |why: String, remedy: &str| self.resolver.error(field, why, remedy);
        let (name, part) = split_part(text).ok_or_else(|| {
            bad(
                format!("`{text}` is no parameter and no part of one"),
                "write a parameter's name, or 1 to 32 bytes of it as in `payload[81..113]`",
            )
        })?;
        let (mut indexed_before, mut body_before) = (0, 0);
        for input in &self.parsed.inputs {
            let before = if input.indexed { &mut indexed_before } else { &mut body_before };
            if input.name != name {
                *before += 1;
                continue;
            }
            let place = Place { indexed: input.indexed, index: *before, part };
            let ty = DynSolType::parse(&input.ty).map_err(|error| {
                bad(format!("its type is not understood ({error})"), "correct the event")
            })?;
            if !fits(&ty, &place, wanted) {
                return Err(bad(
                    format!("`{text}` of type {ty} cannot serve here"),
                    "name a whole number for an amount, an address or 32 bytes for an account or a token; a part can \
                     only be taken of `bytes` that are not indexed",
                ));
            }
            return Ok(place);
        }
        Err(bad(
            format!("the event has no parameter `{name}`"),
            "name one of the event's parameters, or give it a name in `event`",
        ))
    }
}

fn fits(ty: &DynSolType, place: &Place, wanted: Wanted) -> bool {
    if place.part.is_some() {
        return *ty == DynSolType::Bytes && !place.indexed;
    }
    match wanted {
        Wanted::Number => matches!(ty, DynSolType::Uint(_)),
        Wanted::Account => matches!(
            ty,
            DynSolType::Address | DynSolType::FixedBytes(32) | DynSolType::Uint(160 | 256)
        ),
        Wanted::Word => {
            !matches!(ty, DynSolType::Array(_) | DynSolType::FixedArray(..) | DynSolType::Tuple(_))
        }
    }
}

fn split_part(text: &str) -> Option<(&str, Option<(usize, usize)>)> {
    let Some((name, rest)) = text.split_once('[') else { return Some((text, None)) };
    let (from, to) = rest.strip_suffix(']')?.split_once("..")?;
    let (from, to): (usize, usize) = (from.parse().ok()?, to.parse().ok()?);
    let length = to.checked_sub(from)?;
    (1..=32).contains(&length).then_some((name, Some((from, to))))
}

#[cfg(test)]
mod tests;

//! From a row and a configuration's fields to a lever.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, keccak256};
use portcullis_types::{
    action::{Call, Lever, Rung, Undo, ViewCheck},
    false_stop::FalseStopParts,
    ids::ChainId,
    money::Usd,
};

use super::{CallTemplate, Row, UndoTemplate, ViewTemplate};
use crate::lever::{LeverError, Release, loosening_word, values::Value, values::encode};

/// The fields of a configuration by name; what was left out is not there.
pub(in crate::lever) type Fields = BTreeMap<&'static str, Value>;

/// What every configuration says.
#[derive(Debug)]
pub(in crate::lever) struct Common<'a> {
    pub(in crate::lever) name: &'a str,
    pub(in crate::lever) covers: Option<&'a Vec<Address>>,
    pub(in crate::lever) rung: Rung,
    pub(in crate::lever) hold_seconds: u64,
    /// What a stop without need costs, and what that is made of where it is known.
    pub(in crate::lever) false_stop: (Usd, Option<FalseStopParts>),
    pub(in crate::lever) release: Release,
    pub(in crate::lever) gas_limit: Option<u64>,
}

/// The lever of a row.
pub(in crate::lever) fn build(
    row: &Row,
    common: &Common<'_>,
    mut fields: Fields,
    chain: ChainId,
    responder: Address,
) -> Result<Lever, LeverError> {
    let wrong = |reason: String| LeverError { lever: common.name.to_owned(), reason };
    fields.insert("responder", Value::One(responder.to_string()));
    let role = keccak256("SENTINEL_ROLE").to_string();
    fields.insert("sentinel_role", Value::One(role));
    fields.insert("hold_seconds", Value::One(common.hold_seconds.to_string()));
    let scope = Scope { fields: &fields };
    let gas_limit = common.gas_limit.unwrap_or(row.gas);
    let stop = scope.call(&row.stop, gas_limit).map_err(wrong)?;
    let verify = scope.view(&row.verify).map_err(|error| wrong(error.into()))?;
    let mut preflight = Vec::new();
    for template in row.preflight {
        match scope.view(template) {
            Ok(view) => preflight.push(view),
            Err(Missing::Optional) => {}
            Err(error) => return Err(wrong(error.into())),
        }
    }
    let undo = scope.undo(row, common, gas_limit).map_err(wrong)?;
    let covers = match common.covers {
        Some(covers) => covers.clone(),
        None => scope.addresses(row.covers).map_err(wrong)?,
    };
    Ok(Lever {
        name: common.name.to_owned(),
        rung: common.rung,
        chain,
        covers,
        preflight,
        call: stop,
        verify,
        undo,
        hold_seconds: common.hold_seconds,
        false_stop_cost: common.false_stop.0,
        traps: row.traps.iter().map(|&trap| trap.to_owned()).collect(),
        warden: None,
        false_stop_parts: common.false_stop.1.clone(),
        forms: Vec::new(),
    })
}

/// Why a template has no value.
enum Missing {
    /// It names a field that was left out.
    Optional,
    /// It cannot be: the reason.
    Wrong(String),
}

impl From<Missing> for String {
    fn from(missing: Missing) -> Self {
        match missing {
            Missing::Optional => "a field that this needs was left out".to_owned(),
            Missing::Wrong(reason) => reason,
        }
    }
}

struct Scope<'a> {
    fields: &'a Fields,
}

impl Scope<'_> {
    fn value(&self, template: &str) -> Result<Value, Missing> {
        match template.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            None => Ok(Value::One(template.to_owned())),
            Some(name) => self.fields.get(name).cloned().ok_or(Missing::Optional),
        }
    }

    fn values(&self, templates: &[&str]) -> Result<Vec<Value>, Missing> {
        templates.iter().map(|template| self.value(template)).collect()
    }

    /// The addresses in the field with this name, one at least.
    fn addresses(&self, field: &str) -> Result<Vec<Address>, String> {
        let texts = match self.fields.get(field) {
            None => return Err(format!("`{field}` was left out")),
            Some(Value::One(text)) => std::slice::from_ref(text),
            Some(Value::Many(texts)) => texts,
        };
        if texts.is_empty() {
            return Err(format!("`{field}` is empty: name at least one"));
        }
        let parse = |text: &String| text.parse().map_err(|_| format!("`{text}` is no address"));
        texts.iter().map(parse).collect()
    }

    /// The first of them.
    fn address(&self, field: &str) -> Result<Address, String> {
        let all = self.addresses(field)?;
        all.first().copied().ok_or_else(|| format!("`{field}` is empty: name at least one"))
    }

    fn call(&self, template: &CallTemplate, gas_limit: u64) -> Result<Call, String> {
        let function = self.value(template.function)?.text();
        if let Some(word) = loosening_word(&function) {
            return Err(format!(
                "`{function}` looks as if it loosened something (`{word}`): a lever may only stop (DEC-3)"
            ));
        }
        self.any_call(template, gas_limit).map_err(String::from)
    }

    /// A call in either direction.
    fn any_call(&self, template: &CallTemplate, gas_limit: u64) -> Result<Call, Missing> {
        let function = self.value(template.function)?.text();
        let data = encode(&function, &self.values(template.args)?).map_err(Missing::Wrong)?;
        let to = self.address(template.at).map_err(Missing::Wrong)?;
        Ok(Call { to, data, gas_limit })
    }

    fn view(&self, template: &ViewTemplate) -> Result<ViewCheck, Missing> {
        if !self.fields.contains_key(template.at) {
            return Err(Missing::Optional);
        }
        let to = self.address(template.at).map_err(Missing::Wrong)?;
        let function = self.value(template.function)?.text();
        let values = self.values(template.args)?;
        let data = encode(&function, &values).map_err(Missing::Wrong)?;
        let expected = self.value(template.expect)?.text();
        let expect = expectation(&expected).ok_or_else(|| {
            Missing::Wrong(format!("`{expected}` is neither a number, a flag nor an address"))
        })?;
        let name = function.split('(').next().unwrap_or_default();
        let shown: Vec<String> = values.iter().map(Value::text).collect();
        let place = match template.word {
            0 => String::new(),
            word => format!("word {word} of "),
        };
        let meaning = format!("{place}{name}({}) of {to} is {expected}", shown.join(", "));
        Ok(ViewCheck { to, data, expect, meaning, word: template.word })
    }

    fn undo(&self, row: &Row, common: &Common<'_>, gas_limit: u64) -> Result<Undo, String> {
        let how = || format!("{}; check the fix first", row.ends);
        match (&row.undo, common.release) {
            (UndoTemplate::Expiry, Release::People) => Ok(Undo::ByExpiry),
            (UndoTemplate::People | UndoTemplate::Call { .. }, Release::People) => {
                Ok(Undo::ByPeople { how: how() })
            }
            (UndoTemplate::Expiry, Release::Responder) => {
                Err("release is `responder`, but this brake lets go by itself: leave `release` out"
                    .to_owned())
            }
            (UndoTemplate::People, Release::Responder) => Err(format!(
                "release is `responder`, but the responder cannot undo it ({}): leave `release` out",
                row.ends
            )),
            (UndoTemplate::Call { calls, verify }, Release::Responder) => {
                for template in *calls {
                    match self.any_call(template, gas_limit) {
                        Ok(call) => return Ok(Undo::ByCall { call, verify: self.view(verify)? }),
                        Err(Missing::Optional) => {}
                        Err(error) => return Err(error.into()),
                    }
                }
                Err("how to undo it is not said: give the fields that the undo needs".to_owned())
            }
        }
    }
}

/// A word from `true`, a number or an address.
fn expectation(text: &str) -> Option<U256> {
    match text {
        "true" => Some(U256::ONE),
        "false" => Some(U256::ZERO),
        _ if text.len() == 42 && text.starts_with("0x") => {
            text.parse::<Address>().ok().map(|address| address.into_word().into())
        }
        _ => text.parse().ok(),
    }
}

//! From what a scenario writes to ABI-encoded calls. The type decides how a text is read.

use crate::{
    dice::Dice,
    names::{Names, Value, exact_name},
    number::{parse_int, parse_rand, parse_uint},
    scenario::Arg,
};
use alloy_dyn_abi::{DynSolType, DynSolValue, JsonAbiExt, Specifier};
use alloy_json_abi::{Function, Param};
use alloy_primitives::{Address, B256, Bytes, I256, U256, hex};
use std::str::FromStr;

/// How a group is read where one address is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GroupRule<'a> {
    /// The member that this transaction is for; other groups are mistakes.
    Member { group: &'a str, member: Address },
    /// A random member.
    Random,
    /// No group may stand here.
    Forbidden,
}

/// What is needed to give arguments their values.
#[derive(Debug)]
pub(crate) struct Scope<'a> {
    pub(crate) names: &'a Names,
    pub(crate) dice: Dice,
    pub(crate) groups: GroupRule<'a>,
    /// The sender, which `{{from}}` stands for.
    pub(crate) from: Address,
}

/// Splits `contract.function(types)` and parses the signature; return types may follow.
pub(crate) fn parse_target(target: &str) -> Result<(&str, Function), String> {
    let (contract, signature) = target
        .split_once('.')
        .ok_or_else(|| format!("`{target}` is no call: write contract.function(types)"))?;
    let function = Function::parse(signature.trim()).map_err(|error| {
        format!("`{signature}` is no signature ({error}): write function(types)")
    })?;
    Ok((contract.trim(), function))
}

/// Fails where the contract's ABI is known, lacks the function, and nothing would catch the call.
pub(crate) fn check_known(
    names: &Names,
    contract: &str,
    function: &Function,
) -> Result<(), String> {
    let Some(abi) = names.abi(contract) else { return Ok(()) };
    let known = abi.functions().any(|known| known.selector() == function.selector());
    if known || abi.fallback.is_some() {
        return Ok(());
    }
    let known: Vec<String> = abi.functions().map(Function::signature).collect();
    Err(format!("{contract} has no {}: it has {}", function.signature(), known.join(", ")))
}

/// The group, if any, that stands in these arguments where one address is wanted: such a step
/// means one call for each member.
pub(crate) fn group_in<'a>(
    names: &Names,
    params: &[Param],
    args: &'a [Arg],
) -> Result<Option<&'a str>, String> {
    let mut found: Option<&str> = None;
    for (param, arg) in params.iter().zip(args) {
        let group = match arg {
            Arg::Text(text) if !param.ty.ends_with(']') => {
                exact_name(text).filter(|name| names.group(name).is_some())
            }
            Arg::Calldata { target, args } => {
                group_in(names, &parse_target(target)?.1.inputs, args)?
            }
            _ => None,
        };
        match (found, group) {
            (Some(first), Some(second)) if first != second => {
                return Err(format!(
                    "{first} and {second} in one step: write a step for each group"
                ));
            }
            (_, Some(group)) => found = Some(group),
            _ => {}
        }
    }
    Ok(found)
}

impl Scope<'_> {
    /// The calldata of a call.
    pub(crate) fn encode_call(
        &mut self,
        function: &Function,
        args: &[Arg],
    ) -> Result<Bytes, String> {
        let values = self.values(&function.signature(), &function.inputs, args)?;
        function.abi_encode_input(&values).map(Bytes::from).map_err(|error| error.to_string())
    }

    /// The encoded arguments of a constructor.
    pub(crate) fn encode_arguments(
        &mut self,
        inputs: &[Param],
        args: &[Arg],
    ) -> Result<Bytes, String> {
        let values = self.values("the constructor", inputs, args)?;
        Ok(DynSolValue::Tuple(values).abi_encode_params().into())
    }

    /// A transaction's value, in wei.
    pub(crate) fn native_value(&mut self, arg: Option<&Arg>) -> Result<U256, String> {
        let Some(arg) = arg else { return Ok(U256::ZERO) };
        match self.value(&DynSolType::Uint(256), arg)? {
            DynSolValue::Uint(value, _) => Ok(value),
            _ => Err("value: write an amount in wei, for example \"1e18\"".to_owned()),
        }
    }

    fn values(
        &mut self,
        what: &str,
        params: &[Param],
        args: &[Arg],
    ) -> Result<Vec<DynSolValue>, String> {
        if params.len() != args.len() {
            let (wanted, given) = (params.len(), args.len());
            return Err(format!("{what} takes {wanted} arguments and args: has {given}"));
        }
        let mut values = Vec::with_capacity(args.len());
        for (index, (param, arg)) in params.iter().zip(args).enumerate() {
            let ty = param.resolve().map_err(|error| error.to_string())?;
            let value = self.value(&ty, arg);
            values.push(value.map_err(|why| format!("argument {index} of {what}: {why}"))?);
        }
        Ok(values)
    }

    fn value(&mut self, ty: &DynSolType, arg: &Arg) -> Result<DynSolValue, String> {
        match (ty, arg) {
            (_, Arg::Text(text)) => self.text(ty, text),
            (_, Arg::Integer(number)) => self.text(ty, &number.to_string()),
            (DynSolType::Bool, Arg::Bool(value)) => Ok(DynSolValue::Bool(*value)),
            (DynSolType::Array(item), Arg::List(args)) => {
                Ok(DynSolValue::Array(self.items(item, args)?))
            }
            (DynSolType::FixedArray(item, count), Arg::List(args)) => {
                let items = self.items(item, args)?;
                if items.len() == *count {
                    Ok(DynSolValue::FixedArray(items))
                } else {
                    Err(format!("{ty} takes {count} items, not {}", items.len()))
                }
            }
            (DynSolType::Tuple(types), Arg::List(args)) if types.len() == args.len() => {
                let parts = types.iter().zip(args).map(|(ty, arg)| self.value(ty, arg));
                Ok(DynSolValue::Tuple(parts.collect::<Result<_, _>>()?))
            }
            (DynSolType::Bytes, Arg::Calldata { target, args }) => {
                let (contract, function) = parse_target(target)?;
                check_known(self.names, contract, &function)?;
                Ok(DynSolValue::Bytes(self.encode_call(&function, args)?.to_vec()))
            }
            (DynSolType::Bytes, Arg::Signatures(group)) => {
                let owners = match self.names.get(group).map_err(|error| error.to_string())? {
                    Value::Group(members) => members.clone(),
                    Value::Address(owner) => vec![*owner],
                    _ => return Err(format!("{group} is no account or group")),
                };
                Ok(DynSolValue::Bytes(pre_validated_signatures(owners)))
            }
            _ => Err(format!("{arg:?} cannot be a {ty}")),
        }
    }

    /// The items of an array; a group among them stands for all its members.
    fn items(&mut self, item: &DynSolType, args: &[Arg]) -> Result<Vec<DynSolValue>, String> {
        let mut items = Vec::with_capacity(args.len());
        for arg in args {
            let group = match arg {
                Arg::Text(text) => exact_name(text).and_then(|name| self.names.group(name)),
                _ => None,
            };
            match group {
                Some(members) if *item == DynSolType::Address => {
                    items.extend(members.iter().copied().map(DynSolValue::Address));
                }
                _ => items.push(self.value(item, arg)?),
            }
        }
        Ok(items)
    }

    fn text(&mut self, ty: &DynSolType, text: &str) -> Result<DynSolValue, String> {
        if let Some(name) = exact_name(text) {
            return self.named(ty, name);
        }
        match ty {
            DynSolType::Uint(bits) => {
                let number = match parse_rand(text) {
                    Some(bounds) => {
                        let (low, high) = bounds?;
                        self.dice.uniform(low, high)
                    }
                    None => parse_uint(text)?,
                };
                fits(number, *bits)
                    .then_some(DynSolValue::Uint(number, *bits))
                    .ok_or_else(|| format!("`{text}` does not fit into {ty}"))
            }
            DynSolType::Int(bits) => {
                let number = parse_int(text)?;
                let fits = number.bits() as usize <= *bits;
                fits.then_some(DynSolValue::Int(number, *bits))
                    .ok_or_else(|| format!("`{text}` does not fit into {ty}"))
            }
            DynSolType::String => {
                let text = self.names.render(text, &[]).map_err(|error| error.to_string())?;
                Ok(DynSolValue::String(text))
            }
            DynSolType::Address => {
                Address::from_str(text.trim()).map(DynSolValue::Address).map_err(|_| {
                    format!("`{text}` is no address: write {{{{name}}}} or 0x and 40 digits")
                })
            }
            DynSolType::Bytes => hex::decode(text.trim())
                .map(DynSolValue::Bytes)
                .map_err(|_| format!("`{text}` is no bytes: write 0x and hexadecimal digits")),
            // Fixed bytes and booleans: exactly as Solidity tools write them.
            _ => {
                ty.coerce_str(text.trim()).map_err(|error| format!("`{text}` is no {ty}: {error}"))
            }
        }
    }

    /// The value of a name, as the type wants it.
    fn named(&mut self, ty: &DynSolType, name: &str) -> Result<DynSolValue, String> {
        if name == "from" {
            return cast(ty, &Value::Address(self.from))
                .ok_or_else(|| format!("{{{{from}}}} is no {ty}"));
        }
        let value = self.names.get(name).map_err(|error| error.to_string())?;
        let Value::Group(members) = value else {
            return cast(ty, value)
                .ok_or_else(|| format!("{{{{{name}}}}} is no {ty}: it is {value}"));
        };
        if let DynSolType::Array(item) = ty
            && **item == DynSolType::Address
        {
            return Ok(DynSolValue::Array(
                members.iter().copied().map(DynSolValue::Address).collect(),
            ));
        }
        let member = match self.groups {
            GroupRule::Member { group, member } if group == name => Some(member),
            GroupRule::Random => {
                let index = self.dice.below(members.len() as u64);
                members.get(index as usize).copied()
            }
            _ => None,
        };
        member
            .and_then(|member| cast(ty, &Value::Address(member)))
            .ok_or_else(|| format!("the group {{{{{name}}}}} cannot stand here"))
    }
}

/// The value as the type, where that is meant without doubt.
fn cast(ty: &DynSolType, value: &Value) -> Option<DynSolValue> {
    let word = match value {
        Value::Address(address) => address.into_word(),
        Value::Uint(number) => B256::from(*number),
        Value::Word(word) => *word,
        Value::Group(_) => return None,
    };
    let number = U256::from_be_bytes(word.0);
    match *ty {
        DynSolType::Address if fits(number, 160) => {
            Some(DynSolValue::Address(Address::from_word(word)))
        }
        DynSolType::Uint(bits) if fits(number, bits) => Some(DynSolValue::Uint(number, bits)),
        DynSolType::Int(bits) if fits(number, bits - 1) => {
            Some(DynSolValue::Int(I256::from_raw(number), bits))
        }
        DynSolType::FixedBytes(32) => Some(DynSolValue::FixedBytes(word, 32)),
        _ => None,
    }
}

fn fits(number: U256, bits: usize) -> bool {
    number.bit_len() <= bits
}

/// Safe's signatures that are valid because the owner approved the hash or is the sender:
/// `r` = owner, `s` = 0, `v` = 1, sorted by owner as the contract demands.
fn pre_validated_signatures(mut owners: Vec<Address>) -> Vec<u8> {
    owners.sort_unstable();
    let mut bytes = Vec::with_capacity(owners.len() * 65);
    for owner in owners {
        bytes.extend(owner.into_word());
        bytes.extend([0; 32]);
        bytes.push(1);
    }
    bytes
}

#[cfg(test)]
mod tests;

//! Function signatures and arguments as users write them, checked when they are loaded: a typo is an error there and
//! never a silent non-match.

use alloy_dyn_abi::{DynSolType, DynSolValue};
use alloy_primitives::{Address, Bytes, keccak256};

/// Most characters of a signature.
const SIGNATURE_CHARS_MAX: usize = 1_024;

/// A function signature that was understood.
#[derive(Debug, Clone, PartialEq)]
pub struct Signature {
    /// In canonical form: `init(uint256,address)`, whatever aliases and spaces it was written with.
    pub text: String,
    /// First four bytes of the hash of that.
    pub selector: [u8; 4],
    parameters: Vec<DynSolType>,
}

impl Signature {
    /// Reads `name(type,type…)`; types without names.
    pub fn parse(text: &str) -> Result<Self, String> {
        let bad = |why: &str| {
            format!(
                "{why}; write name and types without the parameters' names, as in `transfer(address,uint256)`"
            )
        };
        if text.len() > SIGNATURE_CHARS_MAX {
            return Err(bad("the signature is too long"));
        }
        let Some((name, _)) = text.split_once('(') else {
            return Err(bad(&format!("`{text}` has no parentheses")));
        };
        let first = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
        let is_name =
            name.starts_with(first) && name.chars().all(|c| first(c) || c.is_ascii_digit());
        if !is_name {
            return Err(bad(&format!("`{name}` is not the name of a function")));
        }
        let types = text.get(name.len()..).unwrap_or_default();
        // The types are a tuple to the ABI; what follows it, an array mark for instance, is none.
        let parsed = DynSolType::parse(types)
            .map_err(|error| bad(&format!("the types of `{text}` are not understood ({error})")))?;
        let DynSolType::Tuple(parameters) = parsed else {
            return Err(bad(&format!("`{text}` does not end with its parameters")));
        };
        let names: Vec<String> =
            parameters.iter().map(|ty| ty.sol_type_name().into_owned()).collect();
        // The library writes a tuple of one member as Rust does, `(uint256,)`; Solidity hashes `(uint256)`.
        let text = format!("{name}({})", names.join(",")).replace(",)", ")");
        let [a, b, c, d, ..] = keccak256(&text).0;
        Ok(Self { text, selector: [a, b, c, d], parameters })
    }

    /// Call data for a call with `args`. An argument of type `address` may be a name that `named` knows.
    pub fn encode(
        &self,
        args: &[String],
        named: impl Fn(&str) -> Option<Address>,
    ) -> Result<Bytes, String> {
        if args.len() != self.parameters.len() {
            return Err(format!(
                "`{}` takes {} arguments and is given {}",
                self.text,
                self.parameters.len(),
                args.len()
            ));
        }
        let mut values = Vec::with_capacity(args.len());
        for (parameter, arg) in self.parameters.iter().zip(args) {
            let address = if *parameter == DynSolType::Address { named(arg) } else { None };
            let value = match address {
                Some(address) => DynSolValue::Address(address),
                None => parameter.coerce_str(arg).map_err(|error| {
                    format!("`{arg}` is not a value of type {parameter} ({error})")
                })?,
            };
            values.push(value);
        }
        let mut data = self.selector.to_vec();
        data.extend_from_slice(&DynSolValue::Tuple(values).abi_encode_params());
        Ok(data.into())
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;

    use super::*;

    #[test]
    fn signatures_hash_as_the_compiler_does() {
        for (text, canonical, selector) in [
            ("pause()", "pause()", "8456cb59"),
            ("transferOwnership(address)", "transferOwnership(address)", "f2fde38b"),
            ("schedule(address, uint, bytes)", "schedule(address,uint256,bytes)", ""),
            (
                "init(uint256,uint256[],uint256[],address)",
                "init(uint256,uint256[],uint256[],address)",
                "84304ad7",
            ),
            ("f((uint256,address)[])", "f((uint256,address)[])", ""),
            // A tuple of one member has no comma.
            ("set((uint))", "set((uint256))", "3c0513a0"),
            ("f((uint256)[3], (address))", "f((uint256)[3],(address))", "570a8697"),
        ] {
            let signature = Signature::parse(text).unwrap();
            assert_eq!(signature.text, canonical);
            assert!(hex::encode(signature.selector).starts_with(selector), "{text}");
        }
        for bad in [
            "pause",
            "",
            "()",
            "1f()",
            "f(adress)",
            "f(uint257)",
            "f(address to)",
            "f(address",
            "f()()",
            "f(address)[]",
            "f(address) view",
            "f g()",
        ] {
            assert!(Signature::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn arguments_are_encoded_or_refused() {
        let signature = Signature::parse("balanceOf(address)").unwrap();
        let vault = Address::repeat_byte(7);
        let named = |name: &str| (name == "vault").then_some(vault);
        let data = signature.encode(&["vault".to_owned()], named).unwrap();
        assert_eq!(hex::encode(&data), format!("70a08231{}{}", "00".repeat(12), "07".repeat(20)));
        assert!(signature.encode(&[], named).is_err());
        assert!(signature.encode(&["valt".to_owned()], named).is_err());
    }
}

//! A call from a function's signature and values as text, lists and byte strings among them: what the catalogue's calls
//! need beyond the static words of [`super::arguments`]. Tuples are not supported.

use alloy_primitives::{Address, B256, Bytes, FixedBytes, U256, keccak256};

use super::arguments::word;

/// Most arguments of one call, and most entries of one list.
const ENTRIES_MAX: usize = 64;

/// A value of a configuration: one word or text, or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    /// `0x…`, `true`, `17`.
    One(String),
    /// The same, several times.
    Many(Vec<String>),
}

impl Value {
    /// For people and for comparison: a list in brackets.
    pub(super) fn text(&self) -> String {
        match self {
            Self::One(text) => text.clone(),
            Self::Many(texts) => format!("[{}]", texts.join(", ")),
        }
    }
}

/// What can stand in a configuration's field.
pub(super) trait IntoValue {
    /// The value; none where it was left out.
    fn value(&self) -> Option<Value>;
}

macro_rules! one {
    ($($kind:ty),*) => {$(
        impl IntoValue for $kind {
            fn value(&self) -> Option<Value> {
                Some(Value::One(self.to_string()))
            }
        }
        impl IntoValue for Vec<$kind> {
            fn value(&self) -> Option<Value> {
                Some(Value::Many(self.iter().map(ToString::to_string).collect()))
            }
        }
    )*};
}

one!(Address, B256, FixedBytes<16>, U256, Bytes, String, u64, u16);

impl<T: IntoValue> IntoValue for Option<T> {
    fn value(&self) -> Option<Value> {
        self.as_ref().and_then(IntoValue::value)
    }
}

/// The call data of `signature` with `values`, ABI encoded, or what is wrong with them.
pub(super) fn encode(signature: &str, values: &[Value]) -> Result<Bytes, String> {
    let types = types(signature)?;
    if types.len() != values.len() || types.len() > ENTRIES_MAX {
        return Err(format!(
            "`{signature}` takes {} arguments, {} are given",
            types.len(),
            values.len()
        ));
    }
    let hash = keccak256(signature);
    let mut data = hash.get(..4).unwrap_or_default().to_vec();
    let (mut head, mut tail) = (Vec::new(), Vec::new());
    for (kind, value) in types.iter().zip(values) {
        match (is_dynamic(kind), value) {
            (true, value) => {
                head.extend(U256::from(32 * types.len() + tail.len()).to_be_bytes::<32>());
                tail.extend(dynamic(kind, value)?);
            }
            (false, Value::One(text)) => head.extend(fixed(kind, text)?),
            (false, Value::Many(_)) => return Err(format!("`{kind}` is one value, not a list")),
        }
    }
    data.extend(head);
    data.extend(tail);
    Ok(data.into())
}

/// The types of a signature's parameters.
fn types(signature: &str) -> Result<Vec<&str>, String> {
    let wrong =
        || format!("`{signature}` is not a function: write it as pause() or freeze(address)");
    let (name, rest) = signature.split_once('(').ok_or_else(wrong)?;
    let list = rest.strip_suffix(')').ok_or_else(wrong)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_typed = |c: char| c.is_ascii_alphanumeric() || "[],".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) || !list.chars().all(is_typed) {
        return Err(wrong());
    }
    Ok(if list.is_empty() { Vec::new() } else { list.split(',').collect() })
}

fn is_dynamic(kind: &str) -> bool {
    kind.ends_with("[]") || kind == "bytes" || kind == "string"
}

fn fixed(kind: &str, text: &str) -> Result<[u8; 32], String> {
    word(kind, text).map(|word| word.to_be_bytes()).ok_or_else(|| {
        format!("`{text}` is no {kind}: arguments are address, bool, bytesN, uintN, intN, bytes, string or lists of them")
    })
}

/// A value behind its offset.
fn dynamic(kind: &str, value: &Value) -> Result<Vec<u8>, String> {
    match (kind.strip_suffix("[]"), value) {
        (Some(entry), Value::Many(texts)) => {
            if texts.len() > ENTRIES_MAX {
                return Err(format!("at most {ENTRIES_MAX} entries in a list"));
            }
            let mut out = U256::from(texts.len()).to_be_bytes::<32>().to_vec();
            if !is_dynamic(entry) {
                for text in texts {
                    out.extend(fixed(entry, text)?);
                }
                return Ok(out);
            }
            let mut tail = Vec::new();
            for text in texts {
                out.extend(U256::from(32 * texts.len() + tail.len()).to_be_bytes::<32>());
                tail.extend(dynamic(entry, &Value::One(text.clone()))?);
            }
            out.extend(tail);
            Ok(out)
        }
        (None, Value::One(text)) => {
            let bytes: Bytes = match kind {
                "string" => text.as_bytes().to_vec().into(),
                _ => text.parse().map_err(|_| format!("`{text}` is no byte string: write 0x…"))?,
            };
            let mut out = U256::from(bytes.len()).to_be_bytes::<32>().to_vec();
            out.extend(&bytes);
            out.resize(out.len().next_multiple_of(32), 0);
            Ok(out)
        }
        (Some(_), Value::One(_)) => Err(format!("`{kind}` is a list: write [a, b]")),
        (None, Value::Many(_)) => Err(format!("`{kind}` is one value, not a list")),
    }
}

#[cfg(test)]
mod tests {
    use alloy_sol_types::{SolCall as _, sol};

    use super::*;

    sol! {
        function cancel(address[] targets, uint256[] values, bytes[] calldatas, bytes32 description) external;
        function exec(address to, uint256 value, bytes data, uint8 operation) external;
        function say(string text) external;
    }

    fn one(text: &str) -> Value {
        Value::One(text.to_owned())
    }

    fn many(texts: &[&str]) -> Value {
        Value::Many(texts.iter().map(|&text| text.to_owned()).collect())
    }

    #[test]
    fn calls_are_encoded_as_solidity_does() {
        let a = "0x00000000000000000000000000000000000000aa";
        let call = cancelCall {
            targets: vec![a.parse().unwrap(), Address::ZERO],
            values: vec![U256::ZERO, U256::from(7)],
            calldatas: vec![Bytes::new(), Bytes::from(vec![1; 33])],
            description: B256::repeat_byte(9),
        };
        let values = [
            many(&[a, "0x0000000000000000000000000000000000000000"]),
            many(&["0", "7"]),
            many(&["0x", &Bytes::from(vec![1; 33]).to_string()]),
            one(&B256::repeat_byte(9).to_string()),
        ];
        let signature = "cancel(address[],uint256[],bytes[],bytes32)";
        assert_eq!(encode(signature, &values).unwrap(), Bytes::from(call.abi_encode()));
        let call = execCall {
            to: a.parse().unwrap(),
            value: U256::ZERO,
            data: Bytes::from_static(&[1, 2, 3, 4]),
            operation: 0,
        };
        let values = [one(a), one("0"), one("0x01020304"), one("0")];
        let encoded = encode("exec(address,uint256,bytes,uint8)", &values).unwrap();
        assert_eq!(encoded, Bytes::from(call.abi_encode()));
        let call = sayCall { text: "stop".to_owned() };
        assert_eq!(encode("say(string)", &[one("stop")]).unwrap(), Bytes::from(call.abi_encode()));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (signature, values) in [
            ("pause", vec![]),
            ("f((uint8,bool))", vec![one("1")]),
            ("f(uint8)", vec![]),
            ("f(uint8)", vec![many(&["1"])]),
            ("f(uint8[])", vec![one("1")]),
            ("f(uint8[])", vec![many(&["256"])]),
            ("f(bytes)", vec![many(&["0x"])]),
            ("f(bytes)", vec![one("hello")]),
        ] {
            assert!(encode(signature, &values).is_err(), "{signature} {values:?}");
        }
    }
}

//! A call from a function's signature and its arguments as text. Static arguments only, a word each: those that a Warden
//! can bound.

use alloy_primitives::{Address, Bytes, I256, U256, keccak256};

/// Most arguments, as many as a Warden's lever has.
const ARGUMENTS_MAX: usize = 16;

/// The call data of `signature` with `arguments`, or what is wrong with them.
pub(super) fn call_data(signature: &str, arguments: &[String]) -> Result<Bytes, String> {
    let wrong =
        || format!("`{signature}` is not a function: write it as pause() or freeze(address)");
    let (name, rest) = signature.split_once('(').ok_or_else(wrong)?;
    let list = rest.strip_suffix(')').ok_or_else(wrong)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err(wrong());
    }
    let types: Vec<&str> = if list.is_empty() { Vec::new() } else { list.split(',').collect() };
    if types.len() != arguments.len() || types.len() > ARGUMENTS_MAX {
        return Err(format!(
            "`{signature}` takes {} arguments (at most {ARGUMENTS_MAX}), `args` has {}",
            types.len(),
            arguments.len()
        ));
    }
    let hash = keccak256(signature);
    let mut data = hash.get(..4).unwrap_or_default().to_vec();
    for (kind, text) in types.iter().zip(arguments) {
        let word = word(kind, text).ok_or_else(|| {
            format!("`{text}` is no {kind}: arguments are address, bool, bytesN, uintN or intN")
        })?;
        data.extend(word.to_be_bytes::<32>());
    }
    Ok(data.into())
}

/// One argument as a word.
pub(super) fn word(kind: &str, text: &str) -> Option<U256> {
    match kind {
        "address" => text.parse::<Address>().ok().map(|address| address.into_word().into()),
        "bool" => text.parse::<bool>().ok().map(U256::from),
        _ => {
            if let Some(size) = kind.strip_prefix("bytes") {
                return left_aligned(size.parse().ok()?, text);
            }
            if let Some(bits) = kind.strip_prefix("uint") {
                let bits = width(bits)?;
                return text.parse::<U256>().ok().filter(|value| value.bit_len() <= bits);
            }
            let bits = width(kind.strip_prefix("int")?)?;
            let value: I256 = text.parse().ok()?;
            // One bit is the sign.
            (value.bits() as usize <= bits).then(|| value.into_raw())
        }
    }
}

fn width(bits: &str) -> Option<usize> {
    let bits = bits.parse().ok()?;
    (8..=256).contains(&bits).then_some(bits).filter(|bits| bits % 8 == 0)
}

fn left_aligned(size: usize, text: &str) -> Option<U256> {
    let bytes: Bytes = text.parse().ok()?;
    if bytes.len() != size || !(1..=32).contains(&size) {
        return None;
    }
    let mut padded = bytes.to_vec();
    padded.resize(32, 0);
    Some(U256::from_be_slice(&padded))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn arguments_become_words() {
        assert_eq!(call_data("pause()", &[]).unwrap().to_string(), "0x8456cb59");
        let args = text(&["0x00000000000000000000000000000000000000aa", "true"]);
        let data = call_data("setReservePause(address,bool)", &args).unwrap();
        assert_eq!(data.len(), 68);
        assert_eq!((data[35], data[67]), (0xaa, 1));
        let data = call_data("f(int8,bytes2,uint16)", &text(&["-1", "0x0102", "65535"])).unwrap();
        assert_eq!((data[4], data[35], data[36], data[37], data[38]), (0xff, 0xff, 1, 2, 0));
        assert_eq!((data[98], data[99]), (0xff, 0xff));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (signature, args) in [
            ("pause", vec![]),
            ("()", vec![]),
            ("pau se()", vec![]),
            ("f(address)", vec![]),
            ("f()", vec!["1"]),
            ("f(uint8)", vec!["256"]),
            ("f(uint7)", vec!["1"]),
            ("f(int8)", vec!["128"]),
            ("f(bytes2)", vec!["0x01"]),
            ("f(string)", vec!["a"]),
            ("f(bool)", vec!["1"]),
        ] {
            assert!(call_data(signature, &text(&args)).is_err(), "{signature} {args:?}");
        }
    }
}

//! Signatures as people write them: `Name(type [indexed] name, (type member, …)[] name)`. The names of members are why
//! this is not left to the ABI library, whose human-readable form drops them.

use std::sync::Arc;

use alloy_dyn_abi::DynSolType;

use crate::ty::Type;

/// Deepest nesting of structs and arrays.
const DEPTH_MAX: usize = 8;
/// Words that may stand behind a type and mean nothing here.
const LOCATIONS: &[&str] = &["memory", "calldata", "storage", "payable"];

/// An argument.
#[derive(Debug)]
pub(super) struct Arg {
    /// `_0`, `_1` … where none is written.
    pub(super) name: String,
    pub(super) sol: DynSolType,
    pub(super) ty: Type,
    pub(super) indexed: bool,
}

/// Name and arguments.
///
/// # Errors
/// What is wrong, in a few words.
pub(super) fn parse(text: &str, is_event: bool) -> Result<(String, Vec<Arg>), String> {
    let mut reader = Reader { rest: text };
    let name = reader.word();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err("it begins with a name".to_owned());
    }
    let name = name.to_owned();
    if !reader.take('(') {
        return Err(format!("a `(` is missing behind `{name}`"));
    }
    let args = reader.args(is_event, 0)?;
    // Modifiers and results may follow.
    let tail = reader.rest.trim();
    if tail.contains('{') || tail.contains(';') {
        return Err("it is followed by code".to_owned());
    }
    if is_event && !matches!(tail, "" | "anonymous") {
        return Err("something follows behind its `)`".to_owned());
    }
    if tail == "anonymous" {
        return Err("an anonymous event has no topic to be found by".to_owned());
    }
    Ok((name, args))
}

struct Reader<'t> {
    rest: &'t str,
}

impl<'t> Reader<'t> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.blanks();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self) -> &'t str {
        self.blanks();
        let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'));
        let (word, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        word
    }

    /// Arguments up to the closing bracket.
    fn args(&mut self, may_be_indexed: bool, depth: usize) -> Result<Vec<Arg>, String> {
        let mut args = Vec::new();
        if self.take(')') {
            return Ok(args);
        }
        loop {
            let (sol, ty) = self.kind(depth)?;
            let mut arg = Arg { name: format!("_{}", args.len()), sol, ty, indexed: false };
            loop {
                match self.word() {
                    "" => break,
                    "indexed" if may_be_indexed => arg.indexed = true,
                    "indexed" => return Err("only arguments of an event are `indexed`".to_owned()),
                    word if LOCATIONS.contains(&word) => {}
                    word => {
                        word.clone_into(&mut arg.name);
                        break;
                    }
                }
            }
            args.push(arg);
            if self.take(')') {
                return Ok(args);
            }
            if !self.take(',') {
                let next: String = self.rest.chars().take(12).collect();
                return Err(format!("`,` or `)` is missing before `{next}`"));
            }
        }
    }

    /// A type: an elementary one or a struct, with any arrays of it.
    fn kind(&mut self, depth: usize) -> Result<(DynSolType, Type), String> {
        if depth > DEPTH_MAX {
            return Err("its types are nested too deeply".to_owned());
        }
        let word = self.word();
        let (mut sol, mut ty) = if matches!(word, "" | "tuple") && self.take('(') {
            let members = self.args(false, depth + 1)?;
            if members.is_empty() {
                return Err("a struct has no members".to_owned());
            }
            let types = members.iter().map(|member| member.sol.clone()).collect();
            let named = members.into_iter().map(|member| (member.name, member.ty)).collect();
            (DynSolType::Tuple(types), Type::Struct(Arc::new(named)))
        } else {
            elementary(word)?
        };
        let mut dimensions = 0;
        while self.take('[') {
            dimensions += 1;
            let length = self.word();
            if !self.take(']') || dimensions > DEPTH_MAX {
                return Err("a `]` is missing".to_owned());
            }
            sol = match length {
                "" => DynSolType::Array(Box::new(sol)),
                length => {
                    let length = length.parse().ok().filter(|length| (1..=1_024).contains(length));
                    DynSolType::FixedArray(
                        Box::new(sol),
                        length.ok_or("an array has 1 to 1024 elements")?,
                    )
                }
            };
            ty = Type::list(ty);
        }
        if sol.minimum_words() > 4_096 {
            return Err("its arguments are too large".to_owned());
        }
        Ok((sol, ty))
    }
}

fn elementary(word: &str) -> Result<(DynSolType, Type), String> {
    let unknown = || {
        let hint = if word.is_empty() { "a type is missing" } else { "is no type" };
        format!(
            "`{word}` {hint}: enums are `uint8`, contracts `address`, structs `(type member, …)`"
        )
    };
    let width = |prefix: &str, default: usize| {
        let digits = word.strip_prefix(prefix)?;
        if digits.is_empty() { Some(default) } else { digits.parse::<usize>().ok() }
    };
    Ok(match word {
        "bool" => (DynSolType::Bool, Type::Bool),
        "address" => (DynSolType::Address, Type::Address),
        "bytes" => (DynSolType::Bytes, Type::Bytes),
        "string" => (DynSolType::String, Type::Text),
        _ => {
            let bits = |bits: &usize| bits.is_multiple_of(8) && (8..=256).contains(bits);
            if let Some(width) = width("uint", 256).filter(bits) {
                (DynSolType::Uint(width), Type::Uint(width as u16))
            } else if let Some(width) = width("int", 256).filter(bits) {
                (DynSolType::Int(width), Type::Int(width as u16))
            } else if let Some(width) = width("bytes", 0).filter(|width| (1..=32).contains(width)) {
                (DynSolType::FixedBytes(width), Type::Fixed(width as u8))
            } else {
                return Err(unknown());
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::Signature;

    #[test]
    fn signatures_are_hashed_as_solidity_does() {
        let cases = [
            (
                "Transfer(address indexed from, address indexed to, uint256 value)",
                true,
                "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            ),
            (
                "event Paused(address account)",
                true,
                "0x62e78cea01bee320cd4e420270b5ea74000d11b0c9f74754ebdbfc544b05a258",
            ),
            (
                "function transfer(address to, uint amount) external returns (bool)",
                false,
                "0xa9059cbb",
            ),
            (
                "exactInputSingle((address tokenIn, address tokenOut, uint24 fee, address recipient, uint256 deadline, uint256 amountIn, uint256 amountOutMinimum, uint160 sqrtPriceLimitX96) params)",
                false,
                "0x414bf389",
            ),
            ("aggregate(tuple(address target, bytes callData)[] calls)", false, "0x252dba42"),
            ("set((uint amount) params)", false, "0x3c0513a0"),
            ("f((uint256 x)[3] a, (address to) b)", false, "0x570a8697"),
        ];
        for (text, is_event, key) in cases {
            let signature =
                Signature::parse(text, is_event).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert!(signature.key.to_string().starts_with(key), "{text}: {}", signature.key);
        }
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let deep = format!("f({}uint8{})", "(".repeat(50), ")".repeat(50));
        let long = format!("f(uint8{})", "[1024]".repeat(8));
        for bad in [
            "",
            "f",
            "f(",
            "f(uint)x;",
            "f(uint257 a)",
            "f(Enum a)",
            "f(uint a, uint a)",
            "f(bytes33 a)",
            "f(uint[0] a)",
            "f(uint indexed a)",
            &deep,
            &long,
        ] {
            assert!(Signature::parse(bad, false).is_err(), "{bad}");
        }
        assert!(
            Signature::parse(
                "E(uint indexed a, uint indexed b, uint indexed c, uint indexed d)",
                true
            )
            .is_err()
        );
    }
}

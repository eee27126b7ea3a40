use super::*;
use crate::dice::Stream;
use alloy_primitives::address;

const ALICE: Address = address!("00000000000000000000000000000000000000b2");
const BOB: Address = address!("00000000000000000000000000000000000000a1");

fn names() -> Names {
    let mut names = Names::default();
    names.insert("usd", Value::Address(ALICE));
    names.insert("owners", Value::Group(vec![ALICE, BOB]));
    names.insert("id", Value::Uint(U256::from(42)));
    names.insert("root", Value::Word(B256::repeat_byte(7)));
    names
}

fn encode(signature: &str, args: &[Arg], groups: GroupRule<'_>) -> Result<Bytes, String> {
    let names = names();
    let mut scope =
        Scope { names: &names, dice: Dice::new(1, Stream::Trial, 0), groups, from: BOB };
    scope.encode_call(&Function::parse(signature).unwrap(), args)
}

/// Encodes the call and compares it with the hexadecimal words after the selector, or the error.
fn check(signature: &str, args: &[Arg], expect: Result<&[&str], &str>) {
    let found = encode(signature, args, GroupRule::Forbidden);
    match (found, expect) {
        (Ok(bytes), Ok(words)) => {
            let words: Vec<String> = words.iter().map(|word| format!("{word:0>64}")).collect();
            assert_eq!(hex::encode(&bytes[4..]), words.concat(), "{signature}");
        }
        (Err(message), Err(part)) => assert!(message.contains(part), "{message}"),
        (found, _) => panic!("{signature} {args:?}: {found:?}"),
    }
}

fn text(text: &str) -> Arg {
    Arg::Text(text.to_owned())
}

#[test]
fn numbers() {
    check("f(uint256)", &[text("1_000e6")], Ok(&["3b9aca00"]));
    check("f(uint8)", &[Arg::Integer(6)], Ok(&["6"]));
    check("f(uint8)", &[Arg::Integer(256)], Err("does not fit into uint8"));
    check("f(int16)", &[Arg::Integer(-1)], Ok(&[&"f".repeat(64)]));
    check("f(int8)", &[Arg::Integer(-128)], Ok(&[&format!("{}80", "f".repeat(62))]));
    check("f(int8)", &[Arg::Integer(128)], Err("does not fit into int8"));
    check("f(uint256)", &[text("{{id}}")], Ok(&["2a"]));
    check("f(uint256)", &[text("rand(9, 9)")], Ok(&["9"]));
    check(
        "f(uint256)",
        &[text("many")],
        Err("argument 0 of f(uint256): `many` is not a whole number"),
    );
    check("f(uint256,bool)", &[Arg::Integer(1)], Err("takes 2 arguments and args: has 1"));
}

#[test]
fn addresses_words_and_strings() {
    check("f(address)", &[text("{{usd}}")], Ok(&["b2"]));
    check("f(address)", &[text("{{from}}")], Ok(&["a1"]));
    check("f(bytes32)", &[text("{{usd}}")], Ok(&["b2"]));
    check("f(bytes32)", &[text("{{root}}")], Ok(&[&"07".repeat(32)]));
    check("f(address)", &[text("{{root}}")], Err("is no address"));
    check("f(address)", &[text("{{nobody}}")], Err("unknown name {{nobody}}"));
    check("f(address)", &[text("{{owners}}")], Err("cannot stand here"));
    check("f(bool)", &[Arg::Bool(true)], Ok(&["1"]));
    check("f(string)", &[text("hi")], Ok(&["20", "2", &format!("{:0<64}", "6869")]));
    check("f(bytes)", &[text("0x")], Ok(&["20", "0"]));
}

#[test]
fn lists_tuples_and_groups() {
    check("f(address[])", &[text("{{owners}}")], Ok(&["20", "2", "b2", "a1"]));
    let list = Arg::List(vec![text("{{usd}}"), text("{{owners}}")]);
    check("f(address[])", &[list], Ok(&["20", "3", "b2", "b2", "a1"]));
    let pair = Arg::List(vec![Arg::Integer(1), text("{{usd}}")]);
    check("f((uint256,address))", std::slice::from_ref(&pair), Ok(&["1", "b2"]));
    check("f(uint256[2])", &[Arg::List(vec![Arg::Integer(1)])], Err("takes 2 items"));
    let member = GroupRule::Member { group: "owners", member: BOB };
    let bytes = encode("f(address)", &[text("{{owners}}")], member).unwrap();
    assert_eq!(&bytes[16..], BOB.as_slice());
}

#[test]
fn calldata_and_signatures() {
    let inner = Arg::Calldata {
        target: "usd.transfer(address,uint256)".to_owned(),
        args: vec![text("{{usd}}"), Arg::Integer(5)],
    };
    let bytes = encode("f(bytes)", &[inner], GroupRule::Forbidden).unwrap();
    assert_eq!(hex::encode(&bytes[68..72]), "a9059cbb");
    assert_eq!(bytes[36 + 31], 68, "the length of the inner call");
    let signatures = Arg::Signatures("owners".to_owned());
    let bytes = encode("f(bytes)", &[signatures], GroupRule::Forbidden).unwrap();
    let signatures = &bytes[68..68 + 130];
    assert_eq!(&signatures[12..32], BOB.as_slice(), "sorted: the smaller address first");
    assert_eq!(&signatures[65 + 12..65 + 32], ALICE.as_slice());
    assert_eq!((signatures[64], signatures[129]), (1, 1));
}

#[test]
fn a_group_in_place_of_one_address_means_each_member() {
    let names = names();
    let check = |signature: &str, arg: Arg, expect: Option<&str>| {
        let function = Function::parse(signature).unwrap();
        let args = [arg];
        assert_eq!(group_in(&names, &function.inputs, &args), Ok(expect), "{signature}");
    };
    check("f(address)", text("{{owners}}"), Some("owners"));
    check("f(address[])", text("{{owners}}"), None);
    check("f(address)", text("{{usd}}"), None);
    let inner =
        Arg::Calldata { target: "usd.f(address)".to_owned(), args: vec![text("{{owners}}")] };
    check("f(bytes)", inner, Some("owners"));
}

#[test]
fn targets() {
    let (contract, function) = parse_target("factory.getPair(address,address)(address)").unwrap();
    assert_eq!((contract, function.signature().as_str()), ("factory", "getPair(address,address)"));
    assert_eq!(function.outputs[0].ty, "address");
    assert!(parse_target("transfer(address)").unwrap_err().contains("contract.function(types)"));
    assert!(parse_target("usd.transfer(addres s").is_err());
}

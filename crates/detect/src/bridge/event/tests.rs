use alloy_primitives::{Bytes, hex};

use super::*;
use crate::{bridge::META, config::BridgeEvent, testing};

const EMITTER: Address = Address::repeat_byte(0xe1);

fn config(json: &str) -> BridgeEvent {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn reader(json: &str) -> Result<EventReader, ConfigError> {
    let protocol = testing::protocol();
    let resolver = Resolver { protocol: &protocol, meta: &META };
    EventReader::new(&resolver, "lock", EMITTER, &config(json))
}

fn word(n: u64) -> B256 {
    B256::from(U256::from(n))
}

fn log(topics: Vec<B256>, data: Vec<u8>) -> Log {
    Log { address: EMITTER, topics, data: Bytes::from(data) }
}

/// Topics as the standards list them (A.13), so that the hash is that of the contract's own event.
#[test]
fn events_hash_as_the_compiler_does() {
    for (event, topic) in [
        (
            "Dispatch(bytes32 indexed messageHash, uint256 indexed leafIndex, uint64 indexed destinationAndNonce, \
             bytes32 committedRoot, bytes message)",
            "9d4c83d2e57d7d381feb264b44a5015e7f9ef26340f4fc46b558a6dc16dd811a",
        ),
        (
            "TransferRedeemed(uint16 indexed emitterChain, bytes32 indexed emitter, uint64 indexed sequence)",
            "caf280c8cfeba144da67230d9b009c8f868a75bac9a528fa0474be1ba317c169",
        ),
        (
            "PacketSent(bytes encodedPayload, bytes options, address sendLib)",
            "1ab700d4ced0c005b164c0f789fd09fcbb0156d4c2041b8a3bfbcd961cd1567f",
        ),
    ] {
        let reader = reader(&format!(r#"{{"contract":"", "event":"{event}"}}"#)).unwrap();
        assert_eq!(hex::encode(reader.topic), topic, "{event}");
    }
}

#[test]
fn fields_are_read_by_name_from_topics_and_data() {
    let reader = reader(
        r#"{"contract":"", "event":"Sent(uint256 amount, bytes32 indexed id, address token, address indexed to, uint64 chain)",
        "id":["id"], "token":"token", "amount":"amount", "beneficiary":"to",
        "only":[{"field":"chain","equals":"7"}]}"#,
    )
    .unwrap();
    let data = |chain| [word(500), EMITTER.into_word(), word(chain)].concat();
    let topics = vec![reader.topic, word(9), word(3)];
    let message = Message {
        id: Some(word(9)),
        token: Some(EMITTER),
        amount: Some(U256::from(500)),
        beneficiary: Some(word(3)),
    };
    let heard = |topics: &[B256], data: Vec<u8>| reader.read(&log(topics.to_vec(), data));
    assert_eq!(heard(&topics, data(7)), Heard::Message(message));
    assert_eq!(heard(&topics, data(8)), Heard::Nothing, "it goes elsewhere");
    assert_eq!(heard(&[word(1)], data(7)), Heard::Nothing, "another event");
    assert_eq!(heard(&topics[..2], data(7)), Heard::Unreadable, "fewer are indexed");
    assert_eq!(heard(&topics, data(7)[..64].to_vec()), Heard::Unreadable, "data is cut");
    let mut other = log(topics, data(7));
    other.address = Address::ZERO;
    assert_eq!(reader.read(&other), Heard::Nothing, "another contract");
}

/// `LayerZero` keeps its id inside the packet; `Wormhole`'s id is three parameters.
#[test]
fn ids_may_be_a_part_of_bytes_or_several_parameters() {
    let part = reader(
        r#"{"contract":"", "event":"PacketSent(bytes encodedPayload, bytes options, address sendLib)",
        "id":["encodedPayload[81..113]"]}"#,
    )
    .unwrap();
    let mut payload = vec![0; 81];
    payload.extend_from_slice(&[0xab; 32]);
    let body = DynSolValue::Tuple(vec![
        DynSolValue::Bytes(payload),
        DynSolValue::Bytes(Vec::new()),
        DynSolValue::Address(EMITTER),
    ]);
    let Heard::Message(message) = part.read(&log(vec![part.topic], body.abi_encode_params()))
    else {
        panic!("not read");
    };
    assert_eq!(message.id, Some(B256::repeat_byte(0xab)));

    let several = reader(
        r#"{"contract":"", "event":"Redeemed(uint16 indexed chain, bytes32 indexed emitter, uint64 indexed sequence)",
        "id":["chain","emitter","sequence"]}"#,
    )
    .unwrap();
    let id = |a, b, c| {
        let topics = vec![several.topic, word(a), word(b), word(c)];
        match several.read(&log(topics, Vec::new())) {
            Heard::Message(message) => message.id.unwrap(),
            heard => panic!("{heard:?}"),
        }
    };
    assert_eq!(id(1, 2, 3), keccak256([word(1), word(2), word(3)].concat()));
    assert_ne!(id(1, 2, 3), id(2, 1, 3));
}

#[test]
fn what_cannot_work_is_refused() {
    for (json, says) in [
        (r#"{"contract":"", "event":"Sent"}"#, "lock.event"),
        (r#"{"contract":"", "event":"Sent(adress a)"}"#, "lock.event"),
        (r#"{"contract":"", "event":"Sent(uint256 a) anonymous"}"#, "anonymous"),
        (r#"{"contract":"", "event":"Sent(uint256 a)", "id":["b"]}"#, "no parameter `b`"),
        (r#"{"contract":"", "event":"Sent(uint256[] a)", "id":["a"]}"#, "lock.id[0]"),
        (r#"{"contract":"", "event":"Sent(address a)", "amount":"a"}"#, "lock.amount"),
        (r#"{"contract":"", "event":"Sent(bytes a)", "token":"a"}"#, "lock.token"),
        (r#"{"contract":"", "event":"Sent(bytes a)", "id":["a[1..34]"]}"#, "lock.id[0]"),
        (r#"{"contract":"", "event":"Sent(bytes a)", "id":["a[5..4]"]}"#, "lock.id[0]"),
        (r#"{"contract":"", "event":"Sent(bytes32 a)", "id":["a[0..4]"]}"#, "lock.id[0]"),
    ] {
        let error = reader(json).expect_err(json).to_string();
        assert!(error.contains(says), "{json}: {error}");
    }
}

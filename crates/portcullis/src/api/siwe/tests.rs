use alloy_primitives::{U256, hex};
use k256::ecdsa::SigningKey;
use proptest::prelude::*;

use super::*;

const NOW: u64 = 1_788_220_800_000;
const ISSUED: &str = "2026-08-31T23:59:30.000Z";

fn key(byte: u8) -> SigningKey {
    SigningKey::from_slice(&[byte; 32]).unwrap()
}

fn address(key: &SigningKey) -> Address {
    Address::from_public_key(key.verifying_key())
}

fn sign(key: &SigningKey, text: &str) -> Vec<u8> {
    let hash = eip191_hash_message(text.as_bytes());
    let (signature, recovery) = key.sign_prehash_recoverable(hash.as_slice()).unwrap();
    let mut bytes = signature.to_bytes().to_vec();
    bytes.push(27 + recovery.to_byte());
    bytes
}

fn expected() -> Expected {
    Expected {
        domain: "127.0.0.1:7711".to_owned(),
        uri: "http://127.0.0.1:7711".to_owned(),
        statement: "Sign in.".to_owned(),
        chain_id: 1,
    }
}

fn judged(text: &str, signature: &[u8]) -> Result<Address, Refused> {
    let message = read(text)?;
    message.check(&expected(), NOW)?;
    message.verify(text, signature)?;
    Ok(message.address)
}

#[test]
fn an_honest_message_is_taken() {
    let key = key(1);
    let text = write(&expected(), address(&key), "0123456789abcdef", ISSUED);
    assert_eq!(judged(&text, &sign(&key, &text)), Ok(address(&key)));
    let longer = format!("{text}\nExpiration Time: 2026-09-01T00:05:00Z\nNot Before: {ISSUED}");
    assert_eq!(judged(&longer, &sign(&key, &longer)), Ok(address(&key)));
    let mut low = sign(&key, &text);
    low[64] -= 27;
    assert_eq!(judged(&text, &low), Ok(address(&key)), "some wallets count from 0");
}

/// Each is signed by the honest key, so that only the text is wrong.
#[test]
fn hostile_messages_are_refused() {
    let key = key(1);
    let honest = write(&expected(), address(&key), "0123456789abcdef", ISSUED);
    let change = |from: &str, to: &str| {
        assert!(honest.contains(from), "{from}");
        honest.replacen(from, to, 1)
    };
    let lower = address(&key).to_string().to_lowercase();
    let cases = [
        (change("127.0.0.1:7711 wants", "evil.example wants"), Refused::Other("domain")),
        (change("127.0.0.1:7711 wants", "http://127.0.0.1:7711 wants"), Refused::Other("domain")),
        (
            change("URI: http://127.0.0.1:7711", "URI: http://127.0.0.1:7711/x"),
            Refused::Other("URI"),
        ),
        (change("Sign in.", "Give me all."), Refused::Other("statement")),
        (change("Chain ID: 1", "Chain ID: 10"), Refused::Other("chain")),
        (change("Chain ID: 1", "Chain ID: 01"), Refused::Malformed("no chain id")),
        (change("Chain ID: 1", "Chain ID: -1"), Refused::Malformed("no chain id")),
        (change("Version: 1", "Version: 2"), Refused::Malformed("no line `Version: 1`")),
        (change("Nonce: ", "nonce: "), Refused::Malformed("no nonce")),
        (
            change("Issued At: 2026-08", "Issued At: 2026-07"),
            Refused::Time("it was issued long ago"),
        ),
        (change("Issued At: 2026", "Issued At: 2027"), Refused::Time("it is issued in the future")),
        (
            change("Issued At: 2026-08-31", "Issued At: yesterday"),
            Refused::Malformed("no time of issue"),
        ),
        (
            format!("{honest}\nExpiration Time: 2026-09-01T00:00:00Z"),
            Refused::Time("it has expired"),
        ),
        (
            format!("{honest}\nNot Before: 2026-09-01T00:00:01Z"),
            Refused::Time("it does not count yet"),
        ),
        (
            change(&address(&key).to_string(), &lower),
            Refused::Malformed("no address with its checksum"),
        ),
        (change("\n\nSign in.", "\nSign in."), Refused::Malformed("an empty line is missing")),
        (change("\n", "\r\n"), Refused::Malformed("its first line is another")),
        (String::new(), Refused::Malformed("its first line is another")),
        (
            format!("{honest}{}", "x".repeat(MESSAGE_BYTES_MAX)),
            Refused::TooLong(honest.len() + MESSAGE_BYTES_MAX),
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(judged(&text, &sign(&key, &text)), Err(wanted), "{text}");
    }
    let unasked = "a line that was not asked for, or not in its place";
    for more in [
        "\nRequest ID: 1",
        "\nResources:\n- https://evil.example",
        "\n",
        "\nNonce: 1",
        "\nNot Before: 2026-08-31T00:00:00Z\nExpiration Time: 2026-10-01T00:00:00Z",
        "\nExpiration Time: 2026-10-01T00:00:00Z\nExpiration Time: 2026-11-01T00:00:00Z",
    ] {
        let text = format!("{honest}{more}");
        assert_eq!(judged(&text, &sign(&key, &text)), Err(Refused::Malformed(unasked)), "{more}");
    }
}

#[test]
fn hostile_signatures_are_refused() {
    let (key, other) = (key(1), key(2));
    let text = write(&expected(), address(&key), "0123456789abcdef", ISSUED);
    let good = sign(&key, &text);
    // The other of two equal signatures: `n - s`, and the other point.
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    )
    .unwrap();
    let s = order - U256::from_be_slice(&good[32..64]);
    let mut malleable = good[..32].to_vec();
    malleable.extend(s.to_be_bytes::<32>());
    malleable.push(if good[64] == 27 { 28 } else { 27 });
    let mut flipped = good.clone();
    flipped[64] = if good[64] == 27 { 28 } else { 27 };
    let mut bad_v = good.clone();
    bad_v[64] = 99;
    let cases = [
        (sign(&other, &text), Refused::NotTheAddress),
        (sign(&key, &format!("{text} ")), Refused::NotTheAddress),
        (malleable, Refused::NoSignature),
        (Vec::new(), Refused::NoSignature),
        (good[..64].to_vec(), Refused::NoSignature),
        (vec![0; 65], Refused::NoSignature),
        ([good.as_slice(), &[0; 32]].concat(), Refused::NoSignature),
    ];
    for (signature, wanted) in cases {
        assert_eq!(judged(&text, &signature), Err(wanted), "{}", hex::encode(&signature));
    }
    for signature in [flipped, bad_v] {
        assert!(judged(&text, &signature).is_err(), "{}", hex::encode(&signature));
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,300}", signature in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _refused = judged(&text, &signature);
    }

    #[test]
    fn no_changed_byte_is_taken(at in 0_usize..250, byte in any::<u8>()) {
        let key = key(1);
        let text = write(&expected(), address(&key), "0123456789abcdef", ISSUED);
        let signature = sign(&key, &text);
        let mut bytes = text.clone().into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(changed) = String::from_utf8(bytes) && changed != text {
            prop_assert!(judged(&changed, &signature).is_err(), "{}", changed);
        }
    }
}

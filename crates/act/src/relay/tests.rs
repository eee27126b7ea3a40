use super::*;

fn relay(url: &str, blocks: u64) -> RelayConfig {
    RelayConfig { url: url.parse().unwrap(), kind: RelayKind::Bundle, blocks }
}

fn relays(of: &[RelayConfig]) -> Result<Relays, RelayError> {
    Relays::new(of, Identity::development(), Duration::from_millis(500))
}

#[test]
fn what_cannot_be_a_relay_is_refused_with_the_remedy() {
    for (config, words) in [
        (relay("http://relay.example/secret", 3), "https"),
        (relay("https://relay.example/secret", 2), "from 3 to 25"),
        (relay("https://relay.example/secret", 26), "from 3 to 25"),
    ] {
        let error = relays(&[config]).unwrap_err().to_string();
        assert!(error.contains(words) && !error.contains("secret"), "{error}");
    }
    let many = vec![relay("https://relay.example", 3); RELAYS_MAX + 1];
    assert!(relays(&many).is_err());
}

#[tokio::test]
async fn a_dead_relay_is_reported_and_shows_no_more_than_its_host() {
    // Port 1 of loopback: nothing listens there.
    let relays = relays(&[relay("http://127.0.0.1:1/access-key", 3)]).unwrap();
    let submission = Submission {
        sender: Address::repeat_byte(1),
        nonce: 7,
        hash: B256::repeat_byte(2),
        raw: Bytes::from_static(&[2]),
        head: 100,
    };
    let trouble = relays.submit(&submission).await.unwrap().unwrap_err();
    let health = relays.health();
    assert_eq!((health[0].sent, health[0].taken, health[0].failed), (1, 0, 1));
    let shown = format!("{trouble} {health:?} {relays:?}");
    assert!(shown.contains("127.0.0.1") && !shown.contains("access-key"), "{shown}");
    // What was not answered may be there all the same: it is cancelled, as far as its blocks are to come.
    let left = relays.ledger().settled((Address::repeat_byte(1), 7), 101, true);
    assert_eq!(left.len(), 2);
    assert!(relays.ledger().settled((Address::repeat_byte(1), 7), 101, true).is_empty());
}

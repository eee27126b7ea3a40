use super::*;

const WARDEN: Address = Address::repeat_byte(0xaa);
const NOW: u64 = 1_800_000_000;

fn order() -> OrderRequest {
    OrderRequest {
        chain_id: 1,
        warden: WARDEN,
        lever: B256::repeat_byte(1),
        arming: 1,
        data: Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59]),
        incident: B256::repeat_byte(2),
        hold_seconds: 600,
        deadline: NOW + 300,
        nonce: U256::from(7),
    }
}

fn rules() -> Vec<AllowedWarden> {
    let lever = AllowedOrder {
        lever: B256::repeat_byte(1),
        data: order().data,
        hold_seconds_max: 600,
        order_life_seconds_max: 300,
    };
    vec![AllowedWarden { chain_id: 1, warden: WARDEN, levers: vec![lever], orders_per_hour_max: 2 }]
}

#[test]
fn only_listed_orders_are_signed() {
    let refused =
        |order: OrderRequest, recent| refusal(&rules(), &Attestation::Order(order), NOW, recent);
    assert_eq!(refused(order(), 1), None);
    assert_eq!(refused(OrderRequest { hold_seconds: 1, arming: 9, ..order() }, 0), None);
    let trailing = Bytes::from_static(&[0x84, 0x56, 0xcb, 0x59, 0]);
    let cases = [
        ("chain", OrderRequest { chain_id: 2, ..order() }, 0, "is not in the policy"),
        ("Warden", OrderRequest { warden: Address::ZERO, ..order() }, 0, "is not in the policy"),
        ("lever", OrderRequest { lever: B256::ZERO, ..order() }, 0, "is not in the policy"),
        ("call data", OrderRequest { data: trailing, ..order() }, 0, "is not in the policy"),
        ("hold", OrderRequest { hold_seconds: 601, ..order() }, 0, "longer than the 600 s"),
        ("life", OrderRequest { deadline: NOW + 331, ..order() }, 0, "1 s longer"),
        ("too often", order(), 2, "within an hour"),
    ];
    for (name, asked, recent, words) in cases {
        let why = refused(asked, recent).unwrap_or_else(|| panic!("{name} is signed"));
        assert!(why.contains(words), "{name}: {why}");
    }
}

#[test]
fn heartbeats_of_the_future_are_not_signed() {
    let beat = |warden, timestamp| {
        let asked = Attestation::Heartbeat(HeartbeatRequest { chain_id: 1, warden, timestamp });
        refusal(&rules(), &asked, NOW, 99)
    };
    assert_eq!(beat(WARDEN, NOW + CLOCK_SLACK_SECONDS), None);
    assert_eq!(beat(WARDEN, NOW - 86_400), None, "an old one harms nobody");
    assert!(beat(WARDEN, NOW + 86_400).unwrap().contains("86400 s ahead"));
    assert!(beat(Address::ZERO, NOW).unwrap().contains("not in the policy"));
}

/// The type strings are the contract's.
#[test]
fn the_types_are_those_of_the_contract() {
    assert_eq!(
        Order::eip712_root_type(),
        "Order(bytes32 lever,uint64 arming,bytes data,bytes32 incident,uint64 holdSeconds,uint64 deadline,uint256 nonce)"
    );
    assert_eq!(Heartbeat::eip712_root_type(), "Heartbeat(address sentinel,uint64 timestamp)");
}

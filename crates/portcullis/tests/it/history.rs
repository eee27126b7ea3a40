//! Real exploits on their real state: from nothing but a configuration, the right contract, asset and amount.

use serde_json::Value;

use crate::kit::{root, run, shared, texts};

struct Known {
    case: &'static str,
    contract: &'static str,
    asset: &'static str,
    /// Smallest units.
    amount: &'static str,
}

/// From the folders' own descriptions.
const KNOWN: [Known; 5] = [
    Known {
        case: "nomad",
        contract: "0x88a69b4e698a4b090df6cf5bd7b2d47325ad30a3",
        asset: "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599",
        amount: "10000000000",
    },
    Known {
        case: "polynetwork",
        contract: "0x250e76987d838a75310c34bf422ea9f1ac4cc906",
        asset: "native",
        amount: "2857486",
    },
    Known {
        case: "ronin",
        contract: "0x1a2a1c938ce3ec39b6d47113c7955baa9dd454f2",
        asset: "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
        amount: "173600000000000000000000",
    },
    Known {
        case: "daomaker",
        contract: "0x2fd602ed1f8cb6deaba9bedd560ffe772eb85940",
        asset: "0x9fa69536d1cda4a04cfb50688294de75b505a9ae",
        amount: "5760000000000000000000000",
    },
    Known {
        case: "sandbox",
        contract: "0x50f5474724e0ee42d9a4e711ccfb275809fd6d4a",
        asset: "0x50f5474724e0ee42d9a4e711ccfb275809fd6d4a",
        amount: "1",
    },
];

fn replay(case: &str, folder: &std::path::Path) -> Value {
    let config = root().join(format!("examples/history/{case}.yaml"));
    let config = config.to_string_lossy();
    let path = folder.join(case);
    let output = run(&["replay", &path.to_string_lossy(), "--config", &config, "--json"]);
    let (text, errors, code) = texts(&output);
    assert_eq!(code, Some(0), "{case}: {errors}");
    serde_json::from_str(&text).expect("one object")
}

#[test]
fn five_exploits_of_history_are_found_with_contract_asset_and_amount() {
    let Some(folder) = shared("exploits/states") else { return };
    for known in KNOWN {
        let replayed = replay(known.case, &folder);
        let found = replayed["findings"].as_array().expect("a list").iter().any(|finding| {
            finding["contract"] == known.contract
                && finding["asset"] == known.asset
                // Poly's amount is given to the gwei in its description.
                && finding["amount"].as_str().is_some_and(|amount| amount.starts_with(known.amount))
        });
        assert!(found, "{}: {replayed:#}", known.case);
    }
}

#[test]
fn the_same_recording_gives_the_same_journal_byte_for_byte() {
    let Some(folder) = shared("exploits/states") else { return };
    let (one, two) = (replay("ronin", &folder), replay("ronin", &folder));
    assert_eq!(one["journalHead"], two["journalHead"]);
    assert_eq!(one["decisions"], two["decisions"]);
    assert!(!one["findings"].as_array().expect("a list").is_empty());
}

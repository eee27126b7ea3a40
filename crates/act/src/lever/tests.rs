use alloy_primitives::{address, bytes};

use super::*;

const RESPONDER: Address = address!("00000000000000000000000000000000000000bb");

fn build(json: &str) -> Result<Lever, String> {
    let config: LeverConfig = serde_json::from_str(json).map_err(|error| error.to_string())?;
    config.build(1, RESPONDER).map_err(|error| error.to_string())
}

fn pausable(extra: &str) -> String {
    format!(
        r#"{{"kind":"pausable","name":"stop","target":"0x00000000000000000000000000000000000000aa","rung":"market",
            "holdSeconds":3600,"falseStopCostUsd":"1000"{extra}}}"#
    )
}

fn managed(extra: &str) -> String {
    format!(
        r#"{{"kind":"accessManaged","name":"stop","manager":"0x00000000000000000000000000000000000000cc",
            "target":"0x00000000000000000000000000000000000000aa","rung":"protocol","holdSeconds":3600,
            "falseStopCostUsd":"1000"{extra}}}"#
    )
}

#[test]
fn a_pausable_has_the_published_selectors() {
    let lever = build(&pausable(r#","release":"responder""#)).unwrap();
    assert_eq!(lever.call.data, bytes!("8456cb59"));
    assert_eq!(lever.verify.data, bytes!("5c975abb"));
    assert_eq!(lever.verify.expect, U256::ONE);
    assert_eq!(lever.covers, vec![lever.call.to]);
    let Undo::ByCall { call, verify } = &lever.undo else { panic!("{:?}", lever.undo) };
    assert_eq!(call.data, bytes!("3f4ba83a"));
    assert_eq!(verify.expect, U256::ZERO);
}

#[test]
fn who_lets_go_is_people_unless_it_is_said() {
    for json in [pausable(""), managed("")] {
        let lever = build(&json).unwrap();
        assert!(matches!(lever.undo, Undo::ByPeople { .. }), "{:?}", lever.undo);
    }
}

#[test]
fn an_access_managed_lever_asks_the_manager_first() {
    let lever = build(&managed("")).unwrap();
    let view = lever.preflight.get(1).unwrap();
    assert_eq!(view.data.get(..4), Some(&bytes!("b7009613")[..]));
    assert_eq!(view.expect, U256::ONE);
    assert!(view.meaning.contains("0x8456cb59"), "{}", view.meaning);
    let answer =
        Bytes::from([U256::ZERO.to_be_bytes::<32>(), U256::from(86_400).to_be_bytes()].concat());
    assert_eq!(access_managed::delay_seconds(view, &answer), Some((false, 86_400)));
    assert_eq!(access_managed::delay_seconds(&lever.verify, &answer), None);
}

#[test]
fn mistakes_in_the_configuration_say_what_to_write() {
    let cases = [
        (pausable(r#","releas":"people""#), "releas"),
        (pausable(r#","release":"nobody""#), "nobody"),
        (pausable(r#","gasLimit":20000"#), "21000"),
        (pausable(r#","covers":[]"#), "covers"),
        (pausable("").replace("3600", "0"), "holdSeconds"),
        (pausable("").replace("3600", "99999999"), "30 days"),
        (managed(r#","function":"pause(address)""#), "without parameters"),
        (managed(r#","function":"unpause()""#), "DEC-3"),
        (managed(r#","function":"withdrawAll()""#), "DEC-3"),
        (managed(r#","verify":"paused""#), "without parameters"),
        (managed(r#","function":"halt()","release":"responder""#), "undo"),
    ];
    for (json, words) in cases {
        let error = build(&json).expect_err(&json);
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(build(&managed(r#","function":"halt()","undo":"go()","release":"responder""#)).is_ok());
}

fn through_warden(extra: &str) -> String {
    let lever = "11".repeat(32);
    format!(
        r#"{{"kind":"warden","name":"stop","warden":"0x00000000000000000000000000000000000000dd","lever":"0x{lever}",
            "target":"0x00000000000000000000000000000000000000aa","rung":"market","holdSeconds":3600,
            "falseStopCostUsd":"1000"{extra}}}"#
    )
}

#[test]
fn a_wardens_lever_calls_the_warden_and_covers_its_target() {
    let lever = build(&through_warden("")).unwrap();
    let pull = lever.warden.as_ref().unwrap();
    assert_eq!((pull.data.clone(), pull.order_life_seconds), (bytes!("8456cb59"), 300));
    assert_eq!((lever.call.to, lever.covers.clone()), (pull.warden, vec![pull.target]));
    // pull(((bytes32,uint64,bytes,bytes32,uint64,uint64,uint256),(address,bytes)[])), release(uint256)
    let pulled = "pull(((bytes32,uint64,bytes,bytes32,uint64,uint64,uint256),(address,bytes)[]))";
    assert_eq!(lever.call.data[..], keccak256(pulled)[..4]);
    let Undo::ByCall { call, verify } = &lever.undo else { panic!("{:?}", lever.undo) };
    assert_eq!((call.to, &call.data[..]), (pull.warden, &keccak256("release(uint256)")[..4]));
    assert_eq!((verify.to, verify.expect), (pull.target, U256::ZERO));
    let ends = build(&through_warden(r#","endsByItself":true"#)).unwrap();
    assert_eq!(ends.undo, Undo::ByExpiry);

    let args =
        r#","function":"freeze(address)","args":["0x00000000000000000000000000000000000000ee"]"#;
    assert_eq!(build(&through_warden(args)).unwrap().warden.unwrap().data.len(), 36);
    let cases = [
        (r#","function":"unpause()""#, "DEC-3"),
        (r#","function":"freeze(address)""#, "takes 1 arguments"),
        (r#","orderLifeSeconds":10"#, "60 to 86400"),
        (r#","gasLimit":20000"#, "21000"),
    ];
    for (extra, words) in cases {
        let error = build(&through_warden(extra)).expect_err(extra);
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[test]
fn a_lever_is_read_from_yaml_as_people_write_it() {
    for target in [
        "0x00000000219ab540356cBB839Cbe05303d7705Fa",
        "0x5FbDB2315678afecb367f032d93F642f64180aa3",
        "\"0x5FbDB2315678afecb367f032d93F642f64180aa3\"",
        "0x1234567890123456789012345678901234567890",
    ] {
        let yaml = format!(
            "kind: pausable\nname: stop\ntarget: {target}\ncovers: [{target}]\nrung: market\nholdSeconds: 3600\nfalseStopCostUsd: 1000\n"
        );
        let config: LeverConfig =
            serde_saphyr::from_str(&yaml).unwrap_or_else(|e| panic!("{target}: {e}"));
        let expect: Address = target.trim_matches('"').parse().unwrap();
        assert_eq!(config.build(1, RESPONDER).unwrap().call.to, expect);
    }
}

#[test]
fn every_row_has_an_example_that_builds() {
    for row in catalogue::rows() {
        let config: LeverConfig = serde_saphyr::from_str(row.example)
            .unwrap_or_else(|error| panic!("{}: {error}", row.kind));
        let lever =
            config.build(1, RESPONDER).unwrap_or_else(|error| panic!("{}: {error}", row.kind));
        assert!(!lever.traps.is_empty() && !lever.covers.is_empty(), "{}", row.kind);
        let again = serde_json::to_string(&lever).unwrap();
        assert_eq!(serde_json::from_str::<Lever>(&again).unwrap(), lever, "{}", row.kind);
        // What the page says of kinds in code is what the code does.
        if row.kind == "warden" {
            continue;
        }
        if !row.stop.function.starts_with('{') {
            assert_eq!(lever.call.data[..4], selector(row.stop.function)[..], "{}", row.kind);
        }
        if !row.verify.function.starts_with('{') {
            assert_eq!(lever.verify.data[..4], selector(row.verify.function)[..], "{}", row.kind);
            assert_eq!(lever.verify.word, row.verify.word, "{}", row.kind);
        }
    }
}

/// Computed from the signatures as the sources of the protocols have them.
#[test]
fn stop_calls_have_the_published_selectors() {
    for (kind, published) in [
        ("accessManagerClose", "0x167bd395"),
        ("timelockCancel", "0xc4d252f5"),
        ("lidoGateSeal", "0xfc20bdfe"),
        ("lidoCircuitBreaker", "0x76a67a51"),
        ("opSuperchainConfig", "0x76a67a51"),
        ("opDeputyPause", "0x890777d9"),
        ("aavePoolPause", "0x7641f3d9"),
        ("aaveReservePause", "0x48d9fba9"),
        ("aaveReserveFreeze", "0x96e957c4"),
        ("compoundV2.mint", "0x3bcf7ec1"),
        ("compoundV2.borrow", "0x18c882a5"),
        ("compoundV2.transfer", "0x8ebf6364"),
        ("compoundV2.seize", "0x2d70db78"),
        ("comet", "0x44c35d07"),
        ("ccipRmnCurse", "0x62eed415"),
        ("xerc20Limits", "0xa08d5654"),
    ] {
        let row = catalogue::row(kind).unwrap();
        assert_eq!(selector(row.stop.function).to_string(), published, "{kind}");
    }
}

#[test]
fn a_comet_lever_has_a_form_for_every_state_of_the_others() {
    let row = catalogue::row("comet").unwrap();
    let config: LeverConfig = serde_saphyr::from_str(row.example).unwrap();
    let lever = config.build(1, RESPONDER).unwrap();
    // Withdraw and transfer are ours, three flags are others'.
    assert_eq!(lever.forms.len(), 8);
    for form in &lever.forms {
        let flag = |place: usize| form.call.data[4 + 32 * place + 31] == 1;
        assert!(flag(1) && flag(2), "ours are always set");
        for (view, place) in form.when.iter().zip([0, 3, 4]) {
            assert_eq!(view.expect == U256::ONE, flag(place), "{}", view.meaning);
        }
    }
}

#[test]
fn mistakes_in_listed_kinds_say_what_to_write() {
    let example = |kind: &str| catalogue::row(kind).unwrap().example.to_owned();
    let yaml = |text: &str| -> Result<Lever, String> {
        let config: LeverConfig =
            serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        config.build(1, RESPONDER).map_err(|error| error.to_string())
    };
    let without = |kind: &str, field: &str| {
        let text = example(kind);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with(field)).collect();
        lines.join("\n")
    };
    for (text, words) in [
        (without("aaveReservePause", "asset"), "asset"),
        (without("compoundV2.borrow", "cToken"), "left out"),
        (without("xerc20Limits", "mintingLimit"), "undo"),
        (format!("{}release: responder\n", example("lidoGateSeal")), "by itself"),
        (format!("{}release: responder\n", example("timelockCancel")), "cannot undo"),
        (example("ownerFlag").replace("setPaused(bool)", "unpause(bool)"), "DEC-3"),
        (example("ownerFlag").replace("setPaused(bool)", "setPaused()"), "takes 0 arguments"),
        (
            example("guardianModule").replace("pause()\nverify", "transfer(address)\nverify"),
            "DEC-3",
        ),
        (example("call").replace("setPeer(", "approve("), "DEC-3"),
        (example("call").replace("setPeer(", "_grantRole("), "DEC-3"),
        (format!("{}release: responder\n", example("call")), "expect"),
        (format!("{}expectReleased: 5\nrelease: responder\n", example("call")), "undo"),
        (example("comet").replace("[withdraw, transfer]", "[]"), "name a flag"),
        (
            example("lidoGateSeal")
                .replace("[\"0x00000000000000000000000000000000000000ab\"]", "[]"),
            "empty",
        ),
        (example("aavePoolPause").replace("kind: aavePoolPause", "kind: aavePool"), "aavePool"),
    ] {
        let error = yaml(&text).expect_err(&text);
        assert!(error.contains(words), "{words}: {error}");
    }
}

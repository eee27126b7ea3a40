use super::*;

const WORLD: &str = "\
name: tiny
title: A tiny world
seed: 7
blocks: 10
blockIntervalMs: 0
accounts:
  deployer: 0
  responder: 1
  users: [10, 12]
setup:
  - deploy: usd
    artifact: RangeToken
    args: [USD, 6, \"1_000e6\", true, [\"{{users}}\"]]
  - call: usd.mint(address,uint256)
    args: [\"{{users}}\", 1_000e6]
    from: users
traffic:
  perBlock: [0, 4]
  actions:
    - {weight: 1, from: users, call: \"usd.f(bytes)\", args: [{calldata: \"usd.g()\"}], value: 0}
attack:
  startBlock: 4
  steps:
    - {block: 0, label: x, from: users, call: usd.f(), repeat: {times: 3, everyBlocks: 2}}
loss:
  thieves: [users]
  assets:
    - {token: usd, decimals: 6, priceUsd: \"1.00\"}
";

fn load(text: &str) -> Result<Scenario, RangeError> {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("tiny");
    std::fs::create_dir(&scenario).unwrap();
    std::fs::write(scenario.join("world.yaml"), text).unwrap();
    Scenario::load(&scenario)
}

/// Replaces a part of the world, which must then be refused on that line with that message.
fn check(from: &str, to: &str, line: u64, part: &str) {
    assert!(WORLD.contains(from), "{from}");
    let error = load(&WORLD.replacen(from, to, 1)).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
    assert!(error.contains(&format!("world.yaml:{line}:")), "{error}");
}

#[test]
fn a_world_is_read() {
    let scenario = load(WORLD).unwrap();
    assert_eq!(scenario.blocks(), 10);
    assert_eq!(scenario.attack_start_block(), Some(4));
    assert_eq!(scenario.account("responder"), Some(1));
    assert_eq!(scenario.configuration(), None);
    let step = &scenario.world.setup[0].value;
    assert_eq!(step.from, "deployer");
    let text = |text: &str| Arg::Text(text.to_owned());
    let list = Arg::List(vec![text("{{users}}")]);
    let expect = [text("USD"), Arg::Integer(6), text("1_000e6"), Arg::Bool(true), list];
    assert_eq!(step.args, expect);
    assert_eq!(scenario.world.setup[1].value.args[1], text("1_000e6"));
    let attack = &scenario.world.attack.as_ref().unwrap().value.steps[0].value;
    assert_eq!(attack.offsets().collect::<Vec<_>>(), [0, 2, 4]);
}

#[test]
fn mistakes_are_named_with_their_line() {
    check("seed: 7", "seeed: 7", 3, "seeed");
    check("    from: users\n", "    form: users\n", 16, "form");
    check("deploy: usd\n", "bind: usd\n", 11, "a step has either deploy: and artifact:");
    check("from: users\ntraffic", "from: user\ntraffic", 14, "`user` is not under accounts");
    check("perBlock: [0, 4]", "perBlock: [5, 4]", 18, "smaller number first");
    check(
        "weight: 1, from: users",
        "weight: 1, from: responder",
        20,
        "includes the responder's account",
    );
    check("times: 3", "times: 6", 24, "set blocks to at least 14");
    check("startBlock: 4", "startBlock: 0", 22, "counts from 1");
    check("thieves: [users]", "thieves: [user]", 26, "thief `user`");
    check("\"1.00\"", "\"1.0000001\"", 28, "at most 6 decimals");
    check("name: tiny", "name: tyni", 1, "write the folder's name, `tiny`");
    check("[USD, 6", "[USD, 1e6", 13, "write the number in quotes");
    check("users: [10, 12]", "users: [10, 12, 13]", 9, "an account is an index");
}

#[test]
fn a_folder_without_a_world_says_what_a_scenario_is() {
    let folder = tempfile::tempdir().unwrap();
    let error = Scenario::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("docs/scenario-format.md"), "{error}");
}

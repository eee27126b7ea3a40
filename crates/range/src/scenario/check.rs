//! What a world file must fulfil beyond its shape.

use super::file::{AccountSpec, Action, AttackStep, WorldFile};
use crate::{Place, RangeError, number::parse_micro_usd};
use serde_saphyr::Spanned;
use std::{collections::BTreeSet, path::Path};

/// Says what is wrong and where; the place is the line of the step or section.
pub(super) fn check(world: &WorldFile, folder: &str, file: &Path) -> Result<(), RangeError> {
    let wrong = |line: u64, message: String| {
        Err(RangeError::Scenario { place: Place { file: file.to_path_buf(), line }, message })
    };
    if world.name != folder {
        return wrong(1, format!("name is `{}`: write the folder's name, `{folder}`", world.name));
    }
    for (name, account) in &world.accounts {
        if let AccountSpec::Group([first, last]) = account
            && last < first
        {
            return wrong(1, format!("account group {name}: write the smaller index first"));
        }
    }
    let mut names: BTreeSet<&str> = world.accounts.keys().map(String::as_str).collect();
    for step in &world.setup {
        let line = line_of(step);
        let bound = match step.value.action() {
            Err(message) => return wrong(line, message.to_owned()),
            Ok(Action::Deploy { name, .. } | Action::Bind { name, .. }) => Some(name),
            Ok(Action::Call { .. }) => None,
        };
        if let Err(message) = check_sender(world, &step.value.from, true) {
            return wrong(line, message);
        }
        if let Some(name) = bound
            && !names.insert(name)
        {
            return wrong(line, format!("`{name}` exists already: choose another name"));
        }
    }
    check_traffic(world).or_else(|(line, message)| wrong(line, message))?;
    check_attack(world, &mut names).or_else(|(line, message)| wrong(line, message))?;
    check_loss(world, &names).or_else(|(line, message)| wrong(line, message))
}

type Wrong = (u64, String);

fn check_traffic(world: &WorldFile) -> Result<(), Wrong> {
    let Some(traffic) = &world.traffic else { return Ok(()) };
    let [low, high] = traffic.value.per_block;
    if high < low {
        return Err((line_of(traffic), "perBlock: write the smaller number first".to_owned()));
    }
    for action in &traffic.value.actions {
        check_sender(world, &action.value.from, false).map_err(|why| (line_of(action), why))?;
    }
    let weights: u64 = traffic.value.actions.iter().map(|action| action.value.weight).sum();
    if 0 < high && weights == 0 {
        return Err((line_of(traffic), "traffic needs an action with a weight above 0".to_owned()));
    }
    Ok(())
}

fn check_attack<'a>(world: &'a WorldFile, names: &mut BTreeSet<&'a str>) -> Result<(), Wrong> {
    let Some(attack) = &world.attack else { return Ok(()) };
    if attack.value.start_block == 0 {
        return Err((
            line_of(attack),
            "startBlock counts from 1: the first block after the set-up".to_owned(),
        ));
    }
    for step in &attack.value.steps {
        let line = line_of(step);
        check_attack_step(world, attack.value.start_block, step).map_err(|why| (line, why))?;
        if let Ok(Action::Deploy { name, .. }) = step.value.action()
            && !names.insert(name)
        {
            return Err((line, format!("`{name}` exists already: choose another name")));
        }
    }
    Ok(())
}

fn check_attack_step(
    world: &WorldFile,
    start_block: u64,
    step: &Spanned<AttackStep>,
) -> Result<(), String> {
    let step = &step.value;
    let action = step.action().map_err(str::to_owned)?;
    check_sender(world, &step.from, false)?;
    if step.repeat.times == 0 || step.repeat.every_blocks == 0 {
        return Err("repeat: times and everyBlocks are at least 1".to_owned());
    }
    if matches!(action, Action::Deploy { .. }) && step.repeat.times != 1 {
        return Err("a deployment cannot be repeated: its name stands for one contract".to_owned());
    }
    let last = start_block + step.offsets().last().unwrap_or(0);
    if world.blocks < last {
        return Err(format!(
            "`{}` comes in block {last}, after the drill's end: set blocks to at least {last}",
            step.label
        ));
    }
    Ok(())
}

fn check_loss(world: &WorldFile, names: &BTreeSet<&str>) -> Result<(), Wrong> {
    let Some(loss) = &world.loss else { return Ok(()) };
    for thief in &loss.value.thieves {
        if !names.contains(thief.as_str()) {
            return Err((
                line_of(loss),
                format!("thief `{thief}` is no account or contract of this world"),
            ));
        }
    }
    for asset in &loss.value.assets {
        let token = asset.value.token.as_str();
        if token != "native" && !names.contains(token) {
            return Err((line_of(asset), format!("token `{token}` is no contract of this world")));
        }
        if 77 < asset.value.decimals {
            return Err((line_of(asset), "decimals is at most 77".to_owned()));
        }
        parse_micro_usd(&asset.value.price_usd).map_err(|why| (line_of(asset), why))?;
    }
    Ok(())
}

/// Senders are accounts; after the set-up the responder's is Portcullis's alone.
fn check_sender(world: &WorldFile, from: &str, in_set_up: bool) -> Result<(), String> {
    let Some(sender) = world.accounts.get(from) else {
        return Err(format!("from: `{from}` is not under accounts: add it or use one that is"));
    };
    let shares = |responder: &AccountSpec| {
        responder.first() <= sender.last() && sender.first() <= responder.last()
    };
    if !in_set_up && world.accounts.get("responder").is_some_and(shares) {
        return Err(format!(
            "from: `{from}` includes the responder's account, which sends nothing after the set-up: use another"
        ));
    }
    Ok(())
}

fn line_of<T>(spanned: &Spanned<T>) -> u64 {
    spanned.referenced.line()
}

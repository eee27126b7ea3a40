//! From the file to the steps.

use super::{
    Audience, Clock, Kind, PostCondition, STEPS_MAX, Step, Undo,
    diagnostic::{Fields, Reporter, text},
    read::{approval, condition, id, list, roles},
    yaml::{Tree, Yaml},
};

/// Reads `steps`.
pub(super) fn read(fields: &mut Fields<'_>, to: &mut Reporter) -> Option<Vec<Step>> {
    let place = fields.place;
    let steps = list(fields, "steps", to, step)?;
    if steps.len() > STEPS_MAX {
        let problem = format!("there are {} steps, more than {STEPS_MAX}", steps.len());
        to.error(place, "steps", &problem, "divide the playbook into two");
        return None;
    }
    Some(steps)
}

fn step(tree: &Tree, path: &str, to: &mut Reporter) -> Option<Step> {
    let mut fields = Fields::of(tree, path, to)?;
    let id = id(&mut fields, to);
    let title = fields.text("title", to);
    let owner = fields.word("owner", &roles(), to);
    let clock = fields.need("clock", to).and_then(|tree| clock(tree, &fields.path("clock"), to));
    let instructions = fields.text("instructions", to);
    let kind = kind(&mut fields, to);
    let approval = fields.take("approval").map(|tree| approval(tree, &fields.path("approval"), to));
    let undo = fields.take("undo").map(|tree| undo(tree, &fields.path("undo"), to));
    let post_condition = fields
        .take("postCondition")
        .map(|tree| post_condition(tree, &fields.path("postCondition"), to));
    let depends_on = fields.texts("dependsOn", to);
    let when = match fields.take("when") {
        Some(tree) => condition(tree, &fields.path("when"), to),
        None => Some(super::Condition::default()),
    };
    fields.finish(to);
    Some(Step {
        id: id?,
        title: title?,
        owner: owner?,
        clock: clock?,
        instructions: instructions?,
        kind: kind?,
        approval: approval.map_or(Some(None), |read| read.map(Some))?,
        undo: undo.map_or(Some(None), |read| read.map(Some))?,
        post_condition: post_condition.map_or(Some(None), |read| read.map(Some))?,
        depends_on,
        when: when?,
        line: tree.place.line,
    })
}

fn clock(tree: &Tree, path: &str, to: &mut Reporter) -> Option<Clock> {
    let mut fields = Fields::of(tree, path, to)?;
    let minutes = fields.number("minutes", super::CLOCK_MINUTES_MAX, to);
    let escalate = fields.word("escalate", &roles(), to);
    fields.finish(to);
    Some(Clock { minutes: minutes?, escalate: escalate? })
}

const KINDS: [(&str, &str); 4] = [
    ("checklist", "checklist"),
    ("action", "action"),
    ("approval", "approval"),
    ("message", "message"),
];

fn kind(fields: &mut Fields<'_>, to: &mut Reporter) -> Option<Kind> {
    let Some(kind) = fields.word("kind", &KINDS, to) else {
        // Which of these belong here is not known; they are not complained about as well.
        for name in ["checklist", "lever", "query", "message"] {
            fields.take(name);
        }
        return None;
    };
    match kind {
        "checklist" => {
            let items = list(fields, "checklist", to, text)?;
            Some(Kind::Checklist { items })
        }
        "action" => {
            let (lever, query) = (fields.optional("lever", to), fields.optional("query", to));
            match (lever, query) {
                (Some(lever), None) => Some(Kind::Lever { lever }),
                (None, Some(query)) => Some(Kind::Query { query }),
                _ => {
                    let field = fields.path("kind");
                    let remedy = "write either `lever: …` or `query: …`";
                    to.error(fields.place, &field, "an action needs one thing to do", remedy);
                    None
                }
            }
        }
        "approval" => Some(Kind::Approval),
        _ => {
            let tree = fields.need("message", to)?;
            let path = fields.path("message");
            let mut message = Fields::of(tree, &path, to)?;
            let audience = message.word("audience", &Audience::ALL, to);
            let text = message.text("text", to);
            message.finish(to);
            Some(Kind::Message { audience: audience?, text: text? })
        }
    }
}

/// `release`, `{instructions: …}` or `{impossible: …}`.
fn undo(tree: &Tree, path: &str, to: &mut Reporter) -> Option<Undo> {
    let remedy = "write `release`, `{instructions: how}` or `{impossible: why}`";
    if let Yaml::Scalar { text, .. } = &tree.value {
        if text == "release" {
            return Some(Undo::Release);
        }
        to.error(tree.place, path, "this is no way to undo", remedy);
        return None;
    }
    let mut fields = Fields::of(tree, path, to)?;
    let instructions = fields.optional("instructions", to);
    let impossible = fields.optional("impossible", to);
    fields.finish(to);
    match (instructions, impossible) {
        (Some(how), None) => Some(Undo::Instructions(how)),
        (None, Some(why)) => Some(Undo::Impossible(why)),
        _ => {
            to.error(tree.place, path, "there is one way to undo, or none", remedy);
            None
        }
    }
}

fn post_condition(tree: &Tree, path: &str, to: &mut Reporter) -> Option<PostCondition> {
    let mut fields = Fields::of(tree, path, to)?;
    let address = fields.text("address", to);
    let place = fields.place;
    let function = fields.text("function", to);
    let expected = fields.text("expected", to);
    fields.finish(to);
    let function = function?;
    if !function.ends_with(')') || function.find('(').is_none_or(|open| open == 0) {
        let remedy = "write the name and its arguments in brackets, as in `paused()`";
        to.error(place, &format!("{path}.function"), "this is no view call", remedy);
        return None;
    }
    Some(PostCondition { address: address?, function, expected: expected? })
}

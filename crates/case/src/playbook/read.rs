//! From a file to a playbook, or to everything that is wrong with it.

use super::{
    Approval, Diagnostic, Playbook, Role, RoleNeed, Trigger,
    diagnostic::{Fields, Reporter, each, word},
    model::Condition,
    steps,
    yaml::{self, Tree},
};
use crate::severity::Severity;

/// Words for [`Role`].
pub(super) fn roles() -> [(&'static str, Role); 9] {
    Role::ALL.map(|role| (role.name(), role))
}

/// Words for [`Severity`].
pub(super) fn severities() -> [(&'static str, Severity); 5] {
    Severity::ALL.map(|severity| (severity.name(), severity))
}

/// Reads a playbook. `file` is for messages.
///
/// # Errors
/// All problems of the file, at most [`PROBLEMS_MAX`](super::PROBLEMS_MAX). Other files are not concerned.
pub fn read(file: &str, text: &str) -> Result<Playbook, Vec<Diagnostic>> {
    let mut to = Reporter::new(file);
    let playbook = match yaml::read(text) {
        Ok(tree) => playbook(&tree, &mut to),
        Err((place, problem, remedy)) => {
            to.error(place, "file", &problem, remedy);
            None
        }
    };
    match playbook {
        Some(playbook) if to.list.is_empty() => Ok(playbook),
        _ => Err(to.list),
    }
}

fn playbook(tree: &Tree, to: &mut Reporter) -> Option<Playbook> {
    let mut fields = Fields::of(tree, "", to)?;
    let id = id(&mut fields, to);
    let title = fields.text("title", to);
    let version = fields.number("version", u32::MAX, to);
    let description = fields.text("description", to);
    let severity = fields.word("severity", &severities(), to);
    let triggers = list(&mut fields, "triggers", to, trigger);
    let roles = list(&mut fields, "roles", to, role_need);
    let undo_approval = fields
        .need("undoApproval", to)
        .and_then(|tree| approval(tree, &fields.path("undoApproval"), to));
    let tags = fields.texts("tags", to);
    let references = fields.texts("references", to);
    let steps = steps::read(&mut fields, to);
    fields.finish(to);
    Some(Playbook {
        id: id?,
        title: title?,
        version: version?,
        description: description?,
        severity: severity?,
        triggers: triggers?,
        roles: roles?,
        undo_approval: undo_approval?,
        steps: steps?,
        tags,
        references,
    })
}

/// An id: lower case, digits and dashes, at most 80 characters.
pub(super) fn id(fields: &mut Fields<'_>, to: &mut Reporter) -> Option<String> {
    let tree = fields.need("id", to)?;
    let path = fields.path("id");
    let id = super::diagnostic::text(tree, &path, to)?;
    let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.len() > 80 || !id.chars().all(is_good) || id.starts_with('-') {
        let remedy = "write at most 80 of a to z, 0 to 9 and dashes, as in `pause-withdrawals`";
        to.error(tree.place, &path, "this is no id", remedy);
        return None;
    }
    Some(id)
}

/// A list that must have an element.
pub(super) fn list<T>(
    fields: &mut Fields<'_>,
    name: &'static str,
    to: &mut Reporter,
    one: impl Fn(&Tree, &str, &mut Reporter) -> Option<T>,
) -> Option<Vec<T>> {
    let tree = fields.need(name, to)?;
    let path = fields.path(name);
    let trees = each(tree, &path);
    if trees.is_empty() {
        to.error(tree.place, &path, "the list is empty", "write at least one element");
        return None;
    }
    // All are read, so that all problems are told.
    let read: Vec<Option<T>> = trees.iter().map(|(path, tree)| one(tree, path, to)).collect();
    read.into_iter().collect()
}

fn trigger(tree: &Tree, path: &str, to: &mut Reporter) -> Option<Trigger> {
    let mut fields = Fields::of(tree, path, to)?;
    let trigger = Trigger {
        detectors: fields.texts("detectors", to),
        classes: fields.texts("classes", to),
        severity_at_least: severity_at_least(&mut fields, to),
    };
    fields.finish(to);
    if trigger.detectors.is_empty() && trigger.classes.is_empty() {
        let remedy = "name `detectors` or `classes` that start this playbook";
        to.error(tree.place, path, "the trigger names nothing", remedy);
        return None;
    }
    Some(trigger)
}

fn severity_at_least(fields: &mut Fields<'_>, to: &mut Reporter) -> Option<Severity> {
    let tree = fields.take("severityAtLeast")?;
    word(tree, &fields.path("severityAtLeast"), &severities(), to)
}

fn role_need(tree: &Tree, path: &str, to: &mut Reporter) -> Option<RoleNeed> {
    let mut fields = Fields::of(tree, path, to)?;
    let role = fields.word("role", &roles(), to);
    let people = fields.number("people", 50, to);
    let duties = fields.text("duties", to);
    fields.finish(to);
    Some(RoleNeed { role: role?, people: people?, duties: duties? })
}

/// `{roles: […], quorum: n}`.
pub(super) fn approval(tree: &Tree, path: &str, to: &mut Reporter) -> Option<Approval> {
    let mut fields = Fields::of(tree, path, to)?;
    let words = roles();
    let roles = list(&mut fields, "roles", to, |tree, path, to| word(tree, path, &words, to));
    let quorum = fields.number("quorum", 50, to);
    fields.finish(to);
    Some(Approval { roles: roles?, quorum: quorum? })
}

/// `{severityAtLeast, classes, lossAtLeast, failed}`.
pub(super) fn condition(tree: &Tree, path: &str, to: &mut Reporter) -> Option<Condition> {
    let mut fields = Fields::of(tree, path, to)?;
    let severity_at_least = severity_at_least(&mut fields, to);
    let classes = fields.texts("classes", to);
    let failed = fields.optional("failed", to);
    let mut loss_at_least = None;
    if let Some(tree) = fields.take("lossAtLeast") {
        let path = fields.path("lossAtLeast");
        match super::diagnostic::text(tree, &path, to)?.parse() {
            Ok(loss) => loss_at_least = Some(loss),
            Err(problem) => {
                let problem: String = problem;
                to.error(tree.place, &path, &problem, "write US dollars");
            }
        }
    }
    fields.finish(to);
    let condition = Condition { severity_at_least, classes, loss_at_least, failed };
    if condition.is_always() {
        let remedy = "write a condition, or leave `when` out: then it is always done";
        to.error(tree.place, path, "nothing is asked here", remedy);
        return None;
    }
    Some(condition)
}

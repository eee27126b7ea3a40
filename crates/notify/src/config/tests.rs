//! The example of the documentation, and what is refused.

use super::*;

fn example() -> String {
    let page = include_str!("../../../../docs/notifications.md");
    page.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_example_of_the_documentation_is_taken() {
    let file: NotifyFile = serde_saphyr::from_str(&example()).unwrap();
    file.check().unwrap();
    assert_eq!((file.channels.len(), file.routes.len()), (8, 4));
    let roster = crate::roster::Roster::new(file.roster.as_ref().unwrap()).unwrap();
    assert_eq!(roster.roles().collect::<Vec<_>>(), ["responder"]);
}

#[test]
fn contradictions_are_refused_with_the_value_they_are_about() {
    let cases = [
        ("- name: ops\n", "- name: pager\n", "`pager` is described twice", "pager"),
        (
            "[ops, pager, phones]",
            "[ops, pagr, phones]",
            "the channel `pagr`, which is not described",
            "pagr",
        ),
        ("- name: ops\n", "- name: \"o p s\"\n", "1 to 60 letters", "o p s"),
        (
            "- name: pager\n",
            "- name: pager\n    audience: public\n",
            "a pager has no public",
            "pager",
        ),
        ("perMinute: 60", "perMinute: 0", "must be above 0", "ops"),
        ("security: startTls", "security: none", "for servers on this machine", "smtp.example.org"),
        ("        user: portcullis\n", "", "`user` and `password` go together", "mail"),
        ("to: [security@example.org]", "to: []", "`to` is empty", "mail"),
        ("to: [security@example.org]", "to: [nobody]", "`nobody` is no e-mail address", "nobody"),
        ("queueRowsMax: 1000", "queueRowsMax: 1", "at least 10", "queueRowsMax"),
        (
            "contacts: [{channel: phones, to: \"10002\"}]",
            "contacts: [{channel: sms}]",
            "the channel `sms`",
            "sms",
        ),
        ("people: [ada, bob]", "people: [ada, eve]", "`eve` is not among the people", "eve"),
        (
            "until: \"2026-12-27T08:00:00Z\"",
            "until: \"2026-12-01T08:00:00Z\"",
            "ends before it begins",
            "2026-12-01T08:00:00Z",
        ),
    ];
    for (from, to, expected, about) in cases {
        let yaml = example();
        assert!(yaml.contains(from), "{from}");
        let file: NotifyFile = serde_saphyr::from_str(&yaml.replacen(from, to, 1)).unwrap();
        let error = file.check().unwrap_err();
        assert!(error.problem.contains(expected), "{error}");
        assert_eq!(error.about.as_deref(), Some(about), "{error}");
    }
    // A P1 that reaches the public only reaches nobody.
    let mut file: NotifyFile = serde_saphyr::from_str(&example()).unwrap();
    file.routes.retain(|route| route.kinds.is_some());
    assert!(file.check().unwrap_err().problem.contains("no route brings a P1"));
}

#[test]
fn unknown_fields_and_secrets_in_the_file_are_errors() {
    for (from, to) in [
        ("groupSeconds", "grupSeconds"),
        ("{environment: SLACK_WEBHOOK}", "https://hooks.example/x"),
    ] {
        assert!(
            serde_saphyr::from_str::<NotifyFile>(&example().replacen(from, to, 1)).is_err(),
            "{to}"
        );
    }
}

//! Entries that cannot be read, and a journal that cannot be written, are said and never shown as nothing.

use super::*;

async fn get(world: &World, path: &str) -> Value {
    let response = world.ask(Method::GET, path).bearer_auth(token("ben")).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    World::json(response).await
}

#[tokio::test(flavor = "multi_thread")]
async fn reports_and_drills_that_cannot_be_read_are_counted_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, file: &str| {
        let place = folder.path().join(name);
        std::fs::create_dir_all(&place).unwrap();
        place.join(file)
    };
    std::fs::write(at("good", "backtest.json"), "{}").unwrap();
    std::fs::write(at("empty", "backtest.json"), "").unwrap();
    std::fs::write(at("other", "backtest.json"), "<html>").unwrap();
    std::fs::create_dir(at("a-folder", "backtest.json")).unwrap();
    std::os::unix::fs::symlink("/nowhere/at/all", at("linked", "backtest.json")).unwrap();
    std::fs::write(at("unrelated", "notes.txt"), "x").unwrap();
    std::fs::write(folder.path().join("plain-file"), "x").unwrap();
    let record = r#"{"scenario": "s", "lossProtectedUsd": 1, "lossUnprotectedUsd": 2}"#;
    std::fs::write(at("good", "drill.json"), record).unwrap();
    std::fs::write(at("broken\u{202e}", "drill.json"), "{\"scenario\": ").unwrap();
    std::fs::write(at("a-list", "drill.json"), "[]").unwrap();
    std::fs::write(at("long", "drill.json"), " ".repeat((1 << 20) + 1)).unwrap();
    let root = folder.path().to_owned();
    let world = World::with(false, |settings| {
        (settings.reports, settings.drills) = (vec![root.clone()], vec![root]);
    });
    let reports = get(&world, "/api/v1/reports").await;
    assert_eq!(reports["items"].as_array().unwrap().len(), 1, "{reports:#}");
    assert_eq!(reports["unreadable"]["count"], 4, "{reports:#}");
    let why = reports["unreadable"]["why"].to_string();
    for expected in ["a-folder: backtest.json is no file", "leads nowhere", "empty: ", "other: "] {
        assert!(why.contains(expected), "{expected}: {why}");
    }
    let drills = get(&world, "/api/v1/drills").await;
    assert_eq!(drills["items"].as_array().unwrap().len(), 1, "{drills:#}");
    assert_eq!(drills["unreadable"]["count"], 3, "{drills:#}");
    assert!(!drills.to_string().contains('\u{202e}'));
    let none = get(&world, "/api/v1/protocols").await;
    assert!(none.get("unreadable").is_none(), "left out where there is nothing: {none}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_written_is_blindness() {
    let store = StoreHealth::default();
    let shared = store.clone();
    let world = World::with(false, |settings| settings.store = shared);
    world.until_read().await;
    let health = async || {
        let response = world.ask(Method::GET, "/health").send().await.unwrap();
        (response.status().as_u16(), World::json(response).await["sees"].clone())
    };
    let metrics = async || {
        let ask = world.ask(Method::GET, "/metrics").bearer_auth(token("vera"));
        ask.send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(health().await, (200, json!(true)));
    assert!(metrics().await.contains("\nportcullis_journal_writable 1\n"));
    for _ in 0..3 {
        store.failed("the database\u{202e} went away");
    }
    assert_eq!(health().await, (503, json!(false)));
    let overview = get(&world, "/api/v1/overview").await;
    let journal = &overview["health"]["journal"];
    assert_eq!((&journal["writable"], &journal["attempts"]), (&json!(false), &json!(3)));
    assert_eq!(journal["why"], "the database\\u{202e} went away");
    let why = overview["health"]["why"].as_str().unwrap();
    assert!(why.contains("the journal cannot be written"), "{why}");
    let text = metrics().await;
    assert!(text.contains("\nportcullis_journal_writable 0\n"), "{text}");
    assert!(text.contains("\nportcullis_journal_attempts 3\n"), "{text}");
    assert!(text.contains("\nportcullis_sees 0\n"), "{text}");
    store.recovered();
    assert_eq!(health().await, (200, json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_cannot_be_read_is_blindness() {
    let world = World::with(false, |settings| settings.journal = "/nowhere/j.sqlite".into());
    tokio::time::sleep(Duration::from_millis(300)).await;
    let response = world.ask(Method::GET, "/health").send().await.unwrap();
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    let details = get(&world, "/api/v1/health").await;
    assert_eq!(details["journal"]["readable"], false, "{details:#}");
    assert!(details["journal"]["why"].as_str().unwrap().contains("no journal"), "{details:#}");
}

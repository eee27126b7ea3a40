//! What everybody may read, and alerts of other programs, over a journal.

use portcullis_case::{CaseCommand, Command, OutsideAlert, Severity};
use portcullis_types::ids::{CaseId, Seq};

use super::*;

/// A journal with a case, opened by an alert, and what was said of it in public.
fn spoken(path: &Path, texts: &[&str]) {
    let mut journal = Journal::create_or_open(path).unwrap();
    let policy = json!({"autonomy": "observe", "coolDownSeconds": 0, "pullsPerDayMax": 1});
    let config = json!({
        "chains": [{"chain": 1, "name": "main", "confirmedDepth": 2, "finalisedDepth": 64}],
        "protocols": [{
            "protocol": {"name": "bank_vault", "chain": 1, "contracts": [], "assets": []},
            "detectors": [], "ladder": [], "policy": policy,
        }],
    });
    let config: Config = serde_json::from_value(config).unwrap();
    let started = Event::Started { version: "1".to_owned(), config: Box::new(config) };
    journal.append(now(), &started).unwrap();
    let say = |journal: &mut Journal, case: CaseId, who: &str, what: Command| {
        let when = now();
        let command = CaseCommand { who: who.to_owned(), when, what };
        journal.append(when, &Event::Command { case, command }).unwrap()
    };
    let alert = OutsideAlert {
        fingerprint: "c0ffee".to_owned(),
        name: "DnsChanged".to_owned(),
        text: String::new(),
        severity: Severity::P2,
        is_firing: true,
        protocol: None,
    };
    let case = CaseId(Seq(journal.last_seq().0 + 1));
    say(&mut journal, case, "prometheus", Command::Alert { alert });
    for text in texts {
        say(&mut journal, case, "ada", Command::Publish { text: (*text).to_owned() });
    }
}

fn world(shown: bool, texts: &[&str]) -> World {
    World::with(false, |settings| {
        let path = settings.journal.with_file_name("spoken.sqlite");
        spoken(&path, texts);
        (settings.journal, settings.public_status) = (path, shown);
    })
}

async fn text(world: &World, path: &str) -> (u16, reqwest::header::HeaderMap, String) {
    let mut response = world.ask(Method::GET, path).send().await.unwrap();
    // As long as the journal is being read it says so.
    for _ in 0..100 {
        if response.status() != StatusCode::SERVICE_UNAVAILABLE {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        response = world.ask(Method::GET, path).send().await.unwrap();
    }
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.text().await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_shown_to_everybody_unless_the_configuration_says_so() {
    let hidden = world(false, &["We know."]);
    hidden.until_seq(3).await;
    for path in ["/status", "/api/v1/status"] {
        let (status, _, text) = text(&hidden, path).await;
        assert!(status == 404 && text.contains("publicStatus"), "{path}: {status} {text}");
        assert!(!text.contains("We know."));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_reads_what_was_released_and_not_by_whom() {
    let hostile = "<img src=x onerror=alert(1)>\nsecond & last";
    // The second is refused by the life of the case, wherever it came from.
    let world = world(true, &["We know.", "hidden\u{202e}turn", hostile]);
    world.until_seq(5).await;
    let (status, _, listed) = text(&world, "/api/v1/status").await;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(status, 200);
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), 2, "{listed:#}");
    assert_eq!((&items[0]["text"], &items[1]["text"]), (&json!(hostile), &json!("We know.")));
    assert_eq!(items[0]["protocol"], "bank-vault");
    let (status, headers, page) = text(&world, "/status").await;
    assert_eq!(
        (status, headers["content-type"].to_str().unwrap()),
        (200, "text/html; charset=utf-8")
    );
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'nonce-"), "{policy}");
    let nonce = policy.split("'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(page.contains(&format!("<style nonce=\"{nonce}\">")), "the policy lets its style in");
    for (wanted, is_there) in [
        ("<html lang=\"en\">", true),
        ("<h1>Status</h1>", true),
        ("<h2>bank-vault</h2>", true),
        ("&#60;img src=x onerror=alert(1)&#62;<br>second &#38; last", true),
        ("<time datetime=\"", true),
        ("<script", false),
        ("<img", false),
        ("http", false),
        ("ada", false),
        ("prometheus", false),
        ("hidden", false),
    ] {
        assert_eq!(page.contains(wanted), is_there, "{wanted}: {page}");
    }
    assert!(!listed.to_string().contains("ada"));
    let (status, _, wrong) = text(&world, "/api/v1/status?after=x").await;
    assert_eq!(status, 400, "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_case_shows_its_draft_and_only_some_may_speak() {
    let world = world(false, &["We know."]);
    world.until_seq(3).await;
    let ask = |method: Method, name: &str| {
        world.ask(method, "/api/v1/cases/PC-000002/status").bearer_auth(token(name))
    };
    let status = World::json(ask(Method::GET, "vera").send().await.unwrap()).await;
    assert_eq!(status["released"]["text"], "We know.", "{status:#}");
    assert_eq!(status["released"]["who"], "ada");
    assert!(status["draft"].as_str().unwrap().contains("an incident at bank-vault"), "{status:#}");
    let body = json!({"text": "More."}).to_string();
    let post = |request: RequestBuilder| {
        request.header("content-type", "application/json").body(body.clone()).send()
    };
    assert_eq!(post(ask(Method::POST, "vera")).await.unwrap().status(), 403, "a visitor");
    // A program's token may command, and still not speak.
    let program = post(ask(Method::POST, "ada")).await.unwrap();
    assert_eq!(program.status(), 403);
    let why = World::json(program).await["error"]["message"].clone();
    assert!(why.as_str().unwrap().contains("no program speaks in public"), "{why}");
    for (byte, status) in [(1, 403), (2, 403), (3, 409)] {
        let (cookie, csrf) = world.sign_in(byte).await;
        let request = world.ask(Method::POST, "/api/v1/cases/PC-000002/status");
        let answer = post(request.header("cookie", cookie).header("x-csrf-token", csrf)).await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), status, "{byte}");
        if status == 409 {
            assert_eq!(World::json(answer).await["error"]["code"], "readOnly");
        }
    }
    // By the way of commands it is the same.
    let command = json!({"command": {"command": "publish", "text": "More."}}).to_string();
    let request = world.ask(Method::POST, "/api/v1/cases/PC-000002/commands");
    let request = request.bearer_auth(token("ada")).header("content-type", "application/json");
    assert_eq!(request.body(command).send().await.unwrap().status(), 403);
    let overview = world.ask(Method::GET, "/api/v1/overview").bearer_auth(token("vera"));
    let overview = World::json(overview.send().await.unwrap()).await;
    assert_eq!(overview["alerts"][0]["name"], "DnsChanged", "{overview:#}");
    assert_eq!(overview["alerts"][0]["case"], "PC-000002");
    assert_eq!(overview["open"][0]["severity"], "P2");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_hands_alerts_in_may_do_nothing_else() {
    let world = world(false, &[]);
    world.until_read().await;
    let ask = |method: Method, path: &str| {
        world.ask(method, path).bearer_auth(token("prometheus")).send()
    };
    for path in ["/api/v1/overview", "/metrics", "/api/v1/cases", "/api/v1/health"] {
        assert_eq!(ask(Method::GET, path).await.unwrap().status(), 403, "{path}");
    }
    assert_eq!(ask(Method::POST, "/api/v1/alerts").await.unwrap().status(), 400, "no payload");
    let viewer = world.ask(Method::POST, "/api/v1/alerts").bearer_auth(token("vera"));
    assert_eq!(viewer.send().await.unwrap().status(), 403);
    let huge = vec![b' '; (1 << 20) + 1];
    let huge =
        world.ask(Method::POST, "/api/v1/alerts").bearer_auth(token("prometheus")).body(huge);
    assert_eq!(huge.send().await.unwrap().status(), 413);
}

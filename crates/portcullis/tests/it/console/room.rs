//! Sessions, evidence, what is said in public and what others alert of, in a running program.

use portcullis_case::public;
use reqwest::Method;
use serde_json::{Value as Json, json};
use sha2::{Digest as _, Sha256};

use super::{
    ADA, ALERTS_TOKEN, BEN, CLEO, INTERVAL_MS, SOON, STRANGER, TRIED_OUT, VIEWER_TOKEN, case_of,
    client::{Door, Person, address_of, answer, personal_sign},
    key, opened, pulls,
};
use crate::kit::{Rig, without_chain};

/// Nobody gets in by what was used, made up, made for elsewhere or too late.
async fn only_with_a_fresh_signature(rig: &Rig, door: &Door) {
    let ada = key(rig, ADA);
    let refused = Person::sign_in(door, key(rig, STRANGER)).await.err().expect("a stranger");
    assert_eq!(refused.0, 403, "{:#}", refused.1);
    let message = door.message(address_of(ada), "").await;
    let signature = personal_sign(ada, &message);
    assert_eq!(door.hand_in(&message, &signature).await.status(), 200);
    assert_eq!(door.hand_in(&message, &signature).await.status(), 401, "used before");
    let message = door.message(address_of(ada), "").await;
    let other = personal_sign(key(rig, BEN), &message);
    assert_eq!(door.hand_in(&message, &other).await.status(), 401, "another's signature");
    let elsewhere = door.message(address_of(ada), "").await;
    let elsewhere = elsewhere.replace(&door.address, "evil.example");
    let signed = personal_sign(ada, &elsewhere);
    assert_eq!(door.hand_in(&elsewhere, &signed).await.status(), 401, "made for another place");
    let late = door.message(address_of(ada), "\nExpiration Time: 2026-01-01T00:00:00Z").await;
    let signed = personal_sign(ada, &late);
    assert_eq!(door.hand_in(&late, &signed).await.status(), 401, "it has expired");
}

/// What another page, or somebody who guesses, makes of a good session.
async fn no_way_round_the_guard(door: &Door, person: &Person, case: &str) {
    let path = format!("cases/{case}/commands");
    let note = json!({"command": {"command": "note", "text": "forged"}});
    let ask = || door.api(Method::POST, &path).json(&note);
    assert_eq!(answer(ask()).await.0, 401, "nobody");
    assert_eq!(answer(ask().bearer_auth("0".repeat(64))).await.0, 401, "a forged token");
    assert_eq!(answer(ask().bearer_auth(VIEWER_TOKEN)).await.0, 403, "a viewer's token");
    assert_eq!(answer(ask().bearer_auth(ALERTS_TOKEN)).await.0, 403, "an alerter's token");
    let forged = format!("portcullis-session={}", "0".repeat(64));
    assert_eq!(answer(ask().header("cookie", forged)).await.0, 401, "a forged cookie");
    let with = || ask().header("cookie", &person.cookie);
    let code = |body: &Json| body["error"]["code"].as_str().unwrap_or_default().to_owned();
    let (status, body) = answer(with()).await;
    assert_eq!((status, code(&body).as_str()), (403, "csrf"), "no token against forged requests");
    let (status, body) = answer(with().header("x-csrf-token", "0".repeat(64))).await;
    assert_eq!((status, code(&body).as_str()), (403, "csrf"), "a wrong one");
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("host", "evil.example"),
    ] {
        let (status, body) =
            answer(with().header("x-csrf-token", &person.csrf).header(name, value)).await;
        assert_eq!((status, code(&body).as_str()), (403, "origin"), "{name}");
    }
    let here = format!("http://{}", door.address);
    let good = with().header("x-csrf-token", &person.csrf).header("origin", here);
    assert_eq!(answer(good).await.0, 200, "the console's own page");
}

/// Files come back as they were handed in, byte for byte.
async fn evidence_is_kept_byte_for_byte(person: &Person, case: &str) {
    let bytes: Vec<u8> =
        (0..200_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let sha256 = alloy_primitives::hex::encode(Sha256::digest(&bytes));
    let path = format!("cases/{case}/evidence");
    let request = person.ask(Method::POST, &format!("{path}?name=dump.bin&note=memory"));
    let (status, taken) = answer(request.body(bytes.clone())).await;
    assert_eq!((status, taken["sha256"].as_str()), (200, Some(sha256.as_str())), "{taken:#}");
    let page = b"<script>alert(1)</script>\r\n--not the end\r\n\0\xff".to_vec();
    let mut form = b"--b0und\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\na page\r\n--b0und\r\n\
        Content-Disposition: form-data; name=\"file\"; filename=\"../evil\x07.html\"\r\nContent-Type: text/html\r\n\r\n"
        .to_vec();
    form.extend(&page);
    form.extend(b"\r\n--b0und--\r\n");
    let request = person.ask(Method::POST, &path);
    let request = request.header("content-type", "multipart/form-data; boundary=b0und");
    let (status, taken) = answer(request.body(form)).await;
    assert_eq!(status, 200, "{taken:#}");
    let (_, listed) = person.get(&path).await;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(2), "{listed:#}");
    for wanted in [&bytes, &page] {
        let name = alloy_primitives::hex::encode(Sha256::digest(wanted));
        let response = person.ask(Method::GET, &format!("{path}/{name}")).send().await;
        let response = response.expect("it answers");
        let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
        assert!(header("content-disposition").starts_with("attachment"));
        assert_eq!(header("content-type"), "application/octet-stream");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(response.bytes().await.expect("bytes"), wanted.as_slice());
    }
    let missing = person.get(&format!("{path}/{}", "0".repeat(64))).await;
    assert_eq!(missing.0, 404, "{:#}", missing.1);
}

/// Only some may speak in public, only plain texts are taken, and everybody reads them.
async fn the_public_word(rig: &Rig, door: &Door, case: &str) {
    let path = format!("cases/{case}/status");
    let say = |text: &str| json!({"text": text});
    let viewer = door.api(Method::POST, &path).bearer_auth(VIEWER_TOKEN).json(&say("x"));
    assert_eq!(answer(viewer).await.0, 403, "a visitor");
    let cleo = Person::sign_in(door, key(rig, CLEO)).await.expect("communications");
    let (status, word) = cleo.get(&path).await;
    assert_eq!((status, &word["released"]), (200, &Json::Null), "{word:#}");
    let draft = word["draft"].as_str().expect("a draft").to_owned();
    for secret in ["pause", "0x", "RUSD", "oracle", "price"] {
        assert!(!draft.contains(secret), "{secret}: {draft}");
    }
    for bad in ["", "  \n ", "\u{202e}drawkcab", "a\u{1b}[2Jb", "nul\0", &"x".repeat(2_001)] {
        let (status, body) = cleo.post(&path, &say(bad)).await;
        assert_eq!(status, 400, "{bad:?}: {body:#}");
    }
    let text = "<script>alert(1)</script>\nWe know & we are at work.";
    let (status, said) = cleo.post(&path, &say(text)).await;
    assert_eq!(status, 200, "{said:#}");
    cleo.until(&path, |word| word["released"]["text"] == text).await;
    let (status, page) = answer(door.ask(Method::GET, "/status")).await;
    let page = page.as_str().expect("a page");
    assert_eq!(status, 200);
    assert!(
        page.contains("&#60;script&#62;alert(1)&#60;/script&#62;<br>We know &#38; we"),
        "{page}"
    );
    assert!(!page.contains("<script") && !page.contains("cleo"), "{page}");
    let (_, listed) = answer(door.api(Method::GET, "status")).await;
    assert_eq!(
        (&listed["items"][0]["text"], listed["items"].as_array().map(Vec::len)),
        (&json!(text), Some(1))
    );
    let post = cleo.get(&format!("cases/{case}/postmortem")).await.1;
    assert!(post["timeline"].to_string().contains("We know & we are at work."), "{post:#}");
}

fn alert(fingerprint: &str, status: &str, severity: &str) -> Json {
    json!({
        "status": status, "fingerprint": fingerprint, "startsAt": "2026-02-21T14:13:35.123Z",
        "labels": {"alertname": "DnsChanged\u{202e}", "severity": severity},
        "annotations": {"summary": "app.example moved"},
    })
}

async fn hand_in(door: &Door, alerts: &[Json]) -> (u16, Json) {
    let body = json!({"version": "4", "groupKey": "g", "status": "firing", "alerts": alerts});
    answer(door.api(Method::POST, "alerts").bearer_auth(ALERTS_TOKEN).json(&body)).await
}

#[tokio::test]
async fn sessions_evidence_and_public_words_hold_against_whoever_tries() {
    if without_chain() {
        return;
    }
    let (mut rig, door) = opened(&TRIED_OUT).await;
    rig.play(true, 25, INTERVAL_MS).await;
    rig.caught_up(SOON).await;
    let case = case_of(&door).await;
    only_with_a_fresh_signature(&rig, &door).await;
    let ada = Person::sign_in(&door, key(&rig, ADA)).await.expect("signed in");
    no_way_round_the_guard(&door, &ada, &case).await;
    evidence_is_kept_byte_for_byte(&ada, &case).await;
    the_public_word(&rig, &door, &case).await;
    assert_eq!(answer(ada.ask(Method::DELETE, "session")).await.0, 204);
    assert_eq!(ada.get("overview").await.0, 401, "a session that has ended");
    let ben = Person::sign_in(&door, key(&rig, BEN)).await.expect("signed in");
    // What was said is there after a crash, and the sessions are not.
    rig.watcher.kill();
    rig.watch().await;
    assert_eq!(ben.get("overview").await.0, 401, "a session of before");
    let mut listed = answer(door.api(Method::GET, "status")).await;
    for _ in 0..100 {
        // Until the journal was read to its end it says so, and never that nothing was said.
        if listed.0 != 503 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        listed = answer(door.api(Method::GET, "status")).await;
    }
    let (status, listed) = listed;
    assert_eq!(status, 200, "{listed:#}");
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed:#}");
    rig.watcher.stop().await;
    let story = rig.story();
    let case = story.engine.cases().next().expect("a case");
    let said = public::latest(case).expect("said");
    assert!(said.who == "cleo" && said.text.ends_with("we are at work."), "{said:?}");
    let lines = |what: &str| case.timeline.iter().filter(|line| line.what == what).count();
    assert_eq!((lines("publish"), pulls(&story)), (1, 0));
    let forged = case.timeline.iter().filter(|line| line.text.contains("forged")).count();
    assert_eq!(forged, 1, "the one with all that it needs");
}

#[tokio::test]
async fn alerts_of_others_open_a_case_for_people_once_and_pull_nothing() {
    if without_chain() {
        return;
    }
    let (mut rig, door) = opened(&[]).await;
    let (status, answered) = hand_in(&door, &[alert("a", "firing", "info")]).await;
    assert_eq!((status, &answered["taken"]), (200, &json!(1)), "{answered:#}");
    // Twice at the same time it is one.
    let grave = [alert("b", "firing", "critical"), alert("", "firing", "critical")];
    let (one, other) = tokio::join!(hand_in(&door, &grave), hand_in(&door, &grave));
    let sum =
        |field: &str| one.1[field].as_u64().unwrap_or(9) + other.1[field].as_u64().unwrap_or(9);
    assert_eq!((sum("taken"), sum("known")), (1, 1), "{one:?} {other:?}");
    assert_eq!(one.1["refused"].as_array().map(Vec::len), Some(1), "without an identity: {one:?}");
    let case = case_of(&door).await;
    let ada = Person::sign_in(&door, key(&rig, ADA)).await.expect("signed in");
    let overview = ada.until("overview", |found| found["alerts"][1].is_object()).await;
    assert_eq!(
        (&overview["alerts"][0]["severity"], &overview["alerts"][0]["case"]),
        (&json!("P2"), &json!(case))
    );
    assert_eq!(overview["alerts"][1]["case"], Json::Null, "nothing was open, and it is not grave");
    let (_, shown) = ada.get(&format!("cases/{case}")).await;
    assert_eq!((&shown["stage"], &shown["severity"]), (&json!("declared"), &json!("P2")));
    let lines = ada.get(&format!("cases/{case}/timeline")).await.1.to_string();
    assert!(lines.contains("DnsChanged") && !lines.contains('\u{202e}'), "{lines}");
    assert!(lines.contains("\"who\":\"prometheus\""), "{lines}");
    for bad in [json!(null), json!({"version": "4"}), json!({"version": "5", "alerts": []})] {
        let ask = door.api(Method::POST, "alerts").bearer_auth(ALERTS_TOKEN).json(&bad);
        assert_eq!(answer(ask).await.0, 400, "{bad}");
    }
    // By the way of commands nobody speaks for another program.
    let forged = json!({"command": "alert", "alert": {"fingerprint": "f", "name": "n", "text": "", "severity": "P2", "isFiring": true}});
    assert_eq!(ada.command(&case, &forged).await.0, 400);
    let (_, over) = hand_in(&door, &[alert("b", "resolved", "critical")]).await;
    assert_eq!(over["taken"], 1, "{over:#}");
    ada.until("overview", |found| found["alerts"].as_array().map(Vec::len) == Some(1)).await;
    assert_eq!(
        ada.get(&format!("cases/{case}")).await.1["open"],
        true,
        "the case is for people to close"
    );
    rig.play(false, 3, INTERVAL_MS).await;
    rig.caught_up(SOON).await;
    rig.watcher.stop().await;
    let story = rig.story();
    assert_eq!((story.engine.cases().count(), pulls(&story)), (1, 0));
    assert_eq!(story.engine.outside_alerts().count(), 1);
}

//! Secrets stay where they are.

use portcullis_notify::{Dispatcher, NoticeKey, NotifyFile, Severity};
use portcullis_types::ids::{Millis, Seq};

use super::support::{Bench, START, Server, notice};

#[tokio::test]
async fn no_secret_gets_into_health_debug_or_the_file() {
    let (server, address) = Server::start().await;
    *server.status.lock().unwrap() = 403;
    let yaml = "channels:\n\
        - {name: chat, via: {slack: {url: {file: chat}}}}\n\
        - {name: gone, via: {telegram: {token: {file: token}, chat: '1', server: 'http://127.0.0.1:9'}}}\n\
        routes: [{minSeverity: P5, channels: [chat, gone]}]\n";
    let secrets = [("chat", format!("http://{address}/S3CRET")), ("token", "1:S3CRET".to_owned())];
    let bench = Bench::new(yaml, &secrets);
    let outbox = bench.outbox();
    let dispatcher = bench.dispatcher(&outbox);
    outbox
        .enqueue(Millis(START), &notice(Severity::P1, "g"), &NoticeKey::of_step(Seq(1), 0))
        .unwrap();
    assert_eq!(dispatcher.tick(Millis(START)).await.unwrap().failed, 2);
    let health = dispatcher.health().unwrap();
    assert!(health.is_mute());
    assert!(health.channels.iter().all(|channel| !channel.why.is_empty()), "{health:?}");
    let shown = format!("{health:?} {dispatcher:?} {outbox:?} {:?}", bench.file);
    assert!(!shown.contains("S3CRET"), "{shown}");
    drop((outbox, dispatcher));
    for entry in std::fs::read_dir(bench.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let is_outbox = path.to_string_lossy().contains("outbox");
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !is_outbox || !bytes.windows(6).any(|window| window == b"S3CRET"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn addresses_that_would_send_secrets_in_the_clear_are_refused() {
    let yaml = "channels: [{name: chat, via: {webhook: {url: {file: chat}, secret: {file: shared}}}}]\n\
        routes: [{minSeverity: P5, channels: [chat]}]\n";
    let long = "x".repeat(32);
    let cases = [
        ("http://hooks.example/S3CRET", long.as_str(), "https://"),
        ("S3CRET is no address", long.as_str(), "no URL"),
        ("https://hooks.example/S3CRET", "S3CRET", "shorter than 32"),
    ];
    for (url, shared, expected) in cases {
        let bench = Bench::new(yaml, &[("chat", url.to_owned()), ("shared", shared.to_owned())]);
        let error = Dispatcher::new(bench.outbox(), &bench.file, bench.folder.path())
            .unwrap_err()
            .to_string();
        assert!(error.contains(expected) && !error.contains("S3CRET"), "{error}");
    }
    let file: NotifyFile =
        serde_saphyr::from_str(&yaml.replace("{file: chat}", "{environment: PORTCULLIS_NOT_SET}"))
            .unwrap();
    let bench = Bench::new(yaml, &[("shared", long)]);
    let error =
        Dispatcher::new(bench.outbox(), &file, bench.folder.path()).unwrap_err().to_string();
    assert!(error.contains("PORTCULLIS_NOT_SET is not set"), "{error}");
}

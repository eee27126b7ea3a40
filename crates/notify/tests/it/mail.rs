//! Over SMTP.

use std::sync::{Arc, Mutex};

use portcullis_notify::{NoticeKey, Recipient, Severity};
use portcullis_types::ids::{Millis, Seq};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use super::support::{Bench, START, notice};

/// Receivers and text.
type Mail = (Vec<String>, String);

/// A mail server that takes everything but what is for `gone@example.org`, and is busy once.
#[derive(Clone, Default)]
struct Sink {
    mails: Arc<Mutex<Vec<Mail>>>,
    is_busy: Arc<Mutex<bool>>,
}

impl Sink {
    async fn serve(self, stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        write.write_all(b"220 sink\r\n").await?;
        let mut receivers = Vec::new();
        while let Some(line) = lines.next_line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" => "250-sink\r\n250 8BITMIME".to_owned(),
                "MAIL" if std::mem::take(&mut *self.is_busy.lock().unwrap()) => {
                    "451 busy".to_owned()
                }
                "RCPT" if line.contains("gone@") => "550 no such user".to_owned(),
                "RCPT" => {
                    receivers.push(line.clone());
                    "250 ok".to_owned()
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    let mut text = String::new();
                    while let Some(line) = lines.next_line().await? {
                        if line == "." {
                            break;
                        }
                        text.push_str(&line);
                        text.push('\n');
                    }
                    self.mails.lock().unwrap().push((std::mem::take(&mut receivers), text));
                    "250 taken".to_owned()
                }
                "QUIT" => "221 bye".to_owned(),
                _ => "250 ok".to_owned(),
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }
}

#[tokio::test]
async fn mails_arrive_with_plain_text_html_and_an_id_that_stays() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let sink = Sink::default();
    *sink.is_busy.lock().unwrap() = true;
    let server = sink.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(server.clone().serve(stream));
        }
    });
    let yaml = format!(
        "channels: [{{name: mail, via: {{email: {{host: 127.0.0.1, port: {port}, security: none, from: Portcullis <p@example.org>, to: [ops@example.org, more@example.org]}}}}}}]\n\
         routes: [{{minSeverity: P5, channels: [mail]}}]\n"
    );
    let bench = Bench::new(&yaml, &[]);
    let outbox = bench.outbox();
    let dispatcher = bench.dispatcher(&outbox);
    outbox
        .enqueue(Millis(START), &notice(Severity::P1, "theft"), &NoticeKey::of_step(Seq(1), 0))
        .unwrap();
    assert_eq!(dispatcher.tick(Millis(START)).await.unwrap().failed, 1, "busy: 451 is for later");
    assert_eq!(dispatcher.tick(Millis(START + 2_000)).await.unwrap().sent, 1);
    let to = |to: &str| [Recipient { channel: "mail".to_owned(), to: Some(to.to_owned()) }];
    for (n, address) in [(2, "ada@example.org"), (3, "gone@example.org")] {
        let key = NoticeKey::of_step(Seq(n), 0);
        outbox
            .enqueue_to(Millis(START), &notice(Severity::P1, "page"), &key, &to(address))
            .unwrap();
    }
    let ticked = dispatcher.tick(Millis(START + 3_000)).await.unwrap();
    assert_eq!((ticked.sent, ticked.failed), (1, 1));
    assert_eq!(dispatcher.health().unwrap().channel("mail").unwrap().undeliverable, 1);
    let mails = sink.mails.lock().unwrap().clone();
    let [(receivers, text), (page, _)] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!((receivers.len(), page.len()), (2, 1));
    assert!(page[0].contains("ada@example.org"));
    // Quoted-printable breaks lines.
    let text = text.replace("=\n", "");
    for expected in [
        "Subject: P1 PC-000042 theft <@everyone>",
        "Auto-Submitted: auto-generated",
        "Content-Type: multipart/alternative",
        "text/plain",
        "text/html",
        "@portcullis.invalid>",
        "Date: Tue, 01 Sep 2026 00:05:02 +0000",
        "&lt;@everyone&gt;",
        "https://ir.example/cases/PC-000042",
    ] {
        assert!(text.contains(expected), "{expected} is missing in:\n{text}");
    }
}

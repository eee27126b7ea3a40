//! People are told what happened, also when a channel is down or the program is killed on the way.

mod outage;

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use serde_json::Value as Json;

use crate::kit::{Rig, run, texts, without_chain};

const SCENARIO: &str = "lending-spot-oracle";

/// A receiver of webhooks, which can be out of order.
pub(crate) struct Receiver {
    pub(crate) url: String,
    is_down: Arc<AtomicBool>,
    taken: Arc<Mutex<Vec<Arrival>>>,
}

/// A message, and when it came.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) at: SystemTime,
    pub(crate) body: Json,
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (is_down, taken) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let this = Self { url, is_down, taken };
        let (is_down, taken) = (Arc::clone(&this.is_down), Arc::clone(&this.taken));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A connection that breaks is the sender's to try again.
                let _broken = answer(stream, &is_down, &taken);
            }
        });
        this
    }

    /// Messages by their id: what came twice is one.
    pub(crate) fn messages(&self) -> BTreeMap<String, Json> {
        let taken = self.taken.lock().expect("not poisoned");
        let id = |body: &Json| body["id"].as_str().unwrap_or_default().to_owned();
        taken.iter().map(|one| (id(&one.body), one.body.clone())).collect()
    }

    /// Everything that came, in order, twice what came twice.
    pub(crate) fn arrivals(&self) -> Vec<Arrival> {
        self.taken.lock().expect("not poisoned").clone()
    }

    /// From now on it takes nothing, or takes everything again.
    pub(crate) fn set_down(&self, is_down: bool) {
        self.is_down.store(is_down, Ordering::SeqCst);
    }

    fn has(&self, kind: &str) -> bool {
        self.messages().values().any(|body| body.to_string().contains(&format!("\"{kind}\"")))
    }

    async fn until(&self, kind: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.has(kind) {
            assert!(Instant::now() < deadline, "no {kind} among {:#?}", self.messages());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

fn answer(
    stream: TcpStream,
    is_down: &AtomicBool,
    taken: &Mutex<Vec<Arrival>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let down = is_down.load(Ordering::SeqCst);
    if !down {
        let body = serde_json::from_slice(&body)?;
        taken.lock().expect("not poisoned").push(Arrival { at: SystemTime::now(), body });
    }
    let status = if down { "503 Service Unavailable" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    reader.get_mut().write_all(head.as_bytes())
}

/// A rig whose configuration tells `receiver` everything.
async fn rig(receiver: &Receiver) -> Rig {
    rig_with(receiver, &[]).await
}

/// The same, with further parts of the text replaced.
async fn rig_with(receiver: &Receiver, more: &[(&str, &str)]) -> Rig {
    let rig = Rig::new(SCENARIO).await;
    let folder = rig.config().parent().expect("a folder").to_owned();
    std::fs::write(folder.join("hook.url"), &receiver.url).expect("written");
    std::fs::write(folder.join("hook.secret"), "0123456789abcdef0123456789abcdef")
        .expect("written");
    let notify = "notify:\n  channels:\n    - name: hook\n      via: {webhook: {url: {file: hook.url}, \
                  secret: {file: hook.secret}}}\n      perMinute: 600\n      burst: 50\n  \
                  routes: [{minSeverity: P5, channels: [hook]}]\n\nresponder:\n";
    let mut replaced = vec![("responder:\n", notify)];
    replaced.extend(more);
    rig.configure_with(&rig.chain.http_url(), &replaced);
    rig
}

#[tokio::test]
async fn people_are_told_of_an_attack_and_nothing_is_lost_when_channel_and_program_fail() {
    if without_chain() {
        return;
    }
    let receiver = Receiver::start();
    let mut rig = rig(&receiver).await;
    let config = rig.config().display().to_string();
    let (said, _, code) = texts(&run(&["notify", "test", "--config", &config]));
    assert!(code == Some(0) && said.contains("hook: took the message"), "{said}");

    // The channel is down while the attack is played, and the program is killed before it is up again.
    rig.watch().await;
    receiver.set_down(true);
    rig.play_until_held(25, 50).await;
    assert!(rig.is_paused("market").await, "a channel that is down holds up no brake");
    tokio::time::sleep(Duration::from_secs(2)).await;
    rig.watcher.kill();
    assert_eq!(receiver.messages().len(), 1, "the test message");
    let (said, _, code) = texts(&run(&["notify", "test", "--config", &config]));
    assert!(code == Some(1) && said.contains("NO  hook") && said.contains("503"), "{said}");

    receiver.set_down(false);
    rig.watch().await;
    for kind in ["finding", "declared", "decision", "action"] {
        receiver.until(kind).await;
    }
    rig.watcher.stop().await;
    let messages = receiver.messages();
    // Signed bytes and keys are in no message.
    assert!(!format!("{messages:?}").contains("\"raw\""), "{messages:#?}");
    let all = format!("{messages:?}");
    assert!(all.contains("pause-market") && all.contains("lending-market"), "{all}");
}

#[tokio::test]
async fn a_configuration_that_tells_nobody_of_the_worst_is_refused_with_its_line() {
    if without_chain() {
        return;
    }
    let receiver = Receiver::start();
    let rig = rig(&receiver).await;
    let path = rig.config();
    let text = std::fs::read_to_string(&path).expect("readable");
    let text = text.replace("channels: [hook]", "kinds: [finding], channels: [hook]");
    std::fs::write(&path, text).expect("written");
    let (_, said, code) =
        texts(&run(&["config", "check", "--offline", "--config", &path.display().to_string()]));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("notify: no route brings a P1 of the kind `declared`"), "{said}");
    assert!(said.contains("portcullis.yaml:"), "{said}");
}

//! `portcullis run` as a process of its own, which can be killed.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use super::portcullis;

/// A configuration in a folder, and the program that watches by it.
pub(crate) struct Watcher {
    folder: tempfile::TempDir,
    key: String,
    /// Further variables of its environment.
    more: Vec<(String, String)>,
    child: Option<Child>,
}

impl Watcher {
    /// Not started. `key` is the responder's.
    pub(crate) fn new(key: String) -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), key, more: Vec::new(), child: None }
    }

    /// Gives it a further variable.
    pub(crate) fn with(&mut self, name: &str, value: &str) {
        self.more.push((name.to_owned(), value.to_owned()));
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("portcullis.yaml")
    }

    /// The journal: on `PostgreSQL` where a test has put an address file there.
    pub(crate) fn journal(&self) -> PathBuf {
        let address = self.path("journal.url");
        if address.exists() { address } else { self.path("journal.sqlite") }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// Starts watching; returns at once.
    pub(crate) fn start(&mut self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("log"))
            .expect("a log");
        let ready = self.path("ready");
        let _absent = std::fs::remove_file(&ready);
        let child = portcullis()
            .args(["run", "-v", "--stop-with-stdin", "--config"])
            .arg(self.config())
            .arg("--ready-file")
            .arg(ready)
            .env("PORTCULLIS_RESPONDER_KEY", &self.key)
            .envs(self.more.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("the program starts");
        self.child = Some(child);
    }

    /// Whether it has got so far as to watch since it was started.
    pub(crate) fn is_ready(&self) -> bool {
        Path::exists(&self.path("ready"))
    }

    /// Waits until it watches.
    pub(crate) async fn ready(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.is_ready() {
            self.assert_running();
            assert!(Instant::now() < deadline, "it does not watch:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Fails if it has ended by itself.
    pub(crate) fn assert_running(&mut self) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("its state"));
        assert!(ended.is_none(), "it ended with {ended:?}:\n{}", self.log());
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("it runs").id()
    }

    /// Holds its signer, so that nothing is signed; gives back which process that is.
    pub(crate) fn hold_signer(&self) -> u32 {
        let watcher = self.pid().to_string();
        let found = Command::new("pgrep").args(["-P", &watcher]).output().expect("pgrep");
        let found = String::from_utf8(found.stdout).expect("text");
        let signer = found.trim().parse().expect("one child, the signer");
        signal(signer, "-STOP");
        signer
    }

    /// Lets a signer go on.
    pub(crate) fn release_signer(signer: u32) {
        signal(signer, "-CONT");
    }

    /// Waits until it has ended by itself, and says how.
    pub(crate) async fn ended(&mut self, within: Duration) -> ExitStatus {
        let deadline = Instant::now() + within;
        loop {
            let child = self.child.as_mut().expect("it was started");
            if let Some(status) = child.try_wait().expect("its state") {
                self.child = None;
                return status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("killed");
            child.wait().expect("gone");
        }
    }

    /// Asks it to end, and waits.
    pub(crate) async fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        drop(child.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = child.try_wait().expect("its state") {
                assert!(status.success(), "it ended with {status}:\n{}", self.log());
                return;
            }
            if Instant::now() > deadline {
                child.kill().expect("killed");
                panic!("it does not end:\n{}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _dead = child.kill();
            let _gone = child.wait();
        }
    }
}

fn signal(process: u32, signal: &str) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().expect("kill");
    assert!(sent.success(), "{signal} to {process}");
}

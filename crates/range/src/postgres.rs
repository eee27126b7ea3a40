//! A private `PostgreSQL` server for tests: its own folder, its own socket, nobody else's data.
//!
//! The programs are Debian's (`/usr/lib/postgresql/*/bin`) or those on the path. They refuse to run as root, so root lends
//! them the account `postgres`, or else `nobody`. The server listens on a socket in its folder, and on loopback where TLS is
//! asked for. A small shell holds it and ends it when this process is gone, however it went: nothing is left behind.

use std::{
    fs,
    io::Read as _,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _, chown},
        process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How long the server may take to start or to end.
const START_MAX: Duration = Duration::from_secs(30);
/// Time between two looks whether it is there.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// Where Debian and its children put each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Starts the server, waits until the pipe to this process closes, and takes server and folder away.
/// `$1` is the signal by which the server ends, the rest is the server's command line.
const HOLD: &str = r#"signal=$1; folder=$2; shift 2
"$@" </dev/null >>"$folder/log" 2>&1 &
server=$!
echo "$server" >"$folder/pid"
read -r order
if [ "$order" = keep ]; then kill -INT "$server"; elif [ "$order" = crash ]; then kill -QUIT "$server"; else kill "-$signal" "$server"; fi
wait "$server"
if [ "$order" != keep ] && [ "$order" != crash ]; then rm -rf "$folder"; fi
"#;

/// How the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Sessions are ended, everything is written, as an operator would do it.
    Orderly,
    /// At once, as a crash would do it; the next start recovers.
    Crash,
}

/// A running server. Dropping it ends the server and removes its folder.
#[derive(Debug)]
pub struct PostgresServer {
    bin: PathBuf,
    folder: PathBuf,
    account: Option<(u32, u32)>,
    holder: Option<Child>,
    /// More settings, each `name=value`.
    settings: Vec<String>,
}

impl PostgresServer {
    /// Makes a server and starts it. `settings` are added to those that suit tests, each `name=value`.
    ///
    /// # Errors
    /// A sentence with the remedy: it is not installed, or it does not start.
    pub fn start(settings: &[&str]) -> Result<Self, String> {
        Self::start_with(settings, &[])
    }

    /// The same, with files in the folder of its data, each a name and a text: certificates, or who may come in.
    ///
    /// # Errors
    /// As [`PostgresServer::start`].
    pub fn start_with(settings: &[&str], files: &[(&str, &str)]) -> Result<Self, String> {
        let bin = programs()?;
        let account = lent_account()?;
        let folder = tempfile::Builder::new()
            .prefix("pcl-pg-")
            .tempdir()
            .map_err(|error| format!("no temporary folder: {error}"))?
            .keep();
        if let Some((user, group)) = account {
            chown(&folder, Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        let mut server = Self {
            bin,
            folder,
            account,
            holder: None,
            settings: settings.iter().map(|&one| one.to_owned()).collect(),
        };
        server.initialise()?;
        for (name, text) in files {
            server.put(name, text).map_err(|error| format!("{name}: {error}"))?;
        }
        server.resume()?;
        Ok(server)
    }

    /// The folder of the socket: `?host=…` of an address.
    pub fn socket_folder(&self) -> &Path {
        &self.folder
    }

    /// Writes an address file for a schema: the path of a journal on this server. `more` is added to the address,
    /// beginning with `&`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn address_file(&self, path: &Path, schema: &str, more: &str) -> std::io::Result<()> {
        let host = self.folder.display();
        fs::write(
            path,
            format!(
                "postgresql:///postgres?host={host}&port={}&user=tester&schema={schema}{more}\n",
                self.port()
            ),
        )?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))
    }

    fn put(&self, name: &str, text: &str) -> std::io::Result<()> {
        let path = self.folder.join("data").join(name);
        fs::write(&path, text)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        match self.account {
            Some((user, group)) => chown(&path, Some(user), Some(group)),
            None => Ok(()),
        }
    }

    /// The port, which is also part of the socket's name.
    fn port(&self) -> &str {
        self.settings.iter().find_map(|one| one.strip_prefix("port=")).unwrap_or("5432")
    }

    /// Runs SQL by `psql`; gives back what it says, without heads.
    ///
    /// # Errors
    /// What the server refused.
    pub fn sql(&self, sql: &str) -> Result<String, String> {
        let said = Command::new(self.bin.join("psql"))
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "tester",
                "-d",
                "postgres",
            ])
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", self.port(), "-c", sql])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("psql does not start: {error}"))?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
        if said.status.success() { Ok(text(&said.stdout)) } else { Err(text(&said.stderr)) }
    }

    /// Ends the server; its data stay.
    ///
    /// # Errors
    /// It does not end.
    pub fn stop(&mut self, how: Ending) -> Result<(), String> {
        use std::io::Write as _;
        let Some(mut holder) = self.holder.take() else { return Ok(()) };
        let order: &[u8] = if how == Ending::Crash { b"crash\n" } else { b"keep\n" };
        if let Some(mut pipe) = holder.stdin.take() {
            pipe.write_all(order).map_err(|error| error.to_string())?;
        }
        holder.wait().map(|_| ()).map_err(|error| error.to_string())
    }

    /// Starts the server again.
    ///
    /// # Errors
    /// It does not start; with the last lines of its log.
    pub fn resume(&mut self) -> Result<(), String> {
        let data = self.folder.join("data");
        let mut holder = self.lent(Command::new("/bin/sh"));
        holder.args(["-c", HOLD, "portcullis-postgres", "QUIT"]).arg(&self.folder);
        holder.arg(self.bin.join("postgres")).arg("-D").arg(&data).arg("-k").arg(&self.folder);
        // `fsync` is for tests alone: what a power cut does is not tried here.
        for setting in
            ["fsync=off", "shared_buffers=32MB", "max_connections=60", "listen_addresses="]
        {
            holder.args(["-c", setting]);
        }
        for setting in &self.settings {
            holder.args(["-c", setting]);
        }
        let holder = holder
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("the server's shell does not start: {error}"))?;
        self.holder = Some(holder);
        let deadline = Instant::now() + START_MAX;
        while self.sql("SELECT 1").is_err() {
            if Instant::now() > deadline {
                return Err(format!("PostgreSQL does not start: {}", self.log()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn initialise(&self) -> Result<(), String> {
        let mut initdb = self.lent(Command::new(self.bin.join("initdb")));
        let said = initdb
            .args([
                "--no-sync",
                "--auth=trust",
                "--username=tester",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .arg("-D")
            .arg(self.folder.join("data"))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| format!("initdb does not start: {error}"))?;
        if said.status.success() {
            return Ok(());
        }
        Err(format!("initdb: {}", String::from_utf8_lossy(&said.stderr).trim()))
    }

    fn lent(&self, mut command: Command) -> Command {
        // A folder that the lent account may be in.
        command.current_dir(&self.folder);
        if let Some((user, group)) = self.account {
            command.uid(user).gid(group);
        }
        command
    }

    /// What the server said last.
    fn log(&self) -> String {
        let mut text = String::new();
        let read =
            fs::File::open(self.folder.join("log")).and_then(|mut f| f.read_to_string(&mut text));
        match read {
            Ok(_) => text.lines().rev().take(10).collect::<Vec<_>>().join(" / "),
            Err(error) => format!("no log: {error}"),
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        match self.holder.take() {
            Some(mut holder) => {
                drop(holder.stdin.take());
                let _ended = holder.wait();
            }
            None => {
                let _gone = fs::remove_dir_all(&self.folder);
            }
        }
    }
}

/// The folder with `initdb` and `postgres`: the newest of Debian's, or what the path has.
fn programs() -> Result<PathBuf, String> {
    let mut versions: Vec<(u64, PathBuf)> = fs::read_dir(DEBIAN)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .filter_map(|entry| {
            Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    let mut folders: Vec<PathBuf> = versions.into_iter().rev().map(|(_, folder)| folder).collect();
    folders.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let is_whole = |folder: &PathBuf| {
        ["initdb", "postgres", "psql"].iter().all(|name| folder.join(name).is_file())
    };
    folders.into_iter().find(is_whole).ok_or_else(|| {
        "PostgreSQL is not installed: run `make setup` (Debian's package is `postgresql`)"
            .to_owned()
    })
}

/// Whom root lends its place to: user and group of `postgres` or `nobody`. None for everybody else.
fn lent_account() -> Result<Option<(u32, u32)>, String> {
    let me = fs::metadata("/proc/self").map_or(1, |about| about.uid());
    if me != 0 {
        return Ok(None);
    }
    let accounts =
        fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd: {error}"))?;
    let of = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    of("postgres").or_else(|| of("nobody")).map(Some).ok_or_else(|| {
        "PostgreSQL does not run as root, and there is neither `postgres` nor `nobody` to run it as"
            .to_owned()
    })
}

//! Keys as the configuration names them: which kinds may stand where.

use std::path::Path;

use portcullis_act::signer::{KeySource, record_beside};

use super::{
    compile::{Problem, about},
    file::{ConfigFile, KeyFile},
};

impl KeyFile {
    /// What the signer opens.
    pub fn source(&self) -> KeySource {
        match self.clone() {
            Self::Keystore { path, password_file } => KeySource::Keystore { path, password_file },
            Self::Environment(variable) => KeySource::Environment { variable },
            Self::AwsKms(key) => KeySource::AwsKms(key),
            Self::GcpKms(key) => KeySource::GcpKms(key),
            Self::Ledger(key) => KeySource::Ledger(key),
        }
    }
}

/// Makes paths absolute, those of records of signatures too.
pub(super) fn absolute_key(folder: &Path, key: &mut Option<KeyFile>) {
    let Some(key) = key else { return };
    if let KeyFile::Keystore { path, password_file } = key {
        *path = folder.join(&*path);
        *password_file = folder.join(&*password_file);
        return;
    }
    let mut source = key.source();
    record_beside(folder, &mut source);
    match (key, source) {
        (KeyFile::AwsKms(key), KeySource::AwsKms(with)) => *key = with,
        (KeyFile::GcpKms(key), KeySource::GcpKms(with)) => *key = with,
        _ => {}
    }
}

/// Checks every key of the configuration. Whether this program was built for it is not asked here: a replay needs no key.
pub(super) fn check(file: &ConfigFile) -> Result<(), Problem> {
    let Some(responder) = &file.responder else { return sentinels(file) };
    if let Some(key) = &responder.key {
        meant("responder.key", key)?;
    }
    for lane in &responder.lanes {
        meant("the key of a lane", &lane.key)?;
        if lane.key.source().needs_a_hand() {
            let text = format!(
                "lane {} is a Ledger, which waits for a person: a lane is for the pull that must not wait, name a keystore or \
                 a key of a service",
                lane.address
            );
            return Err(about(&text, "ledger"));
        }
    }
    if let Some(key) = &responder.relay_identity
        && !matches!(key, KeyFile::Keystore { .. } | KeyFile::Environment(_))
    {
        let text = "`relayIdentity` signs each request to a relay, which must not wait for a service or a person: name a \
                    keystore of a key that holds no funds";
        return Err(about(text, "relayIdentity"));
    }
    sentinels(file)
}

fn sentinels(file: &ConfigFile) -> Result<(), Problem> {
    for one in file.sentinels.iter().flat_map(|sentinels| &sentinels.keys) {
        let Some(key) = &one.key else { continue };
        meant(&format!("the key of sentinel `{}`", one.name), key)?;
        if key.source().needs_a_hand() {
            let text = format!(
                "sentinel `{}` is a Ledger, which waits for a person: its heartbeats and orders do not, name a keystore or a \
                 key of a service",
                one.name
            );
            return Err(about(&text, &one.name));
        }
    }
    Ok(())
}

fn meant(whose: &str, key: &KeyFile) -> Result<(), Problem> {
    match key.source().problem() {
        None => Ok(()),
        Some(why) => {
            let field = why.split('`').nth(1).unwrap_or("key").to_owned();
            Err((format!("{whose}: {why}"), Some(field)))
        }
    }
}

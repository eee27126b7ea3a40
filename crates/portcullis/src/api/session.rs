//! Sessions and nonces, in memory: a restart signs everybody out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use portcullis_types::ids::Millis;

use super::{
    access::Access,
    secret::{SECRET_BYTES, digest, random_text, same},
};

/// How long a session lasts however busy it is: twelve hours, milliseconds.
pub(crate) const SESSION_MS_MAX: u64 = 12 * 3_600_000;
/// How long a session lasts that nobody uses: two hours, milliseconds.
pub(crate) const IDLE_MS_MAX: u64 = 2 * 3_600_000;
/// Most sessions at once; beyond it the one that was idle longest ends.
pub(crate) const SESSIONS_MAX: usize = 1_000;
/// How long a nonce is worth something: five minutes, milliseconds.
pub(crate) const NONCE_MS_MAX: u64 = 5 * 60_000;
/// Most nonces at once; beyond it nobody gets one until some have expired.
pub(crate) const NONCES_MAX: usize = 10_000;

/// A session as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) name: String,
    pub(crate) access: Access,
    /// Whether it was opened by a wallet; else by a token.
    pub(crate) by_wallet: bool,
    pub(crate) csrf: String,
    pub(crate) begun: Millis,
    pub(crate) seen: Millis,
}

impl Session {
    /// When it ends if it is used no more.
    pub(crate) fn expires(&self) -> Millis {
        Millis((self.begun.0 + SESSION_MS_MAX).min(self.seen.0 + IDLE_MS_MAX))
    }
}

/// All sessions, by the digest of their secret.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    sessions: BTreeMap<[u8; 32], Session>,
    nonces: BTreeMap<String, Millis>,
}

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a nonce out; none where there are too many, or no randomness.
    pub(crate) fn nonce(&self, now: Millis) -> Option<(String, Millis)> {
        let nonce = random_text::<16>()?;
        let mut inner = self.lock();
        inner.nonces.retain(|_, until| *until > now);
        if inner.nonces.len() >= NONCES_MAX {
            return None;
        }
        let until = Millis(now.0 + NONCE_MS_MAX);
        inner.nonces.insert(nonce.clone(), until);
        Some((nonce, until))
    }

    /// Uses a nonce up. Says whether it was given out, is fresh, and was not used before.
    pub(crate) fn spend(&self, nonce: &str, now: Millis) -> bool {
        self.lock().nonces.remove(nonce).is_some_and(|until| until > now)
    }

    /// Opens a session; gives its secret back, which is kept nowhere.
    pub(crate) fn open(
        &self,
        name: &str,
        access: Access,
        by_wallet: bool,
        now: Millis,
    ) -> Option<(String, Session)> {
        let (secret, csrf) = (random_text::<SECRET_BYTES>()?, random_text::<SECRET_BYTES>()?);
        let name = name.to_owned();
        let session = Session { name, access, by_wallet, csrf, begun: now, seen: now };
        let mut inner = self.lock();
        inner.sessions.retain(|_, session| session.expires() > now);
        while inner.sessions.len() >= SESSIONS_MAX {
            let idle = inner.sessions.iter().min_by_key(|(_, session)| session.seen);
            let Some(idle) = idle.map(|(key, _)| *key) else { break };
            inner.sessions.remove(&idle);
        }
        inner.sessions.insert(digest(&secret), session.clone());
        Some((secret, session))
    }

    /// The session of a secret, if it goes on. Counts as use.
    pub(crate) fn find(&self, secret: &str, now: Millis) -> Option<([u8; 32], Session)> {
        let key = digest(secret);
        let mut inner = self.lock();
        let session = inner.sessions.get_mut(&key)?;
        if session.expires() <= now {
            inner.sessions.remove(&key);
            return None;
        }
        session.seen = session.seen.max(now);
        Some((key, session.clone()))
    }

    /// A session by its key. Does not count as use.
    pub(crate) fn get(&self, key: &[u8; 32], now: Millis) -> Option<Session> {
        let inner = self.lock();
        inner.sessions.get(key).filter(|session| session.expires() > now).cloned()
    }

    /// Whether a session goes on. Does not count as use.
    pub(crate) fn is_open(&self, key: &[u8; 32], now: Millis) -> bool {
        self.lock().sessions.get(key).is_some_and(|session| session.expires() > now)
    }

    /// Ends a session.
    pub(crate) fn end(&self, key: &[u8; 32]) -> bool {
        self.lock().sessions.remove(key).is_some()
    }

    /// Ends every session of a name; says how many there were.
    pub(crate) fn end_all_of(&self, name: &str) -> usize {
        let mut inner = self.lock();
        let before = inner.sessions.len();
        inner.sessions.retain(|_, session| session.name != name);
        before - inner.sessions.len()
    }

    /// Everybody who is signed in.
    pub(crate) fn all(&self, now: Millis) -> Vec<Session> {
        let inner = self.lock();
        inner.sessions.values().filter(|session| session.expires() > now).cloned().collect()
    }
}

/// Whether the header says the session's secret against forged requests.
pub(crate) fn is_csrf(session_csrf: &str, header: Option<&str>) -> bool {
    header.is_some_and(|header| same(&digest(header), &digest(session_csrf)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_000_000);

    fn after(ms: u64) -> Millis {
        Millis(NOW.0 + ms)
    }

    #[test]
    fn a_nonce_is_worth_something_once_and_for_five_minutes() {
        let sessions = Sessions::default();
        let (nonce, until) = sessions.nonce(NOW).unwrap();
        assert!(nonce.len() >= 8 && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert!(sessions.spend(&nonce, after(1)));
        assert!(!sessions.spend(&nonce, after(1)), "once");
        let (nonce, _) = sessions.nonce(NOW).unwrap();
        assert!(!sessions.spend(&nonce, until), "too late");
        assert!(!sessions.spend("never given out", NOW));
        for _ in 0..NONCES_MAX {
            sessions.nonce(NOW).unwrap();
        }
        assert_eq!(sessions.nonce(NOW), None);
        assert!(sessions.nonce(after(NONCE_MS_MAX)).is_some(), "room once they have expired");
    }

    #[test]
    fn sessions_end_by_age_and_by_idleness() {
        let sessions = Sessions::default();
        let (secret, session) = sessions.open("ada", Access::Viewer, true, NOW).unwrap();
        assert!(is_csrf(&session.csrf, Some(&session.csrf)));
        assert!(!is_csrf(&session.csrf, Some("")) && !is_csrf(&session.csrf, None));
        assert!(sessions.find(&secret, after(IDLE_MS_MAX - 1)).is_some());
        let mut at = IDLE_MS_MAX - 1;
        while at < SESSION_MS_MAX - 1 {
            assert!(sessions.find(&secret, after(at)).is_some(), "busy at {at}");
            at += IDLE_MS_MAX - 1;
        }
        assert!(sessions.find(&secret, after(SESSION_MS_MAX)).is_none());
        let (secret, _) = sessions.open("ada", Access::Viewer, true, NOW).unwrap();
        assert!(sessions.find(&secret, after(IDLE_MS_MAX)).is_none());
        assert!(sessions.find(&secret, NOW).is_none(), "it is gone for good");
        assert!(sessions.find("", NOW).is_none());
    }

    #[test]
    fn sessions_are_bounded_and_the_idlest_goes() {
        let sessions = Sessions::default();
        let (first, _) = sessions.open("first", Access::Viewer, true, NOW).unwrap();
        let (second, _) = sessions.open("second", Access::Viewer, true, NOW).unwrap();
        sessions.find(&first, after(5)).unwrap();
        for n in 2..=SESSIONS_MAX as u64 {
            sessions.open("other", Access::Viewer, true, after(n + 5)).unwrap();
        }
        assert_eq!(sessions.all(after(10)).len(), SESSIONS_MAX);
        assert!(sessions.find(&second, after(10)).is_none());
        assert!(sessions.find(&first, after(10)).is_some());
        assert_eq!(sessions.end_all_of("other"), SESSIONS_MAX - 1);
    }
}

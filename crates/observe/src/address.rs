//! Addresses of nodes, and how to show them without the keys that they hold.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use portcullis_types::text::printable;
use url::Url;

use crate::ObserveError;

/// What stands where a secret was.
const HIDDEN: &str = "[hidden]";

/// Shortest part of an address that is searched for in a text; shorter ones are words like `/`.
const SECRET_CHARS_MIN: usize = 4;

/// Where a node is.
#[derive(Clone)]
pub(crate) enum Place {
    /// `http://` or `https://`.
    Http(Url),
    /// `ws://` or `wss://`.
    WebSocket(Url),
    /// A Unix socket (or a Windows pipe).
    Ipc(PathBuf),
}

/// An address of a node: its place, and how it may be shown.
#[derive(Clone)]
pub(crate) struct Address {
    place: Place,
    shown: String,
    secrets: Vec<String>,
}

impl Address {
    /// Reads an address.
    pub(crate) fn parse(text: &str) -> Result<Self, ObserveError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("ipc://") {
            return Self::ipc(path);
        }
        if !text.contains("://") {
            // A host without its scheme must not be taken for a path and shown with its key.
            let has_ending = Path::new(text).extension().is_some_and(|ending| ending == "ipc");
            let is_path = text.starts_with(['/', '.', '\\']) || has_ending;
            if is_path {
                return Self::ipc(text);
            }
            let problem = "has no scheme".to_owned();
            return Err(ObserveError::Address { shown: HIDDEN.to_owned(), problem });
        }
        let bad = |problem: String| ObserveError::Address { shown: redact(text), problem };
        let url = Url::parse(text).map_err(|error| bad(format!("is not an address ({error})")))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(bad("names no host".to_owned()));
        }
        let place = match url.scheme() {
            "http" | "https" => Place::Http(url.clone()),
            "ws" | "wss" => Place::WebSocket(url.clone()),
            other => return Err(bad(format!("has the unknown scheme `{}`", printable(other)))),
        };
        Ok(Self { place, shown: redact(text), secrets: secrets(text, &url) })
    }

    fn ipc(path: &str) -> Result<Self, ObserveError> {
        if path.is_empty() {
            let problem = "names no socket".to_owned();
            return Err(ObserveError::Address { shown: "ipc".to_owned(), problem });
        }
        // The path of a socket is no secret, and without it nobody knows which node is meant.
        Ok(Self {
            place: Place::Ipc(PathBuf::from(path)),
            shown: printable(&format!("ipc:{path}")),
            secrets: Vec::new(),
        })
    }

    /// Where the node is.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// The address without user, password, path and query.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// `text` from a library or a node made printable, without the secrets of this address.
    pub(crate) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.secrets {
            text = text.replace(secret.as_str(), HIDDEN);
        }
        printable(&text)
    }
}

// Written by hand, so that a `{:?}` in a log cannot show a key.
impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

/// The parts of an address that must not be shown, longest first, so that a part does not spoil
/// the search for the whole.
fn secrets(text: &str, url: &Url) -> Vec<String> {
    let mut parts = vec![text.to_owned(), url.as_str().to_owned()];
    parts.extend(url.password().map(str::to_owned));
    parts.extend((!url.username().is_empty()).then(|| url.username().to_owned()));
    parts.push(url.path().to_owned());
    parts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
    parts.extend(url.query().map(str::to_owned));
    parts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
    parts.extend(url.fragment().map(str::to_owned));
    parts.retain(|part| part.chars().count() >= SECRET_CHARS_MIN);
    parts.sort_by_key(|part| std::cmp::Reverse(part.len()));
    parts
}

/// `scheme://host:port` of an address; everything else may be a key. An address that cannot be
/// read at all is shown by its scheme only.
pub(crate) fn redact(text: &str) -> String {
    let Some((scheme, _)) = text.split_once("://") else { return HIDDEN.to_owned() };
    let host = Url::parse(text).ok().and_then(|url| {
        let host = url.host_str()?.to_owned();
        Some(url.port().map_or(host.clone(), |port| format!("{host}:{port}")))
    });
    match host {
        Some(host) => printable(&format!("{scheme}://{host}")),
        None => printable(&format!("{scheme}://{HIDDEN}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_never_shown() {
        let cases = [
            ("https://eth.example/v3/0123456789abcdef", "https://eth.example"),
            ("https://user:secret@eth.example:8545/", "https://eth.example:8545"),
            ("wss://eth.example/ws?apikey=0123456789", "wss://eth.example"),
            ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
            ("http://[::1]:8545/key", "http://[::1]:8545"),
            ("https://eth.example/#0123456789", "https://eth.example"),
        ];
        for (text, shown) in cases {
            let address = Address::parse(text).unwrap();
            assert_eq!(address.shown(), shown);
            assert_eq!(format!("{address:?}"), format!("Address({shown})"));
            let error = format!("error sending request for url ({text})");
            assert!(!address.clean(&error).contains("0123456789"), "{}", address.clean(&error));
            assert!(!address.clean(&error).contains("secret"));
        }
    }

    #[test]
    fn parts_of_a_key_are_hidden_too() {
        let address = Address::parse("https://eth.example/v3/abcdef0123?token=qwertz").unwrap();
        assert_eq!(address.clean("GET /v3/abcdef0123 failed"), "GET [hidden] failed");
        assert_eq!(address.clean("bad project abcdef0123"), "bad project [hidden]");
        assert_eq!(address.clean("token qwertz expired"), "token [hidden] expired");
        assert_eq!(address.clean("\x1b[31mno"), "\\u{1b}[31mno");
    }

    #[test]
    fn all_kinds_of_place_are_read() {
        let is = |text: &str| match Address::parse(text).unwrap().place {
            Place::Http(_) => "http",
            Place::WebSocket(_) => "ws",
            Place::Ipc(path) => {
                assert_eq!(path, PathBuf::from("/run/geth.ipc"));
                "ipc"
            }
        };
        assert_eq!(is("http://a.example"), "http");
        assert_eq!(is("https://a.example"), "http");
        assert_eq!(is("ws://a.example"), "ws");
        assert_eq!(is("wss://a.example"), "ws");
        assert_eq!(is("ipc:///run/geth.ipc"), "ipc");
        assert_eq!(is("/run/geth.ipc"), "ipc");
    }

    #[test]
    fn bad_addresses_say_what_to_write() {
        for text in
            ["ftp://user:secret@a.example/key", "http://", "https://:secret@", "", "a.example/key"]
        {
            let error = Address::parse(text).unwrap_err().to_string();
            assert!(error.contains("write http(s)://"), "{error}");
            assert!(!error.contains("secret") && !error.contains("key"), "{error}");
        }
    }
}

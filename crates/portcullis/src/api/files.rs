//! The console's files, which are in the binary.

use std::{collections::BTreeMap, io::Write as _, sync::LazyLock};

use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use flate2::{Compression, write::GzEncoder};

use super::secret::{header as header_text, sha256_hex};

// Made by build.rs of `console/dist`: `FILES: &[(&str, &[u8])]`, empty where that was not built.
include!(concat!(env!("OUT_DIR"), "/console.rs"));

/// One file, and the same compressed where that is shorter.
struct File {
    bytes: &'static [u8],
    gzip: Option<Vec<u8>>,
    media: &'static str,
    tag: String,
}

static ALL: LazyLock<BTreeMap<&str, File>> =
    LazyLock::new(|| FILES.iter().map(|(path, bytes)| (*path, File::new(path, bytes))).collect());

impl File {
    fn new(path: &str, bytes: &'static [u8]) -> Self {
        let media = media(path);
        let gzip = media.starts_with("text/") || media.contains("json") || media.contains("svg");
        let gzip = gzip.then(|| compressed(bytes)).flatten();
        let gzip = gzip.filter(|short| short.len() < bytes.len());
        let tag = format!("\"{}\"", sha256_hex(bytes).get(..24).unwrap_or_default());
        Self { bytes, gzip, media, tag }
    }
}

fn compressed(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

fn media(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("json" | "webmanifest" | "map") => "application/json",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// Said where the binary has no console in it.
const WITHOUT: &str = "This portcullis was built without its console. The API is here, under /api/v1 \
    (see /api/v1/openapi.json).\nTo build the console into it: `make setup`, then `cargo build --release`.\n";

/// The file at a path; a page of the console for every other path.
pub(crate) fn answer(path: &str, headers: &HeaderMap) -> Response {
    let name = path.trim_start_matches('/');
    let found = ALL.get(name);
    let is_file = found.is_some() && name != "index.html";
    if found.is_none() && name.starts_with("assets/") {
        return (StatusCode::NOT_FOUND, "there is no such file\n").into_response();
    }
    let Some(file) = found.or_else(|| ALL.get("index.html")) else {
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        let status = if path == "/" { StatusCode::OK } else { StatusCode::NOT_FOUND };
        return (status, [(header::CONTENT_TYPE, plain)], WITHOUT).into_response();
    };
    // Names in `assets` hold a hash of the content: what is under one never changes.
    let caching = if is_file && name.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let tag = HeaderValue::from_str(&file.tag).unwrap_or(HeaderValue::from_static("\"\""));
    let same = header_text(headers, "if-none-match") == Some(file.tag.as_str());
    let takes_gzip = header_text(headers, "accept-encoding").is_some_and(takes_gzip);
    let mut response = match &file.gzip {
        _ if same => StatusCode::NOT_MODIFIED.into_response(),
        Some(short) if takes_gzip => {
            let gzip = HeaderValue::from_static("gzip");
            ([(header::CONTENT_ENCODING, gzip)], short.as_slice()).into_response()
        }
        _ => file.bytes.into_response(),
    };
    let out = response.headers_mut();
    out.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.media));
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    out.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    out.insert(header::ETAG, tag);
    response
}

fn takes_gzip(accepted: &str) -> bool {
    let is_gzip = |part: &str| {
        let mut words = part.split(';').map(str::trim);
        words.next() == Some("gzip") && words.all(|word| !matches!(word, "q=0" | "q=0.0"))
    };
    accepted.split(',').map(str::trim).any(is_gzip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_are_read() {
        for (text, takes) in [
            ("gzip", true),
            ("br, gzip;q=0.5", true),
            ("gzip;q=0", false),
            ("br", false),
            ("", false),
            ("xgzip", false),
        ] {
            assert_eq!(takes_gzip(text), takes, "{text}");
        }
    }

    #[test]
    fn paths_are_names_and_lead_nowhere_else() {
        let headers = HeaderMap::new();
        for path in ["/../Cargo.toml", "/assets/../../x", "//etc/passwd", "/assets/none.js"] {
            let response = answer(path, &headers);
            let is_page = response.headers()[header::CONTENT_TYPE] == "text/html; charset=utf-8";
            assert!(is_page || response.status() == StatusCode::NOT_FOUND, "{path}");
        }
    }
}

//! Files as forms send them (RFC 7578): as much of it as browsers use, over a body that is in memory within its limit.

use super::error::ApiError;

/// Most parts of a form.
const PARTS_MAX: usize = 16;

/// One part of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) name: String,
    pub(crate) file_name: Option<String>,
    pub(crate) bytes: &'a [u8],
}

/// The parts of a body of `multipart/form-data`.
///
/// # Errors
/// It is none.
pub(crate) fn parts<'a>(content_type: &str, body: &'a [u8]) -> Result<Vec<Part<'a>>, ApiError> {
    let wrong = || {
        ApiError::invalid(
            "the body is no form of multipart/form-data",
            "send the fields `file`, `name` and `note`, or the file's bytes alone",
        )
    };
    let boundary = boundary(content_type).ok_or_else(wrong)?;
    let delimiter = format!("\r\n--{boundary}");
    let first = format!("--{boundary}");
    let mut rest = body.strip_prefix(first.as_bytes()).ok_or_else(wrong)?;
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Ok(parts);
        }
        rest = rest.strip_prefix(b"\r\n").ok_or_else(wrong)?;
        let head_end = find(rest, b"\r\n\r\n").ok_or_else(wrong)?;
        let (head, after) = rest.split_at(head_end);
        let content = after.strip_prefix(b"\r\n\r\n").ok_or_else(wrong)?;
        let end = find(content, delimiter.as_bytes()).ok_or_else(wrong)?;
        let (bytes, after) = content.split_at(end);
        rest = after.strip_prefix(delimiter.as_bytes()).ok_or_else(wrong)?;
        let head = std::str::from_utf8(head).map_err(|_| wrong())?;
        let (name, file_name) = names(head).ok_or_else(wrong)?;
        parts.push(Part { name, file_name, bytes });
        if parts.len() > PARTS_MAX {
            return Err(wrong());
        }
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    let mut parts = content_type.split(';').map(str::trim);
    if !parts.next()?.eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let text = parts.find_map(|part| part.strip_prefix("boundary="))?.trim_matches('"');
    (!text.is_empty() && text.len() <= 70 && text.is_ascii()).then_some(text)
}

fn names(head: &str) -> Option<(String, Option<String>)> {
    let is_it = |line: &&str| line.to_ascii_lowercase().starts_with("content-disposition:");
    let line = head.split("\r\n").find(is_it)?;
    Some((quoted(line, "; name=")?, quoted(line, "; filename=")))
}

/// A value in quotes; browsers write a quote inside it as `%22`.
fn quoted(line: &str, field: &str) -> Option<String> {
    let (_, rest) = line.split_once(field)?;
    let (value, _) = rest.strip_prefix('"')?.split_once('"')?;
    Some(value.to_owned())
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TYPE: &str = "multipart/form-data; boundary=x";

    #[test]
    fn forms_are_read_and_others_are_refused() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na\r\n--x\r\nContent-Disposition: \
            form-data; name=\"file\"; filename=\"a.bin\"\r\nContent-Type: x/y\r\n\r\n\x00\r\n-\r\n--x--\r\n";
        let found = parts(TYPE, body).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].bytes), ("name", &b"a"[..]));
        assert_eq!(found[1].file_name.as_deref(), Some("a.bin"));
        assert_eq!(found[1].bytes, b"\x00\r\n-");
        for bad in [&b""[..], b"--y--", b"--x", b"--x\r\n\r\n", &body[..body.len() - 8]] {
            assert!(parts(TYPE, bad).is_err());
        }
        assert!(parts("application/json", body).is_err());
        let many =
            "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(PARTS_MAX + 1);
        assert!(parts(TYPE, format!("{many}--x--").as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_body_makes_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _parts = parts(TYPE, &body);
            let framed = [b"--x\r\n", body.as_slice(), b"\r\n--x--"].concat();
            let _parts = parts(TYPE, &framed);
        }
    }
}

//! The container: POSIX ustar, written one way only. Every reader of tar can open it.
//!
//! Source: POSIX.1-2017, pax, "ustar Interchange Format".

/// Bytes of a block.
const BLOCK: usize = 512;

/// Longest path.
pub(super) const PATH_BYTES_MAX: usize = 100;

/// One file.
pub(super) type File = (String, Vec<u8>);

/// The container with these files, in this order.
///
/// # Errors
/// A path that is too long or goes anywhere else, a file that is too large for the format.
pub(super) fn pack(files: &[File]) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    for (path, bytes) in files {
        out.extend(header(path, bytes.len())?);
        out.extend(bytes);
        out.resize(out.len().next_multiple_of(BLOCK), 0);
    }
    out.resize(out.len() + 2 * BLOCK, 0);
    Ok(out)
}

fn header(path: &str, length: usize) -> Result<[u8; BLOCK], String> {
    let is_plain = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "-_. ()".contains(c))
    };
    if path.len() > PATH_BYTES_MAX || !path.split('/').all(is_plain) {
        return Err(format!("`{path}` is no plain path of at most {PATH_BYTES_MAX} bytes"));
    }
    if length as u64 >= 1 << 33 {
        return Err(format!("`{path}` is too large"));
    }
    let mut header = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| {
        for (to, from) in header.iter_mut().skip(at).zip(bytes) {
            *to = *from;
        }
    };
    put(0, path.as_bytes());
    put(100, b"0000644\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{length:011o}\0").as_bytes());
    put(136, b"00000000000\0");
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    for (to, from) in header.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").as_bytes()) {
        *to = *from;
    }
    Ok(header)
}

/// The files of a container.
///
/// # Errors
/// Where, and what is not as [`pack`] writes it.
pub(super) fn unpack(all: &[u8], files_max: usize) -> Result<Vec<File>, String> {
    let mut files: Vec<File> = Vec::new();
    let mut at = 0;
    loop {
        let block = all.get(at..at + BLOCK).ok_or_else(|| cut(at))?;
        if block.iter().all(|byte| *byte == 0) {
            break;
        }
        if files.len() >= files_max {
            return Err(format!("there are more than {files_max} files"));
        }
        let wrong = |what: &str| format!("byte {at}: {what}");
        let path = block.get(..PATH_BYTES_MAX).unwrap_or_default();
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        let path = std::str::from_utf8(path).map_err(|_| wrong("the path is no text"))?;
        let length = block.get(124..135).and_then(|octal| std::str::from_utf8(octal).ok());
        let length = length.and_then(|octal| usize::from_str_radix(octal, 8).ok());
        let length = length.ok_or_else(|| wrong("the length is no number"))?;
        let expected = header(path, length).map_err(|why| wrong(&why))?;
        if expected != block {
            return Err(wrong(&format!("the header of `{path}` is not as it was written")));
        }
        let from = at + BLOCK;
        let to = from.checked_add(length).ok_or_else(|| wrong("the length is too large"))?;
        let bytes = all.get(from..to).ok_or_else(|| cut(from))?;
        let next = to.next_multiple_of(BLOCK);
        let padding = all.get(to..next).ok_or_else(|| cut(to))?;
        if padding.iter().any(|byte| *byte != 0) {
            return Err(format!("byte {to}: something stands behind the end of `{path}`"));
        }
        if files.iter().any(|(other, _)| other == path) {
            return Err(wrong(&format!("`{path}` is there twice")));
        }
        files.push((path.to_owned(), bytes.to_vec()));
        at = next;
    }
    let end = all.get(at..).unwrap_or_default();
    if end.len() != 2 * BLOCK || end.iter().any(|byte| *byte != 0) {
        return Err(format!("byte {at}: the end is not as it was written"));
    }
    Ok(files)
}

fn cut(at: usize) -> String {
    format!("byte {at}: the file ends here, it was cut off")
}

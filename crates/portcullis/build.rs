//! Puts the console's files into the binary, where `console/dist` was built (`make setup`).

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let dist = root.join("../../console/dist");
    // A path that is not there would make every build begin anew: `make setup` touches this file instead.
    println!("cargo::rerun-if-changed=build.rs");
    let mut files = Vec::new();
    if dist.is_dir() {
        println!("cargo::rerun-if-changed={}", dist.display());
        collect(&dist, &dist, &mut files)?;
    }
    files.sort();
    let out = PathBuf::from(env::var_os("OUT_DIR").unwrap_or_default()).join("console.rs");
    let mut out = fs::File::create(out)?;
    writeln!(out, "/// Path under the root, and content.\nstatic FILES: &[(&str, &[u8])] = &[")?;
    for (name, path) in files {
        let path = path.to_string_lossy();
        writeln!(out, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    writeln!(out, "];")
}

fn collect(root: &Path, folder: &Path, to: &mut Vec<(String, PathBuf)>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, to)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            let name = name.to_string_lossy().replace('\\', "/");
            to.push((name, path.canonicalize()?));
        }
    }
    Ok(())
}

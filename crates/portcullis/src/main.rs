//! `portcullis`: watches on-chain protocols, decides when one is being robbed, drops the smallest gate that stops it.

use std::process::ExitCode;

fn main() -> ExitCode {
    portcullis::cli::main()
}

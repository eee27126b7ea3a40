//! `--fetch`: a proposal from a stand-in of the transaction service, which gives the same one whatever is asked for.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    sync::mpsc,
};

use alloy_primitives::U256;
use alloy_sol_types::SolCall as _;

use super::world::{SafeWorld, abi};
use crate::kit::{texts, without_chain};

/// Answers every question with `body`, and tells the lines of request that came. Its address, up to `/api`.
fn stand_in(body: String) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/api", listener.local_addr().expect("an address"));
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        for line in listener.incoming() {
            let Ok(mut line) = line else { return };
            let asked = BufReader::new(line.try_clone().expect("cloned"));
            let head: Vec<String> =
                asked.lines().map_while(Result::ok).take_while(|one| !one.is_empty()).collect();
            let head_back =
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close";
            // Who asked may have gone.
            let _gone = write!(line, "{head_back}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            if tell.send(head.first().cloned().unwrap_or_default()).is_err() {
                return;
            }
        }
    });
    (url, told)
}

#[tokio::test]
async fn what_is_fetched_is_checked_kept_and_must_be_what_was_asked_for() {
    if without_chain() {
        return;
    }
    let world = SafeWorld::new("").await;
    let pay = abi::transferCall { to: world.at("shop"), amount: U256::from(5_000_000) };
    let file = world.propose("pay.json", world.at("token"), &pay.abi_encode(), 0);
    let (report, _) = world.json(&["safe", "check", &file]).await;
    let hash = report["check"]["hashes"]["safeTx"].as_str().expect("a hash").to_owned();

    let proposal = std::fs::read_to_string(&file).expect("read");
    let (url, told) = stand_in(proposal.clone());
    world.configure(4, &format!("service: {{url: \"{url}\"}}\n"));
    let saved = world.path("saved.json");
    let (report, code) = world.json(&["safe", "check", "--fetch", &hash, "--save", &saved]).await;
    assert!(code == Some(0) && report["ok"] == true, "{report:#}");
    assert_eq!(
        told.recv().expect("asked"),
        format!("GET /api/v2/multisig-transactions/{hash}/ HTTP/1.1")
    );
    assert_eq!(std::fs::read_to_string(&saved).expect("kept"), proposal);

    let other = format!("0x{}", "11".repeat(32));
    let (_, errors, code) = texts(&world.run(&["safe", "check", "--fetch", &other]).await);
    assert_eq!(code, Some(3), "{errors}");
    assert!(errors.contains("when asked for") && errors.contains("do not sign it"), "{errors}");

    // What is signed is a file that somebody looked at.
    let out = world.path("signature.json");
    let (_, errors, code) =
        texts(&world.run(&["safe", "sign", "--fetch", &hash, "--out", &out]).await);
    assert!(code == Some(2) && errors.contains("a signature needs a file"), "{errors}");

    world
        .configure(4, &format!("service: {{url: \"{url}\", tokenVariable: PORTCULLIS_NO_SUCH}}\n"));
    let (_, errors, code) = texts(&world.run(&["safe", "check", "--fetch", &hash]).await);
    assert!(code == Some(2) && errors.contains("PORTCULLIS_NO_SUCH is not set"), "{errors}");
    world.configure(4, "");
    let (_, errors, code) = texts(&world.run(&["safe", "check", "--fetch", &hash]).await);
    assert!(code == Some(2) && errors.contains("--fetch needs `service`"), "{errors}");
}

use alloy_primitives::{Bytes, address};
use alloy_sol_types::{Eip712Domain, SolStruct, sol};
use portcullis_types::{
    action::Rung,
    approval::ApprovalKind,
    chain::BlockId,
    ids::{CaseId, Millis, Seq},
};
use proptest::prelude::*;

use super::*;

fn request() -> ApprovalRequest {
    ApprovalRequest {
        kind: ApprovalKind::Pull,
        decision: Seq(77),
        protocol: "lending-market".to_owned(),
        case: CaseId(Seq(42)),
        lever: "pause-market".to_owned(),
        rung: Rung::Market,
        chain: 31_337,
        block: BlockId { number: 21, hash: B256::repeat_byte(7) },
        deadline: Millis(1_700_000_000_999),
        signatures: 1,
    }
}

fn approval(request: &ApprovalRequest, signature: &[u8]) -> Approval {
    Approval {
        kind: request.kind,
        case: request.case,
        lever: request.lever.clone(),
        decision: request.decision,
        signature: Bytes::copy_from_slice(signature),
    }
}

/// Some point of the curve as a signature: it is somebody's, and nobody else's, for every text.
const SIGNATURE: [u8; SIGNATURE_BYTES] = {
    let mut bytes = [0x10; SIGNATURE_BYTES];
    bytes[64] = 27;
    bytes
};

fn who(request: &ApprovalRequest) -> Address {
    match signer(request, &approval(request, &SIGNATURE), &[]) {
        Err(NotApproved::NotAGuardian(who)) => who,
        other => panic!("{other:?}"),
    }
}

/// The hash is that of an implementation by others.
#[test]
fn the_hash_is_that_of_eip_712() {
    sol! {
        struct Approval {
            string action;
            string protocol;
            string case;
            string lever;
            uint256 decision;
            uint256 blockNumber;
            bytes32 blockHash;
            uint256 deadline;
        }
    }
    let request = request();
    let theirs = Approval {
        action: "pull".to_owned(),
        protocol: "lending-market".to_owned(),
        case: "PC-000042".to_owned(),
        lever: "pause-market".to_owned(),
        decision: U256::from(77),
        blockNumber: U256::from(21),
        blockHash: B256::repeat_byte(7),
        deadline: U256::from(1_700_000_000),
    };
    let domain = Eip712Domain {
        name: Some("Portcullis".into()),
        version: Some("1".into()),
        chain_id: Some(U256::from(31_337)),
        verifying_contract: None,
        salt: None,
    };
    assert_eq!(signing_hash(&request), theirs.eip712_signing_hash(&domain));
}

#[test]
fn typed_data_names_what_is_signed() {
    let data = serde_json::to_value(typed_data(&request())).unwrap();
    assert_eq!(data["primaryType"], "Approval");
    assert_eq!(data["domain"]["chainId"], "31337");
    assert_eq!(data["message"]["case"], "PC-000042");
    assert_eq!(data["message"]["deadline"], "1700000000");
    let fields = data["types"]["Approval"].as_array().unwrap();
    let text: Vec<String> = fields
        .iter()
        .map(|f| format!("{} {}", f["type"].as_str().unwrap(), f["name"].as_str().unwrap()))
        .collect();
    assert_eq!(format!("Approval({})", text.join(",")), REQUEST_TYPE);
    for field in fields {
        assert!(!data["message"][field["name"].as_str().unwrap()].is_null(), "{field}");
    }
}

#[test]
fn a_signature_counts_for_its_request_and_a_guardian_alone() {
    let request = request();
    let guardian = who(&request);
    let approval = approval(&request, &SIGNATURE);
    assert_eq!(signer(&request, &approval, &[Address::ZERO, guardian]), Ok(guardian));
    let stranger = address!("00000000000000000000000000000000000000aa");
    assert_eq!(signer(&request, &approval, &[stranger]), Err(NotApproved::NotAGuardian(guardian)));
    let mut zero_based = SIGNATURE;
    zero_based[64] = 0;
    let zero_based = Approval { signature: zero_based.to_vec().into(), ..approval.clone() };
    assert_eq!(signer(&request, &zero_based, &[guardian]), Ok(guardian), "0 stands for 27");
    for bad in [&SIGNATURE[..64], &[0u8; 65], &[0xff; 65], &[]] {
        let bad = Approval { signature: Bytes::copy_from_slice(bad), ..approval.clone() };
        assert_eq!(signer(&request, &bad, &[guardian]), Err(NotApproved::NoSignature));
    }
}

/// Whatever is changed in a request, a signature for it is not one for the other.
#[test]
fn a_signature_is_worth_nothing_for_another_request() {
    let signed = request();
    let guardian = who(&signed);
    let changes: [fn(&mut ApprovalRequest); 9] = [
        |request| request.kind = ApprovalKind::Ratify,
        |request| request.decision = Seq(78),
        |request| request.protocol = "other".to_owned(),
        |request| request.case = CaseId(Seq(43)),
        |request| request.lever = "pause-all".to_owned(),
        |request| request.chain = 1,
        |request| request.block.number = 22,
        |request| request.block.hash = B256::repeat_byte(8),
        |request| request.deadline = Millis(1_700_000_001_000),
    ];
    for change in changes {
        let mut other = request();
        change(&mut other);
        assert_ne!(signing_hash(&signed), signing_hash(&other));
        let replayed = approval(&other, &SIGNATURE);
        assert!(signer(&other, &replayed, &[guardian]).is_err(), "{other:?}");
        // With what the signer saw, it is for the wrong request or the wrong text.
        assert!(signer(&other, &approval(&signed, &SIGNATURE), &[guardian]).is_err());
    }
}

proptest! {
    /// Two texts side by side cannot be taken for two others: each is hashed by itself.
    #[test]
    fn different_requests_have_different_hashes(
        protocol in "[a-z-]{0,12}", lever in "[a-z-]{0,12}", decision in 0u64..1_000, deadline in 0u64..1_000,
    ) {
        let other = ApprovalRequest {
            protocol: protocol.clone(), lever: lever.clone(), decision: Seq(decision),
            deadline: Millis(deadline * 1_000), ..request()
        };
        let swapped = ApprovalRequest { protocol: lever.clone(), lever: protocol.clone(), ..other.clone() };
        prop_assert_eq!(signing_hash(&other) == signing_hash(&swapped), lever == protocol);
        prop_assert_ne!(signing_hash(&other), signing_hash(&request()));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..130)) {
        let request = request();
        prop_assert!(signer(&request, &approval(&request, &bytes), &[]).is_err());
    }
}

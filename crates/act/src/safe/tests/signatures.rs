use super::*;

#[test]
fn each_kind_of_signature_is_told_apart_and_checked() {
    let hashes = subject(tx()).hashes();
    let mut contract = SAFE.into_word().to_vec();
    contract.extend(B256::from(U256::from(65)).0);
    contract.push(0);
    contract.extend(B256::from(U256::from(3)).0);
    let whole = [contract.clone(), vec![1, 2, 3]].concat();
    let good = [
        (ECDSA.to_vec(), OWNER, Kind::Ecdsa),
        (ETH_SIGN.to_vec(), OWNER, Kind::EthSign),
        (OwnerSignature::approved(OWNER).bytes.to_vec(), OWNER, Kind::Approved),
        (whole.clone(), SAFE, Kind::Contract),
    ];
    for (bytes, owner, kind) in good {
        let read = OwnerSignature::read(&bytes, &hashes, Some(owner)).unwrap();
        assert_eq!((read.owner, read.kind), (owner, kind));
        let other = OwnerSignature::read(&bytes, &hashes, Some(Address::ZERO)).unwrap_err();
        assert!(other.0.contains("is said to be"), "{other}");
    }
    let other = Hashes { safe_tx: B256::ZERO, ..hashes };
    assert!(OwnerSignature::read(&ECDSA, &other, Some(OWNER)).is_err(), "of another hash");
    let ends_with = |v: u8| [&ECDSA[..64], &[v]].concat();
    let bad = [
        (Vec::new(), "65"),
        (ECDSA[..64].to_vec(), "65"),
        ([&ECDSA[..], &[0]].concat(), "too many"),
        (ends_with(29), "v = 29"),
        (ends_with(255), "v = 255"),
        (vec![0xff; 64].into_iter().chain([27]).collect(), "no signature"),
        (vec![0xff; 64].into_iter().chain([1]).collect(), "no address"),
        (contract, "length"),
        (whole[..whole.len() - 1].to_vec(), "length"),
        (ends_with(0), "offset"),
    ];
    for (bytes, words) in bad {
        let error = OwnerSignature::read(&bytes, &hashes, None).unwrap_err();
        assert!(error.0.contains(words), "{words}: {error}");
    }
}

#[test]
fn one_signature_of_each_owner_counts() {
    let [a, b, c] = [1, 2, 3].map(Address::repeat_byte);
    let all = [c, a, a, OWNER].map(OwnerSignature::approved);
    let gathered = gather(all, &[a, b, c], 3);
    let owners: Vec<_> = gathered.counted.iter().map(|one| one.owner).collect();
    assert_eq!((owners, gathered.missing, gathered.set_aside.len()), (vec![a, c], 1, 2));
}

/// Reads joined signatures as `checkNSignatures` does.
fn as_the_safe_reads(joined: &[u8], count: usize) -> Vec<(Address, u8, Vec<u8>)> {
    let one = |index: usize| {
        let at = &joined[index * 65..(index + 1) * 65];
        let owner = Address::from_slice(&at[12..32]);
        let mut own = Vec::new();
        if at[64] == 0 {
            let offset = U256::from_be_slice(&at[32..64]).to::<usize>();
            assert!(offset >= count * 65, "inside the fixed part");
            let length = U256::from_be_slice(&joined[offset..offset + 32]).to::<usize>();
            own = joined[offset + 32..offset + 32 + length].to_vec();
        }
        (owner, at[64], own)
    };
    (0..count).map(one).collect()
}

proptest! {
    #[test]
    fn joined_signatures_ascend_and_lose_nothing(
        parts in proptest::collection::btree_map(
            any::<[u8; 20]>(), proptest::option::of(proptest::collection::vec(any::<u8>(), 0..100)), 1..12),
        turn in any::<prop::sample::Index>(),
    ) {
        let mut signatures: Vec<_> = parts.iter().map(|(owner, own)| {
            let owner = Address::from(*owner);
            match own {
                None => OwnerSignature::approved(owner),
                Some(own) => OwnerSignature { owner, kind: Kind::Contract, bytes: own.clone().into() },
            }
        }).collect();
        let expect: Vec<_> = parts.iter().map(|(owner, own)| {
            (Address::from(*owner), u8::from(own.is_none()), own.clone().unwrap_or_default())
        }).collect();
        let count = signatures.len();
        let in_order = join(signatures.clone()).unwrap();
        prop_assert_eq!(as_the_safe_reads(&in_order, count), expect);
        signatures.rotate_left(turn.index(count));
        prop_assert_eq!(&join(signatures.clone()).unwrap(), &in_order, "whatever order they come in");
        signatures.push(signatures[0].clone());
        prop_assert!(join(signatures).is_err(), "twice");
    }
}

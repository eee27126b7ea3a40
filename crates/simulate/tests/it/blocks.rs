//! Mainnet blocks of 2016 to 2024, executed again.

use std::time::Instant;

use portcullis_simulate::replay::Replayer;

use crate::data;

/// Gas and logs of every block must be those of its header: the replayer checks both. Nothing may be missing.
#[test]
fn benign_blocks_execute_as_their_headers_say() {
    let start = Instant::now();
    let blocks = data::benign_blocks();
    let loaded = start.elapsed();
    let mut replayer = Replayer::new(1);
    let mut transactions = 0;
    for material in &blocks {
        let number = material.block.number;
        let evidence = replayer.execute_block(material).unwrap_or_else(|e| panic!("{number}: {e}"));
        assert_eq!(evidence.len(), material.block.transactions.len(), "{number}");
        let gas: u64 = evidence.iter().map(|transaction| transaction.gas_used.unwrap()).sum();
        assert_eq!(gas, material.block.gas_used.to::<u64>(), "{number}");
        transactions += evidence.len();
    }
    eprintln!(
        "{} blocks, {transactions} transactions; {loaded:?} to read, {:?} with executing",
        blocks.len(),
        start.elapsed()
    );
}

#[test]
fn a_missing_slot_is_an_error_and_not_zero() {
    let Some(mut material) = data::benign_blocks()
        .into_iter()
        .find(|m| m.block.number == alloy_primitives::U64::from(15_050_000))
    else {
        return;
    };
    let prestate = material.prestate.as_mut().unwrap();
    let account = prestate.values_mut().find(|account| account.storage.len() > 3).unwrap();
    let slot = *account.storage.keys().next().unwrap();
    account.storage.remove(&slot);
    let mut replayer = Replayer::new(1);
    let error = replayer.execute_block(&material).unwrap_err().to_string();
    assert!(error.contains(&slot.to_string()), "{error}");
    let again = replayer.read(&[], &material.block);
    assert!(again.is_empty());
}

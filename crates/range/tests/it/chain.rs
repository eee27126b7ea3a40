use super::{ask, chain};
use portcullis_range::{Chain, ChainOptions, Mining, RangeError};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn chain_time_and_accounts_are_the_same_every_time() {
    let (Some(first), Some(second)) = (chain().await, chain().await) else { return };
    let mut hashes = Vec::new();
    for chain in [&first, &second] {
        chain.mine(None).await.unwrap();
        chain.mine(None).await.unwrap();
        let block = ask(&chain.http_url(), "eth_getBlockByNumber", json!(["0x2", false])).await;
        let start = ChainOptions::default().genesis_timestamp;
        assert_eq!(block["timestamp"], format!("{:#x}", start + 24));
        assert_eq!(block["baseFeePerGas"], "0x3b9aca00");
        hashes.push(block["hash"].clone());
    }
    assert_eq!(hashes[0], hashes[1]);
    // The first development account of every such chain, and its public key.
    let key = first.development_key(0).unwrap().to_string();
    assert_eq!(key, "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
    let account = first.development_address(0).unwrap().to_string();
    assert_eq!(account, "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266");
    assert!(matches!(
        first.development_key(60),
        Err(RangeError::NoAccount { index: 60, count: 60 })
    ));
    assert_ne!(first.pid(), second.pid());
}

#[tokio::test]
async fn a_reorganisation_replaces_the_newest_blocks() {
    let Some(chain) = chain().await else { return };
    let url = chain.http_url();
    let mut before = Vec::new();
    for _ in 0..5 {
        chain.mine(None).await.unwrap();
    }
    for number in 1..=5 {
        before
            .push(ask(&url, "eth_getBlockByNumber", json!([format!("{number:#x}"), false])).await);
    }
    chain.reorg(2).await.unwrap();
    assert_eq!(chain.block_number().await.unwrap(), 5);
    for (index, old) in before.iter().enumerate() {
        let number = format!("{:#x}", index + 1);
        let new = ask(&url, "eth_getBlockByNumber", json!([number, false])).await;
        assert_eq!(new["hash"] == old["hash"], index < 3, "block {number}");
    }
    assert_eq!(chain.mine(None).await.unwrap(), 6);
    assert!(matches!(chain.reorg(100).await, Err(RangeError::Refused { .. })));
}

#[tokio::test]
async fn a_chain_can_mine_by_itself_and_speak_over_ipc() {
    if chain().await.is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let options = ChainOptions {
        mining: Mining::EverySeconds(1),
        ipc_path: Some(folder.path().join("anvil.ipc")),
        ..ChainOptions::default()
    };
    let chain = Chain::spawn(options).await.unwrap();
    tokio::time::timeout(Duration::from_secs(20), async {
        while chain.block_number().await.unwrap() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
    .unwrap();
    assert!(chain.ipc_path().unwrap().exists());
    assert!(chain.log().contains("eth_blockNumber"), "{}", chain.log());
}

#[tokio::test]
async fn dropping_the_chain_ends_anvil() {
    let Some(chain) = chain().await else { return };
    let url = chain.http_url();
    drop(chain);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []});
    tokio::time::timeout(Duration::from_secs(10), async {
        while super::post(&url, &body).await.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
    .unwrap();
}

//! Names for people: what well-known selectors and contracts are called. Names only; nothing is decided by them.

use std::{collections::BTreeMap, sync::LazyLock};

use alloy_primitives::{Address, address, keccak256};
use portcullis_types::ids::ChainId;

/// Functions of standards and of common protocols.
const SIGNATURES: &[&str] = &[
    "transfer(address,uint256)",
    "transferFrom(address,address,uint256)",
    "approve(address,uint256)",
    "allowance(address,address)",
    "balanceOf(address)",
    "totalSupply()",
    "decimals()",
    "symbol()",
    "name()",
    "owner()",
    "deposit()",
    "deposit(uint256)",
    "deposit(uint256,address)",
    "withdraw(uint256)",
    "withdraw(uint256,address,address)",
    "redeem(uint256)",
    "redeem(uint256,address,address)",
    "redeemUnderlying(uint256)",
    "mint()",
    "mint(uint256)",
    "mint(address)",
    "mint(address,uint256)",
    "burn(uint256)",
    "burn(address)",
    "burn(address,uint256)",
    "borrow(uint256)",
    "repayBorrow(uint256)",
    "borrowBalanceStored(address)",
    "getAccountSnapshot(address)",
    "exchangeRateStored()",
    "enterMarkets(address[])",
    "getReserves()",
    "swap(uint256,uint256,address,bytes)",
    "swap(address,bool,int256,uint160,bytes)",
    "sync()",
    "skim(address)",
    "token0()",
    "token1()",
    "getPair(address,address)",
    "uniswapV2Call(address,uint256,uint256,bytes)",
    "uniswapV3SwapCallback(int256,int256,bytes)",
    "uniswapV3FlashCallback(uint256,uint256,bytes)",
    "pancakeCall(address,uint256,uint256,bytes)",
    "flash(address,uint256,uint256,bytes)",
    "flashLoan(address,address,uint256,bytes)",
    "flashLoan(address,address[],uint256[],bytes)",
    "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16)",
    "flashLoanSimple(address,address,uint256,bytes,uint16)",
    "flashLoan(uint256,uint256,address,bytes)",
    "DPPFlashLoanCall(address,uint256,uint256,bytes)",
    "executeOperation(address[],uint256[],uint256[],address,bytes)",
    "executeOperation(address,uint256,uint256,address,bytes)",
    "receiveFlashLoan(address[],uint256[],uint256[],bytes)",
    "onFlashLoan(address,address,uint256,uint256,bytes)",
    "callFunction(address,(address,uint256),bytes)",
    "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
    "swapExactTokensForETH(uint256,uint256,address[],address,uint256)",
    "swapExactETHForTokens(uint256,address[],address,uint256)",
    "swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
    "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)",
    "removeLiquidity(address,address,uint256,uint256,uint256,address,uint256)",
    "add_liquidity(uint256[2],uint256)",
    "add_liquidity(uint256[3],uint256)",
    "remove_liquidity(uint256,uint256[2])",
    "remove_liquidity_one_coin(uint256,int128,uint256)",
    "remove_liquidity_imbalance(uint256[3],uint256)",
    "exchange(int128,int128,uint256,uint256)",
    "get_virtual_price()",
    "latestAnswer()",
    "latestRoundData()",
    "getUnderlyingPrice(address)",
    "liquidate(address,address,uint256,bool)",
    "liquidateBorrow(address,uint256,address)",
    "safeTransferFrom(address,address,uint256)",
    "onERC721Received(address,address,uint256,bytes)",
    "tokensReceived(address,address,address,uint256,bytes,bytes)",
    "tokensToSend(address,address,address,uint256,bytes,bytes)",
    "getAmountsOut(uint256,address[])",
    "initialize()",
    "upgradeTo(address)",
    "upgradeToAndCall(address,bytes)",
    "transferOwnership(address)",
    "propose(address[],uint256[],string[],bytes[],string)",
    "castVote(uint256,bool)",
    "execute(uint256)",
    "process(bytes)",
    "multicall(bytes[])",
    "permit(address,address,uint256,uint256,uint8,bytes32,bytes32)",
    "claim()",
    "stake(uint256)",
    "exit()",
    "harvest()",
];

/// Tokens that nearly every trace meets.
const CONTRACTS: &[(ChainId, Address, &str)] = &[
    (1, address!("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"), "WETH"),
    (1, address!("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"), "USDC"),
    (1, address!("dac17f958d2ee523a2206206994597c13d831ec7"), "USDT"),
    (1, address!("6b175474e89094c44da98b954eedeac495271d0f"), "DAI"),
    (1, address!("2260fac5e5542a773aa44fbcfedf7c193bc2c599"), "WBTC"),
    (1, address!("ba12222222228d8ba445958a75a0704d566bf2c8"), "Balancer Vault"),
    (1, address!("7a250d5630b4cf539739df2c5dacb4c659f2488d"), "Uniswap V2 Router"),
    (56, address!("bb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c"), "WBNB"),
    (56, address!("e9e7cea3dedca5984780bafc599bd69add087d56"), "BUSD"),
    (56, address!("55d398326f99059ff775485246999027b3197955"), "USDT"),
    (56, address!("10ed43c718714eb63d5aa57b78b54704e256024e"), "PancakeSwap Router"),
];

static SELECTORS: LazyLock<BTreeMap<[u8; 4], &'static str>> = LazyLock::new(|| {
    let selector = |signature: &&'static str| {
        let hash = keccak256(signature.as_bytes());
        (hash.0.first_chunk::<4>().copied().unwrap_or_default(), *signature)
    };
    SIGNATURES.iter().map(selector).collect()
});

/// The signature of a selector, where it is well known. Others may share the selector.
pub(crate) fn signature(selector: [u8; 4]) -> Option<&'static str> {
    SELECTORS.get(&selector).copied()
}

/// What a contract is called.
pub(crate) fn contract(chain: ChainId, address: Address) -> Option<&'static str> {
    let known = CONTRACTS.iter().find(|(c, a, _)| *c == chain && *a == address);
    known.map(|(_, _, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_of_the_standards() {
        let cases = [
            ([0xa9, 0x05, 0x9c, 0xbb], "transfer(address,uint256)"),
            ([0x23, 0xb8, 0x72, 0xdd], "transferFrom(address,address,uint256)"),
            ([0x09, 0x5e, 0xa7, 0xb3], "approve(address,uint256)"),
            ([0x09, 0x02, 0xf1, 0xac], "getReserves()"),
        ];
        for (selector, name) in cases {
            assert_eq!(signature(selector), Some(name));
        }
        assert_eq!(signature([0; 4]), None);
    }
}

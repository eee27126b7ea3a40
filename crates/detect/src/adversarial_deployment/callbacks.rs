//! Functions through which lenders and pools call back whoever took a flash loan or a flash swap.

use std::collections::BTreeMap;

use alloy_primitives::Selector;

use crate::abi::Signature;

/// The signatures.
pub const CALLBACKS: &[&str] = &[
    // ERC-3156.
    "onFlashLoan(address,address,uint256,uint256,bytes)",
    // Aave, versions 1, 2 and 3.
    "executeOperation(address,uint256,uint256,bytes)",
    "executeOperation(address[],uint256[],uint256[],address,bytes)",
    "executeOperation(address,uint256,uint256,address,bytes)",
    // Balancer, versions 2 and 3.
    "receiveFlashLoan(address[],uint256[],uint256[],bytes)",
    // dYdX Solo.
    "callFunction(address,(address,uint256),bytes)",
    // Uniswap, versions 2, 3 and 4, and those who copied them.
    "uniswapV2Call(address,uint256,uint256,bytes)",
    "pancakeCall(address,uint256,uint256,bytes)",
    "uniswapV3FlashCallback(uint256,uint256,bytes)",
    "uniswapV3SwapCallback(int256,int256,bytes)",
    "pancakeV3FlashCallback(uint256,uint256,bytes)",
    "pancakeV3SwapCallback(int256,int256,bytes)",
    "algebraFlashCallback(uint256,uint256,bytes)",
    "unlockCallback(bytes)",
    // DODO.
    "DPPFlashLoanCall(address,uint256,uint256,bytes)",
    "DVMFlashLoanCall(address,uint256,uint256,bytes)",
    "DSPFlashLoanCall(address,uint256,uint256,bytes)",
    // Morpho.
    "onMorphoFlashLoan(uint256,bytes)",
];

/// The signatures by selector. Those that are not understood would be left out; a test checks that there are none.
pub(crate) fn selectors() -> BTreeMap<Selector, &'static str> {
    let understood = |text: &&'static str| {
        Signature::parse(text).ok().map(|signature| (Selector::new(signature.selector), *text))
    };
    CALLBACKS.iter().filter_map(understood).collect()
}

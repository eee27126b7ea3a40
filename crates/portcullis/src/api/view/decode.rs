//! Names of functions, and their arguments as text.
//!
//! A selector says which functions it may be, not which it is: names come from the configuration first (what its levers,
//! invariants and privileged functions call), then from a short list of functions that everybody has. What fits neither, or
//! whose arguments do not decode, is shown as its selector.

use std::{collections::BTreeMap, sync::LazyLock};

use alloy_dyn_abi::{DynSolValue, JsonAbiExt as _};
use alloy_json_abi::Function;
use alloy_primitives::Selector;
use portcullis_engine::Config;

/// Most signatures that are taken from a configuration.
const SIGNATURES_MAX: usize = 4_096;
/// Longest text of an argument, characters.
const ARGUMENT_CHARS_MAX: usize = 120;
/// Most items of a list that are shown.
const ITEMS_MAX: usize = 8;
/// Deepest nesting that is shown.
const DEPTH_MAX: usize = 4;

/// Functions of tokens, vaults, pools, markets and accounts, as their standards and their contracts name them.
const KNOWN: &[&str] = &[
    "transfer(address to, uint256 amount)",
    "transferFrom(address from, address to, uint256 amount)",
    "approve(address spender, uint256 amount)",
    "allowance(address owner, address spender)",
    "balanceOf(address account)",
    "totalSupply()",
    "decimals()",
    "mint(address to, uint256 amount)",
    "burn(uint256 amount)",
    "burn(address from, uint256 amount)",
    "permit(address owner, address spender, uint256 value, uint256 deadline, uint8 v, bytes32 r, bytes32 s)",
    "deposit()",
    "deposit(uint256 amount)",
    "deposit(uint256 assets, address receiver)",
    "deposit(address token, uint256 amount)",
    "withdraw(uint256 amount)",
    "withdraw(uint256 assets, address receiver, address owner)",
    "withdraw(address token, uint256 amount)",
    "redeem(uint256 shares)",
    "redeem(uint256 shares, address receiver, address owner)",
    "mint(uint256 shares, address receiver)",
    "convertToAssets(uint256 shares)",
    "convertToShares(uint256 assets)",
    "totalAssets()",
    "swap(uint256 amount0Out, uint256 amount1Out, address to, bytes data)",
    "swap(address recipient, bool zeroForOne, int256 amount, uint160 limit, bytes data)",
    "swap(address tokenIn, uint256 amountIn, uint256 minimumOut)",
    "swapExactTokensForTokens(uint256 amountIn, uint256 minimumOut, address[] path, address to, uint256 deadline)",
    "getReserves()",
    "slot0()",
    "sync()",
    "skim(address to)",
    "token0()",
    "token1()",
    "borrow(uint256 amount)",
    "borrow(address asset, uint256 amount)",
    "borrow(address asset, uint256 amount, uint256 mode, uint16 referral, address onBehalfOf)",
    "repay(uint256 amount)",
    "repay(address asset, uint256 amount)",
    "repayBorrow(uint256 amount)",
    "supply(address asset, uint256 amount, address onBehalfOf, uint16 referral)",
    "withdraw(address asset, uint256 amount, address to)",
    "liquidationCall(address collateral, address debt, address user, uint256 amount, bool receiveShares)",
    "liquidate(address user, uint256 amount)",
    "liquidateBorrow(address borrower, uint256 amount, address collateral)",
    "flashLoan(uint256 amount)",
    "flashLoan(uint256 amount, bytes data)",
    "flashLoan(address receiver, address token, uint256 amount, bytes data)",
    "flashLoan(address receiver, address[] tokens, uint256[] amounts, bytes data)",
    "onFlashLoan(address initiator, address token, uint256 amount, uint256 fee, bytes data)",
    "executeOperation(address asset, uint256 amount, uint256 premium, address initiator, bytes data)",
    "uniswapV2Call(address sender, uint256 amount0, uint256 amount1, bytes data)",
    "uniswapV3SwapCallback(int256 amount0, int256 amount1, bytes data)",
    "latestAnswer()",
    "latestRoundData()",
    "getPrice()",
    "price()",
    "getAssetPrice(address asset)",
    "pause()",
    "unpause()",
    "paused()",
    "setPaused(bool paused)",
    "owner()",
    "transferOwnership(address owner)",
    "acceptOwnership()",
    "grantRole(bytes32 role, address account)",
    "revokeRole(bytes32 role, address account)",
    "upgradeTo(address implementation)",
    "upgradeToAndCall(address implementation, bytes data)",
    "implementation()",
    "initialize()",
    "execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures)",
    "execute(address target, uint256 value, bytes data)",
    "multicall(bytes[] calls)",
    "setTargetClosed(address target, bool closed)",
    "attack()",
    "run()",
];

/// Functions by selector.
#[derive(Debug, Clone, Default)]
pub(crate) struct Functions {
    configured: BTreeMap<Selector, Function>,
}

static STANDARD: LazyLock<BTreeMap<Selector, Function>> =
    LazyLock::new(|| KNOWN.iter().filter_map(|text| entry(text)).collect());

fn entry(signature: &str) -> Option<(Selector, Function)> {
    let function = Function::parse(signature).ok()?;
    Some((function.selector(), function))
}

/// A call as people read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Its name; none where nobody knows it.
    pub(crate) name: Option<String>,
    /// `name: value`, as far as they decode.
    pub(crate) arguments: Vec<String>,
}

impl Functions {
    /// The functions that a configuration names. Signatures stand in the settings of detectors as plain texts.
    pub(crate) fn of(config: &Config) -> Self {
        let mut configured = BTreeMap::new();
        for protocol in &config.protocols {
            let Ok(settings) = serde_json::to_value(&protocol.detectors) else { continue };
            collect(&settings, &mut configured);
        }
        Self { configured }
    }

    /// What call data says.
    pub(crate) fn decode(&self, input: &[u8]) -> Decoded {
        let unknown = Decoded { name: None, arguments: Vec::new() };
        let Some((selector, data)) = input.split_first_chunk::<4>() else { return unknown };
        let selector = Selector::from(*selector);
        let function = self.configured.get(&selector).or_else(|| STANDARD.get(&selector));
        let Some(function) = function else { return unknown };
        let arguments = match function.abi_decode_input(data) {
            Ok(values) => function
                .inputs
                .iter()
                .zip(values)
                .map(|(input, value)| {
                    let text = shown(&value, 0);
                    if input.name.is_empty() { text } else { format!("{}: {text}", input.name) }
                })
                .collect(),
            Err(_) if data.is_empty() => Vec::new(),
            // Cut, or another function of the same selector: the name alone is shown, with what there is.
            Err(_) => vec![short(data)],
        };
        Decoded { name: Some(function.name.clone()), arguments }
    }
}

fn collect(value: &serde_json::Value, to: &mut BTreeMap<Selector, Function>) {
    match value {
        serde_json::Value::String(text) if to.len() < SIGNATURES_MAX => {
            let looks_so = text.len() < 400 && text.ends_with(')') && text.contains('(');
            if let Some((selector, function)) =
                Some(text).filter(|_| looks_so).and_then(|t| entry(t))
            {
                to.insert(selector, function);
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, to)),
        serde_json::Value::Object(fields) => fields.values().for_each(|item| collect(item, to)),
        _ => {}
    }
}

fn short(bytes: &[u8]) -> String {
    let head = bytes.get(..16).unwrap_or(bytes);
    let more = if bytes.len() > head.len() { "…" } else { "" };
    format!("0x{}{more} ({} bytes)", alloy_primitives::hex::encode(head), bytes.len())
}

fn shown(value: &DynSolValue, depth: usize) -> String {
    let list = |items: &[DynSolValue]| {
        if depth >= DEPTH_MAX {
            return format!("[… {}]", items.len());
        }
        let mut texts: Vec<String> =
            items.iter().take(ITEMS_MAX).map(|item| shown(item, depth + 1)).collect();
        if items.len() > ITEMS_MAX {
            texts.push(format!("… {} more", items.len() - ITEMS_MAX));
        }
        format!("[{}]", texts.join(", "))
    };
    match value {
        DynSolValue::Bool(value) => value.to_string(),
        DynSolValue::Int(value, _) => value.to_string(),
        DynSolValue::Uint(value, _) => value.to_string(),
        DynSolValue::Address(value) => value.to_string(),
        DynSolValue::FixedBytes(word, size) => short(word.get(..*size).unwrap_or(word.as_slice())),
        DynSolValue::Bytes(bytes) => short(bytes),
        DynSolValue::String(text) => text.chars().take(ARGUMENT_CHARS_MAX).collect(),
        DynSolValue::Array(items) | DynSolValue::FixedArray(items) | DynSolValue::Tuple(items) => {
            list(items)
        }
        DynSolValue::Function(function) => function.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::hex;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_calls_are_read_and_strange_ones_are_not_guessed() {
        let functions = Functions::default();
        let call = hex!(
            "a9059cbb000000000000000000000000000000000000000000000000000000000000dEaD00000000000000000000000000000000000000000000000000000000000003e8"
        );
        let decoded = functions.decode(&call);
        assert_eq!(decoded.name.as_deref(), Some("transfer"));
        assert_eq!(
            decoded.arguments,
            ["to: 0x000000000000000000000000000000000000dEaD", "amount: 1000"]
        );
        assert_eq!(functions.decode(&call[..30]).name.as_deref(), Some("transfer"), "cut");
        for strange in [&[][..], &[1, 2, 3], &[0xde, 0xad, 0xbe, 0xef, 1]] {
            assert_eq!(functions.decode(strange), Decoded { name: None, arguments: Vec::new() });
        }
    }

    #[test]
    fn every_known_signature_is_one() {
        assert!(KNOWN.iter().all(|text| entry(text).is_some()));
        assert_eq!(STANDARD.len(), KNOWN.len(), "two of one selector");
    }

    proptest! {
        #[test]
        fn no_call_data_makes_it_panic(which in 0_usize..KNOWN.len(), data in proptest::collection::vec(any::<u8>(), 0..1_000)) {
            let (selector, _) = entry(KNOWN[which]).unwrap();
            let mut input = selector.to_vec();
            input.extend(data);
            let decoded = Functions::default().decode(&input);
            prop_assert!(decoded.arguments.iter().all(|text| text.len() < 100_000));
        }
    }
}

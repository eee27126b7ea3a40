//! What the functions of the public standards and of the best known protocols mean.
//!
//! Written as signatures, so that anyone can check them; the selectors are computed once, when a scanner is made.
//! A selector that is not here means nothing: it never raises an alarm by itself.

use alloy_primitives::{keccak256, map::HashMap};

/// What a function is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Meaning {
    /// Moves or asks about a fungible or non-fungible token (ERC-20, 721, 777, 1155, 1820).
    Token,
    /// Wraps or unwraps the native coin in the form of WETH9 (on other contracts: a vault without names).
    Wrap,
    /// Asks for a price, a reserve, an account; changes nothing that matters.
    View,
    /// Trades in one pool.
    Swap,
    /// Trades or executes through a public router or settlement contract.
    Route,
    /// Executes what the owner of a smart wallet wants (Safe, `DSProxy`, ERC-4337 accounts).
    Wallet,
    /// Borrows for the length of a call.
    Flash,
    /// The lender of a flash loan or swap calls its borrower.
    FlashCallback,
    /// A pool or token calls whom it deals with.
    Callback,
    /// Puts liquidity into a pool.
    AddLiquidity,
    /// Takes liquidity out of a pool.
    RemoveLiquidity,
    /// Makes a pool believe its balances, or hands out what is above its books.
    Upkeep,
    /// Supplies to, or repays, a lending market.
    Supply,
    /// Takes out of, or borrows from, a lending market.
    Borrow,
    /// Chooses collateral.
    Collateral,
    /// Pays into a vault, a stake or a bonding curve.
    PayIn,
    /// Takes out of one.
    TakeOut,
    /// Takes a reward.
    Claim,
    /// Closes an insolvent debt.
    Liquidate,
    /// Proposes, votes, queues or executes.
    Govern,
    /// Sets up a contract, once, for whoever comes first.
    Initialize,
    /// Sets up a wallet of Parity's library, of which more than 700 hold money: done in constructors, never from outside.
    WalletSetUp,
    /// Mints or burns tokens of a holder: for the issuer.
    Issue,
    /// Says who rules a contract.
    Ownership,
    /// By the convention of OpenZeppelin internal: disposes of a holder's tokens, never for strangers.
    Internal,
    /// Internal as well: issues and rules, which careless authors leave to an owner under such a name.
    InternalRule,
    /// Takes a contract's money out, whoever it belongs to: for the owner, in need.
    Rescue,
}

/// Signatures by meaning, separated by spaces.
const SIGNATURES: &[(Meaning, &str)] = &[
    (
        Meaning::Token,
        "transfer(address,uint256) transferFrom(address,address,uint256) approve(address,uint256) \
         balanceOf(address) allowance(address,address) totalSupply() decimals() name() symbol() \
         increaseAllowance(address,uint256) decreaseAllowance(address,uint256) \
         permit(address,address,uint256,uint256,uint8,bytes32,bytes32) \
         safeTransferFrom(address,address,uint256) \
         safeTransferFrom(address,address,uint256,bytes) \
         safeTransferFrom(address,address,uint256,uint256,bytes) \
         safeBatchTransferFrom(address,address,uint256[],uint256[],bytes) \
         setApprovalForAll(address,bool) ownerOf(uint256) transferAndCall(address,uint256,bytes) \
         send(address,uint256,bytes) approveAndCall(address,uint256,bytes) \
         setInterfaceImplementer(address,bytes32,address)",
    ),
    (Meaning::Wrap, "deposit() withdraw(uint256)"),
    (
        Meaning::View,
        "getReserves() token0() token1() factory() WETH() fee() slot0() getPair(address,address) \
         getAmountsOut(uint256,address[]) getAmountsIn(uint256,address[]) owner() kLast() \
         price0CumulativeLast() latestAnswer() supportsInterface(bytes4) get_virtual_price() \
         getUnderlyingPrice(address) getAccountLiquidity(address) underlying() \
         exchangeRateCurrent() balanceOfUnderlying(address) borrowBalanceCurrent(address) \
         accrueInterest() getBalance(address) getDenormalizedWeight(address) isBound(address) \
         getSwapFee() coins(uint256)",
    ),
    (
        Meaning::Swap,
        "swap(uint256,uint256,address,bytes) swap(uint256,uint256,address) \
         swap(address,bool,int256,uint160,bytes) exchange(int128,int128,uint256,uint256) \
         exchange(uint256,uint256,uint256,uint256) \
         exchange(int128,int128,uint256,uint256,address) \
         exchange_underlying(int128,int128,uint256,uint256) \
         swapExactAmountIn(address,uint256,address,uint256,uint256) \
         swapExactAmountOut(address,uint256,address,uint256,uint256) \
         swap(uint8,uint8,uint256,uint256,uint256) sellBase(address) sellQuote(address) \
         ethToTokenSwapInput(uint256,uint256) tokenToEthSwapInput(uint256,uint256,uint256) \
         tokenToEthTransferInput(uint256,uint256,uint256,address) \
         ethToTokenTransferInput(uint256,uint256,address) \
         tokenToTokenSwapInput(uint256,uint256,uint256,uint256,address) \
         ethToTokenSwapOutput(uint256,uint256) tokenToEthSwapOutput(uint256,uint256,uint256) \
         swap((bytes32,uint8,address,address,uint256,bytes),(address,bool,address,bool),uint256,uint256) \
         batchSwap(uint8,(bytes32,uint256,uint256,uint256,bytes)[],address[],(address,bool,address,bool),int256[],uint256) \
         trade(address,uint256,address,address,uint256,uint256,address) \
         tradeWithHint(address,uint256,address,address,uint256,uint256,address,bytes) \
         convert(address[],uint256,uint256) convert2(address[],uint256,uint256,address,uint256) \
         quickConvert(address[],uint256,uint256) swap(address,int256,bool,uint160,bytes)",
    ),
    (
        Meaning::Route,
        "swapExactTokensForTokens(uint256,uint256,address[],address,uint256) \
         swapTokensForExactTokens(uint256,uint256,address[],address,uint256) \
         swapExactETHForTokens(uint256,address[],address,uint256) \
         swapTokensForExactETH(uint256,uint256,address[],address,uint256) \
         swapExactTokensForETH(uint256,uint256,address[],address,uint256) \
         swapETHForExactTokens(uint256,address[],address,uint256) \
         swapExactTokensForTokensSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256) \
         swapExactETHForTokensSupportingFeeOnTransferTokens(uint256,address[],address,uint256) \
         swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256) \
         exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160)) \
         exactInput((bytes,address,uint256,uint256,uint256)) \
         exactOutputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160)) \
         exactOutput((bytes,address,uint256,uint256,uint256)) \
         exactInputSingle((address,address,uint24,address,uint256,uint256,uint160)) \
         exactInput((bytes,address,uint256,uint256)) \
         swapExactTokensForTokens(uint256,uint256,address[],address) \
         execute(bytes,bytes[],uint256) execute(bytes,bytes[]) multicall(bytes[]) \
         multicall(uint256,bytes[]) \
         swap(address,(address,address,address,address,uint256,uint256,uint256),bytes,bytes) \
         swap(address,(address,address,address,address,uint256,uint256,uint256,bytes),bytes) \
         swap(string,address,uint256,bytes) \
         transformERC20(address,address,uint256,uint256,(uint32,bytes)[]) \
         sellToUniswap(address[],uint256,uint256,bool) uniswapV3Swap(uint256,uint256,uint256[]) \
         unoswap(address,uint256,uint256,bytes32[]) \
         settle(address[],uint256[],(uint256,uint256,address,uint256,uint256,uint32,bytes32,uint256,uint256,uint256,bytes)[],(address,uint256,bytes)[][3]) \
         aggregate((address,bytes)[]) \
         handleOps((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,bytes)[],address) \
         fulfillBasicOrder((address,uint256,uint256,address,address,address,uint256,uint256,uint8,uint256,uint256,bytes32,uint256,bytes32,bytes32,uint256,(uint256,address)[],bytes)) \
         atomicMatch_(address[14],uint256[18],uint8[8],bytes,bytes,bytes,bytes,bytes,bytes,uint8[2],bytes32[5])",
    ),
    (
        Meaning::Wallet,
        "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes) \
         execute(address,bytes) execute(address,uint256,bytes) \
         executeBatch(address[],bytes[]) executeBatch(address[],uint256[],bytes[])",
    ),
    (
        Meaning::Flash,
        "flashLoan(address,address[],uint256[],uint256[],address,bytes,uint16) \
         flashLoanSimple(address,address,uint256,bytes,uint16) \
         flashLoan(address,address,uint256,bytes) flashLoan(address,address[],uint256[],bytes) \
         flash(address,uint256,uint256,bytes) \
         operate((address,uint256)[],(uint8,uint256,(bool,uint8,uint8,uint256),uint256,uint256,address,uint256,bytes)[]) \
         flashLoan(uint256,uint256,address,bytes) flashLoan(address,uint256,bytes) \
         flashLoan(uint256) flashLoan(address,uint256,uint256,bytes) \
         multiFlashLoan(address[],uint256[],bytes) flashBorrow(address,address,uint256,bytes) \
         flashLoan(address[],uint256[],bytes) flashloan(address,address,uint256,bytes)",
    ),
    (
        Meaning::FlashCallback,
        "executeOperation(address[],uint256[],uint256[],address,bytes) \
         executeOperation(address,uint256,uint256,address,bytes) \
         executeOperation(address,uint256,uint256,bytes) \
         onFlashLoan(address,address,uint256,uint256,bytes) \
         receiveFlashLoan(address[],uint256[],uint256[],bytes) \
         uniswapV3FlashCallback(uint256,uint256,bytes) \
         pancakeV3FlashCallback(uint256,uint256,bytes) \
         callFunction(address,(address,uint256),bytes) \
         uniswapV2Call(address,uint256,uint256,bytes) pancakeCall(address,uint256,uint256,bytes) \
         DPPFlashLoanCall(address,uint256,uint256,bytes) \
         DVMFlashLoanCall(address,uint256,uint256,bytes) \
         DSPFlashLoanCall(address,uint256,uint256,bytes) hook(address,uint256,uint256,bytes) \
         BiswapCall(address,uint256,uint256,bytes) waultSwapCall(address,uint256,uint256,bytes) \
         flashCallback(uint256,uint256,bytes) onDeferredLiquidityCheck(bytes) \
         jetswapCall(address,uint256,uint256,bytes)",
    ),
    (
        Meaning::Callback,
        "uniswapV3SwapCallback(int256,int256,bytes) pancakeV3SwapCallback(int256,int256,bytes) \
         algebraSwapCallback(int256,int256,bytes) swapCallback(int256,int256,bytes) \
         uniswapV3MintCallback(uint256,uint256,bytes) mintCallback(uint256,uint256,bytes) \
         onERC721Received(address,address,uint256,bytes) onERC721Received(address,uint256,bytes) \
         onERC1155Received(address,address,uint256,uint256,bytes) \
         onERC1155BatchReceived(address,address,uint256[],uint256[],bytes) \
         tokensReceived(address,address,address,uint256,bytes,bytes) \
         tokensToSend(address,address,address,uint256,bytes,bytes) \
         tokenFallback(address,uint256,bytes) onTokenTransfer(address,uint256,bytes) \
         isValidSignature(bytes32,bytes) lockAcquired(bytes) unlockCallback(bytes) \
         receiveApproval(address,uint256,address,bytes)",
    ),
    (
        Meaning::AddLiquidity,
        "mint(address) mint(address,int24,int24,uint128,bytes) \
         addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256) \
         addLiquidityETH(address,uint256,uint256,uint256,address,uint256) \
         add_liquidity(uint256[2],uint256) add_liquidity(uint256[3],uint256) \
         add_liquidity(uint256[4],uint256) addLiquidity(uint256[],uint256,uint256) \
         joinPool(uint256,uint256[]) joinswapExternAmountIn(address,uint256,uint256) \
         joinPool(bytes32,address,address,(address[],uint256[],bytes,bool)) \
         addLiquidity(uint256,uint256,uint256)",
    ),
    (
        Meaning::RemoveLiquidity,
        "burn(address) burn(int24,int24,uint128) collect(address,int24,int24,uint128,uint128) \
         removeLiquidity(address,address,uint256,uint256,uint256,address,uint256) \
         removeLiquidityETH(address,uint256,uint256,uint256,address,uint256) \
         removeLiquidityETHSupportingFeeOnTransferTokens(address,uint256,uint256,uint256,address,uint256) \
         remove_liquidity(uint256,uint256[2]) remove_liquidity(uint256,uint256[3]) \
         remove_liquidity(uint256,uint256[4]) remove_liquidity_imbalance(uint256[2],uint256) \
         remove_liquidity_imbalance(uint256[3],uint256) \
         remove_liquidity_imbalance(uint256[4],uint256) \
         remove_liquidity_one_coin(uint256,int128,uint256) \
         removeLiquidity(uint256,uint256[],uint256) \
         removeLiquidityOneToken(uint256,uint8,uint256,uint256) exitPool(uint256,uint256[]) \
         exitswapPoolAmountIn(address,uint256,uint256) \
         exitPool(bytes32,address,address,(address[],uint256[],bytes,bool)) \
         removeLiquidity(uint256,uint256,uint256,uint256)",
    ),
    (Meaning::Upkeep, "skim(address) sync() gulp(address)"),
    (
        Meaning::Supply,
        "mint(uint256) mint() supply(address,uint256) supply(address,uint256,address,uint16) \
         deposit(address,uint256,address,uint16) repayBorrow(uint256) \
         repay(address,uint256,uint256,address) repayBorrow() deposit(address,uint256) \
         supply(uint256)",
    ),
    (
        Meaning::Borrow,
        "borrow(uint256) borrow(address,uint256) borrow(address,uint256,uint256,uint16,address) \
         redeem(uint256) redeemUnderlying(uint256) withdraw(address,uint256) \
         withdraw(address,uint256,address)",
    ),
    (
        Meaning::Collateral,
        "enterMarkets(address[]) exitMarket(address) setUserUseReserveAsCollateral(address,bool)",
    ),
    (
        Meaning::PayIn,
        "deposit(uint256) deposit(uint256,address) deposit(uint256,uint256) stake(uint256) \
         depositAll() enter(uint256) mint(uint256,address) deposit(uint256,uint256,address) \
         buy(uint256) stake(uint256,uint256)",
    ),
    (
        Meaning::TakeOut,
        "withdraw(uint256,address,address) redeem(uint256,address,address) withdrawAll() \
         unstake(uint256) leave(uint256) exit() withdraw(uint256,uint256) \
         emergencyWithdraw(uint256) emergencyWithdraw() sell(uint256) withdraw(uint256,address) \
         burn(uint256,uint256) withdraw()",
    ),
    (
        Meaning::Claim,
        "getReward() claim() claim(uint256) harvest() harvest(uint256) claimRewards() \
         getReward(address) collect((uint256,address,uint128,uint128))",
    ),
    (
        Meaning::Liquidate,
        "liquidateBorrow(address,uint256,address) liquidateBorrow(address,address) \
         liquidationCall(address,address,address,uint256,bool) \
         liquidate(address,address,address,uint256) liquidateBorrow(address) \
         bite(bytes32,address) batchLiquidateTroves(address[]) liquidate(address)",
    ),
    (
        Meaning::Govern,
        "execute(uint256) propose(address[],uint256[],string[],bytes[],string) \
         propose(address[],uint256[],bytes[],string) castVote(uint256,uint8) \
         castVote(uint256,bool) queue(uint256) emergencyCommit(uint256) vote(uint256,bool,bool) \
         execute(address[],uint256[],bytes[],bytes32) propose(address,string)",
    ),
    (
        Meaning::WalletSetUp,
        "initWallet(address[],uint256,uint256) initMultiowned(address[],uint256) initDaylimit(uint256)",
    ),
    (
        Meaning::Issue,
        "mint(address,uint256) burn(address,uint256) burnFrom(address,uint256) burn(uint256) \
         burn(address,address,uint256)",
    ),
    (
        Meaning::Ownership,
        "transferOwnership(address) setOwner(address) changeOwner(address) setAdmin(address) \
         changeAdmin(address) upgradeTo(address) upgradeToAndCall(address,bytes) \
         grantRole(bytes32,address) addMinter(address) setMinter(address) transferAdmin(address) \
         claimOwnership() setGovernance(address)",
    ),
    (
        Meaning::Rescue,
        "emergencyWithdraw(address) emergencyWithdraw(address,uint256) \
         emergencyWithdraw(address,address) emergencyWithdraw(address,address,uint256) \
         emergencyExit(address) emergencyExit(uint256) emergencyExit() rescueTokens(address) \
         rescueTokens(address,uint256) rescueTokens(address,address,uint256) \
         rescueToken(address) rescueToken(address,uint256) rescueToken(address,address,uint256) \
         rescueFunds(address,address,uint256) rescueFunds(address,uint256) rescueFunds(address) \
         rescueERC20(address,uint256) rescueERC20(address,address,uint256) rescueETH() \
         rescueETH(uint256) rescueETH(address) rescueETH(address,uint256) \
         recoverERC20(address,uint256) recoverERC20(address,address,uint256) \
         recoverTokens(address) recoverTokens(address,uint256) recoverToken(address) \
         recoverToken(address,uint256) recoverETH() recoverEther(uint256) recoverFunds(address) \
         withdrawToken(address) withdrawToken(address,uint256) \
         withdrawToken(address,address,uint256) withdrawTokens(address) \
         withdrawTokens(address,uint256) withdrawTokens(address,address,uint256) \
         withdrawERC20(address,uint256) withdrawERC20(address,address,uint256) \
         withdrawStuckTokens(address) withdrawStuckETH() withdrawStuckTokens(address,uint256) \
         inCaseTokensGetStuck(address) inCaseTokensGetStuck(address,uint256) \
         inCaseTokensGetStuck(address,uint256,address) claimTokens(address) clearStuckBalance() \
         sweep(address) sweep(address,uint256) sweep(address,address) sweepToken(address) \
         sweepTokens(address,address) governanceRecoverUnsupported(address,uint256,address) \
         salvage(address,address,uint256)",
    ),
];

/// Functions that are known by their name, whatever they are given: meaning, names, types of arguments, most arguments.
/// All combinations count. There are about 10,000 of them: the chance that a function of another name has the selector
/// of one is one in 400,000.
const FAMILIES: &[(Meaning, &str, &str, usize)] = &[
    (
        Meaning::Initialize,
        "initialize init",
        "address uint256 address[] uint256[] string bytes bool",
        4,
    ),
    (Meaning::Initialize, "initialize init", "address", 8),
    (Meaning::Internal, "_burn _transfer _approve", "address uint256 bytes bytes32", 4),
    (
        Meaning::InternalRule,
        "_mint _withdraw _transferOwnership _setOwner _authorizeUpgrade _upgradeTo _setImplementation \
         _grantRole _setupRole",
        "address uint256 bytes bytes32",
        4,
    ),
];

/// The meaning of selectors.
#[derive(Debug, Clone)]
pub(crate) struct Vocabulary {
    meanings: HashMap<[u8; 4], Meaning>,
}

impl Default for Vocabulary {
    fn default() -> Self {
        let mut meanings = HashMap::default();
        for (meaning, signatures) in SIGNATURES {
            for signature in signatures.split_whitespace() {
                let [a, b, c, d, ..] = keccak256(signature).0;
                meanings.entry([a, b, c, d]).or_insert(*meaning);
            }
        }
        for (meaning, names, types, most) in FAMILIES {
            for arguments in arguments(types, *most) {
                for name in names.split_whitespace() {
                    let [a, b, c, d, ..] = keccak256(format!("{name}({arguments})")).0;
                    meanings.entry([a, b, c, d]).or_insert(*meaning);
                }
            }
        }
        Self { meanings }
    }
}

/// All lists of at most `most` arguments.
fn arguments(types: &str, most: usize) -> Vec<String> {
    let mut all = vec![String::new()];
    let mut longest = 0..1;
    for _ in 0..most {
        for index in longest.clone() {
            let Some(prefix) = all.get(index).cloned() else { continue };
            let comma = if prefix.is_empty() { "" } else { "," };
            all.extend(types.split_whitespace().map(|one| format!("{prefix}{comma}{one}")));
        }
        longest = longest.end..all.len();
    }
    all
}

impl Vocabulary {
    /// What a selector means; none if it is in no list.
    pub(crate) fn meaning(&self, selector: [u8; 4]) -> Option<Meaning> {
        self.meanings.get(&selector).copied()
    }
}

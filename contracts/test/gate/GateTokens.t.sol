// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC1967Proxy} from "@openzeppelin/contracts/proxy/ERC1967/ERC1967Proxy.sol";
import {ClaimVault} from "../../src/gate/ClaimVault.sol";
import {Gated, IOutflowHook} from "../../src/gate/Gated.sol";
import {IOutflowGate} from "../../src/gate/IOutflowGate.sol";
import {OutflowGate} from "../../src/gate/OutflowGate.sol";
import {GateTest} from "./GateTest.sol";
import {GatedBank, MixinBank} from "./Protocols.sol";
import {FalseToken, FeeToken, HookToken, PlainToken, RebasingToken} from "./Tokens.sol";

/// @notice Calls back into bank and gate whenever it is told of money.
contract Reentrant {
    GatedBank private immutable _bank;
    OutflowGate private immutable _gate;
    address private immutable _asset;
    uint256 public calls;
    uint256 public succeeded;

    constructor(GatedBank bank, OutflowGate gate, address asset) {
        (_bank, _gate, _asset) = (bank, gate, asset);
    }

    receive() external payable {
        again();
    }

    function tokensReceived(uint256) external {
        again();
    }

    function withdraw(uint256 amount) external {
        _bank.withdraw(_asset, address(this), amount);
    }

    function again() private {
        if (calls >= 3) return;
        ++calls;
        try _gate.releaseClaim(1) returns (uint256 paid) {
            if (paid != 0) ++succeeded;
        } catch {}
        _bank.withdraw(_asset, address(this), 60);
    }
}

/// @notice Refuses the native asset.
contract Refuser {
    function releaseTo(OutflowGate gate, uint256 id, address to) external {
        gate.releaseClaimTo(id, to);
    }
}

contract GateTokensTest is GateTest {
    OutflowGate private gate;
    GatedBank private bank;
    uint256 private nAssets;

    function setUp() public {
        vm.warp(START);
        gate = newGate(new address[](0), new IOutflowGate.Limits[](0));
        bank = new GatedBank(IOutflowHook(address(gate)));
        vm.startPrank(governance);
        gate.grantRole(gate.PROTOCOL_ROLE(), address(bank));
        vm.stopPrank();
        vm.deal(address(bank), 1_000_000);
        gated(NATIVE);
    }

    /// @dev A hundred units an hour.
    function gated(address asset) private {
        vm.prank(governance);
        gate.setLimits(asset, plainLimits(100, 100, 1 hours));
        skip(LOOSEN_DELAY);
        gate.applyLimits(asset);
    }

    function withdraw(address asset, address user, uint256 amount) private returns (uint256 id) {
        vm.prank(user);
        return bank.withdraw(asset, user, amount);
    }

    // -------------------------------------------------------------------------------------------------------- native

    function test_native_passes_queues_and_is_released() public {
        assertEq(withdraw(NATIVE, alice, 100), 0, "passed");
        assertEq(alice.balance, 100, "alice");
        assertEq(withdraw(NATIVE, alice, 50), 1, "queued");
        assertEq(gate.vaultOf(1).balance, 50, "vault, without code");
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        assertEq(alice.balance, 150, "paid");
        vm.deal(address(this), 5);
        (bool ok,) = gate.vaultOf(1).call{value: 5}("");
        assertTrue(ok, "the deployed vault still takes it");
        gate.releaseClaim(1);
        assertEq(alice.balance, 155, "late");
    }

    function test_receiver_that_refuses_the_native_asset_loses_nothing() public {
        Refuser refuser = new Refuser();
        vm.expectPartialRevert(Gated.GatedTransferFailed.selector);
        withdraw(NATIVE, address(refuser), 100);
        assertEq(withdraw(NATIVE, address(refuser), 101), 1, "queued");
        skip(CLAIM_DELAY);
        vm.expectPartialRevert(ClaimVault.NativeTransferFailed.selector);
        gate.releaseClaim(1);
        assertEq(gate.queuedTotal(NATIVE), 101, "as it was");
        refuser.releaseTo(gate, 1, bob);
        assertEq(bob.balance, 101, "where the receiver said");
    }

    function test_native_reentrancy_finds_the_allowance_used() public {
        Reentrant thief = new Reentrant(bank, gate, NATIVE);
        thief.withdraw(60);
        // 60 passed; each further 60 had no room and waits in a vault.
        assertEq(address(thief).balance, 60, "60");
        assertEq(thief.calls(), 1, "told once");
        assertEq(gate.vaultOf(1).balance, 60, "queued");
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        assertEq(thief.succeeded(), 0, "nothing twice");
        assertLe(address(thief).balance, 60 + 60 + 100, "its claim and the refilled bucket");
    }

    // --------------------------------------------------------------------------------------------------------- hooks

    function test_token_hooks_cannot_reenter_to_their_advantage() public {
        HookToken token = new HookToken();
        token.mint(address(bank), 1000);
        gated(address(token));
        Reentrant thief = new Reentrant(bank, gate, address(token));
        thief.withdraw(60);
        assertEq(token.balanceOf(address(thief)), 60, "60");
        assertEq(gate.queuedTotal(address(token)), 60, "the rest waits");
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        assertEq(thief.succeeded(), 0, "nothing twice");
        uint256 waiting = token.balanceOf(gate.vaultOf(1)) + token.balanceOf(gate.vaultOf(2));
        assertEq(
            token.balanceOf(address(bank)) + token.balanceOf(address(thief)) + waiting
                + token.balanceOf(gate.vaultOf(3)),
            1000,
            "nothing is made or lost"
        );
    }

    // ---------------------------------------------------------------------------------------------------- odd tokens

    function test_fee_on_transfer_pays_what_arrived() public {
        FeeToken token = new FeeToken();
        token.mint(address(bank), 100_000);
        gated(address(token));
        assertEq(withdraw(address(token), alice, 10_000), 1, "queued");
        assertEq(token.balanceOf(gate.vaultOf(1)), 9900, "the fee is gone");
        skip(CLAIM_DELAY);
        assertEq(gate.releaseClaim(1), 9900, "all of it");
        assertEq(token.balanceOf(alice), 9801, "and a fee again");
        assertEq(gate.queuedTotal(address(token)), 0, "nothing left over");
    }

    function test_rebase_of_one_claim_is_not_anothers_loss() public {
        RebasingToken token = new RebasingToken();
        token.mint(address(bank), 100_000);
        gated(address(token));
        withdraw(address(token), alice, 10_000);
        token.rebase(5000);
        withdraw(address(token), bob, 10_000);
        token.rebase(20_000);
        skip(CLAIM_DELAY);
        gate.releaseClaim(1);
        gate.releaseClaim(2);
        assertEq(token.balanceOf(alice), 20_000, "alice had hers before");
        assertEq(token.balanceOf(bob), 40_000, "bob's came at half");
    }

    function test_token_that_returns_false_is_heard() public {
        FalseToken token = new FalseToken();
        token.mint(address(bank), 500);
        gated(address(token));
        vm.expectRevert();
        withdraw(address(token), alice, 501);
        withdraw(address(token), alice, 500);
        token.freeze(alice, true);
        skip(CLAIM_DELAY);
        vm.expectRevert();
        gate.releaseClaim(1);
        assertEq(token.balanceOf(gate.vaultOf(1)), 500, "waits");
        token.freeze(alice, false);
        gate.releaseClaim(1);
        assertEq(token.balanceOf(alice), 500, "paid");
    }

    /// @dev What an issuer does about stolen money in a pooled escrow hits everybody's; here it hits the thief's.
    function test_issuer_freezes_one_vault_and_nobody_else() public {
        FalseToken token = new FalseToken();
        token.mint(address(bank), 2000);
        gated(address(token));
        withdraw(address(token), account("thief", 0), 1000);
        withdraw(address(token), alice, 1000);
        token.freeze(gate.vaultOf(1), true);
        skip(CLAIM_DELAY);
        vm.expectRevert();
        gate.releaseClaim(1);
        gate.releaseClaim(2);
        assertEq(token.balanceOf(alice), 1000, "alice");
    }

    function test_donation_to_a_vault_harms_nobody() public {
        PlainToken token = new PlainToken(18);
        token.mint(address(bank), 2000);
        gated(address(token));
        token.mint(gate.vaultOf(1), 1e30);
        withdraw(address(token), alice, 500);
        withdraw(address(token), bob, 500);
        skip(CLAIM_DELAY);
        gate.releaseClaim(2);
        gate.releaseClaim(1);
        assertEq(token.balanceOf(bob), 500, "bob");
        assertEq(token.balanceOf(alice), 1e30 + 500, "a present for alice");
    }

    function test_more_than_exists_is_the_protocols_error_not_the_gates() public {
        PlainToken token = new PlainToken(18);
        gated(address(token));
        vm.expectRevert();
        withdraw(address(token), alice, type(uint256).max);
        assertEq(gate.claimCount(), 0, "no claim without funds");
    }

    // --------------------------------------------------------------------------------------------------- send through

    function test_send_through_pulls_and_forwards() public {
        PlainToken token = new PlainToken(18);
        token.mint(address(bank), 1000);
        gated(address(token));
        assertEq(bank.sendThrough(address(token), alice, 100, 0), 0, "passed");
        assertEq(token.balanceOf(alice), 100, "alice");
        assertEq(bank.sendThrough(address(token), alice, 100, 0), 1, "queued");
        assertEq(token.balanceOf(gate.vaultOf(1)), 100, "vault");
        assertEq(token.balanceOf(address(gate)), 0, "the gate holds nothing");
        assertEq(bank.sendThrough(NATIVE, alice, 100, 100), 0, "native");
        assertEq(bank.sendThrough(NATIVE, alice, 100, 100), 2, "native, queued");
        assertEq(gate.vaultOf(2).balance, 100, "vault");
        vm.expectPartialRevert(IOutflowGate.NotEnoughNative.selector);
        bank.sendThrough(NATIVE, alice, 100, 99);
        vm.expectPartialRevert(IOutflowGate.NotEnoughNative.selector);
        bank.sendThrough(address(token), alice, 100, 100);
        address refuser = address(new Refuser());
        skip(1 hours);
        vm.expectPartialRevert(IOutflowGate.NativeTransferFailed.selector);
        bank.sendThrough(NATIVE, refuser, 100, 100);
    }

    function test_deposits_never_ask_the_gate() public {
        PlainToken token = new PlainToken(18);
        token.mint(alice, 1000);
        vm.startPrank(alice);
        token.approve(address(bank), 1000);
        bank.deposit(IERC20(address(token)), 1000);
        vm.stopPrank();
        assertEq(bank.reportInflow(address(token), 1000), 0, "and a report of one does nothing");
    }
}

contract MixinTest is GateTest {
    PlainToken private token;

    function bankFor(address[] memory assets) private returns (MixinBank) {
        IOutflowGate.Limits[] memory limits = new IOutflowGate.Limits[](assets.length);
        for (uint256 i = 0; i < assets.length; ++i) {
            limits[i] = plainLimits(100, 100, 1 hours);
            limits[i].creditTotal = limit(10, 0, 1);
        }
        return new MixinBank(governance, assets, limits);
    }

    function setUp() public {
        vm.warp(START);
        token = new PlainToken(6);
    }

    function test_protocol_that_is_its_own_gate() public {
        address[] memory assets = new address[](2);
        (assets[0], assets[1]) = (address(token), NATIVE);
        MixinBank bank = bankFor(assets);
        token.mint(address(bank), 1000);
        vm.deal(address(bank), 1000);
        vm.startPrank(alice);
        assertEq(bank.withdraw(address(token), alice, 100), 0, "passed");
        bank.reportInflow(address(token), 100);
        assertEq(bank.available(address(token)), 10, "credited");
        assertEq(bank.withdraw(address(token), alice, 100), 1, "queued");
        assertEq(bank.withdraw(NATIVE, alice, 101), 2, "queued");
        vm.expectPartialRevert(IOutflowGate.NotAllowed.selector);
        bank.tighten(address(token), 1, 1);
        vm.stopPrank();
        skip(1 days);
        bank.releaseClaim(1);
        bank.releaseClaim(2);
        assertEq(token.balanceOf(alice), 200, "tokens");
        assertEq(alice.balance, 101, "native");
        Refuser refuser = new Refuser();
        vm.expectPartialRevert(IOutflowGate.NativeTransferFailed.selector);
        bank.withdraw(NATIVE, address(refuser), 1);
    }

    /// @dev The limits of a proxy are set through the proxy; its vaults obey the proxy.
    function test_protocol_behind_a_proxy() public {
        MixinBank code = bankFor(new address[](0));
        MixinBank bank =
            MixinBank(payable(address(new ERC1967Proxy(address(code), abi.encodeCall(code.claimCount, ())))));
        token.mint(address(bank), 1000);
        vm.startPrank(governance);
        bank.setLimits(address(token), plainLimits(100, 100, 1 hours));
        vm.stopPrank();
        skip(2 days);
        bank.applyLimits(address(token));
        vm.prank(alice);
        assertEq(bank.withdraw(address(token), alice, 101), 1, "queued");
        assertEq(bank.lossBound(address(token), 1 hours), 200, "bound");
        skip(1 days);
        bank.releaseClaim(1);
        assertEq(token.balanceOf(alice), 101, "paid");
        assertEq(code.claimCount(), 0, "the implementation knows nothing");
    }
}

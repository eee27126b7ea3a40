// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {GuardianModule} from "../../src/governance/GuardianModule.sol";
import {GuardianScope} from "../../src/governance/GuardianScope.sol";
import {GuardianSet} from "../../src/governance/GuardianSet.sol";
import {ITransactionGuard} from "../../src/governance/IAvatar.sol";
import {ContractSigner} from "./Signers.sol";
import {ISafe, Market, SafeTest} from "./SafeTest.sol";

contract GuardianModuleTest is SafeTest {
    bytes private constant PAUSE = abi.encodeCall(Market.pause, ());

    function setUp() public {
        setUpSafe();
    }

    function cap(uint256 which, uint256 size) private pure returns (bytes memory) {
        return abi.encodeCall(Market.setCap, (which, size));
    }

    // ---------------------------------------------------------------------------------------------------- guardians

    function test_two_of_four_pause_at_once() public {
        assertEq(uint256(keccak256(bytes(safe.VERSION()))), uint256(keccak256("1.4.1")), "the real one");
        uint256 id = grantPause();
        exec(id, PAUSE, 2);
        assertTrue(market.paused(), "paused");
        assertEq(module.permissionOf(id).usesLeft, 2, "one use less");
    }

    function test_message_works_once_here_now_and_for_these_guardians() public {
        uint256 id = grantCaps();
        bytes32 digest = module.callDigest(id, cap(1, 5), INCIDENT, START + 100);
        (address[] memory signers, bytes[] memory signatures) = signed(digest, 2);
        vm.warp(START + 101);
        vm.expectPartialRevert(GuardianSet.MessageExpired.selector);
        module.execCall(id, cap(1, 5), INCIDENT, START + 100, signers, signatures);
        vm.warp(START + 100);
        more.chainId(5);
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        module.execCall(id, cap(1, 5), INCIDENT, START + 100, signers, signatures);
        more.chainId(31_337);
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        module.execCall(id, cap(1, 6), INCIDENT, START + 100, signers, signatures);
        GuardianModule other = new GuardianModule(address(safe), guardians, 2);
        ownersCall(address(safe), abi.encodeCall(ISafe.enableModule, (address(other))));
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        other.execCall(id, cap(1, 5), INCIDENT, START + 100, signers, signatures);
        module.execCall(id, cap(1, 5), INCIDENT, START + 100, signers, signatures);
        assertTrue(module.isSpent(digest), "spent");
        vm.expectPartialRevert(GuardianSet.MessageSpent.selector);
        module.execCall(id, cap(1, 5), INCIDENT, START + 100, signers, signatures);

        digest = module.callDigest(id, cap(2, 5), INCIDENT, START + 100);
        (signers, signatures) = signed(digest, 2);
        ownersCall(address(module), abi.encodeCall(GuardianSet.setGuardians, (guardians, 2)));
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        module.execCall(id, cap(2, 5), INCIDENT, START + 100, signers, signatures);
    }

    /// @dev What a client has to hash, spelled out.
    function test_typed_data() public {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Portcullis GuardianModule"),
                keccak256("1"),
                block.chainid,
                address(module)
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "GuardianCall(uint256 permission,bytes data,bytes32 incident,uint256 guardianEpoch,uint256 deadline)"
                ),
                7,
                keccak256(PAUSE),
                INCIDENT,
                1,
                START
            )
        );
        assertEq(
            uint256(module.callDigest(7, PAUSE, INCIDENT, START)),
            uint256(keccak256(bytes.concat(hex"1901", domain, message))),
            "digest"
        );
        assertEq(module.guardianEpoch(), 1, "the first set");
        ownersCall(address(module), abi.encodeCall(GuardianSet.setGuardians, (guardians, 2)));
        assertEq(module.guardianEpoch(), 2, "the second");
    }

    function test_signers_must_be_enough_different_ascending_guardians() public {
        uint256 id = grantPause();
        bytes32 digest = module.callDigest(id, PAUSE, INCIDENT, START);
        (address[] memory signers, bytes[] memory signatures) = signed(digest, 1);
        vm.expectPartialRevert(GuardianSet.TooFewGuardians.selector);
        module.execCall(id, PAUSE, INCIDENT, START, signers, signatures);
        (signers, signatures) = signed(digest, 2);
        vm.expectPartialRevert(GuardianSet.TooFewGuardians.selector);
        module.execCall(id, PAUSE, INCIDENT, START, signers, new bytes[](1));
        (signers[0], signers[1]) = (signers[1], signers[0]);
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        module.execCall(id, PAUSE, INCIDENT, START, signers, signatures);
        (signatures[0], signatures[1]) = (signatures[1], signatures[0]);
        vm.expectPartialRevert(GuardianSet.SignersNotAscending.selector);
        module.execCall(id, PAUSE, INCIDENT, START, signers, signatures);
        (signers[0], signatures[0]) = (signers[1], signatures[1]);
        vm.expectPartialRevert(GuardianSet.SignersNotAscending.selector);
        module.execCall(id, PAUSE, INCIDENT, START, signers, signatures);
        signers[1] = address(type(uint160).max);
        vm.expectPartialRevert(GuardianSet.NotGuardian.selector);
        module.execCall(id, PAUSE, INCIDENT, START, signers, signatures);
        assertTrue(!market.paused(), "nothing happened");
    }

    /// @dev The other half of the curve signs the same; OpenZeppelin's ECDSA refuses it.
    function test_malleable_signature_is_refused() public {
        uint256 id = grantPause();
        bytes32 digest = module.callDigest(id, PAUSE, INCIDENT, START);
        (address[] memory signers, bytes[] memory signatures) = signed(digest, 2);
        (uint8 v, bytes32 r, bytes32 s) = more.sign(keys[1], digest);
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        signatures[1] = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        module.execCall(id, PAUSE, INCIDENT, START, signers, signatures);
    }

    function test_permission_may_ask_for_more_guardians_than_the_set() public {
        GuardianScope.Permission memory heavy =
            permission(Market.pause.selector, new GuardianScope.WordBound[](0));
        heavy.needed = 3;
        uint256 id = grant(heavy);
        execRefused(GuardianSet.TooFewGuardians.selector, id, PAUSE, 2);
        vm.prank(guardians[0]);
        module.approveCall(id, PAUSE, INCIDENT, START + 1);
        vm.prank(guardians[1]);
        assertTrue(!module.approveCall(id, PAUSE, INCIDENT, START + 1), "two are not enough");
        exec(id, PAUSE, 3);
    }

    function test_guardians_agree_by_one_call_each() public {
        uint256 id = grantPause();
        bytes32 digest = module.callDigest(id, PAUSE, INCIDENT, START + 1);
        vm.prank(stranger);
        vm.expectPartialRevert(GuardianSet.NotGuardian.selector);
        module.approveCall(id, PAUSE, INCIDENT, START + 1);
        vm.startPrank(guardians[3]);
        assertTrue(!module.approveCall(id, PAUSE, INCIDENT, START + 1), "one");
        assertTrue(!module.approveCall(id, PAUSE, INCIDENT, START + 1), "the same one");
        vm.stopPrank();
        assertEq(module.approvals(digest), 1, "one");
        vm.prank(guardians[1]);
        assertTrue(module.approveCall(id, PAUSE, INCIDENT, START + 1), "two");
        assertTrue(market.paused(), "paused");
        vm.prank(guardians[2]);
        vm.expectPartialRevert(GuardianSet.MessageSpent.selector);
        module.approveCall(id, PAUSE, INCIDENT, START + 1);
    }

    function test_agreement_can_be_taken_back_and_mixed_with_signatures() public {
        uint256 id = grantPause();
        bytes32 digest = module.callDigest(id, PAUSE, INCIDENT, START + 1);
        (address[] memory signers, bytes[] memory signatures) = signed(digest, 2);
        signatures[0] = "";
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        module.execCall(id, PAUSE, INCIDENT, START + 1, signers, signatures);
        vm.startPrank(signers[0]);
        module.approveCall(id, PAUSE, INCIDENT, START + 1);
        module.withdrawApproval(digest);
        vm.expectPartialRevert(GuardianSet.NotGuardian.selector);
        module.withdrawApproval(digest);
        vm.stopPrank();
        vm.expectPartialRevert(GuardianSet.InvalidSignature.selector);
        module.execCall(id, PAUSE, INCIDENT, START + 1, signers, signatures);
        vm.prank(signers[0]);
        module.approveCall(id, PAUSE, INCIDENT, START + 1);
        module.execCall(id, PAUSE, INCIDENT, START + 1, signers, signatures);
        assertTrue(market.paused(), "paused");
    }

    function test_guardian_may_be_a_contract() public {
        ContractSigner signer = new ContractSigner();
        address[] memory one = new address[](1);
        one[0] = address(signer);
        ownersCall(address(module), abi.encodeCall(GuardianSet.setGuardians, (one, 1)));
        assertTrue(module.isGuardian(address(signer)) && !module.isGuardian(guardians[0]), "replaced");
        assertEq(module.guardians().length, 1, "one");
        uint256 id = grantPause();
        bytes[] memory signatures = new bytes[](1);
        signatures[0] = abi.encode(module.callDigest(id, PAUSE, INCIDENT, START));
        module.execCall(id, PAUSE, INCIDENT, START, one, signatures);
        assertTrue(market.paused(), "paused");
    }

    function test_failed_call_spends_nothing() public {
        uint256 id = grantPause();
        exec(id, PAUSE, 2);
        vm.warp(START + 1);
        execRefused(GuardianModule.CallFailed.selector, id, PAUSE, 2);
        assertEq(module.permissionOf(id).usesLeft, 2, "as before");
        ownersCall(address(market), abi.encodeCall(Market.unpause, ()));
        exec(id, PAUSE, 2);
    }

    // -------------------------------------------------------------------------------------------------------- scope

    function test_outside_the_bounds_nothing_moves() public {
        uint256 id = grantCaps();
        bytes[7] memory outside = [
            cap(0, 5),
            cap(6, 5),
            cap(1, 1001),
            bytes.concat(cap(1, 5), hex"00"),
            bytes(hex"3d8f"),
            abi.encodeWithSelector(Market.setCap.selector, 1),
            PAUSE
        ];
        for (uint256 i = 0; i < outside.length; ++i) {
            execRefused(GuardianScope.OutOfScope.selector, id, outside[i], 4);
        }
        exec(id, cap(1, 0), 2);
        exec(id, cap(5, 1000), 2);
        assertEq(market.capOf(5), 1000, "inside");
    }

    function test_permission_ends_by_use_by_time_and_by_the_safe() public {
        uint256 id = grantCaps();
        for (uint256 i = 0; i < 3; ++i) {
            exec(id, cap(1, i), 2);
        }
        execRefused(GuardianScope.PermissionOver.selector, id, cap(1, 9), 2);
        id = grantCaps();
        ownersCall(address(module), abi.encodeCall(GuardianModule.revoke, (id)));
        execRefused(GuardianScope.PermissionOver.selector, id, cap(1, 9), 2);
        id = grantCaps();
        vm.warp(START + 30 days);
        exec(id, cap(1, 9), 2);
        vm.warp(START + 30 days + 1);
        assertTrue(!module.isInScope(id, address(market), cap(1, 9)), "over");
        execRefused(GuardianScope.PermissionOver.selector, id, cap(1, 9), 2);
        execRefused(GuardianScope.PermissionOver.selector, 99, cap(1, 9), 2);
    }

    function test_call_with_dynamic_arguments_is_pinned_by_its_hash() public {
        bytes memory data = abi.encodeCall(Market.note, ("frozen by incident response"));
        GuardianScope.Permission memory wanted =
            permission(Market.note.selector, new GuardianScope.WordBound[](0));
        wanted.dataHash = keccak256(data);
        uint256 id = grant(wanted);
        execRefused(GuardianScope.OutOfScope.selector, id, abi.encodeCall(Market.note, ("something else")), 2);
        exec(id, data, 2);
        assertEq(market.lastNote().length, 27, "noted");
    }

    function test_target_without_code_is_no_target() public {
        uint256 id = grantPause();
        more_etch(address(market));
        execRefused(GuardianScope.OutOfScope.selector, id, PAUSE, 2);
    }

    function test_what_the_safe_cannot_grant() public {
        for (uint256 i = 0; i < 12; ++i) {
            GuardianScope.Permission memory bad =
                permission(Market.pause.selector, new GuardianScope.WordBound[](1));
            if (i == 0) bad.target = address(safe);
            if (i == 1) bad.target = address(module);
            if (i == 2) bad.target = stranger;
            if (i == 3) bad.selector = Market.transfer.selector;
            if (i == 4) bad.usesLeft = 0;
            if (i == 5) bad.usesLeft = 1001;
            if (i == 6) bad.expiresAt = uint48(START);
            if (i == 7) bad.expiresAt = uint48(START + 365 days + 1);
            if (i == 8) bad.words = new GuardianScope.WordBound[](17);
            if (i == 9) bad.dataHash = bytes32(uint256(1));
            if (i == 10) bad.words[0] = GuardianScope.WordBound(2, 1);
            if (i == 11) bad.selector = bytes4(0x468721a7);
            vm.prank(address(safe));
            vm.expectPartialRevert(GuardianScope.InvalidPermission.selector);
            module.grant(bad);
        }
        assertEq(module.permissionCount(), 0, "none");
    }

    function test_only_the_safe_configures() public {
        GuardianScope.Permission memory wanted =
            permission(Market.pause.selector, new GuardianScope.WordBound[](0));
        address[2] memory callers = [guardians[0], owner];
        for (uint256 i = 0; i < callers.length; ++i) {
            vm.startPrank(callers[i]);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            module.grant(wanted);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            module.revoke(1);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            module.assignPermissions(callers[i], new uint256[](0));
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            module.enableModule(callers[i]);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            module.disableModule(address(1), callers[i]);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            module.setGuard(ITransactionGuard(address(0)));
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            module.setGuardians(guardians, 1);
            vm.stopPrank();
        }
    }

    function test_sets_that_are_no_sets() public {
        vm.startPrank(address(safe));
        vm.expectRevert(GuardianSet.InvalidGuardians.selector);
        module.setGuardians(guardians, 0);
        vm.expectRevert(GuardianSet.InvalidGuardians.selector);
        module.setGuardians(guardians, 5);
        vm.expectRevert(GuardianSet.InvalidGuardians.selector);
        module.setGuardians(new address[](17), 1);
        vm.expectRevert(GuardianSet.InvalidGuardians.selector);
        module.setGuardians(new address[](1), 1);
        address[] memory twice = new address[](2);
        (twice[0], twice[1]) = (stranger, stranger);
        vm.expectRevert(GuardianSet.InvalidGuardians.selector);
        module.setGuardians(twice, 1);
        vm.stopPrank();
    }

    function test_safe_ends_everything_by_disabling_the_module() public {
        uint256 id = grantPause();
        ownersCall(address(safe), abi.encodeCall(ISafe.disableModule, (address(1), address(module))));
        execRefused(bytes4(0x08c379a0), id, PAUSE, 2); // Safe's GS104, a string
    }

    // --------------------------------------------------------------------------------------------------------- fuzz

    /// @dev Whatever the data: the market is called exactly if the data is inside the bounds.
    function testFuzz_scope(uint256 which, uint256 size, bytes calldata tail, bool withTail) public {
        uint256 id = grantCaps();
        bytes memory data = cap(which % 8, size % 2000);
        if (withTail) data = bytes.concat(data, tail);
        bool inside =
            which % 8 >= 1 && which % 8 <= 5 && size % 2000 <= 1000 && (!withTail || tail.length == 0);
        bytes32 digest = module.callDigest(id, data, INCIDENT, START);
        (address[] memory signers, bytes[] memory signatures) = signed(digest, 2);
        try module.execCall(id, data, INCIDENT, START, signers, signatures) {
            assertTrue(inside, "inside");
        } catch {
            assertTrue(!inside, "outside");
        }
        assertEq(market.calls(), inside ? 1 : 0, "calls");
    }

    function more_etch(address target) private {
        Etch(address(vm)).etch(target, "");
    }
}

interface Etch {
    function etch(address target, bytes calldata code) external;
}

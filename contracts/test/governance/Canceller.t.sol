// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {Canceller} from "../../src/governance/Canceller.sol";
import {GuardianSet} from "../../src/governance/GuardianSet.sol";
import {CancellerTest} from "./CancellerTest.sol";

contract CancellerUnitTest is CancellerTest {
    address private constant TARGET = address(0xbeef);

    function setUp() public {
        setUpCanceller();
    }

    // ---------------------------------------------------------------------------------------------------- operations

    function test_guardians_cancel_at_once_and_it_can_be_queued_again() public {
        bytes32 id = queue(TARGET, upgrade(), 1);
        guardiansCancel(id);
        assertTrue(!isQueued(id), "cancelled");
        timelock.schedule(TARGET, 0, upgrade(), 0, bytes32(uint256(1)), DELAY);
        assertTrue(isQueued(id), "the very same");
        (address[] memory signers, bytes[] memory signatures) =
            signed(canceller.operationDigest(id, INCIDENT, START), 2);
        vm.expectPartialRevert(GuardianSet.MessageSpent.selector);
        canceller.cancelOperationSigned(id, INCIDENT, START, signers, signatures);
        assertEq(canceller.cancelsLeft(false), 2, "one of three");
    }

    /// @dev What a client has to hash, spelled out.
    function test_typed_data() public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Portcullis Canceller"),
                keccak256("1"),
                block.chainid,
                address(canceller)
            )
        );
        bytes memory fields = abi.encode(bytes32(uint256(7)), INCIDENT, 1, START);
        bytes32 operation =
            keccak256("CancelOperation(bytes32 id,bytes32 incident,uint256 guardianEpoch,uint256 deadline)");
        bytes32 proposal =
            keccak256("CancelProposal(uint256 id,bytes32 incident,uint256 guardianEpoch,uint256 deadline)");
        bytes32 message = keccak256(bytes.concat(operation, fields));
        assertEq(
            uint256(canceller.operationDigest(bytes32(uint256(7)), INCIDENT, START)),
            uint256(keccak256(bytes.concat(hex"1901", domain, message))),
            "operation"
        );
        message = keccak256(bytes.concat(proposal, fields));
        assertEq(
            uint256(canceller.proposalDigest(7, INCIDENT, START)),
            uint256(keccak256(bytes.concat(hex"1901", domain, message))),
            "proposal"
        );
    }

    function test_warden_cancels_alone_on_its_own_budget() public {
        bytes32 id = queue(TARGET, upgrade(), 1);
        wardenCancels(id);
        assertTrue(!isQueued(id), "cancelled");
        assertEq(canceller.cancelsLeft(true), 1, "one of two");
        assertEq(canceller.cancelsLeft(false), 3, "the guardians' is untouched");
        vm.expectPartialRevert(Canceller.NotWarden.selector);
        canceller.cancelOperation(id, INCIDENT);
        vm.expectPartialRevert(Canceller.NotWarden.selector);
        canceller.cancelProposal(1, INCIDENT);
    }

    function test_guardians_agree_by_calls() public {
        bytes32 id = queue(TARGET, upgrade(), 1);
        vm.prank(guardians[0]);
        assertTrue(!canceller.approveCancelOperation(id, INCIDENT, START + 1), "one");
        vm.prank(guardians[3]);
        assertTrue(canceller.approveCancelOperation(id, INCIDENT, START + 1), "two");
        assertTrue(!isQueued(id), "cancelled");
    }

    function test_nothing_is_cancelled_before_it_is_known() public {
        timelock.schedule(TARGET, 0, upgrade(), 0, 0, DELAY);
        bytes32 id = timelock.hashOperation(TARGET, 0, upgrade(), 0, 0);
        vm.prank(warden);
        vm.expectPartialRevert(Canceller.NotRegistered.selector);
        canceller.cancelOperation(id, INCIDENT);
        vm.prank(stranger);
        assertEq(uint256(register(TARGET, upgrade(), 0)), uint256(id), "the timelock's id");
        register(TARGET, upgrade(), 0);
        assertEq(uint256(canceller.operationKind(id)), uint256(Canceller.Kind.Ordinary), "ordinary");
        wardenCancels(id);
    }

    function test_what_is_not_queued_uses_no_budget() public {
        bytes32 id = register(TARGET, upgrade(), 1);
        vm.prank(warden);
        vm.expectPartialRevert(TimelockController.TimelockUnexpectedOperationState.selector);
        canceller.cancelOperation(id, INCIDENT);
        assertEq(canceller.cancelsLeft(true), 2, "both");
    }

    function test_batches_have_their_own_ids() public {
        (address[] memory targets, uint256[] memory values, bytes[] memory payloads) =
            single(TARGET, upgrade());
        timelock.scheduleBatch(targets, values, payloads, 0, 0, DELAY);
        bytes32 id = canceller.registerOperation(targets, values, payloads, 0, 0, true);
        assertEq(uint256(id), uint256(timelock.hashOperationBatch(targets, values, payloads, 0, 0)), "the id");
        wardenCancels(id);
        vm.expectRevert(Canceller.LengthMismatch.selector);
        canceller.registerOperation(targets, new uint256[](2), payloads, 0, 0, true);
        vm.expectRevert(Canceller.LengthMismatch.selector);
        canceller.registerOperation(targets, values, new bytes[](2), 0, 0, true);
        vm.expectRevert(Canceller.LengthMismatch.selector);
        canceller.registerOperation(new address[](0), new uint256[](0), new bytes[](0), 0, 0, false);
        canceller.registerOperation(new address[](0), new uint256[](0), new bytes[](0), 0, 0, true);
    }

    // ------------------------------------------------------------------------------------------------------- budgets

    function test_stolen_keys_cannot_block_governance_for_ever() public {
        bytes32 last;
        for (uint256 i = 0; i < 6; ++i) {
            last = queue(TARGET, upgrade(), i);
            if (i < 3) guardiansCancel(last);
            else if (i < 5) wardenCancels(last);
        }
        guardiansRefused(Canceller.BudgetSpent.selector, last);
        vm.prank(warden);
        vm.expectPartialRevert(Canceller.BudgetSpent.selector);
        canceller.cancelOperation(last, INCIDENT);
        vm.warp(START + DELAY);
        timelock.execute(TARGET, 0, upgrade(), 0, bytes32(uint256(5)));
        assertTrue(timelock.isOperationDone(last), "the sixth goes through");
        assertEq(canceller.cancelBound(EPOCH), 10, "two budgets, twice");
        assertEq(canceller.cancelBound(1 << 48), type(uint256).max, "beyond");
    }

    function test_budget_comes_back_with_time_and_change_does_not_fill_it() public {
        wardenCancels(queue(TARGET, upgrade(), 1));
        wardenCancels(queue(TARGET, upgrade(), 2));
        vm.prank(address(timelock));
        canceller.setBudget(true, 4, EPOCH);
        assertEq(canceller.cancelsLeft(true), 2, "two of four are used");
        vm.warp(START + EPOCH / 4);
        assertEq(canceller.cancelsLeft(true), 3, "one came back");
        vm.startPrank(address(timelock));
        uint32[2][3] memory bad = [[uint32(0), EPOCH], [uint32(101), EPOCH], [uint32(1), 1 days - 1]];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectPartialRevert(Canceller.InvalidBudget.selector);
            canceller.setBudget(true, bad[i][0], bad[i][1]);
        }
        vm.stopPrank();
    }

    function test_warden_without_a_budget_cancels_nothing() public {
        Canceller bare = new Canceller(address(timelock), timelock, governor, guardians, 2, 3, EPOCH);
        vm.prank(address(timelock));
        bare.setWarden(warden);
        (address[] memory t, uint256[] memory v, bytes[] memory p) = single(TARGET, upgrade());
        bytes32 id = bare.registerOperation(t, v, p, 0, 0, false);
        vm.prank(warden);
        vm.expectPartialRevert(Canceller.BudgetSpent.selector);
        bare.cancelOperation(id, INCIDENT);
    }

    // ------------------------------------------------------------------------------------------------------- removal

    function test_removal_of_the_canceller_cannot_be_cancelled() public {
        bytes32 id = queue(address(timelock), removal(), 0);
        assertEq(uint256(canceller.operationKind(id)), uint256(Canceller.Kind.Protected), "protected");
        guardiansRefused(Canceller.ProtectedOperation.selector, id);
        vm.prank(warden);
        vm.expectPartialRevert(Canceller.ProtectedOperation.selector);
        canceller.cancelOperation(id, INCIDENT);
        vm.warp(START + DELAY);
        timelock.execute(address(timelock), 0, removal(), 0, 0);
        bytes32 next = queue(TARGET, upgrade(), 9);
        guardiansRefused(bytes4(0xe2517d3f), next); // AccessControlUnauthorizedAccount
        assertTrue(isQueued(next), "powerless");
    }

    function test_every_way_to_limit_the_canceller_is_protected() public {
        bytes[4] memory own = [
            abi.encodeCall(canceller.setWarden, (address(0))),
            abi.encodeCall(canceller.setBudget, (true, 1, EPOCH)),
            abi.encodeCall(GuardianSet.setGuardians, (guardians, 4)),
            abi.encodeCall(canceller.setWarden, (stranger))
        ];
        (address[] memory targets, uint256[] memory values, bytes[] memory payloads) =
            (new address[](6), new uint256[](6), new bytes[](6));
        for (uint256 i = 0; i < 4; ++i) {
            (targets[i], payloads[i]) = (address(canceller), own[i]);
        }
        (targets[4], payloads[4]) = (address(timelock), removal());
        (targets[5], payloads[5]) =
        (address(governor), abi.encodeCall(governor.setProposalGuardian, (address(0))));
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Protected), "all of them");
        payloads[5] = abi.encodeCall(governor.setProposalGuardian, (address(canceller)));
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "that is no removal");
        payloads[5] = abi.encodePacked(governor.setProposalGuardian.selector);
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "nor is that");
        payloads[5] = abi.encodeWithSignature("relay(uint256)", 1);
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "nor that");
    }

    function test_nothing_hides_behind_a_removal() public {
        (address[] memory targets, uint256[] memory values, bytes[] memory payloads) =
            (new address[](2), new uint256[](2), new bytes[](2));
        (targets[0], payloads[0]) = (address(timelock), removal());
        (targets[1], payloads[1]) = (TARGET, upgrade());
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "a batch");
        (targets[1], payloads[1]) = (address(timelock), removal());
        values[1] = 1;
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "with value");
        values[1] = 0;
        payloads[1] = abi.encodeCall(timelock.revokeRole, (keccak256("CANCELLER_ROLE"), guardians[0]));
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "another canceller");
        payloads[1] = abi.encodeCall(timelock.grantRole, (keccak256("CANCELLER_ROLE"), address(canceller)));
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "a grant");
        payloads[1] = bytes.concat(removal(), hex"00");
        assertEq(kindOf(targets, values, payloads), uint256(Canceller.Kind.Ordinary), "another call");
    }

    function kindOf(address[] memory targets, uint256[] memory values, bytes[] memory payloads)
        private
        returns (uint256)
    {
        return uint256(
            canceller.operationKind(canceller.registerOperation(targets, values, payloads, 0, 0, true))
        );
    }

    function test_only_governance_configures() public {
        address[3] memory callers = [guardians[0], warden, address(this)];
        for (uint256 i = 0; i < 3; ++i) {
            vm.startPrank(callers[i]);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            canceller.setWarden(callers[i]);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            canceller.setBudget(false, 100, EPOCH);
            vm.expectPartialRevert(GuardianSet.NotAuthority.selector);
            canceller.setGuardians(guardians, 1);
            vm.stopPrank();
        }
    }

    // ----------------------------------------------------------------------------------------------------- proposals

    function propose(address target, bytes memory payload, string memory text) private returns (uint256 id) {
        (address[] memory t, uint256[] memory v, bytes[] memory p) = single(target, payload);
        vm.prank(voter);
        governor.propose(t, v, p, text);
        id = canceller.registerProposal(t, v, p, keccak256(bytes(text)));
        assertEq(id, governor.getProposalId(t, v, p, keccak256(bytes(text))), "the governor's id");
        assertEq(canceller.registerProposal(t, v, p, keccak256(bytes(text))), id, "again");
    }

    function isCanceled(uint256 id) private view returns (bool) {
        return governor.state(id) == IGovernor.ProposalState.Canceled;
    }

    function cancelSigned(uint256 id, bytes4 refusal) private {
        (address[] memory signers, bytes[] memory signatures) =
            signed(canceller.proposalDigest(id, INCIDENT, START), 2);
        if (refusal != 0) vm.expectPartialRevert(refusal);
        canceller.cancelProposalSigned(id, INCIDENT, START, signers, signatures);
    }

    function test_proposals_are_cancelled_by_all_three_ways_from_one_budget_each() public {
        uint256 id = propose(TARGET, upgrade(), "a");
        vm.prank(warden);
        canceller.cancelProposal(id, INCIDENT);
        assertTrue(isCanceled(id), "warden");
        id = propose(TARGET, upgrade(), "b");
        cancelSigned(id, 0);
        assertTrue(isCanceled(id), "signed");
        id = propose(TARGET, upgrade(), "c");
        vm.prank(guardians[0]);
        assertTrue(!canceller.approveCancelProposal(id, INCIDENT, START), "one");
        vm.prank(guardians[1]);
        assertTrue(canceller.approveCancelProposal(id, INCIDENT, START), "two");
        assertTrue(isCanceled(id), "calls");
        assertEq(canceller.cancelsLeft(false) + canceller.cancelsLeft(true), 2, "three are used");
        vm.prank(warden);
        vm.expectPartialRevert(IGovernor.GovernorUnexpectedProposalState.selector);
        canceller.cancelProposal(id, INCIDENT);
        vm.prank(warden);
        vm.expectPartialRevert(Canceller.NotRegistered.selector);
        canceller.cancelProposal(1, INCIDENT);
    }

    function test_queued_proposal_is_cancelled_in_the_timelock_too() public {
        uint256 id = propose(TARGET, upgrade(), "a");
        bytes32 operation = passAndQueue(id, TARGET, upgrade(), "a");
        cancelSigned(id, 0);
        assertTrue(isCanceled(id) && !isQueued(operation), "both");
    }

    function test_removal_by_a_vote_cannot_be_cancelled_anywhere() public {
        uint256 id = propose(address(timelock), removal(), "remove");
        assertEq(uint256(canceller.proposalKind(id)), uint256(Canceller.Kind.Protected), "protected");
        cancelSigned(id, Canceller.ProtectedOperation.selector);
        bytes32 operation = passAndQueue(id, address(timelock), removal(), "remove");
        guardiansRefused(Canceller.ProtectedOperation.selector, operation);
        vm.warp(block.timestamp + DELAY);
        (address[] memory t, uint256[] memory v, bytes[] memory p) = single(address(timelock), removal());
        governor.execute(t, v, p, keccak256("remove"));
        assertTrue(!timelock.hasRole(keccak256("CANCELLER_ROLE"), address(canceller)), "removed");
    }

    function passAndQueue(uint256 id, address target, bytes memory payload, string memory text)
        private
        returns (bytes32 operation)
    {
        vm.roll(block.number + 2);
        vm.prank(voter);
        governor.castVote(id, 1);
        vm.roll(block.number + 11);
        (address[] memory t, uint256[] memory v, bytes[] memory p) = single(target, payload);
        governor.queue(t, v, p, keccak256(bytes(text)));
        bytes32 salt = bytes20(address(governor)) ^ keccak256(bytes(text));
        operation = canceller.registerOperation(t, v, p, 0, salt, true);
        assertTrue(isQueued(operation), "queued");
    }

    function test_long_proposal_is_cancelled_in_two_steps() public {
        bytes memory payload = abi.encodeWithSignature("set(bytes)", new bytes(20_000));
        uint256 id = propose(TARGET, payload, "long");
        (address[] memory t, uint256[] memory v, bytes[] memory p) = single(TARGET, payload);
        vm.expectPartialRevert(Canceller.NotOrdered.selector);
        canceller.finishCancelProposal(t, v, p, keccak256("long"));
        vm.prank(warden);
        canceller.cancelProposal(id, INCIDENT);
        assertTrue(!isCanceled(id), "ordered only");
        vm.prank(stranger);
        canceller.finishCancelProposal(t, v, p, keccak256("long"));
        assertTrue(isCanceled(id), "by anyone");
        vm.expectPartialRevert(Canceller.NotOrdered.selector);
        canceller.finishCancelProposal(t, v, p, keccak256("long"));
        vm.expectRevert(Canceller.LengthMismatch.selector);
        canceller.registerProposal(t, new uint256[](2), p, 0);
        vm.expectRevert(Canceller.LengthMismatch.selector);
        canceller.registerProposal(t, v, new bytes[](2), 0);
    }

    // --------------------------------------------------------------------------------------------------------- fuzz

    /// @dev A protected operation is one that cannot do anything but limit the canceller, whatever is scheduled.
    function testFuzz_kinds(address target, bytes calldata payload, uint256 value) public {
        more.assume(target != address(canceller));
        (address[] memory t, uint256[] memory v, bytes[] memory p) = single(target, payload);
        v[0] = value;
        assertEq(kindOf(t, v, p), uint256(Canceller.Kind.Ordinary), "ordinary");
        t[0] = address(canceller);
        v[0] = 0;
        assertEq(kindOf(t, v, p), uint256(Canceller.Kind.Protected), "its own functions");
    }
}

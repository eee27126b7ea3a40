// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Governor} from "@openzeppelin/contracts/governance/Governor.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";
import {TimelockController} from "@openzeppelin/contracts/governance/TimelockController.sol";
import {
    GovernorCountingSimple
} from "@openzeppelin/contracts/governance/extensions/GovernorCountingSimple.sol";
import {
    GovernorProposalGuardian
} from "@openzeppelin/contracts/governance/extensions/GovernorProposalGuardian.sol";
import {
    GovernorTimelockControl
} from "@openzeppelin/contracts/governance/extensions/GovernorTimelockControl.sol";
import {GovernorVotes} from "@openzeppelin/contracts/governance/extensions/GovernorVotes.sol";
import {IVotes} from "@openzeppelin/contracts/governance/utils/IVotes.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {Canceller} from "../../src/governance/Canceller.sol";
import {GovernanceTest} from "./GovernanceTest.sol";

contract VoteToken is ERC20("Vote", "V"), ERC20Permit("Vote"), ERC20Votes {
    constructor(address voter) {
        _mint(voter, 1e24);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }
}

/// @notice OpenZeppelin's governor with a time lock and a proposal guardian.
contract RealGovernor is
    Governor,
    GovernorCountingSimple,
    GovernorVotes,
    GovernorTimelockControl,
    GovernorProposalGuardian
{
    constructor(IVotes votes, TimelockController timelock_)
        Governor("Governor")
        GovernorVotes(votes)
        GovernorTimelockControl(timelock_)
    {}

    function bootstrap(address guardian) external {
        _setProposalGuardian(guardian);
    }

    function votingDelay() public pure override returns (uint256) {
        return 1;
    }

    function votingPeriod() public pure override returns (uint256) {
        return 10;
    }

    function quorum(uint256) public pure override returns (uint256) {
        return 1;
    }

    function state(uint256 id)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (ProposalState)
    {
        return super.state(id);
    }

    function proposalNeedsQueuing(uint256 id)
        public
        view
        override(Governor, GovernorTimelockControl)
        returns (bool)
    {
        return super.proposalNeedsQueuing(id);
    }

    function _queueOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint48) {
        return super._queueOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _executeOperations(
        uint256 id,
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) {
        super._executeOperations(id, targets, values, calldatas, descriptionHash);
    }

    function _cancel(
        address[] memory targets,
        uint256[] memory values,
        bytes[] memory calldatas,
        bytes32 descriptionHash
    ) internal override(Governor, GovernorTimelockControl) returns (uint256) {
        return super._cancel(targets, values, calldatas, descriptionHash);
    }

    function _executor() internal view override(Governor, GovernorTimelockControl) returns (address) {
        return super._executor();
    }

    function _validateCancel(uint256 id, address caller)
        internal
        view
        override(Governor, GovernorProposalGuardian)
        returns (bool)
    {
        return super._validateCancel(id, caller);
    }
}

/// @title OpenZeppelin's timelock and governor, and a canceller over both
abstract contract CancellerTest is GovernanceTest {
    uint256 internal constant DELAY = 2 days;
    uint32 internal constant EPOCH = 7 days;

    TimelockController internal timelock;
    RealGovernor internal governor;
    Canceller internal canceller;
    VoteToken internal votes;
    address internal voter = account("voter", 0);

    function setUpCanceller() internal {
        vm.warp(START);
        vm.roll(1000);
        makeGuardians(4);
        address[] memory proposers = new address[](1);
        proposers[0] = address(this);
        address[] memory open = new address[](1);
        timelock = new TimelockController(DELAY, proposers, open, address(this));
        votes = new VoteToken(voter);
        governor = new RealGovernor(votes, timelock);
        canceller = new Canceller(address(timelock), timelock, governor, guardians, 2, 3, EPOCH);
        governor.bootstrap(address(canceller));
        timelock.grantRole(timelock.CANCELLER_ROLE(), address(canceller));
        timelock.grantRole(timelock.CANCELLER_ROLE(), address(governor));
        timelock.grantRole(timelock.PROPOSER_ROLE(), address(governor));
        timelock.renounceRole(timelock.DEFAULT_ADMIN_ROLE(), address(this));
        vm.prank(voter);
        votes.delegate(voter);
        vm.startPrank(address(timelock));
        canceller.setWarden(warden);
        canceller.setBudget(true, 2, EPOCH);
        vm.stopPrank();
    }

    function single(address target, bytes memory payload)
        internal
        pure
        returns (address[] memory targets, uint256[] memory values, bytes[] memory payloads)
    {
        targets = new address[](1);
        values = new uint256[](1);
        payloads = new bytes[](1);
        targets[0] = target;
        payloads[0] = payload;
    }

    /// @dev Queues a call in the timelock and makes it known to the canceller.
    function queue(address target, bytes memory payload, uint256 salt) internal returns (bytes32 id) {
        timelock.schedule(target, 0, payload, 0, bytes32(salt), DELAY);
        return register(target, payload, salt);
    }

    function register(address target, bytes memory payload, uint256 salt) internal returns (bytes32 id) {
        (address[] memory targets, uint256[] memory values, bytes[] memory payloads) = single(target, payload);
        return canceller.registerOperation(targets, values, payloads, 0, bytes32(salt), false);
    }

    /// @dev Something governance might do, and might be made to do.
    function upgrade() internal pure returns (bytes memory) {
        return abi.encodeWithSignature("upgradeTo(address)", address(0xbad));
    }

    function wardenCancels(bytes32 id) internal {
        vm.prank(warden);
        canceller.cancelOperation(id, INCIDENT);
    }

    function guardiansCancel(bytes32 id) internal {
        guardiansRefused(0, id);
    }

    function guardiansRefused(bytes4 refusal, bytes32 id) internal {
        (address[] memory signers, bytes[] memory signatures) =
            signed(canceller.operationDigest(id, INCIDENT, block.timestamp), 2);
        if (refusal != 0) vm.expectPartialRevert(refusal);
        canceller.cancelOperationSigned(id, INCIDENT, block.timestamp, signers, signatures);
    }

    function isQueued(bytes32 id) internal view returns (bool) {
        return timelock.isOperationPending(id);
    }

    /// @dev What governance needs to get rid of the canceller.
    function removal() internal view returns (bytes memory) {
        return abi.encodeCall(timelock.revokeRole, (keccak256("CANCELLER_ROLE"), address(canceller)));
    }
}

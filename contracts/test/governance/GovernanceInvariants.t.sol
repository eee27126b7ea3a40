// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {RangeTest} from "../RangeTest.sol";
import {CancellerHandler, ModuleHandler} from "./GovernanceHandlers.sol";

abstract contract InvariantTest is RangeTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    FuzzSelector[] private _targets;

    function target(address handler, bytes4[] memory selectors) internal {
        _targets.push(FuzzSelector(handler, selectors));
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = _targets[0].addr;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory) {
        return _targets;
    }

    /// @dev A long walk with a fixed seed. Each step has three random words, and bytes behind them.
    function walk(uint256 steps) internal {
        FuzzSelector memory handler = _targets[0];
        for (uint256 i = 0; i < steps; ++i) {
            uint256 seed = uint256(keccak256(abi.encode("walk", i)));
            bytes4 selector = handler.selectors[seed % handler.selectors.length];
            uint256[4] memory words;
            for (uint256 j = 0; j < 4; ++j) {
                words[j] = uint256(keccak256(abi.encode(seed, j))) >> 224;
            }
            bytes memory data = abi.encode(words);
            if (selector == ModuleHandler.guardiansSign.selector) {
                data = abi.encode(words[0], words[1], abi.encode(words[2]), words[3], seed);
            } else if (selector == ModuleHandler.moduleCalls.selector) {
                data = abi.encode(
                    address(uint160(words[0])), words[1], abi.encode(words[2]), words[3], seed >> 9
                );
            } else if (selector == ModuleHandler.thiefReconfigures.selector) {
                data = abi.encode(abi.encode(words), words[0], address(uint160(words[1])));
            } else if (selector == CancellerHandler.keysCancel.selector) {
                data = abi.encode(words[0], words[1] % 2);
            }
            (bool ok,) = handler.addr.call(bytes.concat(selector, data));
            require(ok, "a step failed");
        }
    }
}

/// @dev The handlers check with every step; the walks show that they reach both sides of every bound.
contract ModuleInvariants is InvariantTest {
    ModuleHandler private handler;

    function setUp() public {
        handler = new ModuleHandler();
        bytes4[] memory selectors = new bytes4[](7);
        selectors[0] = ModuleHandler.passTime.selector;
        selectors[1] = ModuleHandler.safeGrants.selector;
        selectors[2] = ModuleHandler.safeRevokes.selector;
        selectors[3] = ModuleHandler.guardiansSign.selector;
        selectors[4] = ModuleHandler.moduleCalls.selector;
        selectors[5] = ModuleHandler.thiefReconfigures.selector;
        selectors[6] = ModuleHandler.guardiansSign.selector;
        target(address(handler), selectors);
    }

    /// forge-config: default.invariant.runs = 10
    /// forge-config: default.invariant.depth = 60
    /// forge-config: default.invariant.fail-on-revert = true
    /// forge-config: deep.invariant.runs = 200
    /// forge-config: deep.invariant.depth = 150
    /// forge-config: deep.invariant.fail-on-revert = true
    function invariant_module_never_acts_outside_its_scope() public view {
        handler.check();
    }

    function test_the_module_handler_reaches_everything() public {
        walk(600);
        assertGe(handler.inside(), 20, "inside");
        assertGe(handler.outside(), 100, "outside");
        handler.check();
    }
}

contract CancellerInvariants is InvariantTest {
    CancellerHandler private handler;

    function setUp() public {
        handler = new CancellerHandler();
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = CancellerHandler.passTime.selector;
        selectors[1] = CancellerHandler.governanceQueues.selector;
        selectors[2] = CancellerHandler.keysCancel.selector;
        selectors[3] = CancellerHandler.governanceExecutes.selector;
        selectors[4] = CancellerHandler.governanceRemoves.selector;
        selectors[5] = CancellerHandler.keysCancel.selector;
        target(address(handler), selectors);
    }

    /// @dev Bounded from outside: no more than both budgets over the whole time.
    /// forge-config: default.invariant.runs = 10
    /// forge-config: default.invariant.depth = 60
    /// forge-config: default.invariant.fail-on-revert = true
    /// forge-config: deep.invariant.runs = 200
    /// forge-config: deep.invariant.depth = 150
    /// forge-config: deep.invariant.fail-on-revert = true
    function invariant_keys_cannot_stop_governance() public view {
        uint256 time = handler.time() - 1_700_000_000;
        assertLe(handler.cancels(), 5 + 5 * time / 7 days, "bound");
    }

    function test_the_canceller_handler_reaches_everything() public {
        walk(600);
        assertGe(handler.cancels(), 30, "cancelled");
        assertGe(handler.executed(), 30, "executed");
        assertGe(handler.removals(), 30, "removed");
    }
}

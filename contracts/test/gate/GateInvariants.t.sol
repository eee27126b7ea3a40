// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {RangeTest} from "../RangeTest.sol";
import {GateHandler} from "./GateHandler.sol";

/// @dev The handler checks with every step that no window of outflow exceeds the bound and no sentinel loosens; here is
/// what holds between steps. FOUNDRY_PROFILE=deep makes more than a hundred thousand calls.
contract GateInvariants is RangeTest {
    GateHandler private handler;

    function setUp() public {
        handler = new GateHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[18] memory selectors = [
            GateHandler.passTime.selector,
            GateHandler.passTime.selector,
            GateHandler.withdraw.selector,
            GateHandler.withdraw.selector,
            GateHandler.withdraw.selector,
            GateHandler.sybil.selector,
            GateHandler.wash.selector,
            GateHandler.donate.selector,
            GateHandler.tighten.selector,
            GateHandler.overreach.selector,
            GateHandler.lie.selector,
            GateHandler.hold.selector,
            GateHandler.lift.selector,
            GateHandler.setLimits.selector,
            GateHandler.applyLimits.selector,
            GateHandler.endTightening.selector,
            GateHandler.recall.selector,
            GateHandler.release.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), new bytes4[](selectors.length));
        for (uint256 i = 0; i < selectors.length; ++i) {
            targets[0].selectors[i] = selectors[i];
        }
    }

    /// @dev No path loses a user's queued funds.
    function invariant_every_claim_is_whole_and_is_paid() public {
        handler.checkFunds();
    }

    /// @dev `lossBound` is the formula; that no window exceeds it is checked after every exit.
    function invariant_the_bound_is_the_formula() public {
        handler.checkBounds();
        handler.checkTightenings();
    }

    function afterInvariant() public {
        handler.checkFunds();
        handler.checkEveryClaimIsPaid();
    }
}

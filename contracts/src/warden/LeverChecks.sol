// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {BoundedCall} from "./BoundedCall.sol";
import {CallTemplates} from "./CallTemplates.sol";
import {CallTemplate, Comparison, LeverSpec, Pin, VerifyView} from "./WardenTypes.sol";

/// @title What a lever's target is, and whether its stop is in force
library LeverChecks {
    using CallTemplates for CallTemplate;

    /// @notice The target's code or implementation is not the pinned one.
    error TargetChanged(address target);
    /// @notice The view reverted, ran out of its gas, or answered with too few bytes: nothing is known.
    error ViewUnreadable(address target);

    /// @notice Reverts unless the target's code, and the implementation where one is pinned, are unchanged.
    function requirePinned(address target, Pin memory pin, uint256 viewGas) internal view {
        if (target.codehash != pin.codeHash) revert TargetChanged(target);
        if (pin.viewTarget == address(0)) return;
        (bool readable, bytes32 answer) = BoundedCall.tryView(pin.viewTarget, viewGas, pin.viewData, 0);
        if (!readable) revert ViewUnreadable(pin.viewTarget);
        if (answer != pin.viewWord) revert TargetChanged(target);
        if (pin.implementationCodeHash == 0) return;
        address implementation = address(uint160(uint256(answer)));
        if (implementation.codehash != pin.implementationCodeHash) revert TargetChanged(implementation);
    }

    /// @notice Whether a lever's stop is in force, as far as its view can tell.
    function isInForce(LeverSpec memory spec, bytes memory arguments)
        internal
        view
        returns (bool readable, bool inForce)
    {
        VerifyView memory verify = spec.verify;
        bytes32 answer;
        (readable, answer) =
            BoundedCall.tryView(verify.target, spec.viewGas, verify.call.fill(arguments), verify.word);
        if (readable) inForce = compare(verify.comparison, answer & verify.mask, verify.expected);
    }

    function compare(Comparison comparison, bytes32 left, bytes32 right) private pure returns (bool) {
        if (comparison == Comparison.Equal) return left == right;
        if (comparison == Comparison.NotEqual) return left != right;
        if (comparison == Comparison.AtLeast) return left >= right;
        return left <= right;
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {CallTemplates} from "./CallTemplates.sol";
import {ForbiddenSelectors} from "./ForbiddenSelectors.sol";
import {LeverChecks} from "./LeverChecks.sol";
import {CallTemplate, LeverSpec, VerifyView, WordKind} from "./WardenTypes.sol";

/// @notice Where the sets of `OneOf` rules are registered.
interface ISets {
    function isSet(bytes32 set) external view returns (bool);
}

/// @title What a lever must be to be registered
/// @notice A contract of its own because a Warden with these checks inside is larger than a contract may be (EIP-170).
/// Each Warden creates its own and asks it by a static call.
contract LeverInspector {
    using CallTemplates for CallTemplate;

    /// @notice The target has no code, is a precompile, a delegated account (EIP-7702) or the Warden itself.
    error BadTarget(address target);
    /// @notice The function moves funds, power or code, forwards calls, or loosens.
    error ForbiddenSelector(bytes4 selector);
    /// @notice A number of the lever is out of its limits; `field` names it.
    error BadField(string field);
    /// @notice A word rule can never be met: a range upside down, or a set that is not registered.
    error BadWordRule(uint256 word);

    /// @dev As many as a Warden may have.
    uint256 private constant SENTINELS_MAX = 16;
    uint256 private constant WORDS_MAX = 16;
    uint256 private constant PULLS_MAX = 256;
    uint256 private constant CALL_GAS_MIN = 30_000;
    uint256 private constant CALL_GAS_MAX = 8_000_000;
    uint256 private constant VIEW_GAS_MIN = 5000;
    uint256 private constant VIEW_GAS_MAX = 1_000_000;
    /// @dev A month: what a machine may hold. People may ratify for longer.
    uint256 private constant HOLD_MAX_SECONDS = 30 days;
    uint256 private constant RATIFIED_MAX_SECONDS = 365 days;
    uint256 private constant PRECOMPILES_END = 0x10000;

    /// @notice Reverts unless the lever is sound. The caller is the Warden that it is for.
    /// @return endsByItself Whether an argument tells the target for how long.
    function inspect(LeverSpec calldata spec) external view returns (bool endsByItself) {
        requireTarget(spec.target);
        if (ForbiddenSelectors.forbidsPull(spec.selector)) revert ForbiddenSelector(spec.selector);
        if (spec.sentinelsRequired == 0 || spec.sentinelsRequired > SENTINELS_MAX) {
            revert BadField("sentinelsRequired");
        }
        if (spec.pullsPerArming == 0 || spec.pullsPerArming > PULLS_MAX) revert BadField("pullsPerArming");
        endsByItself = validateArguments(spec);
        validateHold(spec, endsByItself);
        validateUndo(spec);
        validateView(spec);
        validateGasAndBudget(spec);
        LeverChecks.requirePinned(spec.target, spec.pin, spec.viewGas);
    }

    function requireTarget(address target) private view {
        if (target == msg.sender || uint160(target) < PRECOMPILES_END || target.code.length == 0) {
            revert BadTarget(target);
        }
        // 0xef0100 and an address: a key's account that borrows code and can exchange it at will.
        if (target.code.length == 23 && bytes3(target.code) == 0xef0100) revert BadTarget(target);
    }

    function validateArguments(LeverSpec calldata spec) private view returns (bool endsByItself) {
        bytes calldata fixedData = spec.fixedData;
        if (fixedData.length != 0) {
            if (spec.words.length != 0) revert BadField("words");
            if (fixedData.length < 4 || fixedData.length > CallTemplates.DATA_BYTES_MAX) {
                revert BadField("fixedData");
            }
            if (bytes4(fixedData[:4]) != spec.selector) revert BadField("fixedData");
            return false;
        }
        if (spec.words.length > WORDS_MAX) revert BadField("words");
        for (uint256 i = 0; i < spec.words.length; ++i) {
            WordKind kind = spec.words[i].kind;
            if (kind == WordKind.Range && spec.words[i].low > spec.words[i].high) revert BadWordRule(i);
            if (kind == WordKind.OneOf && !ISets(msg.sender).isSet(spec.words[i].low)) revert BadWordRule(i);
            if (kind == WordKind.Hold) endsByItself = true;
        }
    }

    function validateHold(LeverSpec calldata spec, bool endsByItself) private pure {
        bool hasUndo = spec.undo.data.length != 0;
        if (spec.longestHold == 0) {
            if (hasUndo || endsByItself) revert BadField("longestHold");
            if (spec.shortestHold != 0) revert BadField("shortestHold");
            if (spec.longestRatified != 0) revert BadField("longestRatified");
            return;
        }
        if (!hasUndo && !endsByItself) revert BadField("undo");
        if (spec.longestHold > HOLD_MAX_SECONDS) revert BadField("longestHold");
        if (spec.shortestHold == 0 || spec.shortestHold > spec.longestHold) revert BadField("shortestHold");
        if (spec.longestRatified < spec.longestHold || spec.longestRatified > RATIFIED_MAX_SECONDS) {
            revert BadField("longestRatified");
        }
        // The Warden cannot prolong what the target ends.
        if (endsByItself && spec.longestRatified != spec.longestHold) revert BadField("longestRatified");
    }

    function validateUndo(LeverSpec calldata spec) private pure {
        if (spec.undo.data.length == 0) {
            if (spec.undo.copies.length != 0) revert BadField("undo");
            return;
        }
        spec.undo.validate(spec.words.length);
        bytes4 selector = bytes4(spec.undo.data[:4]);
        if (ForbiddenSelectors.forbidsUndo(selector)) revert ForbiddenSelector(selector);
    }

    function validateView(LeverSpec calldata spec) private view {
        VerifyView calldata verify = spec.verify;
        if (verify.target.code.length == 0) revert BadTarget(verify.target);
        if (verify.word > 31 || verify.mask == 0) revert BadField("verify");
        verify.call.validate(spec.words.length);
    }

    function validateGasAndBudget(LeverSpec calldata spec) private pure {
        if (spec.callGas < CALL_GAS_MIN || spec.callGas > CALL_GAS_MAX) revert BadField("callGas");
        if (spec.viewGas < VIEW_GAS_MIN || spec.viewGas > VIEW_GAS_MAX) revert BadField("viewGas");
        if (spec.undo.data.length == 0) {
            if (spec.undoGas != 0) revert BadField("undoGas");
        } else if (spec.undoGas < CALL_GAS_MIN || spec.undoGas > CALL_GAS_MAX) {
            revert BadField("undoGas");
        }
        if (spec.unitsPerPull == 0) revert BadField("unitsPerPull");
        uint256 cheapest = spec.unitsPerPull + uint256(spec.unitsPerSecond) * spec.shortestHold;
        if (spec.unitsPerEpoch < cheapest) revert BadField("unitsPerEpoch");
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {LeverSpec, WordKind, WordRule} from "./WardenTypes.sol";

/// @title What an order's calldata may be
/// @notice Either exactly the fixed calldata, or the selector followed by exactly as many words as there are rules.
/// Nothing may follow. A dynamic argument is bounded by pinning its offset and length words with `Exact`.
library ArgumentBounds {
    /// @notice The calldata does not begin with the lever's selector.
    error WrongSelector();
    /// @notice The calldata is shorter or longer than the lever's arguments.
    error WrongLength(uint256 length, uint256 expected);
    /// @notice The calldata is not the lever's fixed calldata.
    error WrongFixedData();
    /// @notice An argument is out of its bounds.
    error ArgumentOutOfBounds(uint256 word, bytes32 value);

    /// @notice Reverts unless `data` is within the lever's bounds.
    /// @param sets Members of the registered sets, by the set's hash.
    function check(
        LeverSpec memory spec,
        mapping(bytes32 => mapping(bytes32 => bool)) storage sets,
        bytes calldata data,
        uint256 holdSeconds
    ) internal view {
        if (spec.fixedData.length != 0) {
            if (keccak256(data) != keccak256(spec.fixedData)) revert WrongFixedData();
            return;
        }
        uint256 nWords = spec.words.length;
        if (data.length != 4 + 32 * nWords) revert WrongLength(data.length, 4 + 32 * nWords);
        if (bytes4(data[:4]) != spec.selector) revert WrongSelector();
        for (uint256 i = 0; i < nWords; ++i) {
            bytes32 value = bytes32(data[4 + 32 * i:]);
            if (!allows(spec.words[i], sets, value, holdSeconds)) revert ArgumentOutOfBounds(i, value);
        }
    }

    function allows(
        WordRule memory rule,
        mapping(bytes32 => mapping(bytes32 => bool)) storage sets,
        bytes32 value,
        uint256 holdSeconds
    ) private view returns (bool) {
        WordKind kind = rule.kind;
        if (kind == WordKind.Any) return true;
        if (kind == WordKind.Exact) return value == rule.low;
        if (kind == WordKind.Range) return rule.low <= value && value <= rule.high;
        if (kind == WordKind.OneOf) return sets[rule.low][value];
        return value == bytes32(holdSeconds);
    }
}

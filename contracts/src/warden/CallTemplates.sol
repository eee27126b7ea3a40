// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {CallTemplate} from "./WardenTypes.sol";

/// @title Filling a prepared calldata with an order's argument words
library CallTemplates {
    /// @notice A template whose copies do not fit its data or the arguments.
    error BadTemplate();

    uint256 private constant COPIES_BYTES_MAX = 30;
    uint256 internal constant DATA_BYTES_MAX = 1028;

    /// @notice The template's data with its holes filled from `arguments` (calldata, selector included).
    /// @dev `validate` was called for the same template and at least as many words.
    function fill(CallTemplate memory template, bytes memory arguments)
        internal
        pure
        returns (bytes memory filled)
    {
        filled = bytes.concat(template.data);
        bytes memory copies = template.copies;
        for (uint256 i = 0; i < copies.length; i += 2) {
            uint256 from = 0x24 + uint256(uint8(copies[i])) * 0x20;
            uint256 to = 0x24 + uint256(uint8(copies[i + 1])) * 0x20;
            assembly ("memory-safe") {
                mstore(add(filled, to), mload(add(arguments, from)))
            }
        }
    }

    /// @notice Reverts unless every copy stays inside `nWords` arguments and inside the template's own words.
    function validate(CallTemplate calldata template, uint256 nWords) internal pure {
        bytes calldata copies = template.copies;
        if (template.data.length < 4 || template.data.length > DATA_BYTES_MAX) revert BadTemplate();
        if (copies.length % 2 != 0 || copies.length > COPIES_BYTES_MAX) revert BadTemplate();
        for (uint256 i = 0; i < copies.length; i += 2) {
            if (uint8(copies[i]) >= nWords) revert BadTemplate();
            if (4 + (uint256(uint8(copies[i + 1])) + 1) * 32 > template.data.length) revert BadTemplate();
        }
    }
}

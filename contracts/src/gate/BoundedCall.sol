// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Questions to contracts that may lie, revert, burn gas or answer with megabytes
library BoundedCall {
    /// @notice Gas that one question may use. A caller who leaves less makes the answer fail, which is never to the
    /// asker's advantage: no answer is the stricter case everywhere in the gate.
    uint256 internal constant GAS = 100_000;

    /// @notice Asks a view for up to two words.
    /// @param target whom to ask; an address without code gives no answer
    /// @param question selector and arguments
    /// @param words how many words the answer must have at least, 1 or 2
    /// @return ok whether there was an answer of at least that length
    /// @return first the first word, 0 if there was no answer
    /// @return second the second word, 0 if there was no answer or it has only one
    function ask(address target, bytes memory question, uint256 words)
        internal
        view
        returns (bool ok, uint256 first, uint256 second)
    {
        uint256 gasLimit = GAS;
        // At most 64 bytes are copied, to the scratch space, whatever comes back.
        assembly ("memory-safe") {
            mstore(0x00, 0)
            mstore(0x20, 0)
            ok := staticcall(gasLimit, target, add(question, 0x20), mload(question), 0x00, 0x40)
            ok := and(ok, iszero(lt(returndatasize(), mul(words, 0x20))))
            if ok {
                first := mload(0x00)
                second := mload(0x20)
            }
        }
    }
}

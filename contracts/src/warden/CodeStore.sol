// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Bytes kept as the code of an account that cannot run
/// @notice A lever never changes, so it need not be storage: as code it costs a tenth to write and to read. The code
/// begins with STOP, so that a call to it does nothing.
library CodeStore {
    /// @notice The bytes could not be stored: too long for a contract, or too little gas.
    error NotStored();

    /// @dev A contract's code is at most 24,576 bytes (EIP-170), of which one is STOP.
    uint256 private constant BYTES_MAX = 24_575;

    /// @notice Stores `data`, at most 24,575 bytes.
    function write(bytes memory data) internal returns (address pointer) {
        if (data.length > BYTES_MAX) revert NotStored();
        // PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN: the ten bytes before what is stored.
        bytes memory creation =
            abi.encodePacked(hex"61", uint16(data.length + 1), hex"80600a5f395ff3", hex"00", data);
        assembly ("memory-safe") {
            pointer := create(0, add(creation, 0x20), mload(creation))
        }
        if (pointer == address(0)) revert NotStored();
    }

    /// @notice What was stored.
    function read(address pointer) internal view returns (bytes memory data) {
        assembly ("memory-safe") {
            let size := sub(extcodesize(pointer), 1)
            data := mload(0x40)
            mstore(data, size)
            extcodecopy(pointer, add(data, 0x20), 1, size)
            mstore(0x40, and(add(add(data, size), 0x3f), not(0x1f)))
        }
    }
}

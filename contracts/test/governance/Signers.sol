// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {ITransactionGuard} from "../../src/governance/IAvatar.sol";

/// @notice A contract whose signature is the digest itself.
contract ContractSigner {
    function isValidSignature(bytes32 digest, bytes calldata signature) external pure returns (bytes4) {
        return bytes32(signature) == digest ? bytes4(0x1626ba7e) : bytes4(0);
    }
}

/// @notice A Safe transaction guard that can forbid.
contract WatchingGuard is ITransactionGuard, IERC165 {
    bool public forbids;
    uint256 public before;
    uint256 public afterwards;

    error Forbidden();

    function forbid(bool state) external {
        forbids = state;
    }

    function checkTransaction(
        address,
        uint256 value,
        bytes memory,
        uint8 operation,
        uint256,
        uint256,
        uint256,
        address,
        address payable,
        bytes memory,
        address
    ) external {
        if (forbids || value != 0 || operation != 0) revert Forbidden();
        ++before;
    }

    function checkAfterExecution(bytes32, bool) external {
        ++afterwards;
    }

    function supportsInterface(bytes4 id) external pure returns (bool) {
        return id == 0xe6d7a83a || id == type(IERC165).interfaceId;
    }
}

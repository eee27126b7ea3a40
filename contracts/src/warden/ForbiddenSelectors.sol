// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Functions that no lever may call, by their selectors
/// @notice A second look at what governance registers, not a proof: a selector is a name, and a contract may move
/// funds under any name. What bounds a lever is that governance chose its target, that the target's code is pinned and
/// that the arguments are bounded. This list only keeps the well-known ways of moving value, power or code from being
/// registered by mistake or by somebody in a hurry.
library ForbiddenSelectors {
    /// @notice Whether a pull may never call this: it moves something, or it loosens.
    function forbidsPull(bytes4 selector) internal pure returns (bool) {
        return loosens(selector) || forbidsUndo(selector);
    }

    /// @notice Whether neither a pull nor an undo may call this.
    function forbidsUndo(bytes4 selector) internal pure returns (bool) {
        return
            movesTokens(selector) || movesPower(selector) || changesCode(selector) || forwardsCalls(selector);
    }

    /// @dev Lifting a stop is what an undo is for, and nothing else.
    function loosens(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("unpause()")) || s == bytes4(keccak256("unpause(address)"))
            || s == bytes4(keccak256("resume()")) || s == bytes4(keccak256("unfreeze(address)"))
            || s == bytes4(keccak256("unBlacklist(address)")) || s == bytes4(keccak256("uncurse(bytes16)"))
            || s == bytes4(keccak256("release(address)"))
            || s == bytes4(keccak256("setPoolPause(bool,uint40)"));
    }

    function movesTokens(bytes4 s) private pure returns (bool) {
        return movesErc20(s) || movesErc721Or1155(s) || movesVaultShares(s);
    }

    function movesErc20(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("transfer(address,uint256)"))
            || s == bytes4(keccak256("transferFrom(address,address,uint256)"))
            || s == bytes4(keccak256("approve(address,uint256)"))
            || s == bytes4(keccak256("increaseAllowance(address,uint256)"))
            || s == bytes4(keccak256("permit(address,address,uint256,uint256,uint8,bytes32,bytes32)"))
            || s == bytes4(keccak256("transferAndCall(address,uint256)"))
            || s == bytes4(keccak256("transferAndCall(address,uint256,bytes)"))
            || s == bytes4(keccak256("approveAndCall(address,uint256)"))
            || s == bytes4(keccak256("send(address,uint256,bytes)"))
            || s == bytes4(keccak256("mint(address,uint256)")) || s == bytes4(keccak256("burn(uint256)"))
            || s == bytes4(keccak256("burn(address,uint256)"))
            || s == bytes4(keccak256("burnFrom(address,uint256)"))
            || s == bytes4(keccak256("forcedTransfer(address,address,uint256)"));
    }

    function movesErc721Or1155(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("setApprovalForAll(address,bool)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256,bytes)"))
            || s == bytes4(keccak256("safeTransferFrom(address,address,uint256,uint256,bytes)"))
            || s == bytes4(keccak256("safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)"));
    }

    function movesVaultShares(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("withdraw(uint256)"))
            || s == bytes4(keccak256("withdraw(uint256,address,address)"))
            || s == bytes4(keccak256("redeem(uint256,address,address)"))
            || s == bytes4(keccak256("sweep(address)")) || s == bytes4(keccak256("sweep(address,address)"))
            || s == bytes4(keccak256("rescueTokens(address,address,uint256)"));
    }

    function movesPower(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("transferOwnership(address)"))
            || s == bytes4(keccak256("acceptOwnership()")) || s == bytes4(keccak256("renounceOwnership()"))
            || s == bytes4(keccak256("grantRole(bytes32,address)"))
            || s == bytes4(keccak256("revokeRole(bytes32,address)"))
            || s == bytes4(keccak256("renounceRole(bytes32,address)"))
            || s == bytes4(keccak256("grantRole(uint64,address,uint32)"))
            || s == bytes4(keccak256("setAuthority(address)"))
            || s == bytes4(keccak256("changeAdmin(address)")) || s == bytes4(keccak256("setOwner(address)"))
            || s == bytes4(keccak256("addOwnerWithThreshold(address,uint256)"))
            || s == bytes4(keccak256("swapOwner(address,address,address)"))
            || s == bytes4(keccak256("changeThreshold(uint256)"))
            || s == bytes4(keccak256("enableModule(address)")) || s == bytes4(keccak256("setGuard(address)"));
    }

    function changesCode(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("upgradeTo(address)"))
            || s == bytes4(keccak256("upgradeToAndCall(address,bytes)"))
            || s == bytes4(keccak256("upgrade(address,address)"))
            || s == bytes4(keccak256("upgradeAndCall(address,address,bytes)"))
            || s == bytes4(keccak256("setImplementation(address)"))
            || s == bytes4(keccak256("changeImplementation(address)"));
    }

    /// @dev Functions that run somebody's calldata on somebody's behalf, by a call or a delegatecall.
    function forwardsCalls(bytes4 s) private pure returns (bool) {
        return s == bytes4(keccak256("execute(address,uint256,bytes)"))
            || s == bytes4(keccak256("execute(address,bytes)"))
            || s == bytes4(keccak256("execute(bytes32,bytes)"))
            || s == bytes4(keccak256("execute(address,uint256,bytes,bytes32,bytes32)"))
            || s == bytes4(keccak256("executeBatch(address[],uint256[],bytes[],bytes32,bytes32)"))
            || s == bytes4(keccak256("schedule(address,uint256,bytes,bytes32,bytes32,uint256)"))
            || s == bytes4(keccak256("multicall(bytes[])")) || s == bytes4(keccak256("multiSend(bytes)"))
            || s == bytes4(keccak256("delegatecall(address,bytes)"))
            || s == bytes4(keccak256("functionDelegateCall(address,bytes)"))
            || s == bytes4(keccak256("execTransactionFromModule(address,uint256,bytes,uint8)"))
            || s == bytes4(keccak256("execTransactionFromModuleReturnData(address,uint256,bytes,uint8)"))
            || s
                == bytes4(
                keccak256(
                "execTransaction(address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes)"
            )
            );
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @title Which calls guardians may make in a Safe's name
/// @notice A permission names one target, one function, bounds for every argument word, how often and until when. What
/// no permission names stays with the Safe's own threshold and time lock.
abstract contract GuardianScope {
    /// @notice Longest life of a permission: a year, so that every permission is looked at again.
    uint256 public constant MAX_LIFETIME = 365 days;
    /// @notice Most uses of one permission.
    uint256 public constant MAX_USES = 1000;
    /// @notice Most argument words of a bounded call.
    uint256 public constant MAX_WORDS = 16;

    /// @notice Bounds of one argument word, both included, compared as unsigned. Equal bounds pin it.
    struct WordBound {
        uint256 low;
        uint256 high;
    }

    /// @notice One thing that guardians may do.
    /// @param target the contract; never the Safe, never this module
    /// @param selector the function
    /// @param expiresAt the last second (UNIX) in which it may be used
    /// @param usesLeft how often it may still be used
    /// @param needed how many guardians must agree; at least the set's threshold counts
    /// @param dataHash keccak256 of the only call data allowed; zero: `words` bound it
    /// @param words one bound for each word after the selector; the call data has exactly this length
    struct Permission {
        address target;
        bytes4 selector;
        uint48 expiresAt;
        uint32 usesLeft;
        uint8 needed;
        bytes32 dataHash;
        WordBound[] words;
    }

    /// @notice How many permissions were ever granted; ids are 1 to this and are never used again.
    uint256 public permissionCount;

    mapping(uint256 id => Permission) private _permissions;

    /// @notice The Safe granted a permission.
    event PermissionGranted(
        uint256 indexed id, address indexed target, bytes4 indexed selector, Permission permission
    );
    /// @notice The Safe withdrew a permission.
    event PermissionRevoked(uint256 indexed id);

    /// @notice A permission that cannot be granted; see `Permission` and the limits above.
    error InvalidPermission(address target, bytes4 selector);
    /// @notice The permission does not cover this call.
    error OutOfScope(uint256 id, address target);
    /// @notice The permission expired (UNIX seconds), is used up, revoked or was never granted.
    error PermissionOver(uint256 id, uint256 expiresAt, uint256 usesLeft);

    /// @notice One permission; `usesLeft` is 0 once it is used up or revoked.
    function permissionOf(uint256 id) external view returns (Permission memory) {
        return _permissions[id];
    }

    /// @notice Whether a permission could be used for a call now.
    function isInScope(uint256 id, address target, bytes calldata data) public view returns (bool) {
        Permission storage permission = _permissions[id];
        if (permission.usesLeft == 0 || block.timestamp > permission.expiresAt) return false;
        return _matches(permission, target, data);
    }

    function _permission(uint256 id) internal view returns (Permission storage) {
        return _permissions[id];
    }

    /// @dev Uses a permission once, or reverts with the reason why not.
    function _use(uint256 id, address target, bytes calldata data) internal {
        Permission storage permission = _permissions[id];
        if (permission.usesLeft == 0 || block.timestamp > permission.expiresAt) {
            revert PermissionOver(id, permission.expiresAt, permission.usesLeft);
        }
        if (!_matches(permission, target, data)) revert OutOfScope(id, target);
        --permission.usesLeft;
    }

    /// @dev A use whose call failed did nothing, and is not counted.
    function _giveBack(uint256 id) internal {
        ++_permissions[id].usesLeft;
    }

    function _grant(Permission calldata permission) internal returns (uint256 id) {
        bool sound = permission.target.code.length != 0 && !_isForbidden(permission.selector)
            && permission.usesLeft != 0 && permission.usesLeft <= MAX_USES
            && permission.expiresAt > block.timestamp
            && permission.expiresAt <= block.timestamp + MAX_LIFETIME && permission.words.length <= MAX_WORDS
            && (permission.dataHash == 0 || permission.words.length == 0);
        for (uint256 i = 0; sound && i < permission.words.length; ++i) {
            sound = permission.words[i].low <= permission.words[i].high;
        }
        if (!sound) revert InvalidPermission(permission.target, permission.selector);
        id = ++permissionCount;
        Permission storage stored = _permissions[id];
        stored.target = permission.target;
        stored.selector = permission.selector;
        stored.expiresAt = permission.expiresAt;
        stored.usesLeft = permission.usesLeft;
        stored.needed = permission.needed;
        stored.dataHash = permission.dataHash;
        for (uint256 i = 0; i < permission.words.length; ++i) {
            stored.words.push(permission.words[i]);
        }
        emit PermissionGranted(id, permission.target, permission.selector, permission);
    }

    function _revoke(uint256 id) internal {
        _permissions[id].usesLeft = 0;
        emit PermissionRevoked(id);
    }

    function _matches(Permission storage permission, address target, bytes calldata data)
        private
        view
        returns (bool)
    {
        // A call to an account without code succeeds and does nothing: the worst kind of brake.
        if (target != permission.target || target.code.length == 0) return false;
        if (data.length < 4 || bytes4(data[:4]) != permission.selector) return false;
        if (permission.dataHash != 0) return keccak256(data) == permission.dataHash;
        uint256 nWords = permission.words.length;
        if (data.length != 4 + 32 * nWords) return false;
        for (uint256 i = 0; i < nWords; ++i) {
            uint256 word = uint256(bytes32(data[4 + 32 * i:]));
            if (word < permission.words[i].low || word > permission.words[i].high) return false;
        }
        return true;
    }

    /// @dev A seat belt, not a wall: the functions by which value or authority usually leaves an account. What else a
    /// target offers, the Safe's owners have to judge when they grant.
    function _isForbidden(bytes4 selector) private pure returns (bool) {
        return selector == 0xa9059cbb // transfer(address,uint256)
            || selector == 0x23b872dd // transferFrom(address,address,uint256)
            || selector == 0x095ea7b3 // approve(address,uint256)
            || selector == 0x39509351 // increaseAllowance(address,uint256)
            || selector == 0xa22cb465 // setApprovalForAll(address,bool)
            || selector == 0x42842e0e // safeTransferFrom(address,address,uint256)
            || selector == 0xb88d4fde // safeTransferFrom(address,address,uint256,bytes)
            || selector == 0xf242432a // safeTransferFrom(address,address,uint256,uint256,bytes)
            || selector == 0x468721a7 // execTransactionFromModule(address,uint256,bytes,uint8)
            || selector == 0x5229073f; // execTransactionFromModuleReturnData(address,uint256,bytes,uint8)
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IAvatar} from "./IAvatar.sol";

/// @title The linked list of modules, as Safe and Zodiac keep it
abstract contract ModuleList is IAvatar {
    /// @dev Head and tail of the list.
    address private constant SENTINEL_MODULES = address(1);

    mapping(address module => address next) private _modules;

    /// @notice No module can be this, or it is (or is not) in the list already.
    error InvalidModule(address module);
    /// @notice The caller is not an enabled module.
    error NotModule(address caller);

    constructor() {
        _modules[SENTINEL_MODULES] = SENTINEL_MODULES;
    }

    /// @inheritdoc IAvatar
    function isModuleEnabled(address module) public view returns (bool) {
        return module != SENTINEL_MODULES && _modules[module] != address(0);
    }

    /// @inheritdoc IAvatar
    /// @dev `start` is 0x1 for the first page, then the last `next`; `next` is 0x1 after the last page.
    function getModulesPaginated(address start, uint256 pageSize)
        external
        view
        returns (address[] memory array, address next)
    {
        if (start != SENTINEL_MODULES && !isModuleEnabled(start)) revert InvalidModule(start);
        array = new address[](pageSize);
        uint256 count = 0;
        next = _modules[start];
        while (next != SENTINEL_MODULES && count < pageSize) {
            array[count++] = next;
            next = _modules[next];
        }
        if (next != SENTINEL_MODULES) next = array[count - 1];
        assembly ("memory-safe") {
            mstore(array, count)
        }
    }

    function _enableModule(address module) internal {
        if (module == address(0) || module == SENTINEL_MODULES || _modules[module] != address(0)) {
            revert InvalidModule(module);
        }
        _modules[module] = _modules[SENTINEL_MODULES];
        _modules[SENTINEL_MODULES] = module;
        emit EnabledModule(module);
    }

    function _disableModule(address prevModule, address module) internal {
        bool listed = module != address(0) && module != SENTINEL_MODULES && _modules[prevModule] == module;
        if (!listed) revert InvalidModule(module);
        _modules[prevModule] = _modules[module];
        _modules[module] = address(0);
        emit DisabledModule(module);
    }
}

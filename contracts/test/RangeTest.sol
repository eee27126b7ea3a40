// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @notice The few cheatcodes that the tests use.
interface Vm {
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function deal(address account, uint256 balance) external;
    function expectRevert() external;
    function expectRevert(bytes4 selector) external;
    function expectPartialRevert(bytes4 selector) external;
    function getCode(string calldata artifact) external view returns (bytes memory);
    function readFile(string calldata path) external view returns (string memory);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseBytes(string calldata hexadecimal) external pure returns (bytes memory);
    function load(address target, bytes32 slot) external view returns (bytes32);
    function warp(uint256 timestamp) external;
    function roll(uint256 number) external;
}

/// @title What the tests share: cheatcodes, comparisons, ready artifacts
/// @dev A small stand-in for forge-std, of which no package is pinned here.
abstract contract RangeTest {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    error Unequal(uint256 left, uint256 right, string what);
    error NotAtLeast(uint256 left, uint256 right, string what);

    function assertEq(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert Unequal(left, right, what);
    }

    function assertGe(uint256 left, uint256 right, string memory what) internal pure {
        if (left < right) revert NotAtLeast(left, right, what);
    }

    function assertLe(uint256 left, uint256 right, string memory what) internal pure {
        if (left > right) revert NotAtLeast(right, left, what);
    }

    /// @dev The accounts of a world's group, as addresses that nobody has the keys of.
    function account(string memory group, uint256 index) internal pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode(group, index)))));
    }

    /// @dev Deploys an artifact of an npm package: the same file that a world names with `npm:`.
    function deployNpm(string memory path, bytes memory arguments) internal returns (address deployed) {
        string memory json = vm.readFile(string.concat("node_modules/", path));
        bytes memory code = vm.parseBytes(vm.parseJsonString(json, ".bytecode"));
        bytes memory creation = bytes.concat(code, arguments);
        assembly {
            deployed := create(0, add(creation, 0x20), mload(creation))
        }
        require(deployed != address(0), "deployment failed");
    }

    /// @dev One block on, at the range's pace.
    function nextBlock() internal {
        vm.warp(block.timestamp + 1);
        vm.roll(block.number + 1);
    }
}

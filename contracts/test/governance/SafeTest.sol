// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {Pausable} from "@openzeppelin/contracts/utils/Pausable.sol";
import {GuardianModule} from "../../src/governance/GuardianModule.sol";
import {GuardianScope} from "../../src/governance/GuardianScope.sol";
import {GovernanceTest} from "./GovernanceTest.sol";

interface ISafe {
    function setup(
        address[] calldata owners,
        uint256 threshold,
        address to,
        bytes calldata data,
        address fallbackHandler,
        address paymentToken,
        uint256 payment,
        address payable paymentReceiver
    ) external;
    function execTransaction(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation,
        uint256 safeTxGas,
        uint256 baseGas,
        uint256 gasPrice,
        address gasToken,
        address payable refundReceiver,
        bytes memory signatures
    ) external payable returns (bool);
    function enableModule(address module) external;
    function disableModule(address prevModule, address module) external;
    function isModuleEnabled(address module) external view returns (bool);
    function VERSION() external view returns (string memory);
}

/// @notice A market with brakes of every shape, owned by the Safe.
contract Market is Pausable {
    error NotTheSafe();

    address public immutable safe;
    mapping(uint256 market => uint256) public capOf;
    bytes public lastNote;
    uint256 public calls;

    constructor(address safe_) {
        safe = safe_;
    }

    modifier onlySafe() {
        if (msg.sender != safe) revert NotTheSafe();
        ++calls;
        _;
    }

    function pause() external onlySafe {
        _pause();
    }

    function unpause() external onlySafe {
        _unpause();
    }

    function setCap(uint256 market, uint256 cap) external onlySafe {
        capOf[market] = cap;
    }

    function note(bytes calldata text) external onlySafe {
        lastNote = text;
    }

    function transfer(address, uint256) external onlySafe {}
}

/// @title The real Safe 1.4.1, a market it owns, and a guardian module
abstract contract SafeTest is GovernanceTest {
    ISafe internal safe;
    Market internal market;
    GuardianModule internal module;
    address internal owner = account("owner", 0);

    function setUpSafe() internal {
        vm.warp(START);
        string memory artifacts = "@safe-global/safe-contracts/build/artifacts/contracts/";
        address singleton = deployNpm(string.concat(artifacts, "Safe.sol/Safe.json"), "");
        safe = ISafe(
            deployNpm(string.concat(artifacts, "proxies/SafeProxy.sol/SafeProxy.json"), abi.encode(singleton))
        );
        address[] memory owners = new address[](1);
        owners[0] = owner;
        safe.setup(owners, 1, address(0), "", address(0), address(0), 0, payable(address(0)));
        market = new Market(address(safe));
        makeGuardians(4);
        module = new GuardianModule(address(safe), guardians, 2);
        ownersCall(address(safe), abi.encodeCall(ISafe.enableModule, (address(module))));
    }

    /// @dev What the Safe's threshold decides.
    function ownersCall(address to, bytes memory data) internal {
        bytes memory signature = bytes.concat(abi.encode(owner), bytes32(0), bytes1(uint8(1)));
        vm.prank(owner);
        safe.execTransaction(to, 0, data, 0, 0, 0, 0, address(0), payable(address(0)), signature);
    }

    function permission(bytes4 selector, GuardianScope.WordBound[] memory words)
        internal
        view
        returns (GuardianScope.Permission memory)
    {
        return GuardianScope.Permission({
            target: address(market),
            selector: selector,
            expiresAt: uint48(START + 30 days),
            usesLeft: 3,
            needed: 1,
            dataHash: 0,
            words: words
        });
    }

    function grant(GuardianScope.Permission memory wanted) internal returns (uint256 id) {
        ownersCall(address(module), abi.encodeCall(GuardianModule.grant, (wanted)));
        return module.permissionCount();
    }

    function grantPause() internal returns (uint256 id) {
        return grant(permission(Market.pause.selector, new GuardianScope.WordBound[](0)));
    }

    /// @dev Markets 1 to 5, caps up to 1,000.
    function grantCaps() internal returns (uint256 id) {
        GuardianScope.WordBound[] memory words = new GuardianScope.WordBound[](2);
        words[0] = GuardianScope.WordBound(1, 5);
        words[1] = GuardianScope.WordBound(0, 1000);
        return grant(permission(Market.setCap.selector, words));
    }

    function exec(uint256 id, bytes memory data, uint256 n) internal {
        execRefused(0, id, data, n);
    }

    /// @dev `refusal` is the selector of the error that must come, or 0.
    function execRefused(bytes4 refusal, uint256 id, bytes memory data, uint256 n) internal {
        bytes32 digest = module.callDigest(id, data, INCIDENT, block.timestamp);
        (address[] memory signers, bytes[] memory signatures) = signed(digest, n);
        vm.prank(stranger);
        if (refusal != 0) vm.expectPartialRevert(refusal);
        module.execCall(id, data, INCIDENT, block.timestamp, signers, signatures);
    }
}

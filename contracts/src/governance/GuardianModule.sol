// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IERC165} from "@openzeppelin/contracts/utils/introspection/IERC165.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {GuardianScope} from "./GuardianScope.sol";
import {GuardianSet} from "./GuardianSet.sol";
import {IAvatar, ITransactionGuard, Operation} from "./IAvatar.sol";
import {ModuleList} from "./ModuleList.sol";

/// @title Guardians of a Safe
/// @notice A Safe module by which guardians act at once, inside a scope that the Safe itself granted. Only calls, never
/// delegatecalls, never with value, never to the Safe or to this module; each permission ends by itself. The Safe ends
/// everything at once by disabling the module.
/// @dev Two ways in. Guardians: k of n by signatures or calls. Other modules (a Warden, a Zodiac module whose target
/// this is): the IAvatar functions, limited to the permissions that the Safe assigned to that module. Tested with
/// Safe 1.4.1, whose transaction guard does not see module transactions; therefore the Safe may set a guard here,
/// which sees every call of this module as it would see a transaction of the Safe's owners (Zodiac: Guardable).
contract GuardianModule is ModuleList, GuardianScope, GuardianSet, IERC165 {
    /// @notice Type hash of what guardians sign.
    bytes32 public constant GUARDIAN_CALL_TYPEHASH = keccak256(
        "GuardianCall(uint256 permission,bytes data,bytes32 incident,uint256 guardianEpoch,uint256 deadline)"
    );

    /// @notice Most permissions assigned to one module.
    uint256 public constant MAX_ASSIGNED = 16;

    /// @notice The Safe, by Zodiac's name for it.
    IAvatar public immutable avatar;

    /// @notice A Safe transaction guard that sees every call of this module; zero: none.
    ITransactionGuard public guard;

    mapping(address module => uint256[] ids) private _assigned;

    /// @notice Guardians made a call in the Safe's name.
    event GuardianCalled(uint256 indexed permission, bytes32 indexed incident, bytes32 digest);
    /// @notice The Safe said which permissions a module may use.
    event PermissionsAssigned(address indexed module, uint256[] permissions);
    /// @notice Zodiac's event of the same name.
    event ChangedGuard(address guard);

    /// @notice The target reverted, with this data; nothing was spent.
    error CallFailed(bytes returnData);
    /// @notice The contract does not say by ERC-165 that it is a Safe transaction guard.
    error NotAGuard(address guard);
    /// @notice At most `maximum` permissions for one module.
    error TooManyPermissions(uint256 maximum);
    /// @notice Neither value nor delegatecall, ever.
    error OnlyPlainCalls(uint256 value, uint8 operation);
    /// @notice No permission assigned to this module covers this call now.
    error NoPermissionFor(address module, address target);

    /// @param safe the Safe that enables this module, and alone configures it
    /// @param guardians_ at most 16
    /// @param threshold_ how many must agree at least
    constructor(address safe, address[] memory guardians_, uint256 threshold_)
        EIP712("Portcullis GuardianModule", "1")
        GuardianSet(guardians_, threshold_)
    {
        avatar = IAvatar(safe);
    }

    // ---------------------------------------------------------------------------------------------------- the Safe

    /// @notice Grants a permission. The Safe only.
    /// @return id of the permission
    function grant(Permission calldata permission) external returns (uint256 id) {
        _checkAuthority();
        if (permission.target == address(avatar) || permission.target == address(this)) {
            revert InvalidPermission(permission.target, permission.selector);
        }
        return _grant(permission);
    }

    /// @notice Withdraws a permission. The Safe only.
    function revoke(uint256 id) external {
        _checkAuthority();
        _revoke(id);
    }

    /// @notice Says which permissions an enabled module may use without guardians. The Safe only.
    /// @param permissions at most 16 ids, tried in this order; empty: none
    function assignPermissions(address module, uint256[] calldata permissions) external {
        _checkAuthority();
        if (permissions.length > MAX_ASSIGNED) revert TooManyPermissions(MAX_ASSIGNED);
        _assigned[module] = permissions;
        emit PermissionsAssigned(module, permissions);
    }

    /// @inheritdoc IAvatar
    /// @dev The Safe only. The module may do nothing until permissions are assigned to it.
    function enableModule(address module) external {
        _checkAuthority();
        _enableModule(module);
    }

    /// @inheritdoc IAvatar
    /// @dev The Safe only.
    function disableModule(address prevModule, address module) external {
        _checkAuthority();
        delete _assigned[module];
        _disableModule(prevModule, module);
    }

    /// @notice Sets a guard, or with zero none. The Safe only.
    function setGuard(ITransactionGuard next) external {
        _checkAuthority();
        if (address(next) != address(0)) {
            if (!IERC165(address(next)).supportsInterface(type(ITransactionGuard).interfaceId)) {
                revert NotAGuard(address(next));
            }
        }
        guard = next;
        emit ChangedGuard(address(next));
    }

    // --------------------------------------------------------------------------------------------------- guardians

    /// @notice Makes a call that enough guardians signed. Anyone may relay it.
    /// @param permission id of the permission it needs
    /// @param data selector and arguments; the target is the permission's
    /// @param incident a name for the record; two incidents make two messages
    /// @param deadline last second (UNIX) in which it counts
    /// @param signers guardians, strictly ascending
    /// @param signatures one each; empty for a guardian who agreed by `approveCall`
    function execCall(
        uint256 permission,
        bytes calldata data,
        bytes32 incident,
        uint256 deadline,
        address[] calldata signers,
        bytes[] calldata signatures
    ) external returns (bytes memory returnData) {
        bytes32 digest = callDigest(permission, data, incident, deadline);
        _spendSigned(digest, deadline, _permission(permission).needed, signers, signatures);
        return _execForGuardians(permission, data, incident, digest);
    }

    /// @notice Agrees to a call. The last guardian who is needed makes it. Guardians only.
    /// @return executed whether this was the last one
    function approveCall(uint256 permission, bytes calldata data, bytes32 incident, uint256 deadline)
        external
        returns (bool executed)
    {
        bytes32 digest = callDigest(permission, data, incident, deadline);
        executed = _approve(digest, deadline, _permission(permission).needed);
        if (executed) _execForGuardians(permission, data, incident, digest);
    }

    /// @notice What guardians sign for a call, under the set of this moment.
    function callDigest(uint256 permission, bytes calldata data, bytes32 incident, uint256 deadline)
        public
        view
        returns (bytes32)
    {
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    GUARDIAN_CALL_TYPEHASH, permission, keccak256(data), incident, guardianEpoch, deadline
                )
            )
        );
    }

    // ----------------------------------------------------------------------------------------------- other modules

    /// @inheritdoc IAvatar
    /// @dev Enabled modules only, for calls that one of their permissions covers. A call that fails returns false.
    function execTransactionFromModule(address to, uint256 value, bytes calldata data, uint8 operation)
        external
        returns (bool success)
    {
        (success,) = _execForModule(to, value, data, operation);
    }

    /// @inheritdoc IAvatar
    function execTransactionFromModuleReturnData(
        address to,
        uint256 value,
        bytes calldata data,
        uint8 operation
    ) external returns (bool success, bytes memory returnData) {
        return _execForModule(to, value, data, operation);
    }

    // ------------------------------------------------------------------------------------------------------- views

    /// @notice Where this module's calls go, by Zodiac's name: the Safe itself.
    function target() external view returns (address) {
        return address(avatar);
    }

    /// @notice Permissions of a module, in the order they are tried.
    function assignedPermissions(address module) external view returns (uint256[] memory) {
        return _assigned[module];
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == type(IERC165).interfaceId || interfaceId == type(IAvatar).interfaceId;
    }

    // ---------------------------------------------------------------------------------------------------- internal

    function _checkAuthority() internal view override {
        if (msg.sender != address(avatar)) revert NotAuthority(msg.sender);
    }

    function _execForGuardians(uint256 permission, bytes calldata data, bytes32 incident, bytes32 digest)
        private
        returns (bytes memory returnData)
    {
        bool success;
        (success, returnData) = _exec(permission, _permission(permission).target, data);
        // Nothing is spent by a call that fails: it can be tried again.
        if (!success) revert CallFailed(returnData);
        emit GuardianCalled(permission, incident, digest);
    }

    function _execForModule(address to, uint256 value, bytes calldata data, uint8 operation)
        private
        returns (bool success, bytes memory returnData)
    {
        if (!isModuleEnabled(msg.sender)) revert NotModule(msg.sender);
        if (value != 0 || operation != Operation.CALL) revert OnlyPlainCalls(value, operation);
        (success, returnData) = _exec(_permissionFor(msg.sender, to, data), to, data);
        if (success) emit ExecutionFromModuleSuccess(msg.sender);
        else emit ExecutionFromModuleFailure(msg.sender);
    }

    function _permissionFor(address module, address to, bytes calldata data) private view returns (uint256) {
        uint256[] storage ids = _assigned[module];
        for (uint256 i = 0; i < ids.length; ++i) {
            if (isInScope(ids[i], to, data)) return ids[i];
        }
        revert NoPermissionFor(module, to);
    }

    /// @dev The only place where the Safe is told to do something: a call, without value, that a permission covers.
    function _exec(uint256 permission, address to, bytes calldata data)
        private
        returns (bool success, bytes memory returnData)
    {
        _use(permission, to, data);
        ITransactionGuard watcher = guard;
        if (address(watcher) != address(0)) {
            watcher.checkTransaction(
                to, 0, data, Operation.CALL, 0, 0, 0, address(0), payable(0), "", msg.sender
            );
        }
        (success, returnData) = avatar.execTransactionFromModuleReturnData(to, 0, data, Operation.CALL);
        if (address(watcher) != address(0)) watcher.checkAfterExecution(0, success);
        if (!success) _giveBack(permission);
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

/// @dev Counts for how long something stood still: the harm that the tests measure is the victim's own count.
abstract contract Metered {
    mapping(bytes32 => uint256) private since;
    uint256 private closed;
    uint256 public pulls;
    bytes32[] private running;

    function start(bytes32 what) internal {
        if (since[what] != 0) return;
        since[what] = block.timestamp;
        running.push(what);
        pulls += 1;
    }

    function stop(bytes32 what) internal {
        if (since[what] == 0) return;
        closed += block.timestamp - since[what];
        since[what] = 0;
        for (uint256 i = 0; i < running.length; ++i) {
            if (running[i] == what) {
                running[i] = running[running.length - 1];
                running.pop();
                return;
            }
        }
    }

    function isRunning(bytes32 what) internal view returns (bool) {
        return since[what] != 0;
    }

    function stoppedSeconds() public view virtual returns (uint256 total) {
        total = closed;
        for (uint256 i = 0; i < running.length; ++i) {
            total += block.timestamp - since[running[i]];
        }
    }
}

/// @dev Like OpenZeppelin's Pausable: pausing twice reverts, and so does lifting what is not paused.
contract Brake is Metered {
    mapping(address => bool) public mayPause;
    uint256 public lifted;
    bool public stuck;

    constructor(address operator) {
        mayPause[operator] = true;
        mayPause[msg.sender] = true;
    }

    function pause() external {
        require(mayPause[msg.sender], "not a pauser");
        require(!isRunning(0), "paused");
        start(0);
    }

    function unpause() external {
        require(mayPause[msg.sender], "not a pauser");
        require(!stuck, "stuck");
        require(isRunning(0), "not paused");
        stop(0);
        lifted += 1;
    }

    function setStuck(bool stuck_) external {
        stuck = stuck_;
    }

    function paused() external view returns (bool) {
        return isRunning(0);
    }
}

/// @dev Like Aave's configurator: one function for both ways, and setting twice does nothing.
contract Market is Metered {
    address private immutable operator;
    address private immutable admin = msg.sender;

    constructor(address operator_) {
        operator = operator_;
    }

    function setReservePause(address asset, bool stopped) external {
        require(msg.sender == operator || msg.sender == admin, "not an operator");
        if (stopped) start(key(asset));
        else stop(key(asset));
    }

    function isPaused(address asset) external view returns (bool) {
        return isRunning(key(asset));
    }

    function key(address asset) private pure returns (bytes32) {
        return bytes32(uint256(uint160(asset)));
    }
}

/// @dev Like Lido's PausableUntil: told for how long, it goes on by itself.
contract SelfEnding {
    address private immutable operator;
    uint256 public until;
    uint256 public pulls;
    uint256 public resumed;
    uint256 private total;

    constructor(address operator_) {
        operator = operator_;
    }

    function pauseFor(uint256 seconds_) external {
        require(msg.sender == operator, "not the operator");
        require(block.timestamp >= until, "paused");
        until = block.timestamp + seconds_;
        total += seconds_;
        pulls += 1;
    }

    function resume() external {
        require(msg.sender == operator, "not the operator");
        require(block.timestamp < until, "not paused");
        total -= until - block.timestamp;
        until = block.timestamp;
        resumed += 1;
    }

    function isPaused() external view returns (bool) {
        return block.timestamp < until;
    }

    function stoppedSeconds() external view returns (uint256) {
        return total;
    }
}

/// @dev Like a timelock: what is cancelled is gone. The list of words has a dynamic argument for the smugglers.
contract Queue {
    address private immutable operator;
    mapping(bytes32 => bool) public cancelled;
    uint256 public pulls;

    constructor(address operator_) {
        operator = operator_;
    }

    function cancel(bytes32 id) external {
        require(msg.sender == operator, "not the operator");
        cancelled[id] = true;
        pulls += 1;
    }

    function cancelAll(bytes32[] calldata ids) external {
        require(msg.sender == operator, "not the operator");
        for (uint256 i = 0; i < ids.length; ++i) {
            cancelled[ids[i]] = true;
        }
        pulls += 1;
    }
}

/// @dev Does what a test tells it to do when it is pulled.
contract EvilTarget is Metered {
    enum Trick {
        None,
        CallBack,
        ReturnBomb,
        RevertBomb,
        BurnGas,
        LieAboutIt,
        ViewReverts,
        ViewShort,
        ViewByGas,
        Upgrade
    }

    Trick public trick;
    address private other;
    bytes private payload;
    bool public calledBack;
    bool public callBackSucceeded;
    bytes public callBackAnswer;
    uint256 private threshold;

    function set(Trick trick_, address other_, bytes calldata payload_, uint256 threshold_) external {
        (trick, other, payload, threshold) = (trick_, other_, payload_, threshold_);
    }

    function pause() external payable {
        if (trick == Trick.CallBack) {
            calledBack = true;
            (callBackSucceeded, callBackAnswer) = other.call(payload);
        }
        if (trick == Trick.BurnGas) while (true) {}
        start(0);
        if (trick == Trick.ReturnBomb) {
            assembly {
                return(0, 400000)
            }
        }
        if (trick == Trick.RevertBomb) {
            assembly {
                revert(0, 400000)
            }
        }
    }

    function unpause() external {
        if (trick == Trick.CallBack) {
            calledBack = true;
            (callBackSucceeded, callBackAnswer) = other.call(payload);
        }
        stop(0);
    }

    function paused() external view returns (bool) {
        if (trick == Trick.ViewReverts) revert("no");
        if (trick == Trick.ViewShort) {
            assembly {
                return(0, 31)
            }
        }
        if (trick == Trick.LieAboutIt) return false;
        if (trick == Trick.ViewByGas) return gasleft() < threshold;
        return isRunning(0);
    }
}

/// @dev A proxy that says what is behind it.
contract NakedProxy {
    bytes32 private constant SLOT = 0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc;

    constructor(address to) {
        upgradeTo(to);
    }

    function upgradeTo(address to) public {
        assembly {
            sstore(SLOT, to)
        }
    }

    function implementation() public view returns (address to) {
        assembly {
            to := sload(SLOT)
        }
    }

    fallback() external {
        address to = implementation();
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), to, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if iszero(ok) { revert(0, returndatasize()) }
            return(0, returndatasize())
        }
    }
}

/// @dev Behind the proxy: two versions, the second of which does nothing on `pause`.
contract BrakeV1 {
    bool public paused;

    function pause() external {
        paused = true;
    }

    function unpause() external {
        paused = false;
    }
}

contract BrakeV2 {
    bool public paused;
    uint256 public stolen;

    function pause() external {
        paused = true;
        stolen += 1;
    }
}

/// @dev A contract that checks signatures, in honest and dishonest ways.
contract ContractSigner {
    enum Mode {
        Yes,
        No,
        Burn,
        Bomb,
        Short
    }

    Mode public mode;
    bytes32 public expected;

    function set(Mode mode_) external {
        mode = mode_;
    }

    function isValidSignature(bytes32, bytes calldata) external view returns (bytes4) {
        if (mode == Mode.Yes) return 0x1626ba7e;
        if (mode == Mode.Burn) while (true) {}
        if (mode == Mode.Bomb) {
            assembly {
                mstore(0, shl(224, 0x1626ba7f))
                return(0, 60000)
            }
        }
        if (mode == Mode.Short) {
            assembly {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        return 0xffffffff;
    }
}

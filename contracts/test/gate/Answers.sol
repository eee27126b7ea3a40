// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {IGateOracle} from "../../src/gate/IGateOracle.sol";
import {IReputation} from "../../src/gate/IReputation.sol";

/// @notice A source of reputation and of prices that can be told to fail in every way.
contract Answers is IReputation, IGateOracle {
    enum Manner {
        Honest,
        Revert,
        Burn,
        Short,
        Bomb
    }

    Manner public manner;
    uint256 public bps;
    uint256 public usdE18;
    uint256 public updatedAt;

    function behave(Manner next) external {
        manner = next;
    }

    function setBps(uint256 next) external {
        bps = next;
    }

    function setPrice(uint256 usdE18_, uint256 updatedAt_) external {
        (usdE18, updatedAt) = (usdE18_, updatedAt_);
    }

    function multiplierBps(address, address) external view returns (uint256) {
        misbehave();
        return bps;
    }

    function price(address) external view returns (uint256, uint256) {
        misbehave();
        return (usdE18, updatedAt);
    }

    function misbehave() private view {
        if (manner == Manner.Revert) revert("no");
        if (manner == Manner.Burn) while (true) {}
        if (manner == Manner.Short) {
            assembly {
                mstore(0, not(0))
                return(0, 31)
            }
        }
        if (manner == Manner.Bomb) {
            assembly {
                return(0, 60000)
            }
        }
    }
}

// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

import {NotAfter} from "../src/safe/NotAfter.sol";
import {RangeTest} from "./RangeTest.sol";

contract NotAfterTest is RangeTest {
    function testFuzz_reverts_after_its_deadline_and_not_before(uint64 time, uint256 deadline) public {
        NotAfter limit = new NotAfter();
        vm.warp(time);
        if (time > deadline) {
            vm.expectPartialRevert(NotAfter.TooLate.selector);
        }
        limit.notAfter(deadline);
    }
}

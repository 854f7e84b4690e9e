# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Receiver
@license Apache-2.0
@notice An operator that is a contract and does, when it is paid, the worst that a receiver can do: refuses the
        money, burns all gas that it is given, or calls the pool again. For the tests only.
"""

TAKES: constant(uint256) = 0
REFUSES: constant(uint256) = 1
BURNS: constant(uint256) = 2
REENTERS: constant(uint256) = 3

manner: uint256
callee: address
call_data: Bytes[8_192]

# @notice How often it was paid, or called with nothing.
received: public(uint256)
# @notice How many of the calls that it made while it was paid succeeded.
succeeded: public(uint256)


@external
def behave(manner: uint256):
    """
    @notice What it does from now on when it is paid.
    @param manner 0 takes the money, 1 refuses it, 2 burns all gas, 3 calls again.
    """
    self.manner = manner


@external
def prepare(callee: address, call_data: Bytes[8_192]):
    """
    @notice The call that it makes once each time it is paid from outside.
    """
    self.callee = callee
    self.call_data = call_data


@external
@payable
def __default__():
    """
    @notice Is paid.
    """
    if self.manner == REFUSES:
        raise "receiver: no"
    if self.manner == BURNS:
        raise UNREACHABLE
    self.received += 1
    if self.manner == REENTERS:
        self.manner = TAKES
        if raw_call(self.callee, self.call_data, revert_on_failure=False):
            self.succeeded += 1
        self.manner = REENTERS

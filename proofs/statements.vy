# pragma version 0.4.3
"""
@title Statements
@license Apache-2.0
@notice How a proof speaks to halmos: what must hold, and what is given. Halmos counts one thing as a
        counterexample, a revert with Panic(1); every other revert ends the path as if it had never been.
"""


@internal
@pure
def _holds(statement: bool):
    """
    @notice What is to be proven. Where it can be false, halmos shows for which inputs.
    """
    if not statement:
        raw_revert(abi_encode(convert(1, uint256), method_id=method_id("Panic(uint256)")))


@internal
@pure
def _given(statement: bool):
    """
    @notice What the inputs are restricted to, or what is known of them from elsewhere.
    """
    if not statement:
        raw_revert(b"")

# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Log append
@license Apache-2.0
@notice Appending to the result log and nothing else, beside a function that does nothing with the same input:
        the difference is what the log itself costs. For the gas benchmark only.
"""

import records

initializes: records


@deploy
def __init__():
    """
    @notice An empty log that continues none.
    """
    records.__init__(empty(records.Predecessor))


@external
def append(leaf: bytes32):
    """
    @notice Appends a leaf's hash.
    """
    records._append(leaf)


@external
def ignore(leaf: bytes32):
    """
    @notice Does nothing.
    """
    pass

# pragma version 0.4.3
"""
@title Ownership
@license Apache-2.0
@notice Who governs the network: whom it admits and under which policies. The owner decides nothing about a
        voting that is open and changes no record; who votes and how stands in the other modules.
"""

event OwnershipTransferred:
    previous: indexed(address)
    owner: indexed(address)


# @notice The account that governs the network; a multisig contract in earnest use.
owner: public(address)


@deploy
def __init__():
    """
    @notice Makes the deployer the owner.
    """
    self.owner = msg.sender
    log OwnershipTransferred(previous=empty(address), owner=msg.sender)


@internal
@view
def _check_owner():
    """
    @notice Refuses everyone but the owner.
    """
    assert msg.sender == self.owner, "ownership: not the owner"

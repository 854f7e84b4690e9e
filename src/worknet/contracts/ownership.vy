# pragma version 0.4.3
"""
@title Ownership
@license Apache-2.0
@notice Who governs the network: whom it admits and under which policies. The owner, in earnest use a multisig
        contract, decides nothing about a voting that is open and changes no record. Ownership passes in two
        steps, so that it never goes to an account that nobody controls.
"""

import refusals


# `transfer_ownership`: `pending` may accept the ownership; zero: nobody may any more.
event OwnershipOffered:
    owner: indexed(address)
    pending: indexed(address)


# `accept_ownership`, and the creation, with `previous` zero: `owner` governs from now on.
event OwnershipTransferred:
    previous: indexed(address)
    owner: indexed(address)


# @notice The account that governs the network.
owner: public(address)
# @notice The account that may accept the ownership; zero: nobody may.
pending_owner: public(address)


@deploy
def __init__():
    """
    @notice Makes the deployer the owner.
    """
    self._become(msg.sender)


@external
def transfer_ownership(pending: address):
    """
    @notice Offers the ownership to an account, which must accept it; until then nothing changes. Owner only.
    @param pending The account that may accept it; zero withdraws the offer.
    """
    self._check_owner()
    self.pending_owner = pending
    log OwnershipOffered(owner=msg.sender, pending=pending)


@external
def accept_ownership():
    """
    @notice Takes the ownership over. Only the account that it is offered to.
    """
    if msg.sender != self.pending_owner:
        refusals._refuse("ownership: not offered to you")
    self.pending_owner = empty(address)
    self._become(msg.sender)


@internal
@view
def _check_owner():
    """
    @notice Refuses everyone but the owner.
    """
    if msg.sender != self.owner:
        refusals._refuse("ownership: not the owner")


@internal
def _become(owner: address):
    """
    @notice From now on this account governs.
    """
    log OwnershipTransferred(previous=self.owner, owner=owner)
    self.owner = owner

# pragma version 0.4.3
"""
@title Domain tags
@license Apache-2.0
@notice The contract's part of the protocol's registry of tags: TAG(x) = keccak256("worknet/v1/" + x).
        Every hash that the contract makes begins with one of them, so that none is good in two places.
        Nothing but constants stands here.
"""

VOTING: constant(bytes32) = keccak256("worknet/v1/voting")
SEAL: constant(bytes32) = keccak256("worknet/v1/seal")
POLICY: constant(bytes32) = keccak256("worknet/v1/policy")
RECORD: constant(bytes32) = keccak256("worknet/v1/record")
MOVED: constant(bytes32) = keccak256("worknet/v1/moved")

# pragma version 0.4.3
"""
@title Members
@license Apache-2.0
@notice Which operators take part, with which key and in which role. A worker's index is its operator's for
        ever. Every change makes a new, numbered member set, which is never altered: a voting freezes its
        members by keeping a set's number. Who of them has voted is no concern of this module.
"""

import ownership

uses: ownership


event Enrolled:
    index: indexed(uint256)
    operator: indexed(address)
    worker: indexed(address)
    role: uint256
    encryption_key: bytes32


event Removed:
    index: indexed(uint256)
    operator: indexed(address)
    worker: indexed(address)


struct Member:
    operator: address
    worker: address
    role: uint256


# Indices that exist over a network's life; a bitmap of workers has this many bits.
LIMIT: constant(uint256) = 120
BITMAP: constant(uint256) = (1 << 120) - 1
# A voting keeps a set's number in 16 bits.
LAST_SET: constant(uint256) = 65_535

ACTIVE: constant(uint256) = 1
STANDBY: constant(uint256) = 2

# @notice Number of indices given so far, of enrolled and of removed operators.
member_count: public(uint256)

# Of each index the key, and above its 160 bits the number of the set since which it has been active without
# a break, 0 if it is not active: so one word tells whose ballot it is, and nearly always that he may cast it.
# The key stays after a removal: a member set outlives it.
seats: uint256[LIMIT]
AT_SINCE: constant(uint256) = 160
KEY: constant(uint256) = 2**160 - 1
operators: address[LIMIT]
# 1 + the index that an operator has, that a key has been used for; 0: none.
index_after_operator: HashMap[address, uint256]
index_after_key: HashMap[address, uint256]

# Set number -> bitmap of the active workers, and above it the bitmap of the standbys.
sets: HashMap[uint256, uint256]
# The last set, and above its 240 bits its number: opening a voting reads one word.
current: uint256
AT_NUMBER: constant(uint256) = 240
SET: constant(uint256) = 2**240 - 1


@external
def enrol(operator: address, worker: address, role: uint256, encryption_key: bytes32) -> uint256:
    """
    @notice Enrols an operator with its one worker, for attempts that open from now on. Owner only.
    @param operator The company's account. If it was enrolled before it gets its index back.
    @param worker The key that votes; never one that was used for another index.
    @param role 1 active, 2 standby.
    @param encryption_key The worker's X25519 public key; only the event carries it.
    @return The worker's index, 0 to 119.
    """
    ownership._check_owner()
    assert operator != empty(address), "members: no operator"
    assert worker != empty(address), "members: no worker"
    assert role == ACTIVE or role == STANDBY, "members: unknown role"
    assert encryption_key != empty(bytes32), "members: no encryption key"

    after: uint256 = self.index_after_operator[operator]
    if after == 0:
        assert self.member_count < LIMIT, "members: no index left"
        after = self.member_count + 1
    index: uint256 = after - 1
    members: uint256 = self.current & SET
    assert (members | members >> LIMIT) >> index & 1 == 0, "members: already enrolled"
    key_after: uint256 = self.index_after_key[worker]
    assert key_after == 0 or key_after == after, "members: key of another index"

    if index == self.member_count:
        self.member_count = after
        self.index_after_operator[operator] = after
        self.operators[index] = operator
    self.index_after_key[worker] = after
    number: uint256 = self._next_set(members | 1 << (index if role == ACTIVE else index + LIMIT))
    since: uint256 = number if role == ACTIVE else 0
    self.seats[index] = convert(worker, uint256) | since << AT_SINCE
    log Enrolled(index=index, operator=operator, worker=worker, role=role, encryption_key=encryption_key)
    return index


@external
def remove(index: uint256):
    """
    @notice Takes a worker out of all attempts that open from now on; in open ones it still votes. Owner only.
    """
    ownership._check_owner()
    members: uint256 = self.current & SET
    assert index < LIMIT and (members | members >> LIMIT) >> index & 1 == 1, "members: not enrolled"
    self._next_set(members & ~(1 << index | 1 << (index + LIMIT)))
    self.seats[index] &= KEY
    log Removed(index=index, operator=self.operators[index], worker=self._key(index))


@external
@view
def member(index: uint256) -> Member:
    """
    @notice Operator, key and role of an index; the role of a removed worker is 0.
    """
    assert index < self.member_count, "members: unknown index"
    members: uint256 = self.current & SET
    role: uint256 = 0
    if members >> index & 1 == 1:
        role = ACTIVE
    elif members >> (index + LIMIT) & 1 == 1:
        role = STANDBY
    return Member(operator=self.operators[index], worker=self._key(index), role=role)


@external
@view
def index_of(worker: address) -> uint256:
    """
    @notice The index whose key this is now, enrolled or removed.
    """
    after: uint256 = self.index_after_key[worker]
    assert after != 0 and self._key(after - 1) == worker, "members: unknown worker"
    return after - 1


@external
@view
def active() -> uint256:
    """
    @notice Bitmap of the active workers; bit i is index i.
    """
    return self.current & BITMAP


@external
@view
def standby() -> uint256:
    """
    @notice Bitmap of the standby workers; bit i is index i.
    """
    return (self.current >> LIMIT) & BITMAP


@internal
@view
def _active_of(number: uint256) -> uint256:
    """
    @notice Bitmap of a set's active workers.
    """
    return self.sets[number] & BITMAP


@internal
@view
def _enrolled_of(number: uint256) -> uint256:
    """
    @notice Bitmap of a set's workers of either role.
    """
    members: uint256 = self.sets[number]
    return (members | members >> LIMIT) & BITMAP


@internal
@view
def _key(index: uint256) -> address:
    """
    @notice The key of an index.
    """
    return convert(self.seats[index] & KEY, address)


@internal
def _next_set(members: uint256) -> uint256:
    """
    @notice Makes the set that attempts freeze from now on.
    @return Its number.
    """
    number: uint256 = (self.current >> AT_NUMBER) + 1
    assert number <= LAST_SET, "members: too many changes"
    self.current = members | number << AT_NUMBER
    self.sets[number] = members
    return number

# pragma version 0.4.3
"""
@title Members
@license Apache-2.0
@notice Which operators take part, with which key and in which role. A worker's index is its operator's for
        ever. Every change makes a new, numbered member set, which is never altered: a voting freezes its
        members by keeping a set's number. Who of them has voted is no concern of this module.
"""

import ownership
import periods
import refusals

uses: ownership
uses: periods


# `enrol`: a worker takes part in attempts that open from now on. `role` is 1 active, 2 standby;
# `encryption_key` is its X25519 public key, which the contract does not keep.
event Enrolled:
    index: indexed(uint256)
    operator: indexed(address)
    worker: indexed(address)
    role: uint256
    encryption_key: bytes32


# `remove`: a worker takes no part in attempts that open from now on. Its key stays behind the index.
event Removed:
    index: indexed(uint256)
    operator: indexed(address)
    worker: indexed(address)


# `rotate`: another key stands behind the index from now on, also in open attempts.
event Rotated:
    index: indexed(uint256)
    operator: indexed(address)
    worker: indexed(address)
    encryption_key: bytes32


# `pause_opening`: whether the opening of new votings is paused from now on.
event OpeningPaused:
    paused: bool


# `check_in`: a worker was there in the period with this number. One that does so again is told again.
event CheckedIn:
    index: indexed(uint256)
    period: uint256


# What stands behind an index; the role is 1 active, 2 standby, 0 removed.
struct Member:
    operator: address
    worker: address
    role: uint256


# Indices that exist over a network's life; a bitmap of workers has this many bits.
LIMIT: constant(uint256) = 120
BITMAP: constant(uint256) = (1 << 120) - 1
# The number of a set has 15 bits.
LAST_SET: constant(uint256) = 32_767

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
# The last set, above its 240 bits whether the opening of new votings is paused, and its number: opening a
# voting reads one word.
current: uint256
AT_PAUSED: constant(uint256) = 240
AT_NUMBER: constant(uint256) = 241
SET: constant(uint256) = 2**240 - 1


@external
def enrol(operator: address, worker: address, role: uint256, encryption_key: bytes32) -> uint256:
    """
    @notice Enrols an operator with its one worker, for attempts that open from now on. Owner only.
    @param operator The company's account. If it was enrolled before it gets its index back.
    @param worker The key that votes; never one that was used for another index. Of an operator with an index the
           key that stands behind it: only the operator changes that, or the owner could vote in open attempts.
    @param role 1 active, 2 standby.
    @param encryption_key The worker's X25519 public key; only the event carries it.
    @return The worker's index, 0 to 119.
    """
    ownership._check_owner()
    if operator == empty(address):
        refusals._refuse("members: no operator")
    if role != ACTIVE and role != STANDBY:
        refusals._refuse("members: unknown role")

    after: uint256 = self.index_after_operator[operator]
    if after == 0:
        if self.member_count >= LIMIT:
            refusals._refuse("members: no index left")
        after = unsafe_add(self.member_count, 1)
    index: uint256 = unsafe_sub(after, 1)
    if self._is_enrolled(index):
        refusals._refuse("members: already enrolled")
    # Sets are left for every worker to be removed.
    if self.current >> AT_NUMBER >= LAST_SET - LIMIT:
        refusals._refuse("members: too many changes")
    if index == self.member_count:
        self.member_count = after
        self.index_after_operator[operator] = after
        self.operators[index] = operator
    elif worker != self._key(index):
        refusals._refuse("members: not the operator's key")
    self._use_key(index, worker, encryption_key)

    periods._begun(self._enrolled())
    members: uint256 = self.current & SET | 1 << (index if role == ACTIVE else index + LIMIT)
    number: uint256 = self._next_set(members)
    if role == ACTIVE:
        self.seats[index] |= number << AT_SINCE
    log Enrolled(index=index, operator=operator, worker=worker, role=role, encryption_key=encryption_key)
    return index


@external
def remove(index: uint256):
    """
    @notice Takes a worker out of all attempts that open from now on; in open ones it still votes. Owner only.
    @param index The worker's.
    """
    ownership._check_owner()
    if not self._is_enrolled(index):
        refusals._refuse("members: not enrolled")
    period: uint256 = periods._now()
    periods.presence[period] = periods._begun(self._enrolled()) & ~(1 << index)
    self._next_set(self.current & SET & ~(1 << index | 1 << (index + LIMIT)))
    self.seats[index] &= KEY
    log Removed(index=index, operator=self.operators[index], worker=self._key(index))


@external
def rotate(index: uint256, worker: address, encryption_key: bytes32):
    """
    @notice Puts another key behind an index, at once, also for attempts that are open. Only the index's
            operator, enrolled or removed: a removed worker still votes in open attempts, and it may return with
            another key. What the old key has cast stays cast.
    @param index The worker's.
    @param worker The new key; never one that was used for another index.
    @param encryption_key The worker's new X25519 public key; only the event carries it.
    """
    if msg.sender != self._operator(index):
        refusals._refuse("members: not the operator")
    since: uint256 = self.seats[index] & ~KEY
    self._use_key(index, worker, encryption_key)
    self.seats[index] |= since
    log Rotated(index=index, operator=msg.sender, worker=worker, encryption_key=encryption_key)


@external
def check_in(index: uint256):
    """
    @notice Shows that a worker is there in this period. One whose ballot was the recorded pair need not, if the
            closing was booked in the period and ballots were sealed. Only its key, while it is enrolled.
    @param index The worker's.
    """
    if not self._is_enrolled(index):
        refusals._refuse("members: not enrolled")
    if msg.sender != self._key(index):
        refusals._refuse("members: not the worker's key")
    period: uint256 = periods._now()
    seen: uint256 = 1 << unsafe_add(periods.AT_CHECKED_IN, index)
    periods.presence[period] = periods._begun(self._enrolled()) | seen
    log CheckedIn(index=index, period=period)


@external
def pause_opening(paused: bool):
    """
    @notice Pauses the opening of new votings, or ends the pause. Votings that are open go on, to their further
            attempts, reveals, records and rewards. Owner only.
    @param paused True pauses, false ends the pause.
    """
    ownership._check_owner()
    self.current = self.current & ~(1 << AT_PAUSED) | convert(paused, uint256) << AT_PAUSED
    log OpeningPaused(paused=paused)


@external
@view
def opening_paused() -> bool:
    """
    @notice Whether the opening of new votings is paused; nothing else ever is.
    @return True: attempt 1 of no voting opens.
    """
    return self.current >> AT_PAUSED & 1 == 1


@external
@view
def member(index: uint256) -> Member:
    """
    @notice Who stands behind an index, enrolled or removed.
    @param index One that was given; any other is refused.
    @return Operator, key and role; the role of a removed worker is 0.
    """
    operator: address = self._operator(index)
    role: uint256 = 0
    if self.current >> index & 1 == 1:
        role = ACTIVE
    elif self.current >> (index + LIMIT) & 1 == 1:
        role = STANDBY
    return Member(operator=operator, worker=self._key(index), role=role)


@external
@view
def index_of(worker: address) -> uint256:
    """
    @notice The index whose key this is now, enrolled or removed.
    @param worker The key; one that stands behind no index is refused.
    @return 0 to 119.
    """
    after: uint256 = self.index_after_key[worker]
    index: uint256 = unsafe_sub(after, 1)
    if after == 0 or self._key(index) != worker:
        refusals._refuse("members: unknown worker")
    return index


@external
@view
def active() -> uint256:
    """
    @notice The active workers of now.
    @return Bitmap; bit i is index i.
    """
    return self.current & BITMAP


@external
@view
def standby() -> uint256:
    """
    @notice The standby workers of now.
    @return Bitmap; bit i is index i.
    """
    return (self.current >> LIMIT) & BITMAP


@internal
@view
def _enrolled() -> uint256:
    """
    @notice Bitmap of the workers of either role, as of now.
    """
    return self._either_role(self.current)


@internal
@pure
def _either_role(members: uint256) -> uint256:
    """
    @notice Bitmap of a set's workers of either role.
    @param members The set; what stands above its 240 bits is not looked at.
    """
    return (members | members >> LIMIT) & BITMAP


@internal
@view
def _is_enrolled(index: uint256) -> bool:
    """
    @notice Whether the worker takes part in attempts that open now. Of an index that was never given: no.
    """
    return index < LIMIT and self._enrolled() >> index & 1 == 1


@internal
@view
def _operator(index: uint256) -> address:
    """
    @notice The operator of an index, enrolled or removed.
    """
    if index >= self.member_count:
        refusals._refuse("members: unknown index")
    return self.operators[index]


@internal
@view
def _key(index: uint256) -> address:
    """
    @notice The key of an index.
    """
    return convert(self.seats[index] & KEY, address)


@internal
def _use_key(index: uint256, worker: address, encryption_key: bytes32):
    """
    @notice Makes this the key of an index, if it was never that of another one.
    @param encryption_key Only checked here; it stands in the event.
    """
    if worker == empty(address):
        refusals._refuse("members: no worker")
    if encryption_key == empty(bytes32):
        refusals._refuse("members: no encryption key")
    before: uint256 = self.index_after_key[worker]
    after: uint256 = unsafe_add(index, 1)
    if before != 0 and before != after:
        refusals._refuse("members: key of another index")
    self.index_after_key[worker] = after
    self.seats[index] = convert(worker, uint256)


@internal
def _next_set(members: uint256) -> uint256:
    """
    @notice Makes the set that attempts freeze from now on.
    @param members Bitmap of the active workers, and above it the bitmap of the standbys.
    @return Its number.
    """
    number: uint256 = unsafe_add(self.current >> AT_NUMBER, 1)
    if number > LAST_SET:
        refusals._refuse("members: too many changes")
    self.current = members | self.current & 1 << AT_PAUSED | number << AT_NUMBER
    self.sets[number] = members
    return number

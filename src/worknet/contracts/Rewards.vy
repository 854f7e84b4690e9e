# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Rewards
@license Apache-2.0
@notice The pool of a network: who is paid what. A contract of its own, so that the network's has no money and
        depends on no receiver. Nothing is pushed: amounts follow from what votings and periods left behind on
        the network, when somebody claims them for a worker, and go to its operator. Funds cannot be withdrawn;
        what the pool cannot pay stays owed.
"""

import leaves
import records
import refusals

# What the pool reads of a network.
interface Network:
    def owner() -> address: view
    def reward_period() -> uint256: view
    def member(index: uint256) -> Member: view
    def record(voting_id: bytes32) -> bytes32: view
    def voting(workflow_id: bytes32, trigger_id: bytes32) -> Voting: view
    def voters(
        voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32
    ) -> uint256: view
    def seal_of(voting_id: bytes32, attempt: uint256, worker: uint256) -> bytes32: view
    def amounts(policy_hash: bytes32) -> uint256: view
    def period(number: uint256) -> Period: view


# `fund`: somebody paid into the pool. Here and below amounts are in the chain's smallest unit.
event Funded:
    funder: indexed(address)
    amount: uint256


# `set_rewards`: the amounts of each period from the one with this number on, until others are set.
event RewardsSet:
    base: uint256
    consistency: uint256
    since_period: uint256


# `claim`: what the items named earned the worker with this index, and what its operator was paid, for them and
# for what was owed before. The rest stays owed.
event Claimed:
    index: indexed(uint256)
    operator: indexed(address)
    earned: uint256
    paid: uint256


# See `Member` in the network's `members`.
struct Member:
    operator: address
    worker: address
    role: uint256


# See `Voting` in the network's `attempts`.
struct Voting:
    state: uint256
    attempt: uint256
    policy_version: uint256
    sealed: bool
    closed: bool
    booked: bool
    deadline: uint256
    members: uint256
    n: uint256
    needed: uint256
    ballots: uint256
    cast: uint256
    highest: uint256
    shared: bool


# See `Period` in the network's `periods`.
struct Period:
    eligible: uint256
    checked_in: uint256
    taken: uint256
    missed: uint256


# Amounts per period, and the first period that they count for.
struct Amounts:
    base: uint256
    consistency: uint256
    since_period: uint256


WORKERS: constant(uint256) = 120
SECONDS_LEFT: constant(uint256) = 65_535
BITS_128: constant(uint256) = 2**128 - 1
# Accuracy and speed in the word that the network keeps of a policy's amounts.
AT_SPEED: constant(uint256) = 128
# Changes of the amounts that a binary search of SEARCH steps finds its way through.
LAST_CHANGE: constant(uint256) = 65_535
SEARCH: constant(uint256) = 17

# @notice The network whose workers are rewarded.
network: public(immutable(address))
# @notice Length of its reward periods in seconds.
reward_period: public(immutable(uint256))
# @notice When the pool was created: it pays for records from then on, so that a second pool of a network does not
#         pay again for what the first has paid.
created_at: public(immutable(uint256))

# @notice Worker index -> what it has earned by its claims and has not been paid yet.
owed: public(HashMap[uint256, uint256])
# @notice Voting id -> bitmap of the workers that have claimed it.
claimed_of_voting: public(HashMap[bytes32, uint256])
# @notice Number of a period -> bitmap of the workers that have claimed it.
claimed_of_period: public(HashMap[uint256, uint256])

# Number of a change, from 1 -> the amounts; `since_period` ascends strictly.
changes: HashMap[uint256, Amounts]
change_count: uint256


@deploy
def __init__(of: address):
    """
    @notice An empty pool.
    @param of The network's contract.
    """
    network = of
    reward_period = staticcall Network(of).reward_period()
    created_at = block.timestamp


@external
@payable
def fund():
    """
    @notice Pays into the pool. For good: nothing is ever paid back.
    """
    log Funded(funder=msg.sender, amount=msg.value)


@external
def set_rewards(base: uint256, consistency: uint256):
    """
    @notice Sets the amounts of the periods that begin from now on; the last setting in a period counts. Only the
            network's owner.
    @param base For a worker that was enrolled throughout a period and seen in it.
    @param consistency For one whose ballot was the recorded pair in every voting that it was a member of and that
           counted in the period, at least one.
    """
    if msg.sender != staticcall Network(network).owner():
        refusals._refuse("rewards: not the owner")
    if base | consistency > BITS_128:
        refusals._refuse("rewards: amount too large")
    since: uint256 = block.timestamp // reward_period + 1
    change: uint256 = self.change_count
    if self.changes[change].since_period != since:
        change += 1
        if change > LAST_CHANGE:
            refusals._refuse("rewards: too many changes")
        self.change_count = change
    self.changes[change] = Amounts(base=base, consistency=consistency, since_period=since)
    log RewardsSet(base=base, consistency=consistency, since_period=since)


@external
def claim(index: uint256, votings: DynArray[records.Record, 50], ended: DynArray[uint256, 100]):
    """
    @notice Pays a worker's operator what it earned, and what it was still owed, as far as the pool has it.
            Anyone.
    @param index The worker's, enrolled or removed.
    @param votings The records of closed votings. What is claimed already is passed over, so that a claim that
           comes first takes nothing from this one.
    @param ended Numbers of periods that are over.
    """
    operator: address = (staticcall Network(network).member(index)).operator
    earned: uint256 = 0
    for record: records.Record in votings:
        earned += self._of_voting(record, index)
    for period: uint256 in ended:
        earned += self._of_period(period, index)
    owed: uint256 = self.owed[index] + earned
    if owed == 0:
        refusals._refuse("rewards: nothing to claim")
    paid: uint256 = min(owed, self.balance)
    self.owed[index] = owed - paid
    log Claimed(index=index, operator=operator, earned=earned, paid=paid)
    if not raw_call(operator, b"", value=paid, revert_on_failure=False):
        refusals._refuse("rewards: operator refuses")


@external
@view
def amounts_in(period: uint256) -> (uint256, uint256):
    """
    @notice The amounts that count in a period, by what was set so far.
    @param period Its number.
    @return Base; zero before any was set.
    @return Consistency, likewise.
    """
    amounts: Amounts = self._amounts_in(period)
    return amounts.base, amounts.consistency


@internal
def _of_voting(record: records.Record, index: uint256) -> uint256:
    """
    @notice Accuracy and speed: what a worker earned in a closed voting and has not claimed. A plurality earns
            nothing.
    @param index The worker's.
    @return The amount, which is taken note of as claimed.
    """
    if staticcall Network(network).record(record.voting_id) != leaves._of_record(network, record):
        refusals._refuse("rewards: not the record")
    if record.time < created_at:
        refusals._refuse("rewards: before the pool")
    voting: Voting = staticcall Network(network).voting(record.workflow_id, record.trigger_id)
    # A voting that never opened was closed by the report that is its record.
    if voting.state != 0 and not voting.closed:
        refusals._refuse("rewards: voting not closed")
    claimed: uint256 = self.claimed_of_voting[record.voting_id]
    if record.how == records.PLURALITY or claimed >> index & 1 == 1:
        return 0
    on_chain: uint256 = staticcall Network(network).voters(
        record.voting_id, record.attempt, record.input_root, record.result_root
    )
    accurate: uint256 = record.voters | on_chain
    if accurate >> index & 1 == 0:
        return 0
    amounts: uint256 = staticcall Network(network).amounts(record.policy_hash)
    earned: uint256 = amounts & BITS_128
    speed: uint256 = amounts >> AT_SPEED
    if speed != 0 and record.how == records.QUORUM and self._fastest(record, accurate) == index:
        earned += speed
    if earned != 0:
        self.claimed_of_voting[record.voting_id] = claimed | 1 << index
    return earned


@internal
@view
def _fastest(record: records.Record, accurate: uint256) -> uint256:
    """
    @notice The accurate worker whose seal is in the earliest block, the one with the most seconds left; of
            several in it the first at or after `voting_id mod 120`, cyclically.
    @param accurate Bitmap of those whose counted ballot is the recorded pair.
    @return Its index.
    """
    fastest: uint256 = 0
    most: uint256 = 0
    start: uint256 = convert(record.voting_id, uint256) % WORKERS
    for i: uint256 in range(WORKERS):
        worker: uint256 = (start + i) % WORKERS
        if accurate >> worker & 1 == 1:
            seal: bytes32 = staticcall Network(network).seal_of(record.voting_id, record.attempt, worker)
            # At least one, since casting is over when none is left.
            left: uint256 = convert(seal, uint256) & SECONDS_LEFT
            if left > most:
                most = left
                fastest = worker
    return fastest


@internal
def _of_period(period: uint256, index: uint256) -> uint256:
    """
    @notice Base and consistency: what a worker earned in a period that is over and has not claimed.
    @param index The worker's.
    @return The amount, which is taken note of as claimed.
    """
    if period >= block.timestamp // reward_period:
        refusals._refuse("rewards: period not over")
    claimed: uint256 = self.claimed_of_period[period]
    if claimed >> index & 1 == 1:
        return 0
    seen: Period = staticcall Network(network).period(period)
    amounts: Amounts = self._amounts_in(period)
    earned: uint256 = 0
    if (seen.eligible & (seen.checked_in | seen.taken)) >> index & 1 == 1:
        earned = amounts.base
    if (seen.taken & ~seen.missed) >> index & 1 == 1:
        earned += amounts.consistency
    if earned != 0:
        self.claimed_of_period[period] = claimed | 1 << index
    return earned


@internal
@view
def _amounts_in(period: uint256) -> Amounts:
    """
    @notice The last amounts that were set to count from this period or an earlier one; before any, zero.
    """
    low: uint256 = 0
    high: uint256 = self.change_count
    for _: uint256 in range(SEARCH):
        if low == high:
            break
        middle: uint256 = (low + high + 1) // 2
        if self.changes[middle].since_period <= period:
            low = middle
        else:
            high = middle - 1
    return self.changes[low]

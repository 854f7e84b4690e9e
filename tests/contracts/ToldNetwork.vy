# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Told network
@license Apache-2.0
@notice A network whose votings are told and not held, so that the vectors of rewards, whose votings have chosen ids,
        can be held against the pool. Its members and periods are the network's own modules. For the tests only.
"""

import members
import ownership
import periods
import policies
import records

from votings import attempts
from votings import consensus
from votings import packed

initializes: ownership
initializes: periods
initializes: members[ownership := ownership, periods := periods]
initializes: policies[ownership := ownership]
initializes: records
initializes: attempts[ownership := ownership, members := members, policies := policies, records := records]
initializes: consensus[
    members := members, periods := periods, policies := policies, records := records, attempts := attempts
]
exports: (
    ownership.owner,
    members.enrol,
    members.remove,
    members.check_in,
    members.member,
    members.member_count,
    policies.amounts,
    records.record,
    periods.reward_period,
    periods.period,
)

accurate: HashMap[bytes32, uint256]
seals: HashMap[bytes32, HashMap[uint256, bytes32]]
# By trigger id.
closed: HashMap[bytes32, bool]


@deploy
def __init__(period: uint256):
    """
    @notice A network without a predecessor.
    """
    ownership.__init__()
    periods.__init__(period)
    records.__init__(empty(records.Predecessor))


@external
def tell(
    record: records.Record,
    amounts: uint256,
    accurate: uint256,
    workers: DynArray[uint256, 120],
    seals: DynArray[bytes32, 120],
):
    """
    @notice A voting was recorded: with these amounts, in the end with these accurate, and with these seals stored.
    """
    records._record(record)
    policies.amounts[record.policy_hash] = amounts
    self.accurate[record.voting_id] = accurate
    for i: uint256 in range(len(workers), bound=120):
        self.seals[record.voting_id][workers[i]] = seals[i]


@external
def close(trigger_id: bytes32):
    """
    @notice The voting's ballots are final.
    """
    self.closed[trigger_id] = True


@external
def book(accurate: uint256, all_members: uint256):
    """
    @notice The closing of a voting that counts for its period is booked.
    """
    consensus._count(accurate, all_members)


@external
def tell_period(number: uint256, eligible: uint256, checked_in: uint256, taken: uint256, missed: uint256):
    """
    @notice What a period left behind.
    """
    periods.presence[number] = eligible | checked_in << periods.AT_CHECKED_IN
    periods.outcome[number] = taken | missed << periods.AT_MISSED


@external
@view
def voting(workflow_id: bytes32, trigger_id: bytes32) -> attempts.Voting:
    """
    @notice A recorded voting.
    """
    voting: attempts.Voting = empty(attempts.Voting)
    voting.state = packed.CONSENSUS
    voting.closed = self.closed[trigger_id]
    return voting


@external
@view
def voters(voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32) -> uint256:
    """
    @notice The accurate.
    """
    return self.accurate[voting_id]


@external
@view
def seal_of(voting_id: bytes32, attempt: uint256, worker: uint256) -> bytes32:
    """
    @notice The stored seal.
    """
    return self.seals[voting_id][worker]

# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Worker network
@license Apache-2.0
@notice The contract of a network: its members, its policies, its votings and the log of its results. All it
        does stands in its modules; here they are put together, and what is callable from outside is named.
"""

import members
import ownership
import periods
import policies
import records

from votings import attempts
from votings import ballots
from votings import consensus
from votings import reports

initializes: ownership
initializes: periods
initializes: members[ownership := ownership, periods := periods]
initializes: policies[ownership := ownership]
initializes: records
initializes: attempts[ownership := ownership, members := members, policies := policies, records := records]
initializes: consensus[
    members := members, periods := periods, policies := policies, records := records, attempts := attempts
]
initializes: ballots[members := members, attempts := attempts, consensus := consensus]
initializes: reports[
    members := members, attempts := attempts, consensus := consensus, ballots := ballots
]
exports: (
    ownership.owner,
    ownership.pending_owner,
    ownership.transfer_ownership,
    ownership.accept_ownership,
    members.enrol,
    members.remove,
    members.rotate,
    members.check_in,
    members.member,
    members.member_count,
    members.index_of,
    members.active,
    members.standby,
    policies.announce,
    policies.policy_hash,
    policies.amounts,
    policies.policy_count,
    policies.policy_version_at,
    members.pause_opening,
    members.opening_paused,
    attempts.reopen,
    attempts.voting,
    attempts.voting_id,
    ballots.cast,
    ballots.seal,
    ballots.bring_seals,
    ballots.reveal,
    ballots.seal_of,
    reports.report,
    consensus.advance,
    consensus.settle,
    consensus.voters,
    records.record,
    records.root,
    records.size,
    periods.reward_period,
    periods.period,
)

# @notice How many blocks deep the nodes wait before they take something on this chain as settled.
confirmations: public(immutable(uint256))


@deploy
def __init__(blocks: uint256, period: uint256, previous: records.Predecessor):
    """
    @notice A network without members, owned by the deployer.
    @param blocks The confirmations that its nodes wait for.
    @param period Seconds of a reward period, for ever.
    @param previous The log that this network's continues; its contract zero: there is none.
    """
    ownership.__init__()
    periods.__init__(period)
    records.__init__(previous)
    confirmations = blocks

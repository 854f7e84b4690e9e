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
import policies
import records

from votings import attempts
from votings import ballots
from votings import consensus

initializes: ownership
initializes: members[ownership := ownership]
initializes: policies[ownership := ownership]
initializes: records
initializes: attempts[members := members, policies := policies]
initializes: consensus[policies := policies, records := records, attempts := attempts]
initializes: ballots[members := members, policies := policies, attempts := attempts, consensus := consensus]

exports: (
    ownership.owner,
    members.enrol,
    members.remove,
    members.member,
    members.member_count,
    members.index_of,
    members.active,
    members.standby,
    policies.announce,
    policies.policy,
    policies.policy_hash,
    policies.policy_count,
    policies.policy_version_at,
    ballots.cast,
    ballots.seal,
    ballots.reveal,
    consensus.advance,
    attempts.voting,
    attempts.voting_id,
    attempts.voting_count,
    consensus.voters,
    attempts.members_of,
    ballots.seal_of,
    records.record,
    records.root,
    records.size,
)

# @notice How many blocks deep the nodes wait before they take something on this chain as settled.
confirmations: public(immutable(uint256))


@deploy
def __init__(blocks: uint256):
    """
    @notice A new network without members, owned by the deployer.
    @param blocks The confirmations that its nodes wait for.
    """
    ownership.__init__()
    confirmations = blocks

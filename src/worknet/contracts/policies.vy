# pragma version 0.4.3
"""
@title Policies
@license Apache-2.0
@notice The rules of each workflow in numbered versions, and which version governs which slot. A version once
        announced never changes but for its end, which the start of its successor sets; votings keep theirs
        by its number.
"""

import ownership
import refusals
import tags

uses: ownership


# The rules of one version, in the order of their hash.
struct Policy:
    bundle_digest: bytes32  # the code that must be run
    data_key_epoch: uint256  # number of the key that salts the data
    data_key_commitment: bytes32  # SHA256(TAG("datakey") || data key)
    every: uint256  # seconds of a slot; 0: event-driven
    delay: uint256  # seconds from a slot's end until it is due
    start: uint256  # Unix seconds; the first slot that it governs begins then or later
    max_age: uint256  # seconds after it was due that a slot may still open; 0: no limit
    threshold_num: uint256  # of n members, the part that must agree, see `tally`
    threshold_den: uint256
    ballots: uint256  # 0 open, 1 sealed
    cast_window: uint256  # seconds
    reveal_window: uint256  # seconds
    stall: uint256  # seconds that a next attempt may stay unopened; 0: none but the owner's
    fallback: uint256  # 0 alert, 1 plurality, 2 failover, 3 failover then plurality
    accuracy: uint256  # amount per voting for each accurate worker, in the chain's smallest unit
    speed: uint256  # amount per voting for the fastest of them, likewise


# `announce`: a workflow has a further version, numbered from 1. The policy stands whole here alone.
event PolicyAnnounced:
    workflow_id: indexed(bytes32)
    version: indexed(uint256)
    policy_hash: bytes32
    policy: Policy


# What is kept of a version: `times` says which slots it governs and when they may open, `rules` how a voting
# runs. One word each, so that opening a voting reads two. The whole policy stands in the event, under its hash.
struct Version:
    times: uint256
    rules: uint256
    policy_hash: bytes32


OPEN: constant(uint256) = 0
SEALED: constant(uint256) = 1
# Fallbacks. Alert is 0; the odd ones end in a plurality, those from FAILOVER on give the standbys an attempt.
FAILOVER: constant(uint256) = 2
LAST_FALLBACK: constant(uint256) = 3

# `times`: start 40 bits, end 40, every 32, delay 32, max_age 32.
AT_END: constant(uint256) = 40
AT_EVERY: constant(uint256) = 80
AT_DELAY: constant(uint256) = 112
AT_MAX_AGE: constant(uint256) = 144
# `rules`: cast window 32 bits, reveal window 32, stall 32, threshold 32 over 32, ballots 8, fallback 8.
AT_REVEAL: constant(uint256) = 32
AT_STALL: constant(uint256) = 64
AT_NUM: constant(uint256) = 96
AT_DEN: constant(uint256) = 128
AT_BALLOTS: constant(uint256) = 160
AT_FALLBACK: constant(uint256) = 168

BITS_32: constant(uint256) = 2**32 - 1
BITS_40: constant(uint256) = 2**40 - 1
BITS_128: constant(uint256) = 2**128 - 1
# The end of a version that has no successor.
NEVER: constant(uint256) = BITS_40
# A voting keeps its version in 16 bits.
LAST_VERSION: constant(uint256) = 65_535

# @notice Number of versions announced for a workflow; also the number of the newest.
policy_count: public(HashMap[bytes32, uint256])

# Workflow id -> number of a version -> what is kept of it.
versions: HashMap[bytes32, HashMap[uint256, Version]]

# @notice Policy hash -> amounts per voting: accuracy 128 bits, speed 128. The hash covers the amounts, and a
#         record names the hash: so what a record earns is as fixed as the record.
amounts: public(HashMap[bytes32, uint256])
AT_SPEED: constant(uint256) = 128


@external
def announce(workflow_id: bytes32, policy: Policy) -> uint256:
    """
    @notice Announces the next version of a workflow's policy. Owner only.
    @param workflow_id keccak256 of the workflow's name.
    @param policy Times in seconds. From its start on it governs the slots; event votings at once.
    @return The version's number, from 1.
    """
    ownership._check_owner()
    last_version: uint256 = self.policy_count[workflow_id]
    version: uint256 = unsafe_add(last_version, 1)
    if version > LAST_VERSION:
        refusals._refuse("policies: too many versions")
    self._check(policy)
    if last_version != 0:
        last: uint256 = self.versions[workflow_id][last_version].times
        if policy.every != last >> AT_EVERY & BITS_32:
            refusals._refuse("policies: every changed")
        if policy.start < last & BITS_40:
            refusals._refuse("policies: start decreases")
        if policy.start < block.timestamp:
            refusals._refuse("policies: start in the past")
        self.versions[workflow_id][last_version].times = (
            last & ~(BITS_40 << AT_END) | policy.start << AT_END
        )

    policy_hash: bytes32 = self._hash(policy)
    self.policy_count[workflow_id] = version
    self.amounts[policy_hash] = policy.accuracy | policy.speed << AT_SPEED
    self.versions[workflow_id][version] = Version(
        times=policy.start
        | NEVER << AT_END
        | policy.every << AT_EVERY
        | policy.delay << AT_DELAY
        | policy.max_age << AT_MAX_AGE,
        rules=policy.cast_window
        | policy.reveal_window << AT_REVEAL
        | policy.stall << AT_STALL
        | policy.threshold_num << AT_NUM
        | policy.threshold_den << AT_DEN
        | policy.ballots << AT_BALLOTS
        | policy.fallback << AT_FALLBACK,
        policy_hash=policy_hash,
    )
    log PolicyAnnounced(workflow_id=workflow_id, version=version, policy_hash=policy_hash, policy=policy)
    return version


@external
@view
def policy_hash(workflow_id: bytes32, version: uint256) -> bytes32:
    """
    @notice The hash of a version, which the records of its votings name.
    @param workflow_id keccak256 of the workflow's name.
    @param version Its number; one that was not announced is refused.
    @return keccak256(abi.encode(TAG("policy"), the policy's fields in their order)).
    """
    kept: bytes32 = self.versions[workflow_id][version].policy_hash
    if kept == empty(bytes32):
        refusals._refuse("policies: unknown version")
    return kept


@external
@view
def policy_version_at(workflow_id: bytes32, slot_start: uint256) -> uint256:
    """
    @notice The version that governs the slot beginning at that time; of an event-driven workflow the newest,
            whatever the time.
    @param workflow_id keccak256 of the workflow's name.
    @param slot_start Unix seconds.
    @return The version's number; 0: none.
    """
    return self._version_at(workflow_id, slot_start)


@internal
@view
def _version_at(workflow_id: bytes32, slot_start: uint256) -> uint256:
    """
    @notice The version that governs the slot beginning at that time; of an event-driven workflow the newest.
    @dev Starts never decrease: a binary search for the last version that starts at or before the slot.
    """
    high: uint256 = self.policy_count[workflow_id]
    if self.versions[workflow_id][high].times >> AT_EVERY & BITS_32 == 0:
        return high
    low: uint256 = 0
    for _: uint256 in range(17):
        if low == high:
            break
        middle: uint256 = unsafe_add(unsafe_add(low, high), 1) >> 1
        if self.versions[workflow_id][middle].times & BITS_40 <= slot_start:
            low = middle
        else:
            high = unsafe_sub(middle, 1)
    return low


@internal
@view
def _rules_to_open(workflow_id: bytes32, trigger_id: bytes32, version: uint256) -> uint256:
    """
    @notice The rules under which attempt 1 for a trigger may open now.
    @param version The version that the opener names; it must govern the slot, or be the newest for an event.
    """
    times: uint256 = self._times(workflow_id, version)
    if times >> AT_EVERY & BITS_32 == 0:
        if times >> AT_END & BITS_40 != NEVER:
            refusals._refuse("policies: version not in force")
    else:
        due: uint256 = self._due(times, trigger_id)
        if due > block.timestamp:
            refusals._refuse("policies: slot not due")
        max_age: uint256 = times >> AT_MAX_AGE & BITS_32
        if max_age != 0 and block.timestamp > unsafe_add(due, max_age):
            refusals._refuse("policies: slot too old")
    return self._rules(workflow_id, version)


@internal
@view
def _rules_in_force(workflow_id: bytes32, version: uint256) -> uint256:
    """
    @notice The rules of a version that governs what begins now: for attempts that the owner reopened.
    """
    times: uint256 = self._times(workflow_id, version)
    end: uint256 = times >> AT_END & BITS_40
    is_in_force: bool = end == NEVER
    if times >> AT_EVERY & BITS_32 != 0:
        is_in_force = times & BITS_40 <= block.timestamp and block.timestamp < end
    if not is_in_force:
        refusals._refuse("policies: version not in force")
    return self._rules(workflow_id, version)


@internal
@view
def _version_of_missed(workflow_id: bytes32, trigger_id: bytes32) -> uint256:
    """
    @notice The version that governs a slot which is due for longer than `stall`.
    """
    slot_start: uint256 = unsafe_mul(
        convert(trigger_id, uint256) >> 128, convert(trigger_id, uint256) & (2**64 - 1)
    )
    version: uint256 = self._version_at(workflow_id, slot_start)
    times: uint256 = self._times(workflow_id, version)
    stall: uint256 = self._rules(workflow_id, version) >> AT_STALL & BITS_32
    if unsafe_add(self._due(times, trigger_id), stall) >= block.timestamp:
        refusals._refuse("policies: slot not due")
    return version


@internal
@view
def _times(workflow_id: bytes32, version: uint256) -> uint256:
    """
    @notice Which slots a version governs, and when they may open.
    @return Its word `times`, see above.
    """
    times: uint256 = self.versions[workflow_id][version].times
    if times == 0:
        refusals._refuse("policies: unknown version")
    return times


@internal
@pure
def _due(times: uint256, trigger_id: bytes32) -> uint256:
    """
    @notice When a slot is due that these times govern; refuses any other trigger.
    @param times Those of a version, see above.
    @return Unix seconds.
    """
    trigger: uint256 = convert(trigger_id, uint256)
    every: uint256 = times >> AT_EVERY & BITS_32
    slot: uint256 = trigger & (2**128 - 1)
    if every == 0 or trigger >> 128 != every or slot >= 2**64:
        refusals._refuse("policies: not a slot")
    slot_start: uint256 = unsafe_mul(slot, every)
    if slot_start < times & BITS_40 or slot_start >= times >> AT_END & BITS_40:
        refusals._refuse("policies: version not in force")
    return unsafe_add(unsafe_add(slot_start, every), times >> AT_DELAY & BITS_32)


@internal
@view
def _rules(workflow_id: bytes32, version: uint256) -> uint256:
    """
    @notice How the votings of a version run.
    @return Its word `rules`, see above.
    """
    return self.versions[workflow_id][version].rules


@internal
@pure
def _hash(policy: Policy) -> bytes32:
    """
    @notice keccak256(abi.encode(TAG("policy"), the policy's fields in their order)).
    """
    return keccak256(abi_encode(tags.POLICY, policy))


@internal
@pure
def _check(policy: Policy):
    """
    @notice Refuses what no version may say.
    """
    if policy.bundle_digest == empty(bytes32) or policy.data_key_commitment == empty(bytes32):
        refusals._refuse("policies: zero digest")
    # Of numbers below 2^32 the union of their bits is below 2^32, and only of those.
    if (
        policy.every
        | policy.delay
        | policy.max_age
        | policy.cast_window
        | policy.reveal_window
        | policy.stall
        | policy.data_key_epoch
        | policy.threshold_den
    ) > BITS_32 or policy.start >= NEVER:
        refusals._refuse("policies: number too large")
    if policy.threshold_den == 0 or policy.threshold_num > policy.threshold_den:
        refusals._refuse("policies: bad threshold")
    if policy.ballots > SEALED or policy.fallback > LAST_FALLBACK:
        refusals._refuse("policies: unknown choice")
    if policy.cast_window == 0 or (policy.reveal_window == 0 and policy.ballots == SEALED):
        refusals._refuse("policies: no window")
    amounts: uint256 = policy.accuracy | policy.speed
    if amounts > BITS_128:
        refusals._refuse("policies: number too large")
    if amounts != 0 and policy.ballots == OPEN:
        refusals._refuse("policies: open ballots earn none")

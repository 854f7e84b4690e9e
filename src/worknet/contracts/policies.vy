# pragma version 0.4.3
"""
@title Policies
@license Apache-2.0
@notice The rules of each workflow in numbered versions, and which version governs which slot. A version once
        announced never changes but for its end, which the start of its successor sets; votings keep theirs
        by its number.
"""

import ownership
import tags

uses: ownership


struct Policy:
    bundle_digest: bytes32
    data_key_epoch: uint256
    data_key_commitment: bytes32
    every: uint256
    delay: uint256
    start: uint256
    max_age: uint256
    threshold_num: uint256
    threshold_den: uint256
    ballots: uint256
    cast_window: uint256
    reveal_window: uint256
    stall: uint256
    fallback: uint256
    accuracy: uint256
    speed: uint256


event PolicyAnnounced:
    workflow_id: indexed(bytes32)
    version: indexed(uint256)
    policy_hash: bytes32
    policy: Policy


# A version as it is kept: `times` says which slots it governs and when they may open, `rules` how a voting
# runs. One word each, so that opening a voting reads two.
struct Version:
    times: uint256
    rules: uint256
    policy_hash: bytes32
    bundle_digest: bytes32
    data_key_commitment: bytes32


OPEN: constant(uint256) = 0
SEALED: constant(uint256) = 1
ALERT: constant(uint256) = 0

# `times`: start 40 bits, end 40, every 32, delay 32, max_age 32, data key epoch 32.
AT_END: constant(uint256) = 40
AT_EVERY: constant(uint256) = 80
AT_DELAY: constant(uint256) = 112
AT_MAX_AGE: constant(uint256) = 144
AT_EPOCH: constant(uint256) = 176
# `rules`: cast window 32 bits, reveal window 32, stall 32, threshold 32 over 32, ballots 8, fallback 8.
AT_REVEAL: constant(uint256) = 32
AT_STALL: constant(uint256) = 64
AT_NUM: constant(uint256) = 96
AT_DEN: constant(uint256) = 128
AT_BALLOTS: constant(uint256) = 160
AT_FALLBACK: constant(uint256) = 168

BITS_32: constant(uint256) = 2**32 - 1
BITS_40: constant(uint256) = 2**40 - 1
# The end of a version that has no successor.
NEVER: constant(uint256) = BITS_40
# A voting keeps its version in 16 bits.
LAST_VERSION: constant(uint256) = 65_535

# @notice Number of versions announced for a workflow; also the number of the newest.
policy_count: public(HashMap[bytes32, uint256])

versions: HashMap[bytes32, HashMap[uint256, Version]]


@external
def announce(workflow_id: bytes32, policy: Policy) -> uint256:
    """
    @notice Announces the next version of a workflow's policy. Owner only.
    @param workflow_id keccak256 of the workflow's name.
    @param policy Times in seconds. From its start on it governs the slots; event votings at once.
    @return The version's number, from 1.
    """
    ownership._check_owner()
    version: uint256 = self.policy_count[workflow_id] + 1
    assert version <= LAST_VERSION, "policies: too many versions"
    self._check(policy)
    if version > 1:
        last: uint256 = self.versions[workflow_id][version - 1].times
        assert policy.every == last >> AT_EVERY & BITS_32, "policies: every changed"
        assert policy.start >= last & BITS_40, "policies: start decreases"
        assert policy.start >= block.timestamp, "policies: start in the past"
        self.versions[workflow_id][version - 1].times = (
            last & ~(BITS_40 << AT_END) | policy.start << AT_END
        )

    policy_hash: bytes32 = self._hash(policy)
    self.policy_count[workflow_id] = version
    self.versions[workflow_id][version] = Version(
        times=policy.start
        | NEVER << AT_END
        | policy.every << AT_EVERY
        | policy.delay << AT_DELAY
        | policy.max_age << AT_MAX_AGE
        | policy.data_key_epoch << AT_EPOCH,
        rules=policy.cast_window
        | policy.reveal_window << AT_REVEAL
        | policy.stall << AT_STALL
        | policy.threshold_num << AT_NUM
        | policy.threshold_den << AT_DEN
        | policy.ballots << AT_BALLOTS
        | policy.fallback << AT_FALLBACK,
        policy_hash=policy_hash,
        bundle_digest=policy.bundle_digest,
        data_key_commitment=policy.data_key_commitment,
    )
    log PolicyAnnounced(workflow_id=workflow_id, version=version, policy_hash=policy_hash, policy=policy)
    return version


@external
@view
def policy(workflow_id: bytes32, version: uint256) -> Policy:
    """
    @notice A version as it was announced.
    """
    kept: Version = self.versions[workflow_id][version]
    assert kept.times != 0, "policies: unknown version"
    return Policy(
        bundle_digest=kept.bundle_digest,
        data_key_epoch=kept.times >> AT_EPOCH & BITS_32,
        data_key_commitment=kept.data_key_commitment,
        every=kept.times >> AT_EVERY & BITS_32,
        delay=kept.times >> AT_DELAY & BITS_32,
        start=kept.times & BITS_40,
        max_age=kept.times >> AT_MAX_AGE & BITS_32,
        threshold_num=kept.rules >> AT_NUM & BITS_32,
        threshold_den=kept.rules >> AT_DEN & BITS_32,
        ballots=kept.rules >> AT_BALLOTS & 255,
        cast_window=kept.rules & BITS_32,
        reveal_window=kept.rules >> AT_REVEAL & BITS_32,
        stall=kept.rules >> AT_STALL & BITS_32,
        fallback=kept.rules >> AT_FALLBACK & 255,
        accuracy=0,
        speed=0,
    )


@external
@view
def policy_hash(workflow_id: bytes32, version: uint256) -> bytes32:
    """
    @notice keccak256(abi.encode(TAG("policy"), the policy's fields in their order)).
    """
    kept: bytes32 = self.versions[workflow_id][version].policy_hash
    assert kept != empty(bytes32), "policies: unknown version"
    return kept


@external
@view
def policy_version_at(workflow_id: bytes32, slot_start: uint256) -> uint256:
    """
    @notice The version that governs the slot beginning at that time (Unix seconds); of an event-driven
            workflow the newest, whatever the time. 0: none.
    @dev Starts never decrease: a binary search for the last version that starts at or before the slot.
    """
    high: uint256 = self.policy_count[workflow_id]
    if self.versions[workflow_id][high].times >> AT_EVERY & BITS_32 == 0:
        return high
    low: uint256 = 0
    for _: uint256 in range(17):
        if low == high:
            break
        middle: uint256 = (low + high + 1) // 2
        if self.versions[workflow_id][middle].times & BITS_40 <= slot_start:
            low = middle
        else:
            high = middle - 1
    return low


@internal
@view
def _rules_to_open(workflow_id: bytes32, trigger_id: bytes32, version: uint256) -> uint256:
    """
    @notice The rules under which attempt 1 for a trigger may open now.
    @param version The version that the opener names; it must govern the slot, or be the newest for an event.
    """
    times: uint256 = self.versions[workflow_id][version].times
    assert times != 0, "policies: unknown version"
    end: uint256 = times >> AT_END & BITS_40
    every: uint256 = times >> AT_EVERY & BITS_32
    if every == 0:
        assert end == NEVER, "policies: version not in force"
    else:
        trigger: uint256 = convert(trigger_id, uint256)
        slot: uint256 = trigger & (2**128 - 1)
        assert trigger >> 128 == every and slot < 2**64, "policies: not a slot"
        slot_start: uint256 = slot * every
        assert times & BITS_40 <= slot_start and slot_start < end, "policies: version not in force"
        due: uint256 = slot_start + every + (times >> AT_DELAY & BITS_32)
        assert due <= block.timestamp, "policies: slot not due"
        max_age: uint256 = times >> AT_MAX_AGE & BITS_32
        assert max_age == 0 or block.timestamp <= due + max_age, "policies: slot too old"
    return self.versions[workflow_id][version].rules


@internal
@view
def _rules(workflow_id: bytes32, version: uint256) -> uint256:
    """
    @notice How the votings of a version run.
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
    assert policy.bundle_digest != empty(bytes32), "policies: no bundle"
    assert policy.data_key_commitment != empty(bytes32), "policies: no data key"
    assert policy.data_key_epoch <= BITS_32, "policies: epoch too large"
    assert policy.start < NEVER, "policies: start too large"
    assert (
        max(max(policy.every, policy.delay), policy.max_age) <= BITS_32
        and max(max(policy.cast_window, policy.reveal_window), policy.stall) <= BITS_32
    ), "policies: seconds too large"
    assert (
        policy.threshold_den != 0
        and policy.threshold_num <= policy.threshold_den
        and policy.threshold_den <= BITS_32
    ), "policies: bad threshold"
    assert policy.ballots <= SEALED, "policies: unknown ballots"
    assert (
        policy.cast_window != 0
        and (policy.reveal_window != 0 or policy.ballots == OPEN)
    ), "policies: no window"
    assert policy.fallback == ALERT, "policies: fallback not offered"
    amounts: bool = policy.accuracy != 0 or policy.speed != 0
    assert not amounts or policy.ballots == SEALED, "policies: open ballots earn none"
    assert not amounts, "policies: rewards not offered"

# pragma version 0.4.3
"""
@title Attempts
@license Apache-2.0
@notice A voting's attempts: who are the members of one and what is needed in it, frozen when it opens, and
        how time ends it. Everything is judged by the block's time; a transaction first applies the time that
        has passed, and phases end at computed times, however late they are applied. How a ballot comes in
        stands in `ballots`, what follows from it in `consensus`.
"""

import members
import policies
import tags
import tally

from . import packed

uses: members
uses: policies


event Opened:
    voting_id: indexed(bytes32)
    workflow_id: indexed(bytes32)
    trigger_id: bytes32
    attempt: uint256
    policy_version: uint256
    members: uint256
    n: uint256
    needed: uint256


event Failed:
    voting_id: indexed(bytes32)
    attempt: uint256
    at: uint256


event Unresolved:
    voting_id: indexed(bytes32)
    at: uint256


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


MIN_WORKERS: constant(uint256) = 2

# @notice Number of votings ever opened.
voting_count: public(uint256)

# Voting id -> its word, see `packed`; zero: nothing was ever cast.
words: HashMap[bytes32, uint256]


@external
@view
def voting_id(workflow_id: bytes32, trigger_id: bytes32) -> bytes32:
    """
    @notice keccak256(abi.encode(TAG("voting"), chain id, contract, workflow id, trigger id)).
    """
    return self._voting_id(workflow_id, trigger_id)


@external
@view
def voting(workflow_id: bytes32, trigger_id: bytes32) -> Voting:
    """
    @notice The voting as it stands now: with the time that has passed applied, whether or not a transaction
            has done so. All zero: nothing was ever cast for this trigger.
    @return `ballots`: who has cast, from REVEALING on who has revealed. `closed`: recorded, and the ballots
            are final. `booked`: the contract has taken note of that.
    """
    word: uint256 = self.words[self._voting_id(workflow_id, trigger_id)]
    if word == 0:
        return empty(Voting)
    rules: uint256 = policies._rules(workflow_id, word >> packed.AT_VERSION & packed.NUMBER)
    for _: uint256 in range(3):
        if not packed._phase_is_over(word):
            break
        word = packed._next_phase(word, rules)
    attempt: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
    state: uint256 = word >> packed.AT_STATE & packed.STATE
    deadline: uint256 = word >> packed.AT_DEADLINE & packed.TIME
    return Voting(
        state=state,
        attempt=attempt,
        policy_version=word >> packed.AT_VERSION & packed.NUMBER,
        sealed=word & packed.SEALED != 0,
        closed=state == packed.CONSENSUS and block.timestamp >= deadline,
        booked=word & packed.BOOKED != 0,
        deadline=deadline,
        members=self._members(word, attempt),
        n=word >> packed.AT_N & packed.COUNT,
        needed=word >> packed.AT_NEEDED & packed.COUNT,
        ballots=word & packed.BALLOTS,
        cast=word >> packed.AT_CAST & packed.COUNT,
        highest=word >> packed.AT_HIGHEST & packed.COUNT,
        shared=word >> packed.AT_SHARED & 1 == 1,
    )


@external
@view
def members_of(voting_id: bytes32, attempt: uint256) -> uint256:
    """
    @notice Bitmap of the members of attempt 1, or of the last attempt that opened.
    """
    word: uint256 = self.words[voting_id]
    last: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
    assert attempt != 0 and (attempt == last or (attempt == 1 and last != 0)), "votings: other attempt"
    return self._members(word, attempt)


@internal
@view
def _voting_id(workflow_id: bytes32, trigger_id: bytes32) -> bytes32:
    """
    @notice The id of the voting for a trigger.
    """
    return keccak256(abi_encode(tags.VOTING, chain.id, self, workflow_id, trigger_id))


@internal
@view
def _members(word: uint256, attempt: uint256) -> uint256:
    """
    @notice The members of attempt 1, or of the voting's present attempt.
    """
    bitmap: uint256 = members._active_of(word >> packed.AT_FIRST_SET & packed.NUMBER)
    if attempt > 1:
        bitmap &= members._enrolled_of(word >> packed.AT_SET & packed.NUMBER)
    return bitmap


@internal
def _first_attempt(
    voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32, version: uint256
) -> uint256:
    """
    @notice Opens attempt 1 with the active workers of now.
    @return The word of the new voting.
    """
    rules: uint256 = policies._rules_to_open(workflow_id, trigger_id, version)
    current: uint256 = members.current >> members.AT_NUMBER
    all_members: uint256 = members.current & members.BITMAP
    n: uint256 = tally._popcount(all_members)
    assert n >= MIN_WORKERS, "votings: too few workers"
    needed: uint256 = tally._needed(
        n, rules >> policies.AT_NUM & policies.BITS_32, rules >> policies.AT_DEN & policies.BITS_32
    )
    self.voting_count = unsafe_add(self.voting_count, 1)
    log Opened(
        voting_id=voting_id,
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        attempt=1,
        policy_version=version,
        members=all_members,
        n=n,
        needed=needed,
    )
    return (
        version << packed.AT_VERSION
        | current << packed.AT_SET
        | current << packed.AT_FIRST_SET
        | needed << packed.AT_NEEDED
        | n << packed.AT_N
        | packed.CASTING << packed.AT_STATE
        | 1 << packed.AT_ATTEMPT
        | unsafe_add(block.timestamp, rules & policies.BITS_32) << packed.AT_DEADLINE
        | (packed.SEALED if rules >> policies.AT_BALLOTS & 255 == policies.SEALED else 0)
    )


@internal
def _next_attempt(
    before: uint256, voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32
) -> uint256:
    """
    @notice Opens attempt 2 with those members of attempt 1 who are still enrolled. They cannot be more than
            they were, so n and what is needed stay as they are: a removal never lowers the bar.
    """
    version: uint256 = before >> packed.AT_VERSION & packed.NUMBER
    rules: uint256 = policies._rules(workflow_id, version)
    attempt: uint256 = unsafe_add(before >> packed.AT_ATTEMPT & packed.ATTEMPT, 1)
    word: uint256 = before & ~(
        packed.PHASE
        | packed.TALLY
        | packed.NUMBER << packed.AT_SET
        | packed.ATTEMPT << packed.AT_ATTEMPT
    )
    word |= (
        members.current >> members.AT_NUMBER << packed.AT_SET
        | packed.CASTING << packed.AT_STATE
        | attempt << packed.AT_ATTEMPT
        | unsafe_add(block.timestamp, rules & policies.BITS_32) << packed.AT_DEADLINE
    )
    log Opened(
        voting_id=voting_id,
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        attempt=attempt,
        policy_version=version,
        members=self._members(word, attempt),
        n=word >> packed.AT_N & packed.COUNT,
        needed=word >> packed.AT_NEEDED & packed.COUNT,
    )
    return word


@internal
def _apply_time(before: uint256, voting_id: bytes32, workflow_id: bytes32) -> uint256:
    """
    @notice The voting's word with the time applied that has passed, each failure told with its computed time.
    @dev The longest way is CASTING, REVEALING, PENDING, UNRESOLVED: three steps.
    """
    if not packed._phase_is_over(before):
        return before
    word: uint256 = before
    rules: uint256 = policies._rules(workflow_id, word >> packed.AT_VERSION & packed.NUMBER)
    for _: uint256 in range(3):
        ended: uint256 = word >> packed.AT_DEADLINE & packed.TIME
        was_pending: bool = word >> packed.AT_STATE & packed.STATE == packed.PENDING
        word = packed._next_phase(word, rules)
        if was_pending:
            log Unresolved(voting_id=voting_id, at=ended)
        elif word >> packed.AT_STATE & packed.STATE != packed.REVEALING:
            self._log_failure(word, voting_id, ended)
        if not packed._phase_is_over(word):
            break
    return word


@internal
@view
def _everyone_has_cast(word: uint256) -> bool:
    """
    @notice Whether all members have cast, while the bitmap still means that.
    @dev The members of attempt 1 are n, those of a later one may be fewer.
    """
    attempt: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
    if attempt == 1:
        return word >> packed.AT_CAST & packed.COUNT == word >> packed.AT_N & packed.COUNT
    return word & packed.BALLOTS == self._members(word, attempt)


@internal
def _log_failure(word: uint256, voting_id: bytes32, at: uint256):
    """
    @notice Tells that the attempt failed, and if the voting is left with no further one.
    """
    log Failed(voting_id=voting_id, attempt=word >> packed.AT_ATTEMPT & packed.ATTEMPT, at=at)
    if word >> packed.AT_STATE & packed.STATE == packed.UNRESOLVED:
        log Unresolved(voting_id=voting_id, at=at)

# pragma version 0.4.3
"""
@title Attempts
@license Apache-2.0
@notice A voting's attempts: how one opens, who its members are and what is needed in it, frozen at that moment,
        and how time ends it. Everything is judged by the block's time; a transaction first applies the time
        that has passed, and phases end at computed times, however late they are applied. How a ballot comes
        in stands in `ballots` and `reports`, what follows from it in `consensus`.
"""

import members
import ownership
import policies
import records
import refusals
import tags
import tally

from . import packed

uses: ownership
uses: members
uses: policies
uses: records


# An attempt opens, with its first ballot, seal or report; `members` is the bitmap of its members.
event Opened:
    voting_id: indexed(bytes32)
    workflow_id: indexed(bytes32)
    trigger_id: bytes32
    attempt: uint256
    policy_version: uint256
    members: uint256
    n: uint256
    needed: uint256


# An attempt ended without consensus `at` that time, told by the call that ends it or applies the time.
event Failed:
    voting_id: indexed(bytes32)
    attempt: uint256
    at: uint256


# Told after `Failed`, or when a next attempt stayed unopened: `settle` may record the pair that leads.
event Settling:
    voting_id: indexed(bytes32)
    at: uint256


# Told likewise: there is no record, nor a further attempt unless the owner gives one.
event Unresolved:
    voting_id: indexed(bytes32)
    at: uint256


# `reopen`: this attempt may open while the block's time is before `until`. Both times are in Unix seconds.
event Reopened:
    voting_id: indexed(bytes32)
    workflow_id: indexed(bytes32)
    trigger_id: bytes32
    attempt: uint256
    until: uint256


# A voting, as it stands in its last attempt that opened; states as in `packed`.
struct Voting:
    state: uint256
    attempt: uint256  # 0: none ever opened
    policy_version: uint256
    sealed: bool  # ballots are sealed, not open
    closed: bool  # recorded, and the ballots are final
    booked: bool  # the contract has taken note of that
    deadline: uint256  # Unix seconds; of what, depends on the state, see `packed`
    members: uint256  # bitmap
    n: uint256  # number of members; in attempts 2 and 3 that of the one before, if it was more
    needed: uint256  # equal ballots that make a consensus
    ballots: uint256  # bitmap: who has cast, from REVEALING on who has revealed
    cast: uint256  # how many have cast, openly or sealed
    highest: uint256  # most ballots for one pair; like `shared` of no meaning after a report
    shared: bool  # several pairs have as many


MIN_WORKERS: constant(uint256) = 2

# A place names what ballots belong to: attempt << 32 | policy version << 16 | worker index.
AT_PLACE_ATTEMPT: constant(uint256) = 32
AT_PLACE_VERSION: constant(uint256) = 16

# Voting id -> its word, see `packed`; zero: nothing was ever cast.
words: HashMap[bytes32, uint256]


@external
def reopen(workflow_id: bytes32, trigger_id: bytes32):
    """
    @notice Gives an unresolved voting a further attempt, or a first one, with number 4, to a slot that is due for
            longer than `stall` and has neither voting nor record. It may open for as long as `stall`, but at
            least for a cast window, and has the workers and the policy version of its opening. Owner only.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    """
    ownership._check_owner()
    voting_id: bytes32 = self._voting_id(workflow_id, trigger_id)
    word: uint256 = self.words[voting_id]
    if word == 0:
        if records.record[voting_id] != empty(bytes32):
            refusals._refuse("votings: already recorded")
        word = policies._version_of_missed(workflow_id, trigger_id) << packed.AT_VERSION
    else:
        word = self._apply_time(word, voting_id, workflow_id)
        if word & packed.STATE != packed.UNRESOLVED:
            refusals._refuse("votings: not unresolved")
        if word >> packed.AT_ATTEMPT & packed.ATTEMPT == packed.ATTEMPT:
            refusals._refuse("votings: too many attempts")
    rules: uint256 = self._rules(word, workflow_id)
    until: uint256 = unsafe_add(
        block.timestamp, max(rules >> policies.AT_STALL & policies.BITS_32, rules & policies.BITS_32)
    )
    word = packed._in_phase(word, packed.PENDING, until) | 1 << packed.AT_REOPENED
    self.words[voting_id] = word
    log Reopened(
        voting_id=voting_id,
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        attempt=packed._next_attempt(word),
        until=until,
    )


@external
@view
def voting_id(workflow_id: bytes32, trigger_id: bytes32) -> bytes32:
    """
    @notice The id of the voting for a trigger, whether or not there is one.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @return keccak256(abi.encode(TAG("voting"), chain id, contract, workflow id, trigger id)).
    """
    return self._voting_id(workflow_id, trigger_id)


@external
@view
def voting(workflow_id: bytes32, trigger_id: bytes32) -> Voting:
    """
    @notice The voting as it stands now: with the time that has passed applied, whether or not a transaction
            has done so. All zero: nothing was ever cast for this trigger, or all in one report.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @return After a report of some members `ballots` has its participants too, and `cast` is how many ballots
            there will be at most; one of all members leaves both as they were.
    """
    word: uint256 = self.words[self._voting_id(workflow_id, trigger_id)]
    if word == 0:
        return empty(Voting)
    rules: uint256 = self._rules(word, workflow_id)
    for _: uint256 in range(packed.STEPS):
        if not packed._phase_is_over(word):
            break
        word = packed._next_phase(word, rules)
    deadline: uint256 = word >> packed.AT_DEADLINE & packed.TIME
    return Voting(
        state=word & packed.STATE,
        attempt=word >> packed.AT_ATTEMPT & packed.ATTEMPT,
        policy_version=word >> packed.AT_VERSION & packed.NUMBER,
        sealed=word >> packed.AT_SEALED & 1 == 1,
        closed=word & packed.STATE >= packed.CONSENSUS and block.timestamp >= deadline,
        booked=word >> packed.AT_BOOKED & 1 == 1,
        deadline=deadline,
        members=self._members(word),
        n=word >> packed.AT_N & packed.COUNT,
        needed=word >> packed.AT_NEEDED & packed.COUNT,
        ballots=word >> packed.AT_BALLOTS,
        cast=word >> packed.AT_CAST & packed.COUNT,
        highest=word >> packed.AT_HIGHEST & packed.COUNT,
        shared=word >> packed.AT_SHARED & 1 == 1,
    )


@internal
@view
def _voting_id(workflow_id: bytes32, trigger_id: bytes32) -> bytes32:
    """
    @notice The id of the voting for a trigger.
    """
    return keccak256(abi_encode(tags.VOTING, chain.id, self, workflow_id, trigger_id))


@internal
@view
def _rules(word: uint256, workflow_id: bytes32) -> uint256:
    """
    @notice How the voting runs, by its policy version.
    """
    return policies._rules(workflow_id, word >> packed.AT_VERSION & packed.NUMBER)


@internal
@view
def _members(word: uint256) -> uint256:
    """
    @notice The members of the last attempt that opened: the active workers of the first set; in attempts 2
            and 3 those still enrolled, in attempt 3 with the first set's standbys.
    """
    attempt: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
    first: uint256 = word >> packed.AT_FIRST_SET & packed.NUMBER
    current: uint256 = members.current
    if attempt == 2 or attempt == packed.FAILOVER:
        bitmap: uint256 = members.sets[first]
        if attempt == packed.FAILOVER:
            bitmap |= bitmap >> members.LIMIT
        return bitmap & members._either_role(members.sets[word >> packed.AT_SET & packed.NUMBER])
    # The set that is current has just been read where an attempt opens.
    if current >> members.AT_NUMBER == first:
        return current & members.BITMAP
    return members.sets[first] & members.BITMAP


@internal
def _at_place(
    before: uint256, voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32, place: uint256
) -> uint256:
    """
    @notice The voting's word with the time that has passed, in the attempt that a place names; opens that
            attempt if it is the one to open. Refuses any other attempt or policy version.
    """
    attempt: uint256 = place >> AT_PLACE_ATTEMPT
    version: uint256 = place >> AT_PLACE_VERSION & packed.NUMBER
    if before == 0:
        if attempt != 1:
            refusals._refuse("votings: other attempt")
        if members.current >> members.AT_PAUSED & 1 == 1:
            refusals._refuse("votings: opening is paused")
        if records.record[voting_id] != empty(bytes32):
            refusals._refuse("votings: already recorded")
        return self._open(
            attempt,
            version,
            policies._rules_to_open(workflow_id, trigger_id, version),
            voting_id,
            workflow_id,
            trigger_id,
        )
    word: uint256 = before
    if block.timestamp >= word >> packed.AT_DEADLINE & packed.TIME:
        word = self._apply_time(word, voting_id, workflow_id)
    if word & packed.STATE == packed.PENDING and attempt == packed._next_attempt(word):
        if attempt > packed.FAILOVER:
            return self._open(
                attempt,
                version,
                policies._rules_in_force(workflow_id, version),
                voting_id,
                workflow_id,
                trigger_id,
            )
        word = self._open_again(word, attempt, voting_id, workflow_id, trigger_id)
    self._check_place(word, place)
    return word


@internal
@pure
def _check_place(word: uint256, place: uint256):
    """
    @notice Refuses any other attempt or policy version than the voting's.
    """
    if place >> AT_PLACE_ATTEMPT != word >> packed.AT_ATTEMPT & packed.ATTEMPT:
        refusals._refuse("votings: other attempt")
    if place >> AT_PLACE_VERSION & packed.NUMBER != word >> packed.AT_VERSION & packed.NUMBER:
        refusals._refuse("votings: other policy")


@internal
def _open(
    attempt: uint256,
    version: uint256,
    rules: uint256,
    voting_id: bytes32,
    workflow_id: bytes32,
    trigger_id: bytes32,
) -> uint256:
    """
    @notice Opens attempt 1, or one that the owner gave, with the active workers of now.
    @return The word of the voting.
    """
    current: uint256 = members.current
    n: uint256 = tally._popcount(current & members.BITMAP)
    if n < MIN_WORKERS:
        refusals._refuse("votings: too few workers")
    word: uint256 = (
        version << packed.AT_VERSION
        | current >> members.AT_NUMBER << packed.AT_SET
        | current >> members.AT_NUMBER << packed.AT_FIRST_SET
        | (rules >> policies.AT_BALLOTS & policies.SEALED) << packed.AT_SEALED
    )
    return self._casting(
        word, attempt, current & members.BITMAP, n, rules, voting_id, workflow_id, trigger_id
    )


@internal
def _open_again(
    before: uint256, attempt: uint256, voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32
) -> uint256:
    """
    @notice Opens attempt 2 with those members of attempt 1 who are still enrolled, or attempt 3 with the standbys
            too. n is never less than it was: a removal never lowers the bar.
    """
    # What stays is whether ballots are sealed, the policy version and the first set.
    word: uint256 = (
        before & (2**packed.AT_SET - 1)
        | members.current >> members.AT_NUMBER << packed.AT_SET
        | attempt << packed.AT_ATTEMPT
    )
    all_members: uint256 = self._members(word)
    n: uint256 = max(before >> packed.AT_N & packed.COUNT, tally._popcount(all_members))
    return self._casting(
        word, attempt, all_members, n, self._rules(word, workflow_id), voting_id, workflow_id, trigger_id
    )


@internal
def _casting(
    before: uint256,
    attempt: uint256,
    all_members: uint256,
    n: uint256,
    rules: uint256,
    voting_id: bytes32,
    workflow_id: bytes32,
    trigger_id: bytes32,
) -> uint256:
    """
    @notice Begins an attempt: freezes its members, n and what is needed.
    """
    needed: uint256 = tally._needed(
        n, rules >> policies.AT_NUM & policies.BITS_32, rules >> policies.AT_DEN & policies.BITS_32
    )
    log Opened(
        voting_id=voting_id,
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        attempt=attempt,
        policy_version=before >> packed.AT_VERSION & packed.NUMBER,
        members=all_members,
        n=n,
        needed=needed,
    )
    word: uint256 = before | attempt << packed.AT_ATTEMPT | n << packed.AT_N | needed << packed.AT_NEEDED
    return packed._in_phase(word, packed.CASTING, unsafe_add(block.timestamp, rules & policies.BITS_32))


@internal
def _apply_time(before: uint256, voting_id: bytes32, workflow_id: bytes32) -> uint256:
    """
    @notice The voting's word with the time applied that has passed, each failure told with its computed time.
    """
    if not packed._phase_is_over(before):
        return before
    word: uint256 = before
    rules: uint256 = self._rules(word, workflow_id)
    for _: uint256 in range(packed.STEPS):
        ended: uint256 = word >> packed.AT_DEADLINE & packed.TIME
        was_pending: bool = word & packed.STATE == packed.PENDING
        word = packed._next_phase(word, rules)
        if word & packed.STATE != packed.REVEALING:
            self._log_end(word, voting_id, ended, not was_pending)
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
    if word >> packed.AT_ATTEMPT & packed.ATTEMPT == 1:
        return word >> packed.AT_CAST & packed.COUNT == word >> packed.AT_N & packed.COUNT
    return word >> packed.AT_BALLOTS == self._members(word)


@internal
def _log_end(word: uint256, voting_id: bytes32, at: uint256, failed: bool):
    """
    @notice Tells that the attempt failed, and that the voting is left with no further one.
    """
    if failed:
        log Failed(voting_id=voting_id, attempt=word >> packed.AT_ATTEMPT & packed.ATTEMPT, at=at)
    state: uint256 = word & packed.STATE
    if state == packed.SETTLING:
        log Settling(voting_id=voting_id, at=at)
    elif state == packed.UNRESOLVED:
        log Unresolved(voting_id=voting_id, at=at)

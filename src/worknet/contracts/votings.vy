# pragma version 0.4.3
"""
@title Votings
@license Apache-2.0
@notice From the first ballot to consensus, or to the lack of it: attempts, windows, open and sealed ballots,
        the tally. Everything is judged by the block's time; a transaction first applies the time that has
        passed, and phases end at computed times, however late they are applied. What a record is stands in
        `records`, who is a member in `members`, what the rules are in `policies`.
@dev A voting is one word, so that a ballot writes two: the voting's and its pair's.
"""

import members
import policies
import records
import tags
import tally

uses: members
uses: policies
uses: records


event Opened:
    voting_id: indexed(bytes32)
    workflow_id: indexed(bytes32)
    trigger_id: bytes32
    attempt: uint256
    policy_version: uint256
    members: uint256
    n: uint256
    needed: uint256


event Cast:
    voting_id: indexed(bytes32)
    place: uint256
    input_root: bytes32
    result_root: bytes32


event Sealed:
    voting_id: indexed(bytes32)
    place: uint256
    seal: bytes32


event Revealed:
    voting_id: indexed(bytes32)
    place: uint256
    input_root: bytes32
    result_root: bytes32
    workers: uint256


event Skipped:
    voting_id: indexed(bytes32)
    worker: uint256
    rule: String[32]


event Failed:
    voting_id: indexed(bytes32)
    attempt: uint256
    at: uint256


event Unresolved:
    voting_id: indexed(bytes32)
    at: uint256


event Closed:
    voting_id: indexed(bytes32)


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


# States. 0: nothing was ever cast; 4 is kept for SETTLING, voting by plurality.
CASTING: constant(uint256) = 1
REVEALING: constant(uint256) = 2
PENDING: constant(uint256) = 3
UNRESOLVED: constant(uint256) = 5
CONSENSUS: constant(uint256) = 6

# The word of a voting, from its lowest bit on:
#   ballots 120        who has cast; from REVEALING on, who has revealed
#   cast 7             how many have cast, openly or sealed
#   shared 1           several pairs have the highest count
#   highest 7          most ballots for one pair
#   policy version 16
#   attempt's set 16   member set that was current when the attempt opened
#   first set 16       member set that was current when attempt 1 opened
#   needed 7, n 7
#   state 4
#   attempt 8
#   deadline 40        end of the phase; of PENDING the end of the stall; of UNRESOLVED when it became so;
#                      of CONSENSUS when its ballots were or will be final
#   sealed 1           the policy's ballots are sealed
#   booked 1           the closing is booked
BALLOTS: constant(uint256) = 2**120 - 1
AT_CAST: constant(uint256) = 120
AT_SHARED: constant(uint256) = 127
AT_HIGHEST: constant(uint256) = 128
AT_VERSION: constant(uint256) = 135
AT_SET: constant(uint256) = 151
AT_FIRST_SET: constant(uint256) = 167
AT_NEEDED: constant(uint256) = 183
AT_N: constant(uint256) = 190
AT_STATE: constant(uint256) = 197
AT_ATTEMPT: constant(uint256) = 201
AT_DEADLINE: constant(uint256) = 209
SEALED: constant(uint256) = 1 << 249
BOOKED: constant(uint256) = 1 << 250

COUNT: constant(uint256) = 2**7 - 1
STATE: constant(uint256) = 2**4 - 1
ATTEMPT: constant(uint256) = 2**8 - 1
NUMBER: constant(uint256) = 2**16 - 1
TIME: constant(uint256) = 2**40 - 1
# State and deadline, which change together; ballots and their tally, which every attempt begins anew.
PHASE: constant(uint256) = STATE << AT_STATE | TIME << AT_DEADLINE
TALLY: constant(uint256) = BALLOTS | COUNT << AT_CAST | 1 << AT_SHARED | COUNT << AT_HIGHEST

# `place` names what a ballot belongs to: attempt << 32 | policy version << 16 | worker index.
AT_PLACE_ATTEMPT: constant(uint256) = 32
AT_PLACE_VERSION: constant(uint256) = 16

MIN_WORKERS: constant(uint256) = 2
# Attempts that open by themselves; a later one needs a fallback or the owner.
ORDINARY_ATTEMPTS: constant(uint256) = 2
MAX_WORKERS: constant(uint256) = 120
# The last two bytes of a seal hold the seconds left of the cast window, at most this.
SECONDS_LEFT: constant(uint256) = 65_535

# @notice Number of votings ever opened.
voting_count: public(uint256)

words: HashMap[bytes32, uint256]
# keccak256(voting id, attempt, pair) -> bitmap of those who voted for it.
voters_of: HashMap[bytes32, uint256]
# Voting id -> attempt << 16 | worker index -> seal.
seals: HashMap[bytes32, HashMap[uint256, bytes32]]


@external
def cast(workflow_id: bytes32, trigger_id: bytes32, place: uint256, input_root: bytes32, result_root: bytes32):
    """
    @notice Casts an open ballot. Only the key of the worker that `place` names.
    @param place attempt << 32 | policy version << 16 | worker index.
    """
    assert input_root != empty(bytes32) and result_root != empty(bytes32), "votings: zero root"
    voting_id: bytes32 = self._voting_id(workflow_id, trigger_id)
    word: uint256 = self._with_ballot(voting_id, workflow_id, trigger_id, place, 0)
    log Cast(voting_id=voting_id, place=place, input_root=input_root, result_root=result_root)
    self.words[voting_id] = self._tally(
        word, voting_id, workflow_id, trigger_id, input_root, result_root, 1 << (place & NUMBER)
    )


@external
def seal(workflow_id: bytes32, trigger_id: bytes32, place: uint256, seal: bytes32):
    """
    @notice Stores a sealed ballot. Only the key of the worker that `place` names.
    @param place attempt << 32 | policy version << 16 | worker index.
    @param seal keccak256(abi.encode(TAG("seal"), chain id, contract, voting id, attempt, worker index, input
           root, result root, salt)) with its last two bytes zero.
    """
    assert convert(seal, uint256) & SECONDS_LEFT == 0, "votings: seal not truncated"
    voting_id: bytes32 = self._voting_id(workflow_id, trigger_id)
    word: uint256 = self._with_ballot(voting_id, workflow_id, trigger_id, place, SEALED)
    left: uint256 = unsafe_sub(word >> AT_DEADLINE & TIME, block.timestamp)
    stored: bytes32 = convert(convert(seal, uint256) | min(left, SECONDS_LEFT), bytes32)
    self.seals[voting_id][unsafe_add(place & NUMBER, place >> AT_PLACE_ATTEMPT << 16)] = stored
    log Sealed(voting_id=voting_id, place=place, seal=stored)

    if self._everyone_has_cast(word):
        rules: uint256 = policies._rules(workflow_id, word >> AT_VERSION & NUMBER)
        word = self._revealing(word, block.timestamp, rules)
    self.words[voting_id] = word


@external
def reveal(
    workflow_id: bytes32,
    trigger_id: bytes32,
    place: uint256,
    input_root: bytes32,
    result_root: bytes32,
    workers: DynArray[uint256, MAX_WORKERS],
    salts: DynArray[bytes32, MAX_WORKERS],
):
    """
    @notice Opens seals that hold one pair, tallied once, whole. Anyone: only the worker knew the salt.
    @param place attempt << 32 | policy version << 16; the worker index in it is not looked at.
    @param workers Indices, each with its salt; one that does not fit or is done is skipped with an event.
    """
    assert input_root != empty(bytes32) and result_root != empty(bytes32), "votings: zero root"
    assert len(workers) == len(salts), "votings: lengths differ"
    voting_id: bytes32 = self._voting_id(workflow_id, trigger_id)
    word: uint256 = self.words[voting_id]
    assert word != 0, "votings: not open"
    word = self._apply_time(word, voting_id, workflow_id)
    attempt: uint256 = word >> AT_ATTEMPT & ATTEMPT
    assert place >> AT_PLACE_ATTEMPT == attempt, "votings: other attempt"
    assert place >> AT_PLACE_VERSION & NUMBER == word >> AT_VERSION & NUMBER, "votings: other policy"
    assert word & SEALED != 0, "votings: ballots are open"
    state: uint256 = word >> AT_STATE & STATE
    assert state == REVEALING or (
        state == CONSENSUS and block.timestamp < word >> AT_DEADLINE & TIME
    ), "votings: not revealing"

    taken: uint256 = 0
    for i: uint256 in range(len(workers), bound=MAX_WORKERS):
        worker: uint256 = workers[i]
        rule: String[32] = ""
        if worker >= MAX_WORKERS:
            rule = "votings: not a member"
        elif (word | taken) >> worker & 1 == 1:
            rule = "votings: already revealed"
        else:
            stored: uint256 = convert(self.seals[voting_id][attempt << 16 | worker], uint256)
            opened: bytes32 = keccak256(
                abi_encode(
                    tags.SEAL,
                    chain.id,
                    self,
                    voting_id,
                    attempt,
                    worker,
                    input_root,
                    result_root,
                    salts[i],
                )
            )
            if stored == 0:
                rule = "votings: no seal"
            elif (stored ^ convert(opened, uint256)) >> 16 == 0:
                taken |= 1 << worker
                continue
            else:
                rule = "votings: seal does not open"
        log Skipped(voting_id=voting_id, worker=worker, rule=rule)
    assert taken != 0, "votings: nothing to reveal"

    log Revealed(
        voting_id=voting_id,
        place=place >> AT_PLACE_VERSION << AT_PLACE_VERSION,
        input_root=input_root,
        result_root=result_root,
        workers=taken,
    )
    self.words[voting_id] = self._tally(
        word | taken, voting_id, workflow_id, trigger_id, input_root, result_root, taken
    )


@external
def advance(workflow_id: bytes32, trigger_id: bytes32, input_root: bytes32, result_root: bytes32):
    """
    @notice Applies the time that has passed, and books the closing of a recorded voting. Anyone.
    @param input_root Of the recorded pair; only looked at when there is a closing to book.
    @param result_root Of the recorded pair.
    """
    voting_id: bytes32 = self._voting_id(workflow_id, trigger_id)
    before: uint256 = self.words[voting_id]
    assert before != 0, "votings: not open"
    word: uint256 = self._apply_time(before, voting_id, workflow_id)
    if (
        word >> AT_STATE & STATE == CONSENSUS
        and word & BOOKED == 0
        and block.timestamp >= word >> AT_DEADLINE & TIME
    ):
        pair: bytes32 = self._pair(voting_id, word >> AT_ATTEMPT & ATTEMPT, input_root, result_root)
        voters: uint256 = self.voters_of[pair]
        assert tally._popcount(voters) >= word >> AT_NEEDED & COUNT, "votings: not the recorded pair"
        word |= BOOKED
        log Closed(voting_id=voting_id)
    assert word != before, "votings: nothing to advance"
    self.words[voting_id] = word


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
    rules: uint256 = policies._rules(workflow_id, word >> AT_VERSION & NUMBER)
    for _: uint256 in range(3):
        if not self._phase_is_over(word):
            break
        word = self._next_phase(word, rules)
    attempt: uint256 = word >> AT_ATTEMPT & ATTEMPT
    state: uint256 = word >> AT_STATE & STATE
    deadline: uint256 = word >> AT_DEADLINE & TIME
    return Voting(
        state=state,
        attempt=attempt,
        policy_version=word >> AT_VERSION & NUMBER,
        sealed=word & SEALED != 0,
        closed=state == CONSENSUS and block.timestamp >= deadline,
        booked=word & BOOKED != 0,
        deadline=deadline,
        members=self._members(word, attempt),
        n=word >> AT_N & COUNT,
        needed=word >> AT_NEEDED & COUNT,
        ballots=word & BALLOTS,
        cast=word >> AT_CAST & COUNT,
        highest=word >> AT_HIGHEST & COUNT,
        shared=word >> AT_SHARED & 1 == 1,
    )


@external
@view
def voters(voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32) -> uint256:
    """
    @notice Bitmap of those whose counted ballot in that attempt is this pair.
    """
    return self.voters_of[self._pair(voting_id, attempt, input_root, result_root)]


@external
@view
def members_of(voting_id: bytes32, attempt: uint256) -> uint256:
    """
    @notice Bitmap of the members of attempt 1, or of the last attempt that opened.
    """
    word: uint256 = self.words[voting_id]
    last: uint256 = word >> AT_ATTEMPT & ATTEMPT
    assert attempt != 0 and (attempt == last or (attempt == 1 and last != 0)), "votings: other attempt"
    return self._members(word, attempt)


@external
@view
def seal_of(voting_id: bytes32, attempt: uint256, worker: uint256) -> bytes32:
    """
    @notice A worker's seal as it is stored: its last two bytes are the seconds that were left of the cast
            window, at most 65,535. Zero: there is none.
    """
    assert worker < MAX_WORKERS and attempt <= ATTEMPT, "votings: not a member"
    return self.seals[voting_id][attempt << 16 | worker]


@internal
@view
def _voting_id(workflow_id: bytes32, trigger_id: bytes32) -> bytes32:
    """
    @notice The id of the voting for a trigger.
    """
    return keccak256(abi_encode(tags.VOTING, chain.id, self, workflow_id, trigger_id))


@internal
@pure
def _pair(voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32) -> bytes32:
    """
    @notice The key under which the voters of a pair are kept.
    """
    return keccak256(abi_encode(voting_id, attempt, input_root, result_root))


@internal
@view
def _members(word: uint256, attempt: uint256) -> uint256:
    """
    @notice The members of attempt 1, or of the voting's present attempt.
    """
    bitmap: uint256 = members._active_of(word >> AT_FIRST_SET & NUMBER)
    if attempt > 1:
        bitmap &= members._enrolled_of(word >> AT_SET & NUMBER)
    return bitmap


@internal
def _with_ballot(
    voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32, place: uint256, sealed: uint256
) -> uint256:
    """
    @notice The voting's word with one more ballot cast; opens the attempt if there is one to open.
            Refuses whoever may not cast.
    @param sealed SEALED if the ballot is one, else 0.
    """
    attempt: uint256 = place >> AT_PLACE_ATTEMPT
    version: uint256 = place >> AT_PLACE_VERSION & NUMBER
    word: uint256 = self.words[voting_id]
    if word == 0:
        assert attempt == 1, "votings: other attempt"
        word = self._first_attempt(voting_id, workflow_id, trigger_id, version)
    else:
        if block.timestamp >= word >> AT_DEADLINE & TIME:
            word = self._apply_time(word, voting_id, workflow_id)
        last: uint256 = word >> AT_ATTEMPT & ATTEMPT
        if attempt != last:
            assert (
                attempt == unsafe_add(last, 1) and word >> AT_STATE & STATE == PENDING
            ), "votings: other attempt"
            word = self._next_attempt(word, voting_id, workflow_id, trigger_id)
        assert version == word >> AT_VERSION & NUMBER, "votings: other policy"
    assert word & SEALED == sealed, "votings: ballots are open" if sealed != 0 else "votings: ballots are sealed"

    state: uint256 = word >> AT_STATE & STATE
    # Open ballots are still counted after consensus; seals had to be there before the first was revealed.
    assert state == CASTING or (
        state == CONSENSUS and sealed == 0 and block.timestamp < word >> AT_DEADLINE & TIME
    ), "votings: not casting"
    worker: uint256 = place & NUMBER
    assert worker < MAX_WORKERS, "votings: not a member"
    seat: uint256 = members.seats[worker]
    since: uint256 = seat >> members.AT_SINCE
    # Active since before attempt 1 opened: a member of it. Whoever else is one, the frozen set tells.
    if attempt != 1 or since == 0 or since > word >> AT_FIRST_SET & NUMBER:
        assert self._members(word, attempt) >> worker & 1 == 1, "votings: not a member"
    assert convert(msg.sender, uint256) == seat & members.KEY, "votings: not the worker's key"
    ballot: uint256 = 1 << worker
    assert word & ballot == 0, "votings: already cast"
    return unsafe_add(word | ballot, 1 << AT_CAST)


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
        version << AT_VERSION
        | current << AT_SET
        | current << AT_FIRST_SET
        | needed << AT_NEEDED
        | n << AT_N
        | CASTING << AT_STATE
        | 1 << AT_ATTEMPT
        | unsafe_add(block.timestamp, rules & policies.BITS_32) << AT_DEADLINE
        | (SEALED if rules >> policies.AT_BALLOTS & 255 == policies.SEALED else 0)
    )


@internal
def _next_attempt(
    before: uint256, voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32
) -> uint256:
    """
    @notice Opens attempt 2 with those members of attempt 1 who are still enrolled. They cannot be more than
            they were, so n and what is needed stay as they are: a removal never lowers the bar.
    """
    version: uint256 = before >> AT_VERSION & NUMBER
    rules: uint256 = policies._rules(workflow_id, version)
    attempt: uint256 = unsafe_add(before >> AT_ATTEMPT & ATTEMPT, 1)
    word: uint256 = before & ~(PHASE | TALLY | NUMBER << AT_SET | ATTEMPT << AT_ATTEMPT)
    word |= (
        members.current >> members.AT_NUMBER << AT_SET
        | CASTING << AT_STATE
        | attempt << AT_ATTEMPT
        | unsafe_add(block.timestamp, rules & policies.BITS_32) << AT_DEADLINE
    )
    log Opened(
        voting_id=voting_id,
        workflow_id=workflow_id,
        trigger_id=trigger_id,
        attempt=attempt,
        policy_version=version,
        members=self._members(word, attempt),
        n=word >> AT_N & COUNT,
        needed=word >> AT_NEEDED & COUNT,
    )
    return word


@internal
def _tally(
    before: uint256,
    voting_id: bytes32,
    workflow_id: bytes32,
    trigger_id: bytes32,
    input_root: bytes32,
    result_root: bytes32,
    new_voters: uint256,
) -> uint256:
    """
    @notice Counts new ballots for one pair: records a consensus, ends the attempt when everyone is done.
    @param before The voting's word, the new ballots already in its bitmap.
    """
    word: uint256 = before
    attempt: uint256 = word >> AT_ATTEMPT & ATTEMPT
    pair: bytes32 = self._pair(voting_id, attempt, input_root, result_root)
    voters: uint256 = self.voters_of[pair] | new_voters
    self.voters_of[pair] = voters
    count: uint256 = tally._popcount(voters)
    highest: uint256 = word >> AT_HIGHEST & COUNT
    if count > highest:
        word = word & ~(COUNT << AT_HIGHEST | 1 << AT_SHARED) | count << AT_HIGHEST
    elif count == highest:
        word |= 1 << AT_SHARED

    needed: uint256 = word >> AT_NEEDED & COUNT
    if count >= needed and word >> AT_STATE & STATE != CONSENSUS:
        word = word & ~(STATE << AT_STATE) | CONSENSUS << AT_STATE
        records._record(
            voting_id,
            workflow_id,
            trigger_id,
            attempt,
            policies.versions[workflow_id][word >> AT_VERSION & NUMBER].policy_hash,
            input_root,
            result_root,
            self._members(word, attempt),
            word >> AT_N & COUNT,
            needed,
            voters,
            records.QUORUM,
        )

    done: bool = False
    if word & SEALED != 0:
        done = tally._popcount(word & BALLOTS) == word >> AT_CAST & COUNT
    else:
        done = self._everyone_has_cast(word)
    if done:
        if word >> AT_STATE & STATE != CONSENSUS:
            rules: uint256 = policies._rules(workflow_id, word >> AT_VERSION & NUMBER)
            word = self._failed(word, block.timestamp, rules)
            self._log_failure(word, voting_id, block.timestamp)
        else:
            word = word & ~(TIME << AT_DEADLINE) | block.timestamp << AT_DEADLINE
            if count >= needed:
                word |= BOOKED
                log Closed(voting_id=voting_id)
    return word


@internal
def _apply_time(before: uint256, voting_id: bytes32, workflow_id: bytes32) -> uint256:
    """
    @notice The voting's word with the time applied that has passed, each failure told with its computed time.
    @dev The longest way is CASTING, REVEALING, PENDING, UNRESOLVED: three steps.
    """
    if not self._phase_is_over(before):
        return before
    word: uint256 = before
    rules: uint256 = policies._rules(workflow_id, word >> AT_VERSION & NUMBER)
    for _: uint256 in range(3):
        ended: uint256 = word >> AT_DEADLINE & TIME
        was_pending: bool = word >> AT_STATE & STATE == PENDING
        word = self._next_phase(word, rules)
        if was_pending:
            log Unresolved(voting_id=voting_id, at=ended)
        elif word >> AT_STATE & STATE != REVEALING:
            self._log_failure(word, voting_id, ended)
        if not self._phase_is_over(word):
            break
    return word


@internal
@view
def _everyone_has_cast(word: uint256) -> bool:
    """
    @notice Whether all members have cast, while the bitmap still means that.
    @dev The members of attempt 1 are n, those of a later one may be fewer.
    """
    attempt: uint256 = word >> AT_ATTEMPT & ATTEMPT
    if attempt == 1:
        return word >> AT_CAST & COUNT == word >> AT_N & COUNT
    return word & BALLOTS == self._members(word, attempt)


@internal
@view
def _phase_is_over(word: uint256) -> bool:
    """
    @notice Whether time alone moves the voting on by now.
    """
    state: uint256 = word >> AT_STATE & STATE
    return state <= PENDING and block.timestamp >= word >> AT_DEADLINE & TIME


@internal
@pure
def _next_phase(word: uint256, rules: uint256) -> uint256:
    """
    @notice What follows when a phase's time is over, at the time when it was.
    """
    state: uint256 = word >> AT_STATE & STATE
    ended: uint256 = word >> AT_DEADLINE & TIME
    if state == PENDING:
        return word & ~(STATE << AT_STATE) | UNRESOLVED << AT_STATE
    if state == CASTING and word & SEALED != 0:
        return self._revealing(word, ended, rules)
    return self._failed(word, ended, rules)


@internal
@pure
def _revealing(word: uint256, at: uint256, rules: uint256) -> uint256:
    """
    @notice Casting has ended: from now on the bitmap means who has revealed.
    """
    deadline: uint256 = unsafe_add(at, rules >> policies.AT_REVEAL & policies.BITS_32)
    return word & ~(PHASE | BALLOTS) | REVEALING << AT_STATE | deadline << AT_DEADLINE


@internal
@pure
def _failed(word: uint256, at: uint256, rules: uint256) -> uint256:
    """
    @notice An attempt has ended without consensus. Its ballots stay as evidence. With a stall of 0 no further
            attempt could open, so none is waited for.
    """
    stall: uint256 = rules >> policies.AT_STALL & policies.BITS_32
    if stall == 0 or word >> AT_ATTEMPT & ATTEMPT >= ORDINARY_ATTEMPTS:
        return word & ~PHASE | UNRESOLVED << AT_STATE | at << AT_DEADLINE
    return word & ~PHASE | PENDING << AT_STATE | unsafe_add(at, stall) << AT_DEADLINE


@internal
def _log_failure(word: uint256, voting_id: bytes32, at: uint256):
    """
    @notice Tells that the attempt failed, and if the voting is left with no further one.
    """
    log Failed(voting_id=voting_id, attempt=word >> AT_ATTEMPT & ATTEMPT, at=at)
    if word >> AT_STATE & STATE == UNRESOLVED:
        log Unresolved(voting_id=voting_id, at=at)

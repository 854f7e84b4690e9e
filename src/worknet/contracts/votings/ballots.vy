# pragma version 0.4.3
"""
@title Ballots
@license Apache-2.0
@notice How ballots come in: open ones, seals, and the reveals of seals; whose they are and until when they
        are taken. A ballot opens its attempt if there is one to open. Attempts stand in `attempts`, what
        follows from a ballot that counts in `consensus`.
"""

import members
import policies
import tags

from . import attempts
from . import consensus
from . import packed

uses: members
uses: policies
uses: attempts
uses: consensus


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


# `place` names what a ballot belongs to: attempt << 32 | policy version << 16 | worker index.
AT_PLACE_ATTEMPT: constant(uint256) = 32
AT_PLACE_VERSION: constant(uint256) = 16

MAX_WORKERS: constant(uint256) = 120
# The last two bytes of a seal hold the seconds left of the cast window, at most this.
SECONDS_LEFT: constant(uint256) = 65_535

# Voting id -> attempt << 16 | worker index -> seal.
seals: HashMap[bytes32, HashMap[uint256, bytes32]]


@external
def cast(
    workflow_id: bytes32, trigger_id: bytes32, place: uint256, input_root: bytes32, result_root: bytes32
):
    """
    @notice Casts an open ballot. Only the key of the worker that `place` names.
    @param place attempt << 32 | policy version << 16 | worker index.
    """
    assert input_root != empty(bytes32) and result_root != empty(bytes32), "votings: zero root"
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = self._with_ballot(voting_id, workflow_id, trigger_id, place, 0)
    log Cast(voting_id=voting_id, place=place, input_root=input_root, result_root=result_root)
    attempts.words[voting_id] = consensus._tally(
        word, voting_id, workflow_id, trigger_id, input_root, result_root, 1 << (place & packed.NUMBER)
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
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = self._with_ballot(voting_id, workflow_id, trigger_id, place, packed.SEALED)
    left: uint256 = unsafe_sub(word >> packed.AT_DEADLINE & packed.TIME, block.timestamp)
    stored: bytes32 = convert(convert(seal, uint256) | min(left, SECONDS_LEFT), bytes32)
    self.seals[voting_id][unsafe_add(place & packed.NUMBER, place >> AT_PLACE_ATTEMPT << 16)] = stored
    log Sealed(voting_id=voting_id, place=place, seal=stored)

    if attempts._everyone_has_cast(word):
        rules: uint256 = policies._rules(workflow_id, word >> packed.AT_VERSION & packed.NUMBER)
        word = packed._revealing(word, block.timestamp, rules)
    attempts.words[voting_id] = word


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
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = attempts.words[voting_id]
    assert word != 0, "votings: not open"
    word = attempts._apply_time(word, voting_id, workflow_id)
    attempt: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
    assert place >> AT_PLACE_ATTEMPT == attempt, "votings: other attempt"
    assert (
        place >> AT_PLACE_VERSION & packed.NUMBER == word >> packed.AT_VERSION & packed.NUMBER
    ), "votings: other policy"
    assert word & packed.SEALED != 0, "votings: ballots are open"
    state: uint256 = word >> packed.AT_STATE & packed.STATE
    assert state == packed.REVEALING or (
        state == packed.CONSENSUS and block.timestamp < word >> packed.AT_DEADLINE & packed.TIME
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
    attempts.words[voting_id] = consensus._tally(
        word | taken, voting_id, workflow_id, trigger_id, input_root, result_root, taken
    )


@external
@view
def seal_of(voting_id: bytes32, attempt: uint256, worker: uint256) -> bytes32:
    """
    @notice A worker's seal as it is stored: its last two bytes are the seconds that were left of the cast
            window, at most 65,535. Zero: there is none.
    """
    assert worker < MAX_WORKERS and attempt <= packed.ATTEMPT, "votings: not a member"
    return self.seals[voting_id][attempt << 16 | worker]


@internal
def _with_ballot(
    voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32, place: uint256, sealed: uint256
) -> uint256:
    """
    @notice The voting's word with one more ballot cast; opens the attempt if there is one to open.
            Refuses whoever may not cast.
    @param sealed packed.SEALED if the ballot is one, else 0.
    """
    attempt: uint256 = place >> AT_PLACE_ATTEMPT
    version: uint256 = place >> AT_PLACE_VERSION & packed.NUMBER
    word: uint256 = attempts.words[voting_id]
    if word == 0:
        assert attempt == 1, "votings: other attempt"
        word = attempts._first_attempt(voting_id, workflow_id, trigger_id, version)
    else:
        if block.timestamp >= word >> packed.AT_DEADLINE & packed.TIME:
            word = attempts._apply_time(word, voting_id, workflow_id)
        last: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
        if attempt != last:
            assert (
                attempt == unsafe_add(last, 1) and word >> packed.AT_STATE & packed.STATE == packed.PENDING
            ), "votings: other attempt"
            word = attempts._next_attempt(word, voting_id, workflow_id, trigger_id)
        assert version == word >> packed.AT_VERSION & packed.NUMBER, "votings: other policy"
    assert word & packed.SEALED == sealed, (
        "votings: ballots are open" if sealed != 0 else "votings: ballots are sealed"
    )

    state: uint256 = word >> packed.AT_STATE & packed.STATE
    # Open ballots are still counted after consensus; seals had to be there before the first was revealed.
    assert state == packed.CASTING or (
        state == packed.CONSENSUS
        and sealed == 0
        and block.timestamp < word >> packed.AT_DEADLINE & packed.TIME
    ), "votings: not casting"
    worker: uint256 = place & packed.NUMBER
    assert worker < MAX_WORKERS, "votings: not a member"
    seat: uint256 = members.seats[worker]
    since: uint256 = seat >> members.AT_SINCE
    # Active since before attempt 1 opened: a member of it. Whoever else is one, the frozen set tells.
    if attempt != 1 or since == 0 or since > word >> packed.AT_FIRST_SET & packed.NUMBER:
        assert attempts._members(word, attempt) >> worker & 1 == 1, "votings: not a member"
    assert convert(msg.sender, uint256) == seat & members.KEY, "votings: not the worker's key"
    ballot: uint256 = 1 << worker
    assert word & ballot == 0, "votings: already cast"
    return unsafe_add(word | ballot, 1 << packed.AT_CAST)

# pragma version 0.4.3
"""
@title Ballots
@license Apache-2.0
@notice How ballots come in: open ones, seals, and the reveals of seals; whose they are and until when they
        are taken. A ballot opens its attempt if there is one to open. Attempts stand in `attempts`, what
        follows from a ballot that counts in `consensus`.
"""

import members
import refusals
import signatures
import tags
import tally

from . import attempts
from . import consensus
from . import packed

uses: members
uses: attempts
uses: consensus


# `cast`: an open ballot of the worker that `place` names.
event Cast:
    voting_id: indexed(bytes32)
    place: uint256
    input_root: bytes32
    result_root: bytes32


# `seal`: a seal of the worker that `place` names, as it is stored, with the seconds left.
event Sealed:
    voting_id: indexed(bytes32)
    place: uint256
    seal: bytes32


# `bring_seals`: the bitmap of those whose seals were taken, and the seals as they are stored, ascending by
# worker index; the worker index in `place` is 0.
event SealsBrought:
    voting_id: indexed(bytes32)
    place: uint256
    workers: uint256
    seals: DynArray[bytes32, MAX_BROUGHT]


# `reveal`: the bitmap of those whose seals held this pair; the worker index in `place` is 0.
event Revealed:
    voting_id: indexed(bytes32)
    place: uint256
    input_root: bytes32
    result_root: bytes32
    workers: uint256


# `bring_seals` and `reveal`: an item of the batch had no effect, by this rule; `worker` is its index.
event Skipped:
    voting_id: indexed(bytes32)
    worker: uint256
    rule: String[32]


# A seal that another brings, with the worker's signature of Seal.
struct SignedSeal:
    seal: bytes32
    r: bytes32
    s: bytes32


MAX_WORKERS: constant(uint256) = 120
# Seals that one transaction may bring: what memory costs grows with the most that there may be.
MAX_BROUGHT: constant(uint256) = 40
# The last two bytes of a seal hold the seconds left of the cast window, at most this.
SECONDS_LEFT: constant(uint256) = 65_535

# Voting id + (attempt << 16 | worker index) -> seal. One sum and one hash, where a map in a map takes two: two
# ids, which are hashes, would have to lie within 2^24 of each other for their seals to meet.
seals: HashMap[uint256, bytes32]


@external
def cast(
    workflow_id: bytes32, trigger_id: bytes32, place: uint256, input_root: bytes32, result_root: bytes32
):
    """
    @notice Casts an open ballot. Only the key of the worker that `place` names.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @param place attempt << 32 | policy version << 16 | worker index.
    @param input_root Of the pair, not zero.
    @param result_root Of the pair, not zero.
    """
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = self._with_ballot(voting_id, workflow_id, trigger_id, place, 0)
    log Cast(voting_id=voting_id, place=place, input_root=input_root, result_root=result_root)
    one_voter: uint256 = 1 << (place & packed.NUMBER) | 1 << consensus.AT_COUNT
    attempts.words[voting_id] = consensus._tally(
        word, voting_id, workflow_id, trigger_id, input_root, result_root, one_voter
    )


@external
def seal(workflow_id: bytes32, trigger_id: bytes32, place: uint256, seal: bytes32):
    """
    @notice Stores a sealed ballot. Only the key of the worker that `place` names.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @param place attempt << 32 | policy version << 16 | worker index.
    @param seal keccak256(abi.encode(TAG("seal"), chain id, contract, voting id, attempt, worker index, input
           root, result root, salt)) with its last two bytes zero.
    """
    if convert(seal, uint256) & SECONDS_LEFT != 0:
        refusals._refuse("votings: seal not truncated")
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = self._with_ballot(voting_id, workflow_id, trigger_id, place, 1)
    stored: bytes32 = convert(convert(seal, uint256) | self._seconds_left(word), bytes32)
    attempt: uint256 = place >> attempts.AT_PLACE_ATTEMPT
    self.seals[self._seal_key(voting_id, attempt, place & packed.NUMBER)] = stored
    log Sealed(voting_id=voting_id, place=place, seal=stored)
    self._keep_sealed(word, voting_id, workflow_id)


@external
def bring_seals(
    workflow_id: bytes32,
    trigger_id: bytes32,
    place: uint256,
    workers: uint256,
    odd: uint256,
    signed: DynArray[SignedSeal, MAX_BROUGHT],
):
    """
    @notice Stores sealed ballots of workers that signed them. Anyone.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @param place attempt << 32 | policy version << 16; the worker index in it is not looked at.
    @param workers Bitmap of the workers; one whose seal does not fit or is done is skipped with an event.
    @param odd Bitmap of those of them whose signature has v 28; of the others it is 27.
    @param signed Theirs, ascending by worker index.
    """
    self._check_batch(workers, len(signed))
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = attempts._at_place(attempts.words[voting_id], voting_id, workflow_id, trigger_id, place)
    self._check_casting(word, 1)
    attempt: uint256 = place >> attempts.AT_PLACE_ATTEMPT
    version: uint256 = place >> attempts.AT_PLACE_VERSION & packed.NUMBER
    all_members: uint256 = attempts._members(word)
    left: uint256 = self._seconds_left(word)
    domain: bytes32 = signatures._domain()
    first_key: uint256 = self._seal_key(voting_id, attempt, 0)
    taken: uint256 = 0
    stored: DynArray[bytes32, MAX_BROUGHT] = []
    item: uint256 = 0
    for worker: uint256 in range(MAX_WORKERS):
        if workers >> worker == 0:
            break
        if workers >> worker & 1 == 0:
            continue
        one: SignedSeal = signed[item]
        item = unsafe_add(item, 1)
        if all_members >> worker & 1 == 0:
            self._skip(voting_id, worker, "votings: not a member")
        elif word >> unsafe_add(packed.AT_BALLOTS, worker) & 1 == 1:
            self._skip(voting_id, worker, "votings: already cast")
        elif convert(one.seal, uint256) & SECONDS_LEFT != 0:
            self._skip(voting_id, worker, "votings: seal not truncated")
        else:
            message: bytes32 = keccak256(abi_encode(signatures.SEAL, voting_id, attempt, version, one.seal))
            digest: bytes32 = signatures._digest(domain, message)
            signer: address = ecrecover(digest, unsafe_add(27, odd >> worker & 1), one.r, one.s)
            if (
                convert(one.s, uint256) <= signatures.HIGHEST_S
                and convert(signer, uint256) == members.seats[worker] & members.KEY
            ):
                seal: bytes32 = convert(convert(one.seal, uint256) | left, bytes32)
                self.seals[unsafe_add(first_key, worker)] = seal
                stored.append(seal)
                taken |= 1 << worker
            else:
                self._skip(voting_id, worker, "votings: not the worker's key")
    if taken == 0:
        refusals._refuse("votings: no seal taken")
    log SealsBrought(
        voting_id=voting_id,
        place=place >> attempts.AT_PLACE_VERSION << attempts.AT_PLACE_VERSION,
        workers=taken,
        seals=stored,
    )
    word = unsafe_add(word, taken << packed.AT_BALLOTS | len(stored) << packed.AT_CAST)
    self._keep_sealed(word, voting_id, workflow_id)


@external
def reveal(
    workflow_id: bytes32,
    trigger_id: bytes32,
    place: uint256,
    input_root: bytes32,
    result_root: bytes32,
    workers: uint256,
    salts: DynArray[bytes32, MAX_WORKERS],
):
    """
    @notice Opens seals that hold one pair, tallied once, whole. Anyone: only the worker knew the salt.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @param place attempt << 32 | policy version << 16; the worker index in it is not looked at.
    @param input_root Of the pair, not zero.
    @param result_root Of the pair, not zero.
    @param workers Bitmap of the workers; one whose seal does not open or is done is skipped with an event.
    @param salts Theirs, ascending by worker index.
    """
    self._check_batch(workers, len(salts))
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = attempts.words[voting_id]
    if word == 0:
        refusals._refuse("votings: not open")
    word = attempts._apply_time(word, voting_id, workflow_id)
    attempts._check_place(word, place)
    attempt: uint256 = place >> attempts.AT_PLACE_ATTEMPT
    if word >> packed.AT_SEALED & 1 == 0:
        refusals._refuse("votings: ballots are open")
    state: uint256 = word & packed.STATE
    if state != packed.REVEALING and (
        state != packed.CONSENSUS or block.timestamp >= word >> packed.AT_DEADLINE & packed.TIME
    ):
        refusals._refuse("votings: not revealing")

    first_key: uint256 = self._seal_key(voting_id, attempt, 0)
    taken: uint256 = 0
    item: uint256 = 0
    for worker: uint256 in range(MAX_WORKERS):
        if workers >> worker == 0:
            break
        if workers >> worker & 1 == 0:
            continue
        salt: bytes32 = salts[item]
        item = unsafe_add(item, 1)
        if word >> unsafe_add(packed.AT_BALLOTS, worker) & 1 == 1:
            self._skip(voting_id, worker, "votings: already revealed")
        else:
            stored: uint256 = convert(self.seals[unsafe_add(first_key, worker)], uint256)
            opened: bytes32 = keccak256(
                abi_encode(
                    tags.SEAL, chain.id, self, voting_id, attempt, worker, input_root, result_root, salt
                )
            )
            if stored == 0:
                self._skip(voting_id, worker, "votings: no seal")
            elif (stored ^ convert(opened, uint256)) >> 16 == 0:
                taken |= 1 << worker
            else:
                self._skip(voting_id, worker, "votings: seal does not open")
    if taken == 0:
        refusals._refuse("votings: nothing to reveal")

    log Revealed(
        voting_id=voting_id,
        place=place >> attempts.AT_PLACE_VERSION << attempts.AT_PLACE_VERSION,
        input_root=input_root,
        result_root=result_root,
        workers=taken,
    )
    attempts.words[voting_id] = consensus._tally(
        word | taken << packed.AT_BALLOTS,
        voting_id,
        workflow_id,
        trigger_id,
        input_root,
        result_root,
        taken | tally._popcount(taken) << consensus.AT_COUNT,
    )


@external
@view
def seal_of(voting_id: bytes32, attempt: uint256, worker: uint256) -> bytes32:
    """
    @notice A worker's seal as it is stored.
    @param voting_id As `voting_id` gives it.
    @param attempt At most 255.
    @param worker Its index, 0 to 119.
    @return Its last two bytes are the seconds that were left of the cast window, at most 65,535. Zero: none.
    """
    if worker >= MAX_WORKERS or attempt > packed.ATTEMPT:
        refusals._refuse("votings: not a member")
    return self.seals[self._seal_key(voting_id, attempt, worker)]


@internal
def _with_ballot(
    voting_id: bytes32, workflow_id: bytes32, trigger_id: bytes32, place: uint256, sealed: uint256
) -> uint256:
    """
    @notice The voting's word with one more ballot cast; opens the attempt if there is one to open.
            Refuses whoever may not cast.
    @param sealed 1 if the ballot is sealed, else 0.
    """
    word: uint256 = attempts._at_place(attempts.words[voting_id], voting_id, workflow_id, trigger_id, place)
    self._check_casting(word, sealed)
    worker: uint256 = place & packed.NUMBER
    if worker >= MAX_WORKERS:
        refusals._refuse("votings: not a member")
    seat: uint256 = members.seats[worker]
    since: uint256 = seat >> members.AT_SINCE
    # Active since before attempt 1 opened: a member of it. Whoever else is one, the frozen set tells.
    if (
        place >> attempts.AT_PLACE_ATTEMPT != 1
        or since == 0
        or since > word >> packed.AT_FIRST_SET & packed.NUMBER
    ):
        if attempts._members(word) >> worker & 1 == 0:
            refusals._refuse("votings: not a member")
    if convert(msg.sender, uint256) != seat & members.KEY:
        refusals._refuse("votings: not the worker's key")
    if word >> unsafe_add(packed.AT_BALLOTS, worker) & 1 == 1:
        refusals._refuse("votings: already cast")
    return unsafe_add(word, 1 << unsafe_add(packed.AT_BALLOTS, worker) | 1 << packed.AT_CAST)


@internal
@view
def _check_casting(word: uint256, sealed: uint256):
    """
    @notice Refuses ballots of the other kind, and those that come too late. Open ballots are still counted after
            consensus; seals had to be there before the first was revealed.
    """
    if word >> packed.AT_SEALED & 1 != sealed:
        if sealed != 0:
            refusals._refuse("votings: ballots are open")
        refusals._refuse("votings: ballots are sealed")
    state: uint256 = word & packed.STATE
    if state != packed.CASTING and (
        state != packed.CONSENSUS
        or sealed != 0
        or block.timestamp >= word >> packed.AT_DEADLINE & packed.TIME
    ):
        refusals._refuse("votings: not casting")


@internal
@view
def _seconds_left(word: uint256) -> uint256:
    """
    @notice Seconds left of the cast window, as a seal keeps them.
    """
    return min(unsafe_sub(word >> packed.AT_DEADLINE & packed.TIME, block.timestamp), SECONDS_LEFT)


@internal
@pure
def _seal_key(voting_id: bytes32, attempt: uint256, worker: uint256) -> uint256:
    """
    @notice Under what a worker's seal is kept.
    """
    return unsafe_add(convert(voting_id, uint256), attempt << 16 | worker)


@internal
@pure
def _check_batch(workers: uint256, items: uint256):
    """
    @notice Refuses a batch that has not one item for each of its workers.
    """
    if workers >> MAX_WORKERS != 0 or tally._popcount(workers) != items:
        refusals._refuse("votings: lengths differ")


@internal
def _skip(voting_id: bytes32, worker: uint256, rule: String[32]):
    """
    @notice Tells of an item of a batch that has no effect.
    """
    log Skipped(voting_id=voting_id, worker=worker, rule=rule)


@internal
def _keep_sealed(word: uint256, voting_id: bytes32, workflow_id: bytes32):
    """
    @notice Keeps a voting with new seals; revealing begins when every member has sealed.
    """
    if attempts._everyone_has_cast(word):
        attempts.words[voting_id] = packed._revealing(
            word, block.timestamp, attempts._rules(word, workflow_id)
        )
    else:
        attempts.words[voting_id] = word

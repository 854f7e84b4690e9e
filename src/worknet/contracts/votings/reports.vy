# pragma version 0.4.3
"""
@title Reports
@license Apache-2.0
@notice A whole voting in one transaction: workers that share a channel exchanged their ballots there, and
        enough of them signed what came of it. Ballots that stand on chain are respected; a voting that has none
        gets no state of its own but its record.
"""

import members
import records
import refusals
import signatures
import tally

from . import attempts
from . import ballots
from . import consensus
from . import packed

uses: members
uses: attempts
uses: consensus
uses: ballots


# `report`: workers have agreed on the pair that `Recorded`, told next, names. `place` is that of the call with
# the worker index 0; the others are its bitmaps.
event Reported:
    voting_id: indexed(bytes32)
    place: uint256
    participants: uint256
    voters: uint256
    signers: uint256


# A worker's signature of Report; its v stands in the bitmap `odd`.
struct Signature:
    r: bytes32
    s: bytes32


@external
def report(
    workflow_id: bytes32,
    trigger_id: bytes32,
    place: uint256,
    input_root: bytes32,
    result_root: bytes32,
    participants: uint256,
    voters: uint256,
    signers: uint256,
    odd: uint256,
    signed: DynArray[Signature, 120],
):
    """
    @notice Records the pair that enough workers have agreed on among themselves. Anyone.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @param place attempt << 32 | policy version << 16; the worker index in it is not looked at.
    @param input_root Of the pair, not zero.
    @param result_root Of the pair, not zero.
    @param participants Bitmap of those whose seals were exchanged. All members: the voting is closed at once.
           Else casting on chain must be over, and only members outside may still reveal.
    @param voters Bitmap of those whose ballot is the pair.
    @param signers Bitmap of those who signed Report, at least `needed` of the voters.
    @param odd Bitmap of those of them whose signature has v 28; of the others it is 27.
    @param signed Theirs, ascending by worker index.
    """
    if input_root == empty(bytes32) or result_root == empty(bytes32):
        refusals._refuse("votings: zero root")
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    before: uint256 = attempts.words[voting_id]
    word: uint256 = attempts._at_place(before, voting_id, workflow_id, trigger_id, place)
    state: uint256 = word & packed.STATE
    if state >= packed.CONSENSUS:
        refusals._refuse("votings: already recorded")
    if state > packed.REVEALING:
        refusals._refuse("votings: not casting")

    all_members: uint256 = attempts._members(word)
    if participants & ~all_members != 0:
        refusals._refuse("votings: participant not member")
    if voters & ~participants != 0:
        refusals._refuse("votings: voter not participant")
    if signers & ~voters != 0:
        refusals._refuse("votings: signer not voter")
    if tally._popcount(signers) < word >> packed.AT_NEEDED & packed.COUNT:
        refusals._refuse("votings: too few signatures")
    digest: bytes32 = signatures._digest(
        signatures._domain(),
        keccak256(
            abi_encode(
                signatures.REPORT,
                voting_id,
                place >> attempts.AT_PLACE_ATTEMPT,
                place >> attempts.AT_PLACE_VERSION & packed.NUMBER,
                input_root,
                result_root,
                participants,
                voters,
            )
        ),
    )
    if len(signed) != tally._popcount(signers):
        refusals._refuse("votings: lengths differ")
    item: uint256 = 0
    for worker: uint256 in range(members.LIMIT):
        if signers >> worker == 0:
            break
        if signers >> worker & 1 == 1:
            one: Signature = signed[item]
            item = unsafe_add(item, 1)
            signer: address = ecrecover(digest, unsafe_add(27, odd >> worker & 1), one.r, one.s)
            if (
                convert(one.s, uint256) > signatures.HIGHEST_S
                or convert(signer, uint256) != members.seats[worker] & members.KEY
            ):
                refusals._refuse("votings: not the worker's key")
    is_whole: bool = participants == all_members
    if not is_whole and state == packed.CASTING:
        refusals._refuse("votings: cast window not over")

    pair: bytes32 = consensus._pair(word, voting_id, input_root, result_root)
    accurate: uint256 = voters
    if before != 0:
        on_chain: uint256 = consensus.voters_of[pair]
        if packed._counted(word) & voters & ~on_chain != 0:
            refusals._refuse("votings: voter of other pair")
        accurate |= on_chain & members.BITMAP
    log Reported(
        voting_id=voting_id,
        place=place >> attempts.AT_PLACE_VERSION << attempts.AT_PLACE_VERSION,
        participants=participants,
        voters=voters,
        signers=signers,
    )
    consensus._record(
        word, voting_id, workflow_id, trigger_id, input_root, result_root, accurate, records.REPORT
    )
    waiting: uint256 = 0
    if not is_whole:
        consensus.voters_of[pair] = accurate | tally._popcount(accurate) << consensus.AT_COUNT
        done: uint256 = word >> packed.AT_BALLOTS | participants
        waiting = self._unrevealed(all_members & ~done, voting_id, place >> attempts.AT_PLACE_ATTEMPT)
        word = (
            word & (2**packed.AT_CAST - 1)
            | unsafe_add(tally._popcount(done), waiting) << packed.AT_CAST
            | done << packed.AT_BALLOTS
        )
    if waiting == 0:
        word = packed._in_phase(word, packed.CONSENSUS, block.timestamp)
        word = consensus._booked(word, voting_id, accurate, True)
    else:
        word = packed._in_phase(word, packed.CONSENSUS, word >> packed.AT_DEADLINE & packed.TIME)
    if before != 0:
        attempts.words[voting_id] = word


@internal
@view
def _unrevealed(workers: uint256, voting_id: bytes32, attempt: uint256) -> uint256:
    """
    @notice How many of these workers may still reveal a seal that stands on chain.
    @param workers Bitmap.
    """
    count: uint256 = 0
    for worker: uint256 in range(members.LIMIT):
        if workers >> worker & 1 == 1:
            if ballots.seals[ballots._seal_key(voting_id, attempt, worker)] != empty(bytes32):
                count = unsafe_add(count, 1)
    return count

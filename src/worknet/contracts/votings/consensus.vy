# pragma version 0.4.3
"""
@title Consensus
@license Apache-2.0
@notice Counted ballots: who voted for which pair, when that is a consensus, which pair leads without one, and
        the closing of a voting. What a record is stands in `records`, how a ballot comes in in `ballots`.
"""

import members
import periods
import policies
import records
import refusals
import tally

from . import attempts
from . import packed

uses: members
uses: periods
uses: policies
uses: records
uses: attempts


# The closing of a recorded voting is booked, its ballots being final: by `cast` or `reveal` with the last one,
# `report`, `settle`, or later by `advance`.
event Closed:
    voting_id: indexed(bytes32)


# keccak256(voting id, attempt, pair) -> bitmap of those who voted for it, and above its 120 bits their number.
voters_of: HashMap[bytes32, uint256]
AT_COUNT: constant(uint256) = 120


@external
def advance(workflow_id: bytes32, trigger_id: bytes32, input_root: bytes32, result_root: bytes32):
    """
    @notice Applies the time that has passed, and books the closing of a recorded voting. Anyone.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @param input_root Of the recorded pair; only looked at when there is a closing to book.
    @param result_root Of the recorded pair.
    """
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    before: uint256 = attempts.words[voting_id]
    if before == 0:
        refusals._refuse("votings: not open")
    word: uint256 = attempts._apply_time(before, voting_id, workflow_id)
    if (
        word & packed.STATE == packed.CONSENSUS
        and word >> packed.AT_BOOKED & 1 == 0
        and block.timestamp >= word >> packed.AT_DEADLINE & packed.TIME
    ):
        voters: uint256 = self.voters_of[self._pair(word, voting_id, input_root, result_root)]
        if voters >> AT_COUNT < word >> packed.AT_NEEDED & packed.COUNT:
            refusals._refuse("votings: not the recorded pair")
        word = self._booked(word, voting_id, voters, word >> packed.AT_SEALED & 1 == 1)
    if word == before:
        refusals._refuse("votings: nothing to advance")
    attempts.words[voting_id] = word


@external
def settle(workflow_id: bytes32, trigger_id: bytes32, input_root: bytes32, result_root: bytes32):
    """
    @notice Records the leading pair of a voting that is left to a plurality. Anyone, at any time from then on.
            It earns nothing.
    @param workflow_id keccak256 of the workflow's name.
    @param trigger_id Of the slot or event.
    @param input_root Of the leading pair; any other is refused.
    @param result_root Of the leading pair.
    """
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    word: uint256 = attempts._apply_time(attempts.words[voting_id], voting_id, workflow_id)
    if word & packed.STATE != packed.SETTLING:
        refusals._refuse("votings: not settling")
    voters: uint256 = self.voters_of[self._pair(word, voting_id, input_root, result_root)]
    if voters >> AT_COUNT != word >> packed.AT_HIGHEST & packed.COUNT:
        refusals._refuse("votings: not the leading pair")
    self._record(
        word, voting_id, workflow_id, trigger_id, input_root, result_root, voters, records.PLURALITY
    )
    word = packed._in_phase(word, packed.SETTLED, block.timestamp)
    attempts.words[voting_id] = self._booked(word, voting_id, voters, False)


@external
@view
def voters(voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32) -> uint256:
    """
    @notice Those whose ballot in that attempt was counted for this pair. Of the recorded pair, together with the
            record's voters: those that its last transaction counted may stand only there.
    @param voting_id As `voting_id` gives it.
    @param attempt At most 255.
    @param input_root Of the pair.
    @param result_root Of the pair.
    @return Bitmap; bit i is index i.
    """
    if attempt > packed.ATTEMPT:
        refusals._refuse("votings: other attempt")
    return (
        self.voters_of[self._pair(attempt << packed.AT_ATTEMPT, voting_id, input_root, result_root)]
        & members.BITMAP
    )


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
    @param new_voters Bitmap of those whose ballots they are, and above its 120 bits their number.
    @return The voting's word after.
    """
    if input_root == empty(bytes32) or result_root == empty(bytes32):
        refusals._refuse("votings: zero root")
    word: uint256 = before
    pair: bytes32 = self._pair(word, voting_id, input_root, result_root)
    # Nobody votes twice: the bitmaps have no bit in common.
    voters: uint256 = unsafe_add(self.voters_of[pair], new_voters)
    count: uint256 = voters >> AT_COUNT
    highest: uint256 = word >> packed.AT_HIGHEST & packed.COUNT
    if count > highest:
        word = packed._with_highest(word, count)
    elif count == highest:
        word |= 1 << packed.AT_SHARED

    has_consensus: bool = count >= word >> packed.AT_NEEDED & packed.COUNT
    is_recorded_now: bool = has_consensus and word & packed.STATE != packed.CONSENSUS
    if is_recorded_now:
        word = packed._in_phase(word, packed.CONSENSUS, word >> packed.AT_DEADLINE & packed.TIME)
        self._record(
            word, voting_id, workflow_id, trigger_id, input_root, result_root, voters, records.QUORUM
        )

    is_done: bool = False
    if word >> packed.AT_SEALED & 1 == 1:
        is_done = tally._popcount(word >> packed.AT_BALLOTS) == word >> packed.AT_CAST & packed.COUNT
    else:
        is_done = attempts._everyone_has_cast(word)
    if is_done:
        if word & packed.STATE == packed.CONSENSUS:
            word = packed._in_phase(word, packed.CONSENSUS, block.timestamp)
            if has_consensus:
                word = self._booked(word, voting_id, voters, word >> packed.AT_SEALED & 1 == 1)
        else:
            word = packed._failed(word, block.timestamp, attempts._rules(word, workflow_id))
            attempts._log_end(word, voting_id, block.timestamp, True)
    # Of a voting that is recorded and closed at once, the record's words say all that will ever be asked.
    if not (is_done and is_recorded_now):
        self.voters_of[pair] = voters
    return word


@internal
def _record(
    word: uint256,
    voting_id: bytes32,
    workflow_id: bytes32,
    trigger_id: bytes32,
    input_root: bytes32,
    result_root: bytes32,
    voters: uint256,
    how: uint256,
):
    """
    @notice Makes the record of a voting, in its last attempt.
    @param voters Bitmap; what stands above its 120 bits is not looked at.
    @param how Quorum, plurality or report, as `records` numbers them.
    """
    version: uint256 = word >> packed.AT_VERSION & packed.NUMBER
    records._record(
        records.Record(
            workflow_id=workflow_id,
            voting_id=voting_id,
            trigger_id=trigger_id,
            attempt=word >> packed.AT_ATTEMPT & packed.ATTEMPT,
            policy_hash=policies.versions[workflow_id][version].policy_hash,
            input_root=input_root,
            result_root=result_root,
            members=attempts._members(word),
            n=word >> packed.AT_N & packed.COUNT,
            needed=word >> packed.AT_NEEDED & packed.COUNT,
            voters=voters & members.BITMAP,
            how=how,
            time=block.timestamp,
        )
    )


@internal
def _booked(word: uint256, voting_id: bytes32, accurate: uint256, is_earning: bool) -> uint256:
    """
    @notice Takes note that a voting is closed.
    @param accurate Bitmap of those whose counted ballot is the recorded pair.
    @param is_earning Whether that counts for the period: open ballots could be copied.
    @return The voting's word after.
    """
    log Closed(voting_id=voting_id)
    if is_earning:
        self._count(accurate & members.BITMAP, attempts._members(word))
    return word | 1 << packed.AT_BOOKED


@internal
def _count(accurate: uint256, all_members: uint256):
    """
    @notice Counts a closed voting for the present period: whose ballot was the recorded pair, and whose not.
    @param accurate Bitmap.
    @param all_members Bitmap, of the recorded attempt.
    """
    period: uint256 = periods._now()
    before: uint256 = periods.outcome[period]
    after: uint256 = before | accurate | (all_members & ~accurate) << periods.AT_MISSED
    if after != before:
        if before == 0:
            periods._begun(members._enrolled())
        periods.outcome[period] = after


@internal
@pure
def _pair(word: uint256, voting_id: bytes32, input_root: bytes32, result_root: bytes32) -> bytes32:
    """
    @notice The key under which the voters of a pair are kept, in the attempt of this word.
    @param word Only its attempt is looked at.
    """
    return keccak256(
        abi_encode(voting_id, word >> packed.AT_ATTEMPT & packed.ATTEMPT, input_root, result_root)
    )

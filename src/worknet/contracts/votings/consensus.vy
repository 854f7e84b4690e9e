# pragma version 0.4.3
"""
@title Consensus
@license Apache-2.0
@notice Counted ballots: who voted for which pair, when that is a consensus, and the closing of a voting. What
        a record is stands in `records`, how a ballot comes in in `ballots`.
"""

import policies
import records
import tally

from . import attempts
from . import packed

uses: policies
uses: records
uses: attempts


event Closed:
    voting_id: indexed(bytes32)


# keccak256(voting id, attempt, pair) -> bitmap of those who voted for it.
voters_of: HashMap[bytes32, uint256]


@external
def advance(workflow_id: bytes32, trigger_id: bytes32, input_root: bytes32, result_root: bytes32):
    """
    @notice Applies the time that has passed, and books the closing of a recorded voting. Anyone.
    @param input_root Of the recorded pair; only looked at when there is a closing to book.
    @param result_root Of the recorded pair.
    """
    voting_id: bytes32 = attempts._voting_id(workflow_id, trigger_id)
    before: uint256 = attempts.words[voting_id]
    assert before != 0, "votings: not open"
    word: uint256 = attempts._apply_time(before, voting_id, workflow_id)
    if (
        word >> packed.AT_STATE & packed.STATE == packed.CONSENSUS
        and word & packed.BOOKED == 0
        and block.timestamp >= word >> packed.AT_DEADLINE & packed.TIME
    ):
        attempt: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
        voters: uint256 = self.voters_of[self._pair(voting_id, attempt, input_root, result_root)]
        needed: uint256 = word >> packed.AT_NEEDED & packed.COUNT
        assert tally._popcount(voters) >= needed, "votings: not the recorded pair"
        word |= packed.BOOKED
        log Closed(voting_id=voting_id)
    assert word != before, "votings: nothing to advance"
    attempts.words[voting_id] = word


@external
@view
def voters(voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32) -> uint256:
    """
    @notice Bitmap of those whose counted ballot in that attempt is this pair.
    """
    return self.voters_of[self._pair(voting_id, attempt, input_root, result_root)]


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
    attempt: uint256 = word >> packed.AT_ATTEMPT & packed.ATTEMPT
    pair: bytes32 = self._pair(voting_id, attempt, input_root, result_root)
    voters: uint256 = self.voters_of[pair] | new_voters
    self.voters_of[pair] = voters
    count: uint256 = tally._popcount(voters)
    highest: uint256 = word >> packed.AT_HIGHEST & packed.COUNT
    if count > highest:
        word = (
            word & ~(packed.COUNT << packed.AT_HIGHEST | 1 << packed.AT_SHARED)
            | count << packed.AT_HIGHEST
        )
    elif count == highest:
        word |= 1 << packed.AT_SHARED

    needed: uint256 = word >> packed.AT_NEEDED & packed.COUNT
    if count >= needed and word >> packed.AT_STATE & packed.STATE != packed.CONSENSUS:
        word = word & ~(packed.STATE << packed.AT_STATE) | packed.CONSENSUS << packed.AT_STATE
        records._record(
            voting_id,
            workflow_id,
            trigger_id,
            attempt,
            policies.versions[workflow_id][word >> packed.AT_VERSION & packed.NUMBER].policy_hash,
            input_root,
            result_root,
            attempts._members(word, attempt),
            word >> packed.AT_N & packed.COUNT,
            needed,
            voters,
            records.QUORUM,
        )

    done: bool = False
    if word & packed.SEALED != 0:
        done = tally._popcount(word & packed.BALLOTS) == word >> packed.AT_CAST & packed.COUNT
    else:
        done = attempts._everyone_has_cast(word)
    if done:
        if word >> packed.AT_STATE & packed.STATE != packed.CONSENSUS:
            rules: uint256 = policies._rules(workflow_id, word >> packed.AT_VERSION & packed.NUMBER)
            word = packed._failed(word, block.timestamp, rules)
            attempts._log_failure(word, voting_id, block.timestamp)
        else:
            word = word & ~(packed.TIME << packed.AT_DEADLINE) | block.timestamp << packed.AT_DEADLINE
            if count >= needed:
                word |= packed.BOOKED
                log Closed(voting_id=voting_id)
    return word


@internal
@pure
def _pair(voting_id: bytes32, attempt: uint256, input_root: bytes32, result_root: bytes32) -> bytes32:
    """
    @notice The key under which the voters of a pair are kept.
    """
    return keccak256(abi_encode(voting_id, attempt, input_root, result_root))

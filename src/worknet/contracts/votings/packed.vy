# pragma version 0.4.3
"""
@title The word of a voting
@license Apache-2.0
@notice All that a transaction must know of a voting stands in one word, so that a ballot writes two: the
        voting's and its pair's. Here are the word's layout and what time does to it, without storage and
        without events. What moves a voting on, and what is told of it, stands in the modules beside.
        Throughout, `word` is a voting's and `rules` that word of its policy version, see `policies`.
"""

import policies
import tally

# States. 0: nothing was ever cast. Time alone moves on those up to PENDING; from CONSENSUS on there is a
# record.
CASTING: constant(uint256) = 1
REVEALING: constant(uint256) = 2
PENDING: constant(uint256) = 3
SETTLING: constant(uint256) = 4
UNRESOLVED: constant(uint256) = 5
CONSENSUS: constant(uint256) = 6
SETTLED: constant(uint256) = 7

# The word of a voting, from its lowest bit on. What changes together stands together; masks are short where
# they are used most, since each costs its length in code.
#   state 4
#   deadline 40        end of the phase; of PENDING the end of the stall; of SETTLING and UNRESOLVED when it
#                      became so; of CONSENSUS when its ballots were or will be final
#   failover 1         PENDING for attempt 3
#   reopened 1         PENDING for an attempt that the owner gave
#   booked 1           the closing is booked
#   sealed 1           the policy's ballots are sealed
#   policy version 16
#   first set 16       member set that was current when attempt 1 opened, or a reopened one
#   attempt's set 16   member set that was current when the attempt opened
#   attempt 8
#   n 7, needed 7
#   highest 7          most ballots for one pair
#   shared 1           several pairs have the highest count
#   cast 7             how many have cast, openly or sealed
#   ballots 120        who has cast; from REVEALING on, who has revealed
AT_DEADLINE: constant(uint256) = 4
AT_FAILOVER: constant(uint256) = 44
AT_REOPENED: constant(uint256) = 45
AT_BOOKED: constant(uint256) = 46
AT_SEALED: constant(uint256) = 47
AT_VERSION: constant(uint256) = 48
AT_FIRST_SET: constant(uint256) = 64
AT_SET: constant(uint256) = 80
AT_ATTEMPT: constant(uint256) = 96
AT_N: constant(uint256) = 104
AT_NEEDED: constant(uint256) = 111
AT_HIGHEST: constant(uint256) = 118
AT_SHARED: constant(uint256) = 125
AT_CAST: constant(uint256) = 126
AT_BALLOTS: constant(uint256) = 133

STATE: constant(uint256) = 2**4 - 1
TIME: constant(uint256) = 2**40 - 1
NUMBER: constant(uint256) = 2**16 - 1
ATTEMPT: constant(uint256) = 2**8 - 1
COUNT: constant(uint256) = 2**7 - 1

# The attempt in which the standbys vote too. Those before it are ordinary, those after it the owner's.
FAILOVER: constant(uint256) = 3
# The most steps that time can take at once: CASTING, REVEALING, PENDING, PENDING for the failover, the end.
STEPS: constant(uint256) = 4


@internal
@pure
def _in_phase(word: uint256, state: uint256, deadline: uint256) -> uint256:
    """
    @notice The voting in another state, until this time.
    """
    return word >> AT_SEALED << AT_SEALED | deadline << AT_DEADLINE | state


@internal
@pure
def _with_highest(word: uint256, count: uint256) -> uint256:
    """
    @notice The voting with a new highest count, which one pair alone has.
    """
    above: uint256 = word >> AT_CAST << AT_CAST
    return above | word & (2**AT_HIGHEST - 1) | count << AT_HIGHEST


@internal
@view
def _phase_is_over(word: uint256) -> bool:
    """
    @notice Whether time alone moves the voting on by now.
    """
    return word & STATE <= PENDING and block.timestamp >= word >> AT_DEADLINE & TIME


@internal
@pure
def _counted(word: uint256) -> uint256:
    """
    @notice Bitmap of those whose ballot has been counted; seals are not, before they are revealed.
    """
    if word >> AT_SEALED & 1 == 1 and word & STATE == CASTING:
        return 0
    return word >> AT_BALLOTS


@internal
@pure
def _next_attempt(word: uint256) -> uint256:
    """
    @notice The number of the attempt that a PENDING voting waits for.
    """
    last: uint256 = word >> AT_ATTEMPT & ATTEMPT
    if word >> AT_FAILOVER & 1 == 1:
        return FAILOVER
    if word >> AT_REOPENED & 1 == 1:
        last = max(last, FAILOVER)
    return unsafe_add(last, 1)


@internal
@pure
def _next_phase(word: uint256, rules: uint256) -> uint256:
    """
    @notice What follows when a phase's time is over, at the time when it was.
    """
    state: uint256 = word & STATE
    ended: uint256 = word >> AT_DEADLINE & TIME
    if state == PENDING:
        return self._without(word, self._next_attempt(word), ended, rules)
    if state == CASTING and word >> AT_SEALED & 1 == 1:
        return self._revealing(word, ended, rules)
    return self._failed(word, ended, rules)


@internal
@pure
def _revealing(word: uint256, at: uint256, rules: uint256) -> uint256:
    """
    @notice Casting has ended: from now on the bitmap means who has revealed.
    """
    end: uint256 = unsafe_add(at, rules >> policies.AT_REVEAL & policies.BITS_32)
    return self._in_phase(word & (2**AT_BALLOTS - 1), REVEALING, end)


@internal
@pure
def _failed(word: uint256, at: uint256, rules: uint256) -> uint256:
    """
    @notice An attempt has ended without consensus. Its ballots stay as evidence.
    """
    return self._without(word, word >> AT_ATTEMPT & ATTEMPT, at, rules)


@internal
@pure
def _without(word: uint256, attempt: uint256, at: uint256, rules: uint256) -> uint256:
    """
    @notice What follows attempt 1, 2, 3 or a later one that failed, or stayed unopened: attempt 2, then the
            fallback. With a stall of 0 no further attempt could open, so none is waited for.
    """
    stall: uint256 = rules >> policies.AT_STALL & policies.BITS_32
    fallback: uint256 = rules >> policies.AT_FALLBACK & 255
    if stall != 0 and attempt < FAILOVER:
        pending: uint256 = self._in_phase(word, PENDING, unsafe_add(at, stall))
        if attempt == 1:
            return pending
        if fallback >= policies.FAILOVER:
            return pending | 1 << AT_FAILOVER
    state: uint256 = UNRESOLVED
    if attempt <= FAILOVER and fallback & 1 == 1 and self._has_leader(word):
        state = SETTLING
    return self._in_phase(word, state, at)


@internal
@pure
def _has_leader(word: uint256) -> bool:
    """
    @notice Whether, in the last attempt that opened, `needed` ballots were counted and one pair alone has the
            most of them, and more than a third of n.
    @dev That it has two at least follows: `needed` is two or more, and with one each the pairs share the lead.
    """
    highest: uint256 = word >> AT_HIGHEST & COUNT
    return (
        word >> AT_SHARED & 1 == 0
        and unsafe_mul(highest, 3) > word >> AT_N & COUNT
        and tally._popcount(word >> AT_BALLOTS) >= word >> AT_NEEDED & COUNT
    )

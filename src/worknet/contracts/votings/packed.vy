# pragma version 0.4.3
"""
@title The word of a voting
@license Apache-2.0
@notice All that a transaction must know of a voting stands in one word, so that a ballot writes two: the
        voting's and its pair's. Here are the word's layout and what time does to it, without storage and
        without events. What moves a voting on, and what is told of it, stands in the modules beside.
"""

import policies

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

# Attempts that open by themselves; a later one needs a fallback or the owner.
ORDINARY_ATTEMPTS: constant(uint256) = 2


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

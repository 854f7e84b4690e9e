"""Histories of votings with reports: what enough members agreed on among themselves, brought in one piece.

The bitmaps of a report are its participants, its voters and its signers, in this order.
"""

from tools.vectors.facts import (
    ALL_SEALED,
    CAST_END,
    OPENLY,
    REVEAL_END,
    SEALED,
    SECOND,
    SPLIT,
    TWO_SEALED,
    A,
    B,
    Bad,
    C,
    Good,
    T,
    cast_all,
    casts,
    falling_back,
    opens,
    reopens,
    reports,
    reveals,
    seals,
    settles,
)

from worknet.protocol.voting import Fact
from worknet.protocol.words import Fallback

ALL = 0b111
FAILOVER = falling_back(SEALED, Fallback.FAILOVER)
WHOLE: list[Fact] = [opens(), reports(ALL, ALL, ALL)]
IN_PART: list[Fact] = [*ALL_SEALED, reports(0b011, 0b011, 0b011, time=T + 5)]
OF_6: list[Fact] = [opens(members=0b111111, n=6), *(seals(worker) for worker in range(6))]

GOOD: Good = {
    "a report is the whole voting": (SEALED, WHOLE, T),
    "a report is the whole voting, of open ballots too": (OPENLY, WHOLE, T),
    "a report whose voters did not all sign": (SEALED, [opens(), reports(ALL, ALL, 0b101)], T),
    "a report whose participants did not all agree": (SEALED, [opens(), reports(ALL, 0b110, 0b110)], T),
    "a report while casting": (SEALED, [*TWO_SEALED, reports(ALL, ALL, 0b11, time=T + 3)], T + 3),
    "a report while revealing": (
        SEALED,
        [*ALL_SEALED, reveals(1, A), reports(ALL, ALL, 0b11, time=T + 20)],
        T + 20,
    ),
    "a report in the last second of casting": (
        SEALED,
        [*TWO_SEALED, reports(ALL, ALL, 0b11, time=CAST_END - 1)],
        CAST_END - 1,
    ),
    "who voted on chain for the report's pair is a voter": (
        OPENLY,
        [opens(), casts(2, A), reports(ALL, 0b011, 0b011)],
        T,
    ),
    "who voted on chain for another pair is none": (
        OPENLY,
        [opens(), casts(2, B), reports(ALL, 0b011, 0b011)],
        T,
    ),
    "a report opens attempt 2": (
        SEALED,
        [*SPLIT, opens(T + 50, 2), reports(ALL, ALL, ALL, time=T + 50, attempt=2)],
        T + 50,
    ),
    "a report opens attempt 3": (
        FAILOVER,
        [
            opens(standbys=0b11000),
            *SECOND[1:],
            opens(T + 400, 3, 0b11111, 5),
            reports(0b11111, 0b11111, 0b11011, time=T + 400, attempt=3),
        ],
        T + 400,
    ),
    "a report opens attempt 4": (
        SEALED,
        [*SECOND, reopens(T + 9000), opens(T + 9000, 4), reports(ALL, ALL, ALL, B, T + 9000, 4)],
        T + 9000,
    ),
    "a report opens attempt 4 of what never opened": (
        SEALED,
        [reopens(T), opens(T, 4), reports(ALL, ALL, ALL, attempt=4)],
        T,
    ),
    "a report of some: the others may still reveal": (SEALED, IN_PART, T + 5),
    "a report of some, and a reveal of the same pair": (SEALED, [*IN_PART, reveals(4, A)], T + 10),
    "a report of some, and a reveal of another pair": (SEALED, [*IN_PART, reveals(4, B)], T + 10),
    "a report of some: the last second of revealing": (SEALED, IN_PART, T + 301),
    "a report of some closes when the window is over": (SEALED, IN_PART, T + 302),
    "a report of some, when the cast window is over": (
        SEALED,
        [*TWO_SEALED, reports(0b101, 0b101, 0b101, time=CAST_END)],
        CAST_END,
    ),
    "a report of some closes at once when no other has sealed": (
        SEALED,
        [*TWO_SEALED, reports(0b011, 0b011, 0b011, time=REVEAL_END - 1)],
        REVEAL_END - 1,
    ),
    "a report of some closes at once when the others have revealed": (
        SEALED,
        [*ALL_SEALED, reveals(4, B, T + 4), reports(0b011, 0b011, 0b011, time=T + 5)],
        T + 5,
    ),
    "a voter on chain who takes no part in the report": (
        SEALED,
        [*ALL_SEALED, reveals(4, A, T + 4), reports(0b011, 0b011, 0b011, time=T + 5)],
        T + 5,
    ),
    "a report of some: one of two others reveals": (
        SEALED,
        [*OF_6, reports(0b1111, 0b1111, 0b1111, time=T + 5), reveals(0b10000, A)],
        T + 10,
    ),
    "a report of some: both others reveal": (
        SEALED,
        [*OF_6, reports(0b1111, 0b1111, 0b1111, time=T + 5), reveals(0b10000, A), reveals(0b100000, B)],
        T + 10,
    ),
    "all sealed: a report of some before the cast window is over": (
        SEALED,
        [*OF_6, reports(0b11110, 0b11110, 0b11110)],
        T,
    ),
}
BAD: Bad = {
    "a report before the opening": (SEALED, [reports(ALL, ALL, ALL)], "not open"),
    "a report for the next attempt": (
        SEALED,
        [*TWO_SEALED, reports(ALL, ALL, ALL, time=T + 3, attempt=2)],
        "other attempt",
    ),
    "a report for the last attempt": (
        SEALED,
        [*SECOND, reports(ALL, ALL, ALL, time=T + 60)],
        "other attempt",
    ),
    "a report for the failed attempt": (SEALED, [*SPLIT, reports(ALL, ALL, ALL, time=T + 11)], "not casting"),
    "a report on what is unresolved": (
        SEALED,
        [*SECOND, reports(ALL, ALL, ALL, time=T + 9000, attempt=2)],
        "not casting",
    ),
    "a report after consensus": (
        SEALED,
        [*ALL_SEALED, reveals(3, A), reports(ALL, ALL, ALL, time=T + 20)],
        "already recorded",
    ),
    "a report after settling": (
        falling_back(OPENLY, Fallback.PLURALITY, stall=0),
        [
            opens(members=0b11111, n=5),
            *cast_all([A, A, B, C]),
            settles(CAST_END),
            reports(0b11111, 0b11111, 0b11111, time=CAST_END),
        ],
        "already recorded",
    ),
    "reported twice": (SEALED, [*WHOLE, reports(ALL, ALL, ALL, B)], "already recorded"),
    "reported twice, in part": (
        SEALED,
        [*IN_PART, reports(0b011, 0b011, 0b011, time=T + 6)],
        "already recorded",
    ),
    "a report after the report that was all, of another attempt": (
        SEALED,
        [*WHOLE, reports(ALL, ALL, ALL, attempt=2)],
        "other attempt",
    ),
    "an opening after the report that was all": (SEALED, [*WHOLE, opens(T + 1)], "already recorded"),
    "a second attempt after the report that was all": (SEALED, [*WHOLE, opens(T + 1, 2)], "other attempt"),
    "a seal after the report that was all": (SEALED, [*WHOLE, seals(0, T + 1)], "already recorded"),
    "a ballot after the report that was all": (OPENLY, [*WHOLE, casts(0, A, T + 1)], "already recorded"),
    "a reveal after the report that was all": (SEALED, [*WHOLE, reveals(1, A)], "not open"),
    "reopened after the report that was all": (SEALED, [*WHOLE, reopens(T + 9000)], "already recorded"),
    "settled after the report that was all": (SEALED, [*WHOLE, settles(T + 1)], "not settling"),
    "a seal after a report while casting": (
        SEALED,
        [*TWO_SEALED, reports(ALL, ALL, ALL, time=T + 3), seals(2, T + 4)],
        "not casting",
    ),
    "a ballot after a report while casting": (
        OPENLY,
        [opens(), casts(0, A), reports(ALL, ALL, ALL), casts(1, A, T + 1)],
        "not casting",
    ),
    "a report with a stranger": (SEALED, [*TWO_SEALED, reports(0b1111, ALL, ALL)], "participant not member"),
    "a report with a voter who took no part": (
        SEALED,
        [*ALL_SEALED, reports(0b011, 0b111, 0b011, time=T + 5)],
        "voter not participant",
    ),
    "a report signed by who did not vote for it": (
        SEALED,
        [*TWO_SEALED, reports(ALL, 0b011, 0b111, time=T + 5)],
        "signer not voter",
    ),
    "a report with too few signatures": (
        SEALED,
        [*TWO_SEALED, reports(ALL, ALL, 0b100, time=T + 5)],
        "too few signatures",
    ),
    "a report without signatures": (SEALED, [opens(), reports(ALL, ALL, 0)], "too few signatures"),
    "a report of nobody": (SEALED, [*ALL_SEALED, reports(0, 0, 0, time=T + 5)], "too few signatures"),
    "a report of some while casting": (
        SEALED,
        [*TWO_SEALED, reports(0b011, 0b011, 0b011, time=CAST_END - 1)],
        "cast window not over",
    ),
    "a report of some on what it opens": (
        SEALED,
        [opens(), reports(0b011, 0b011, 0b011)],
        "cast window not over",
    ),
    "a report of some while casting open ballots": (
        OPENLY,
        [opens(), casts(0, A), reports(0b011, 0b011, 0b011, time=CAST_END - 1)],
        "cast window not over",
    ),
    "a report of some when open ballots are over": (
        OPENLY,
        [opens(), casts(0, A), reports(0b011, 0b011, 0b011, time=CAST_END)],
        "not casting",
    ),
    "a report with a voter who voted otherwise on chain": (
        OPENLY,
        [opens(), casts(0, B), reports(ALL, ALL, ALL)],
        "voter of other pair",
    ),
    "a report with a voter who revealed otherwise on chain": (
        SEALED,
        [*ALL_SEALED, reveals(1, B, T + 4), reports(0b011, 0b011, 0b011, time=T + 5)],
        "voter of other pair",
    ),
    "first the participants, then the voters": (
        SEALED,
        [*TWO_SEALED, reports(0b1011, 0b0111, 0b1111)],
        "participant not member",
    ),
    "first the voters, then the signers": (
        SEALED,
        [*TWO_SEALED, reports(0b011, 0b101, 0b1011)],
        "voter not participant",
    ),
    "first the signers, then their number": (
        SEALED,
        [*TWO_SEALED, reports(0b011, 0b001, 0b010)],
        "signer not voter",
    ),
    "first the signatures, then the window": (
        SEALED,
        [*TWO_SEALED, reports(0b011, 0b011, 0b001)],
        "too few signatures",
    ),
    "first the window, then the ballots on chain": (
        OPENLY,
        [opens(), casts(0, B), reports(0b011, 0b011, 0b011)],
        "cast window not over",
    ),
    "first the record, then who takes part": (
        SEALED,
        [*IN_PART, reports(0b1111, ALL, ALL, time=T + 6)],
        "already recorded",
    ),
    "a reveal of who took part in a report": (SEALED, [*IN_PART, reveals(1, A)], "nothing to reveal"),
    "a reveal of who took part in a report, for another pair": (
        SEALED,
        [*IN_PART, reveals(1, B)],
        "nothing to reveal",
    ),
    "a reveal of one who took part and one who did not": (
        SEALED,
        [*IN_PART, reveals(0b101, A)],
        "nothing to reveal",
    ),
    "a reveal after a report of some is closed": (
        SEALED,
        [*IN_PART, reveals(4, A, T + 302)],
        "not revealing",
    ),
    "a seal after a report of some": (
        SEALED,
        [*TWO_SEALED, reports(0b011, 0b011, 0b011, time=CAST_END), seals(2, CAST_END)],
        "not casting",
    ),
}

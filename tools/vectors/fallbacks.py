"""Histories of votings whose ordinary attempts bring no consensus: pluralities, failover, reopening."""

from dataclasses import replace

from tools.vectors.facts import (
    ALL_SEALED,
    CAST_END,
    OPENLY,
    REVEAL_END,
    SEALED,
    SECOND,
    SPLIT,
    A,
    B,
    Bad,
    C,
    Good,
    Impossible,
    T,
    cast_all,
    casts,
    falling_back,
    opens,
    reopens,
    reveals,
    seals,
    settles,
)

from worknet.protocol.voting import Fact
from worknet.protocol.words import Fallback

PLURALITY = falling_back(OPENLY, Fallback.PLURALITY)
SEALED_PLURALITY = falling_back(SEALED, Fallback.PLURALITY)
FAILOVER = falling_back(SEALED, Fallback.FAILOVER)
OPEN_FAILOVER = falling_back(OPENLY, Fallback.FAILOVER)
EITHER = falling_back(OPENLY, Fallback.FAILOVER_THEN_PLURALITY)
SHORT_STALL = falling_back(SEALED, Fallback.ALERT, stall=100)
NO_STALL = falling_back(EITHER, Fallback.FAILOVER_THEN_PLURALITY, stall=0)
TWO_VERSIONS = [SEALED[0], PLURALITY[0]]

STALLED = CAST_END + 1800
"""When a voting stalls whose only attempt was one of open ballots that ended with its window."""

OF_5 = opens(members=0b11111, n=5)
LEADING: list[Fact] = [OF_5, *cast_all([A, A, B, C])]
TIED: list[Fact] = [OF_5, *cast_all([A, A, B, B])]
LEADING_IN_2: list[Fact] = [*TIED, opens(11_000, 2, 0b11111, 5), *cast_all([B, B, A, C], 11_000, 2)]

STANDBYS = 0b11000
FAILED_TWICE: list[Fact] = [opens(standbys=STANDBYS), *SECOND[1:]]
AFTER_SECOND = T + 350
"""When the second attempt of `SECOND` and `FAILED_TWICE` fails, since nobody reveals."""

THIRD: list[Fact] = [
    *FAILED_TWICE,
    opens(T + 400, 3, 0b11111, 5),
    *(seals(worker, T + 400, 3) for worker in range(5)),
]
OPEN_STALLED: list[Fact] = [opens(standbys=STANDBYS), casts(0, A)]
OPEN_THIRD: list[Fact] = [*OPEN_STALLED, opens(STALLED, 3, 0b11111, 5)]

UNRESOLVED: list[Fact] = SECOND
REOPENED: list[Fact] = [*UNRESOLVED, reopens(T + 9000)]
FOURTH: list[Fact] = [*REOPENED, opens(T + 9100, 4, 0b11110, 4), seals(1, T + 9100, 4)]
ANOTHER_VERSION: list[Fact] = [*REOPENED, opens(T + 9100, 4, 0b11111, 5, version=2)]

GOOD: Good = {
    "plurality, but attempt 2 is awaited first": (PLURALITY, LEADING, STALLED - 1),
    "attempt 2 stalled, one pair led in attempt 1: settling": (PLURALITY, LEADING, STALLED),
    "settling has no end": (PLURALITY, LEADING, STALLED + 10**6),
    "settled": (PLURALITY, [*LEADING, settles(STALLED)], STALLED),
    "settled late": (PLURALITY, [*LEADING, settles(STALLED + 10**6)], STALLED + 10**7),
    "the leading pair of attempt 2 counts, not that of attempt 1": (
        PLURALITY,
        [*LEADING, *LEADING_IN_2[5:], settles(11_700, B)],
        11_700,
    ),
    "settling begins with the failure of attempt 2": (PLURALITY, LEADING_IN_2, 11_600),
    "attempt 2 has no leading pair: unresolved, whatever led in attempt 1": (
        PLURALITY,
        [*LEADING, opens(11_000, 2, 0b11111, 5), *cast_all([A, A, B, B], 11_000, 2)],
        11_600,
    ),
    "two pairs lead: unresolved": (PLURALITY, TIED, STALLED),
    "too few ballots for a plurality, though all are equal": (
        PLURALITY,
        [OF_5, *cast_all([A, A, A])],
        STALLED,
    ),
    "exactly a third of n is no plurality": (
        PLURALITY,
        [opens(members=0b111111, n=6), *cast_all([A, A, B, C])],
        STALLED,
    ),
    "more than a third of n is one": (
        PLURALITY,
        [opens(members=0b111111, n=6), *cast_all([A, A, A, B, C])],
        STALLED,
    ),
    "seals that nobody opened do not lead": (
        SEALED_PLURALITY,
        [OF_5, *(seals(worker) for worker in range(5)), reveals(0b11, A), reveals(0b100, B)],
        T + 300 + 1800,
    ),
    "a plurality of revealed ballots": (
        SEALED_PLURALITY,
        [
            OF_5,
            *(seals(worker) for worker in range(5)),
            reveals(0b11, A),
            reveals(0b100, B),
            reveals(0b1000, C),
            settles(T + 300 + 1800),
        ],
        T + 300 + 1800,
    ),
    "a stall of 0: settling at once": (NO_STALL, LEADING, CAST_END),
    "a stall of 0, no pair leads": (NO_STALL, TIED, CAST_END),
    "failover: attempt 3 is awaited": (FAILOVER, FAILED_TWICE, AFTER_SECOND),
    "failover: the last second of the stall": (FAILOVER, FAILED_TWICE, AFTER_SECOND + 1799),
    "failover: attempt 3 stalled too": (FAILOVER, FAILED_TWICE, AFTER_SECOND + 1800),
    "the standbys are members of attempt 3": (FAILOVER, THIRD, T + 400),
    "consensus in attempt 3": (FAILOVER, [*THIRD, reveals(0b11101, A, T + 410, 3)], T + 410),
    "attempt 3 fails: unresolved": (FAILOVER, [*THIRD, reveals(0b00111, A, T + 410, 3)], T + 700),
    "attempt 2 stalled: attempt 3 may come next": (OPEN_FAILOVER, OPEN_STALLED, STALLED),
    "attempt 3 after attempt 1": (OPEN_FAILOVER, [*OPEN_THIRD, casts(4, B, STALLED, 3)], STALLED),
    "both stalled": (OPEN_FAILOVER, OPEN_STALLED, STALLED + 1800),
    "both stalled, looked at much later": (OPEN_FAILOVER, OPEN_STALLED, T + 10**6),
    "removed members and standbys lower no bar in attempt 3": (
        OPEN_FAILOVER,
        [*OPEN_STALLED, opens(STALLED, 3, 0b10001, 3), *cast_all([A], STALLED, 3), casts(4, A, STALLED, 3)],
        STALLED,
    ),
    "standbys in place of removed members": (
        OPEN_FAILOVER,
        [*OPEN_STALLED, opens(STALLED, 3, 0b11100, 3), casts(3, A, STALLED, 3)],
        STALLED,
    ),
    "attempt 3 without standbys": (
        OPEN_FAILOVER,
        [opens(), casts(0, A), opens(STALLED, 3), casts(0, A, STALLED, 3)],
        STALLED,
    ),
    "failover, then plurality": (EITHER, [*OPEN_THIRD, *cast_all([A, A, B, C], STALLED, 3)], STALLED + 600),
    "failover, then plurality: settled": (
        EITHER,
        [*OPEN_THIRD, *cast_all([A, A, B, C], STALLED, 3), settles(STALLED + 600)],
        STALLED + 600,
    ),
    "failover, then no plurality": (
        EITHER,
        [*OPEN_THIRD, *cast_all([A, B, A, B], STALLED, 3)],
        STALLED + 600,
    ),
    "failover alone settles nothing": (
        OPEN_FAILOVER,
        [*OPEN_THIRD, *cast_all([A, A, B, C], STALLED, 3)],
        STALLED + 600,
    ),
    "failover stalled settles nothing": (OPEN_FAILOVER, LEADING, STALLED + 1800),
    "failover stalled, then a plurality of attempt 1": (EITHER, LEADING, STALLED + 1800),
    "failover stalled, then a plurality of attempt 2": (EITHER, LEADING_IN_2, 11_600 + 1800),
    "reopened": (SEALED, REOPENED, T + 9000),
    "reopened: the last second of the waiting": (SEALED, REOPENED, T + 10_799),
    "reopened in vain": (SEALED, REOPENED, T + 10_800),
    "reopened in vain, and again": (SEALED, [*REOPENED, reopens(T + 11_000)], T + 11_000),
    "reopened at least for a cast window": (
        SHORT_STALL,
        [*ALL_SEALED, reopens(T + 9000, wait=600)],
        T + 9599,
    ),
    "attempt 4 has the workers of its opening": (SEALED, FOURTH, T + 9100),
    "consensus in attempt 4": (
        SEALED,
        [
            *FOURTH,
            seals(2, T + 9100, 4),
            seals(3, T + 9100, 4),
            seals(4, T + 9100, 4),
            reveals(0b11100, C, T + 9200, 4),
        ],
        T + 9200,
    ),
    "attempt 4 fails: unresolved": (FAILOVER, [*THIRD, reopens(T + 9000), *FOURTH[-2:]], T + 10_000),
    "attempt 4 fails: reopened for attempt 5": (SEALED, [*FOURTH, reopens(T + 10_100, 5)], T + 10_100),
    "attempt 4 under another version": (
        TWO_VERSIONS,
        [*ANOTHER_VERSION, *cast_all([A, B, A, A, A], T + 9100, 4)],
        T + 9100,
    ),
    "attempt 4 fails: unresolved, though its version wants a plurality": (
        TWO_VERSIONS,
        [*ANOTHER_VERSION, *cast_all([A, B, A, C], T + 9100, 4)],
        T + 9700,
    ),
    "what never opened is reopened": (SEALED, [reopens(T)], T),
    "what never opened is reopened in vain": (SEALED, [reopens(T)], T + 1800),
    "what never opened is reopened again": (SEALED, [reopens(T), reopens(T + 2000)], T + 2000),
    "what never opened begins with attempt 4": (
        SEALED,
        [reopens(T), opens(T + 1799, 4), seals(0, T + 1799, 4)],
        T + 1799,
    ),
    "what began with attempt 4 fails": (
        FAILOVER,
        [reopens(T), opens(T, 4), seals(0, T, 4)],
        REVEAL_END,
    ),
}
BAD: Bad = {
    "settled before the opening": (PLURALITY, [settles(T)], "not settling"),
    "settled while casting": (PLURALITY, [*LEADING, settles(CAST_END - 1)], "not settling"),
    "settled while attempt 2 is awaited": (PLURALITY, [*LEADING, settles(STALLED - 1)], "not settling"),
    "settled without a leading pair": (PLURALITY, [*TIED, settles(STALLED)], "not settling"),
    "settled where the policy wants none": (OPENLY, [*LEADING, settles(STALLED)], "not settling"),
    "settled after consensus": (
        PLURALITY,
        [opens(), *cast_all([A, A]), settles(STALLED)],
        "not settling",
    ),
    "settled twice": (PLURALITY, [*LEADING, settles(STALLED), settles(STALLED)], "not settling"),
    "settled for a pair that does not lead": (
        PLURALITY,
        [*LEADING, settles(STALLED, B)],
        "not the leading pair",
    ),
    "settled for a pair that led in attempt 1": (
        PLURALITY,
        [*LEADING, *LEADING_IN_2[5:], settles(11_700)],
        "not the leading pair",
    ),
    "a ballot while settling": (PLURALITY, [*LEADING, casts(4, A, STALLED)], "not casting"),
    "a ballot after settling": (PLURALITY, [*LEADING, settles(STALLED), casts(4, A, STALLED)], "not casting"),
    "a reveal while settling": (
        falling_back(SEALED_PLURALITY, Fallback.PLURALITY, stall=0),
        [
            OF_5,
            *(seals(worker) for worker in range(5)),
            reveals(0b11, A),
            reveals(0b100, B),
            reveals(0b1000, C),
            reveals(0b10000, A, T + 300),
        ],
        "not revealing",
    ),
    "the second attempt while settling": (
        PLURALITY,
        [*LEADING, opens(STALLED, 2, 0b11111, 5)],
        "other attempt",
    ),
    "the third attempt while settling": (
        PLURALITY,
        [*LEADING, opens(STALLED, 3, 0b11111, 5)],
        "other attempt",
    ),
    "the third attempt while the second is awaited": (
        OPEN_FAILOVER,
        [*OPEN_STALLED, opens(STALLED - 1, 3, 0b11111, 5)],
        "other attempt",
    ),
    "the second attempt while the third is awaited": (
        OPEN_FAILOVER,
        [*OPEN_STALLED, opens(STALLED, 2)],
        "other attempt",
    ),
    "the third attempt after its stall": (
        FAILOVER,
        [*FAILED_TWICE, opens(AFTER_SECOND + 1800, 3, 0b11111, 5)],
        "other attempt",
    ),
    "another policy in attempt 3": (
        [*FAILOVER, *FAILOVER],
        [*FAILED_TWICE, opens(T + 400, 3, 0b11111, 5, version=2)],
        "other policy",
    ),
    "a seal of attempt 2 in attempt 3": (FAILOVER, [*THIRD[:-1], seals(1, T + 401, 2)], "other attempt"),
    "a standby enrolled since attempt 1": (FAILOVER, [*THIRD[:-1], seals(5, T + 401, 3)], "not a member"),
    "a standby in attempt 2": (FAILOVER, [*FAILED_TWICE[:-1], seals(3, T + 51, 2)], "not a member"),
    "the fourth attempt without the owner": (SEALED, [*UNRESOLVED, opens(T + 9000, 4)], "other attempt"),
    "the fourth attempt while the third is awaited": (
        FAILOVER,
        [*FAILED_TWICE, opens(T + 400, 4)],
        "other attempt",
    ),
    "the third attempt after the reopening": (SEALED, [*REOPENED, opens(T + 9100, 3)], "other attempt"),
    "the fifth attempt before the fourth": (SEALED, [*REOPENED, opens(T + 9100, 5)], "other attempt"),
    "the fourth attempt too late": (SEALED, [*REOPENED, opens(T + 10_800, 4)], "other attempt"),
    "the fourth attempt again": (
        SEALED,
        [*FOURTH, reopens(T + 10_100, 5), opens(T + 10_100, 4)],
        "other attempt",
    ),
    "the fourth attempt with one worker": (
        SEALED,
        [*REOPENED, opens(T + 9100, 4, 0b1, 1)],
        "too few workers",
    ),
    "a member of attempt 1 in attempt 4": (SEALED, [*FOURTH, seals(0, T + 9100, 4)], "not a member"),
    "an open ballot where the fourth attempt's are sealed": (
        SEALED,
        [*FOURTH, casts(2, A, T + 9100, 4)],
        "ballots are sealed",
    ),
    "a seal where the fourth attempt's version wants open ballots": (
        TWO_VERSIONS,
        [*ANOTHER_VERSION, casts(0, A, T + 9100, 4), seals(1, T + 9100, 4)],
        "ballots are open",
    ),
    "reopened while casting": (SEALED, [*ALL_SEALED[:2], reopens(T)], "not unresolved"),
    "reopened while attempt 2 is awaited": (SEALED, [*SPLIT, reopens(T + 1809)], "not unresolved"),
    "reopened while attempt 3 is awaited": (FAILOVER, [*FAILED_TWICE, reopens(T + 400)], "not unresolved"),
    "reopened while settling": (PLURALITY, [*LEADING, reopens(STALLED)], "not unresolved"),
    "reopened after settling": (
        PLURALITY,
        [*LEADING, settles(STALLED), reopens(STALLED)],
        "not unresolved",
    ),
    "reopened after consensus": (SEALED, [*ALL_SEALED, reveals(7, A), reopens(T + 9000)], "not unresolved"),
    "reopened while reopened": (SEALED, [*REOPENED, reopens(T + 9001)], "not unresolved"),
    "the first attempt of what was reopened": (SEALED, [reopens(T), opens(T)], "other attempt"),
    "a reveal of what was reopened and never opened": (
        SEALED,
        [reopens(T), reveals(1, A, T, 4)],
        "other attempt",
    ),
}
IMPOSSIBLE: Impossible = {
    "the third attempt with a stranger": (FAILOVER, [*FAILED_TWICE, opens(T + 400, 3, 0b111111, 6)]),
    "the third attempt with a lower n": (FAILOVER, [*FAILED_TWICE, opens(T + 400, 3, 0b11, 2)]),
    "the third attempt with n of the first": (FAILOVER, [*FAILED_TWICE, opens(T + 400, 3, 0b11111, 3)]),
    "the third attempt with a lower bar": (
        FAILOVER,
        [*FAILED_TWICE, replace(opens(T + 400, 3, 0b11111, 5), needed=3)],
    ),
    "the fourth attempt with n of the first": (SEALED, [*REOPENED, opens(T + 9100, 4, 0b11111, 3)]),
    "the fourth attempt under a version never announced": (
        SEALED,
        [*REOPENED, opens(T + 9100, 4, version=2)],
    ),
    "reopened for the first attempt": (SEALED, [reopens(T, 1)]),
    "reopened for the third attempt": (SEALED, [*UNRESOLVED, reopens(T + 9000, 3)]),
    "reopened for the attempt after the next": (SEALED, [*UNRESOLVED, reopens(T + 9000, 5)]),
    "reopened for too long": (SEALED, [*UNRESOLVED, reopens(T + 9000, wait=1801)]),
    "reopened for too short": (SEALED, [*UNRESOLVED, reopens(T + 9000, wait=1799)]),
    "what never opened reopened for too short": (SEALED, [reopens(T, wait=600)]),
}

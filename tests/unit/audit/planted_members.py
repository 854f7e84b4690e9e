"""The corpus of planted faults about owner, members, policies and rewards."""

from dataclasses import replace
from typing import Any

from tests.unit.audit.life import BEGIN, EVENTS, EVERY, PERIOD, SEALED, key, policy, slot
from tests.unit.audit.planted import Fault
from tests.unit.audit.planting import (
    again,
    alter,
    at_time,
    both,
    call,
    double,
    drop,
    insert,
    of,
    sent_by,
    through,
)

from worknet.chain import events
from worknet.chain.events import Role

STRANGER = b"\x99" * 20


def member_faults() -> list[Fault]:
    """Faults of owner and members."""
    enrolled, removed = of(events.Enrolled, index=1), of(events.Removed)
    rotated, again_enrolled = of(events.Rotated, index=1), of(events.Enrolled, number=4)
    offered, accepted = of(events.OwnershipOffered), of(events.OwnershipTransferred, number=1)
    return [
        Fault("an index is passed over", "member.enrolled", alter(of(events.Enrolled, index=3), index=4)),
        Fault("an index beyond the last", "member.enrolled", alter(enrolled, index=200)),
        Fault(
            "an operator comes back under another index", "member.enrolled", alter(again_enrolled, index=1)
        ),
        Fault("a worker is enrolled twice", "member.enrolled", double(enrolled)),
        Fault("a worker is enrolled without a role", "member.enrolled", alter(enrolled, role=Role.NONE)),
        Fault("an enrolment is left out", "member.answers", drop(of(events.Enrolled, number=5))),
        Fault("a removed worker is removed again", "member.removed", double(removed)),
        Fault("a worker that never was is removed", "member.removed", alter(removed, index=7)),
        Fault("a removal is left out", "attempt.members", drop(removed)),
        Fault("a removed worker checks in", "member.removed", again(of(events.CheckedIn), removed)),
        Fault(
            "a worker checks in for another period",
            "member.removed",
            alter(of(events.CheckedIn), period=lambda period: period - 1),
        ),
        Fault("a removal under another operator", "member.operator", alter(removed, operator=STRANGER)),
        Fault("another operator rotates", "member.operator", alter(rotated, operator=STRANGER)),
        Fault("an index rotates that nobody has", "member.operator", alter(rotated, index=9)),
        Fault("a key of another index", "member.key", alter(rotated, worker=key(1).address)),
        Fault(
            "a key that was another index's",
            "member.key",
            alter(of(events.Rotated, number=3), worker=key(3).address),
        ),
        Fault("an enrolment brings another key", "member.key", alter(again_enrolled, worker=STRANGER)),
        Fault("a removal names another key", "member.key", alter(removed, worker=STRANGER)),
        Fault("no key at all", "member.key", alter(enrolled, worker=bytes(20))),
        Fault("no encryption key", "member.key", alter(enrolled, encryption_key=bytes(32))),
        Fault("a rotation is left out", "ballot.key", drop(rotated)),
        Fault("another than the owner enrols", "owner.acts", sent_by(enrolled, STRANGER)),
        Fault("another than the owner removes", "owner.acts", sent_by(removed, STRANGER)),
        Fault("another than the owner pauses", "owner.acts", sent_by(of(events.OpeningPaused), STRANGER)),
        Fault("another than the operator rotates", "owner.acts", sent_by(rotated, STRANGER)),
        Fault("another than the worker checks in", "owner.acts", sent_by(of(events.CheckedIn), STRANGER)),
        Fault("another than the owner offers", "owner.acts", sent_by(offered, STRANGER)),
        Fault("another than the one offered accepts", "owner.acts", sent_by(accepted, STRANGER)),
        Fault(
            "the old owner goes on governing",
            "owner.acts",
            sent_by(of(events.PolicyAnnounced, workflow_id=EVENTS, version=2), key(11).address),
        ),
        Fault("an offer in another's name", "owner.transfer", alter(offered, owner=STRANGER)),
        Fault("the ownership goes to a stranger", "owner.transfer", alter(accepted, owner=STRANGER)),
        Fault(
            "an offer that was withdrawn is accepted",
            "owner.transfer",
            drop(of(events.OwnershipOffered, number=2)),
        ),
        Fault("a transfer is left out", "owner.answers", drop(accepted)),
        Fault("a pause that lasts", "owner.answers", drop(of(events.OpeningPaused, paused=False))),
    ]


def policy_faults() -> list[Fault]:
    """Faults of policies."""
    first = of(events.PolicyAnnounced, workflow_id=SEALED, version=1)
    second = of(events.PolicyAnnounced, workflow_id=SEALED, version=2)
    late = policy(start=BEGIN + 11 * EVERY, accuracy=2000, max_age=0, every=EVERY * 2)
    early = policy(start=BEGIN, accuracy=2000, max_age=0)
    return [
        Fault("a version is passed over", "policy.version", alter(second, version=3)),
        Fault("a version is announced twice", "policy.version", double(second)),
        Fault(
            "the words are others than were hashed",
            "policy.hash",
            alter(first, policy=policy(threshold_num=1)),
        ),
        Fault("the hash is another's", "policy.hash", alter(first, policy_hash=b"\x01" * 32)),
        Fault("a start in the past", "policy.start", alter(second, policy=early, policy_hash=early.hash())),
        Fault("slots of another length", "policy.start", alter(second, policy=late, policy_hash=late.hash())),
        Fault(
            "a policy other than the contract's",
            "policy.answers",
            alter(first, policy=policy(speed=7), policy_hash=policy(speed=7).hash()),
        ),
        Fault(
            "an announcement is left out",
            "policy.answers",
            drop(of(events.PolicyAnnounced, workflow_id=EVENTS, version=2)),
        ),
        Fault("another than the owner announces", "owner.acts", sent_by(second, STRANGER)),
    ]


def reward_faults() -> list[Fault]:
    """Faults of amounts, periods and claims."""
    claimed, later = of(events.Claimed), of(events.Claimed, number=2)
    return [
        Fault(
            "amounts count at once",
            "rewards.amounts",
            alter(of(events.RewardsSet), since_period=lambda period: period - 1),
        ),
        Fault("another than the owner sets amounts", "owner.acts", sent_by(of(events.RewardsSet), STRANGER)),
        Fault(
            "other amounts than the pool has",
            "rewards.answers",
            alter(of(events.RewardsSet, number=2), base=5),
        ),
        Fault("a claim earns too much", "rewards.claim", alter(claimed, earned=lambda earned: earned + 1)),
        Fault(
            "a claim earns too little", "rewards.claim", alter(claimed, earned=lambda earned: earned - 100)
        ),
        Fault("a claim is paid twice", "rewards.claim", double(claimed)),
        Fault("a claim of nothing", "rewards.claim", again(later, later)),
        Fault("a claim is told for another worker", "rewards.claim", alter(claimed, index=2)),
        Fault(
            "a claim names other words of a record", "rewards.claim", call(claimed, _other_words, "Rewards")
        ),
        Fault(
            "a claim of a period that is not over",
            "rewards.claim",
            call(claimed, lambda values: values[2].append(values[2][0] + 1), "Rewards"),
        ),
        Fault(
            "a claim of a period left out",
            "rewards.claim",
            call(claimed, lambda values: values[2].clear(), "Rewards"),
        ),
        Fault(
            "a claim that no transaction made",
            "rewards.claim",
            lambda facts: facts.__setitem__(claimed(facts), _called_otherwise(facts, claimed)),
        ),
        Fault(
            "a claim through another contract that takes too much",
            "rewards.claim",
            both(through(claimed, STRANGER), alter(claimed, earned=lambda earned: earned + 7)),
        ),
        Fault(
            "more is paid than was earned", "rewards.paid", alter(claimed, paid=lambda paid: paid + 5_000_000)
        ),
        Fault("less is paid than is there", "rewards.paid", alter(claimed, paid=1)),
        Fault("a stranger is paid", "rewards.operator", alter(claimed, operator=STRANGER)),
        Fault("a payment is left out", "rewards.answers", drop(of(events.Claimed, number=1))),
        Fault("a check-in is left out", "rewards.period", drop(of(events.CheckedIn))),
        Fault(
            "a closing is booked in another period",
            "rewards.period",
            at_time(of(events.Closed, slot(2)), PERIOD),
        ),
        Fault(
            "a worker is enrolled in another period",
            "rewards.period",
            at_time(of(events.Enrolled, number=5), -PERIOD),
        ),
        Fault(
            "a funding that never was",
            "rewards.paid",
            insert(events.Funded(STRANGER, 1_000_000), of(events.Funded)),
        ),
        Fault("a seal that came first came second", "rewards.claim", both(_swap_seals(), lambda facts: None)),
    ]


def _other_words(values: list[Any]) -> None:
    first, *rest = values[1]
    values[1] = [(*first[:5], b"\x12" * 32, *first[6:]), *rest]


def _called_otherwise(facts: list[Any], claimed: Any) -> Any:
    happening = facts[claimed(facts)]
    return replace(happening, call=replace(happening.call, data=b"\x01\x02\x03\x04"))


def _swap_seals() -> Any:
    """The first two seals of a voting are stored with each other's time."""
    first, second = of(events.Sealed, slot(0), 0), of(events.Sealed, slot(0), 1)

    def edit(facts: list[Any]) -> None:
        one, two = facts[first(facts)], facts[second(facts)]
        facts[first(facts)] = replace(
            one, event=replace(one.event, seal=one.event.seal[:30] + two.event.seal[30:])
        )
        facts[second(facts)] = replace(
            two, event=replace(two.event, seal=two.event.seal[:30] + one.event.seal[30:])
        )

    return edit


FAULTS = [*member_faults(), *policy_faults(), *reward_faults()]

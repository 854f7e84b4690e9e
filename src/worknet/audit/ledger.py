"""The rewards: what periods and closed votings are worth, and every claim held against that (section 8).

Amounts are the protocol's (`earnings`); what is kept is what can still be claimed. Which votings and periods
a claim names stands in its transaction; where that called another contract first, the pool's own marks tell
at the end what was taken.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from worknet.audit.acts import check_act
from worknet.audit.facts import Ask, Expected, Happening, Place, Question, asked, workers_of
from worknet.audit.members import Members
from worknet.audit.notes import Notes
from worknet.chain import events
from worknet.protocol.earnings import Amounts, ClosedVoting, Period, fastest, of_period
from worknet.protocol.errors import ProtocolError
from worknet.protocol.records import Record
from worknet.protocol.rewards import period_of
from worknet.protocol.words import MAX_WORKERS, How


@dataclass
class Earning:
    """What a closed voting is worth to whom, and who has claimed it."""

    leaf_hash: bytes
    accuracy: int
    speed: int
    accurate: int
    fastest: int | None
    claimed: int = 0

    def of(self, worker: int) -> int:
        """What the worker can still claim."""
        if not self.accurate >> worker & 1 or self.claimed >> worker & 1:
            return 0
        return self.accuracy + (self.speed if worker == self.fastest else 0)

    @property
    def is_over(self) -> bool:
        """Whether nobody can claim anything of it any more."""
        return not any(self.of(worker) for worker in workers_of(self.accurate))


@dataclass
class Booked:
    """A reward period as the events fill it, and who has claimed it."""

    period: Period
    claimed: int = 0


@dataclass
class Account:
    """A worker's claims so far: what they took of what it earned, and what its operator was paid."""

    claimed: int = 0
    paid: int = 0


@dataclass
class Ledger:
    """The rewards of a network. `length` is that of its periods, `created_at` when the pool was made.

    `since` and `amounts` are what counts from which period on.
    """

    length: int
    created_at: int
    funded: int = 0
    since: list[int] = field(default_factory=lambda: [0])
    amounts: list[Amounts] = field(default_factory=lambda: [Amounts()])
    periods: dict[int, Booked] = field(default_factory=dict)
    earnings: dict[bytes, Earning] = field(default_factory=dict)
    accounts: dict[int, Account] = field(default_factory=dict)

    @property
    def pool(self) -> int:
        """What the pool has, as far as events tell."""
        return self.funded - sum(account.paid for account in self.accounts.values())

    def amounts_in(self, number: int) -> Amounts:
        """The amounts that count in a period, by what was set so far."""
        return self.amounts[bisect_right(self.since, number) - 1]

    def account(self, worker: int) -> Account:
        """A worker's claims."""
        return self.accounts.setdefault(worker, Account())

    def of_period(self, number: int, worker: int) -> int:
        """What a worker can still claim of a period."""
        booked = self.periods.get(number)
        if booked is None or booked.claimed >> worker & 1:
            return 0
        return of_period(booked.period, self.amounts_in(number), worker)

    def unclaimed(self, worker: int, now: int) -> int:
        """What a worker could claim at this time of closings that are booked."""
        periods = (number for number in self.periods if number < period_of(now, self.length))
        return sum(earning.of(worker) for earning in self.earnings.values()) + sum(
            self.of_period(number, worker) for number in periods
        )


class Rewarding:
    """Keeps the ledger of a network while an audit goes on."""

    def __init__(
        self,
        place: Place,
        ledger: Ledger,
        members: Members,
        notes: Notes,
        closed_at: Callable[[bytes, int], ClosedVoting | None],
    ) -> None:
        """`closed_at`: a recorded voting that time has closed by then, and whose closing is not booked."""
        self._place, self._ledger, self._members, self._notes = place, ledger, members, notes
        self._closed_at = closed_at
        self._touched: set[int] = set()
        self._blind: dict[int, int] = {}

    def take(self, happening: Happening) -> None:
        """Adds an event of members or of the pool; of members before they have changed."""
        ledger = self._ledger
        match happening.event:
            case events.Enrolled():
                self._touch(happening.time)
            case events.Removed(index=index):
                booked = self._touch(happening.time)
                booked.period = replace(booked.period, eligible=booked.period.eligible & ~_bit(index))
            case events.CheckedIn(index=index):
                booked = self._touch(happening.time)
                booked.period = replace(booked.period, checked_in=booked.period.checked_in | _bit(index))
            case events.Funded(amount=amount):
                ledger.funded += amount
            case events.RewardsSet() as event:
                self._set_amounts(happening, event)
            case events.Claimed() as event:
                self._claimed(happening, event)

    def close(self, happening: Happening, voting: ClosedVoting) -> None:
        """The closing of a voting is booked."""
        self.earns(voting)
        if voting.counts_for_period:
            booked = self._touch(happening.time)
            period = booked.period
            booked.period = replace(
                period,
                taken=period.taken | voting.accurate,
                missed=period.missed | voting.record.members & ~voting.accurate,
            )

    def settle(self, ask: Ask) -> None:
        """Finds what claims took that no transaction shows, by the pool's own marks."""
        if not self._blind:
            return
        ledger = self._ledger
        votings, periods = [*ledger.earnings], [*ledger.periods]
        questions = [Question("Rewards", "claimed_of_voting", (voting_id,)) for voting_id in votings]
        questions += [Question("Rewards", "claimed_of_period", (number,)) for number in periods]
        marks = list(ask(questions))
        for worker, earned in self._blind.items():
            found = 0
            for voting_id, mark in zip(votings, marks, strict=False):
                if (mark or 0) >> worker & 1:
                    found += ledger.earnings[voting_id].of(worker)
                    ledger.earnings[voting_id].claimed |= 1 << worker
            for number, mark in zip(periods, marks[len(votings) :], strict=True):
                if (mark or 0) >> worker & 1:
                    found += ledger.of_period(number, worker)
                    ledger.periods[number].claimed |= 1 << worker
            if found != earned:
                self._notes.broken(
                    "rewards.claim",
                    "claims took something else than the pool has marked",
                    worker=worker,
                    told=earned,
                    due=found,
                )

    def expected(self, now: int) -> Iterator[Expected]:
        """What the contracts must answer, in a block of that time."""
        for number in sorted(self._touched):
            period = self._ledger.periods[number].period
            words = (period.eligible, period.checked_in, period.taken, period.missed)
            question = Question("WorkerNetwork", "period", (number,))
            yield Expected(
                question, words, "rewards.period", f"the contract counts period {number} otherwise"
            )
        if self._place.pool is None or now < self._ledger.created_at:
            return
        for worker in self._members.seats:
            account = self._ledger.accounts.get(worker, Account())
            question = Question("Rewards", "owed", (worker,))
            what = f"the pool owes worker {worker} another amount"
            yield Expected(question, account.claimed - account.paid, "rewards.answers", what)
        number = period_of(now, self._ledger.length) + 1
        amounts = self._ledger.amounts_in(number)
        question = Question("Rewards", "amounts_in", (number,))
        what = "the pool has other amounts"
        yield Expected(question, (amounts.base, amounts.consistency), "rewards.answers", what)

    def forget(self, now: int) -> None:
        """Drops what can no longer be claimed."""
        ledger = self._ledger
        present = period_of(now, ledger.length)
        ledger.earnings = {key: each for key, each in ledger.earnings.items() if not each.is_over}
        ledger.periods = {
            number: booked
            for number, booked in ledger.periods.items()
            if number >= present or any(ledger.of_period(number, worker) for worker in self._members.seats)
        }

    def _touch(self, time: int) -> Booked:
        """The present period; its first event stores who was enrolled before that."""
        number = period_of(time, self._ledger.length)
        self._touched.add(number)
        return self._ledger.periods.setdefault(number, Booked(Period(self._members.enrolled)))

    def earns(self, voting: ClosedVoting) -> None:
        """Keeps what a closed voting is worth, unless it is kept, or nothing."""
        record, policy = voting.record, voting.policy
        if self._place.pool is None or record.voting_id in self._ledger.earnings:
            return
        if record.how is How.PLURALITY or record.time < self._ledger.created_at:
            return
        earning = Earning(record.leaf_hash(), policy.accuracy, 0, voting.accurate, None)
        if voting.rewards_speed:
            earning.speed = policy.speed
            earning.fastest = fastest(record.voting_id, voting.accurate, voting.seals)
        if not earning.is_over:
            self._ledger.earnings[record.voting_id] = earning

    def _set_amounts(self, happening: Happening, event: events.RewardsSet) -> None:
        ledger = self._ledger
        check_act(happening, self._place, self._members.owner, self._notes)
        due = period_of(happening.time, ledger.length) + 1
        self._notes.differs(
            "rewards.amounts",
            "amounts count from another period than the next",
            happening,
            event.since_period,
            due,
        )
        if ledger.since[-1] == due:
            ledger.since.pop()
            ledger.amounts.pop()
        ledger.since.append(due)
        ledger.amounts.append(Amounts(event.base, event.consistency))

    def _claimed(self, happening: Happening, event: events.Claimed) -> None:
        notes = self._notes
        notes.checked["claims"] += 1
        seat = self._members.seats.get(event.index)
        notes.differs(
            "rewards.operator",
            "another than the operator of the index is paid",
            happening,
            event.operator,
            seat.operator if seat is not None else None,
        )
        found = asked(happening, self._place.pool or b"", "Rewards")
        if found is None or found[0] != "claim":
            if happening.call.to == self._place.pool:
                notes.broken("rewards.claim", "a claim is told of a transaction that made none", happening)
            notes.unseen["claims through other contracts, held against the pool's marks"] += 1
            self._blind[event.index] = self._blind.get(event.index, 0) + event.earned
        else:
            index, records, numbers = found[1]
            notes.differs(
                "rewards.claim", "a claim is told for another worker", happening, event.index, index
            )
            earned = sum(self._take_voting(happening, event.index, words) for words in records)
            earned += sum(self._take_period(happening, event.index, number) for number in numbers)
            if event.index in self._blind:
                self._blind[event.index] += event.earned - earned
            else:
                notes.differs(
                    "rewards.claim",
                    "a claim earns another amount than the rules give",
                    happening,
                    event.earned,
                    earned,
                )
        account = self._ledger.account(event.index)
        self._check_paid(happening, event, account)
        account.claimed += event.earned
        account.paid += event.paid

    def _check_paid(self, happening: Happening, event: events.Claimed, account: Account) -> None:
        owed = account.claimed - account.paid + event.earned
        pool = max(self._ledger.pool, 0)
        if event.paid > owed or event.paid < min(owed, pool):
            self._notes.broken(
                "rewards.paid",
                "a claim pays another amount than is owed and there",
                happening,
                paid=event.paid,
                owed=owed,
                pool=pool,
            )
        elif event.paid > pool:
            self._notes.unseen["claims paid with money that no event tells of"] += 1
        if not owed:
            self._notes.broken("rewards.claim", "a claim is told that claims nothing", happening)

    def _take_voting(self, happening: Happening, worker: int, words: Sequence[Any]) -> int:
        """What a claim takes of a voting, which is then claimed."""
        voting_id: bytes = words[1]
        closed = self._closed_at(voting_id, happening.time)
        if closed is not None:
            self.earns(closed)
        earning = self._ledger.earnings.get(voting_id)
        self._notes.checked["votings claimed"] += 1
        if earning is None:
            return 0
        if earning.leaf_hash != self._leaf_hash(words):
            self._notes.broken(
                "rewards.claim", "a claim names other words than the record's", happening, voting_id=voting_id
            )
        amount = earning.of(worker)
        if amount:
            earning.claimed |= 1 << worker
        return amount

    def _take_period(self, happening: Happening, worker: int, number: int) -> int:
        self._notes.checked["periods claimed"] += 1
        if number >= period_of(happening.time, self._ledger.length):
            self._notes.broken(
                "rewards.claim", "a period is claimed that is not over", happening, period=number
            )
        amount = self._ledger.of_period(number, worker)
        if amount:
            self._ledger.periods[number].claimed |= 1 << worker
        return amount

    def _leaf_hash(self, words: Sequence[Any]) -> bytes:
        values = [*words]
        try:
            values[-2] = How(values[-2])
            return Record(self._place.chain_id, self._place.contract, *values).leaf_hash()
        except (ProtocolError, ValueError):
            return b""


def _bit(index: int) -> int:
    """The bit of a worker; none of an index that no network has, which an event may yet name."""
    return 1 << index if index < MAX_WORKERS else 0

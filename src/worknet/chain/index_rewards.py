"""The rewards of a network from its events: what every worker earned, and what of it was claimed and paid.

The rules are `worknet.protocol.rewards`'; here the facts that it folds are made of the index. Amounts are in
wei. Events tell how much a claim took, not which votings and periods: that the pool's views tell.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from worknet.chain import events
from worknet.chain.errors import IndexMismatchError
from worknet.chain.index import NetworkIndex
from worknet.protocol import rewards as rules
from worknet.protocol.earnings import ClosedVoting, of_period, of_voting
from worknet.protocol.errors import ProtocolError
from worknet.protocol.records import Record
from worknet.protocol.voting import Voting

_KINDS = ("Enrolled", "Removed", "CheckedIn", "Recorded", "Closed", "Funded", "RewardsSet")


@dataclass(frozen=True)
class WorkerRewards:
    """The rewards of one worker: of which closed votings and ended periods how much, whether claimed or not.

    `claimed` is what claims took of that, `paid` what its operator got.
    """

    worker: int
    votings: tuple[tuple[Record, int], ...]
    periods: tuple[tuple[int, int], ...]
    claimed: int
    paid: int

    @property
    def earned(self) -> int:
        """All that it earned."""
        return sum(amount for _, amount in (*self.votings, *self.periods))

    @property
    def unclaimed(self) -> int:
        """What it earned and nobody claimed for it."""
        return self.earned - self.claimed

    @property
    def owed(self) -> int:
        """What was claimed and the pool could not pay."""
        return self.claimed - self.paid


@dataclass(frozen=True)
class NetworkRewards:
    """The rewards of a network: what was paid into its pool and out of it, and each worker's by its index.

    `periods` folds everything but the claims, and so holds the words and amounts of every period.
    """

    funded: int
    workers: dict[int, WorkerRewards]
    periods: rules.Rewards

    @property
    def paid(self) -> int:
        """What all operators were paid."""
        return sum(worker.paid for worker in self.workers.values())

    @property
    def pool(self) -> int:
        """What is left to be paid."""
        return self.funded - self.paid


def rewards(index: NetworkIndex, length: int, now: int, created_at: int = 0) -> NetworkRewards:
    """What has been earned, claimed and paid by time `now`, which is that of an indexed block or later.

    `length` is the network's reward period in seconds, `created_at` the time of the pool's creation: records
    before it are paid for by no claim on this pool. The index must have the pool's events; without a pool
    nothing is funded or claimed, and periods pay nothing. Raises IndexMismatchError for events that no
    contract can have told.
    """
    closed: dict[bytes, ClosedVoting] = {}
    try:
        fold = rules.Rewards(length, created_at)
        for fact in _facts(index, now):
            fold.apply(fact)
            if isinstance(fact, rules.Closed | rules.ClosingBooked):
                closed[fact.voting.record.voting_id] = fact.voting
    except ProtocolError as error:
        raise IndexMismatchError(
            f"the events of the rewards break the rules: {error}",
            hint="the RPC leaves out or alters events: compare with another one",
        ) from None
    claims = [events.read_of_pool(stored.log) for stored in index.logs("Claimed")]
    workers = {}
    for worker in (member.index for member in index.members()):
        records, periods = fold.unclaimed(worker, now)
        own = [claim for claim in claims if isinstance(claim, events.Claimed) and claim.index == worker]
        workers[worker] = WorkerRewards(
            worker,
            tuple((record, of_voting(closed[record.voting_id], worker)) for record in records),
            tuple(
                (number, of_period(fold.period(number), fold.amounts_in(number), worker))
                for number in periods
            ),
            claimed=sum(claim.earned for claim in own),
            paid=sum(claim.paid for claim in own),
        )
    return NetworkRewards(fold.funded, workers, fold)


def _facts(index: NetworkIndex, now: int) -> Iterator[rules.Fact]:
    """What happened, but for the claims; at the end what time has closed that no transaction has booked."""
    recorded: dict[bytes, Record] = {}
    for stored in index.logs(*_KINDS):
        time = stored.time
        match events.read_of_pool(stored.log) or events.read(stored.log):
            case events.Enrolled(index=worker):
                yield rules.Enrolled(time, worker)
            case events.Removed(index=worker):
                yield rules.Removed(time, worker)
            case events.CheckedIn(index=worker):
                yield rules.CheckedIn(time, worker)
            case events.Recorded(voting_id=voting_id):
                recorded[voting_id] = _record(index, voting_id)
                yield rules.RecordLogged(recorded[voting_id])
            case events.Closed(voting_id=voting_id):
                record = recorded.pop(voting_id, None) or _record(index, voting_id)
                yield rules.ClosingBooked(time, _closed(record, index.voting(voting_id)))
            case events.Funded(amount=amount):
                yield rules.Funded(time, amount)
            case events.RewardsSet(base=base, consistency=consistency):
                yield rules.RewardsSet(time, base, consistency)
    for voting_id, record in recorded.items():
        voting = index.voting(voting_id, now=now)
        if voting is not None and voting.closed:
            yield rules.Closed(now, _closed(record, voting))


def _record(index: NetworkIndex, voting_id: bytes) -> Record:
    found = index.record_of(voting_id)
    if found is None:
        raise _incomplete(voting_id)
    return found.record


def _closed(record: Record, voting: Voting | None) -> ClosedVoting:
    """A closed voting with what its rewards depend on."""
    if voting is None or voting.recorded is None:
        raise _incomplete(record.voting_id)
    seals = {worker: sealed.seal for worker, sealed in voting.current.seals.items()}
    return ClosedVoting(record, voting.policy, voting.accurate, seals)


def _incomplete(voting_id: bytes) -> IndexMismatchError:
    return IndexMismatchError(
        f"voting 0x{voting_id.hex()} is closed, but the events before that make no record of it",
        hint="the RPC leaves out or alters events: compare with another one",
    )

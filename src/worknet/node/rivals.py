"""Another worker with the same key, by mistake: found by what it votes, and the reason to stop.

Every ballot under this worker's key that its journal did not make is a rival's. A worker looks at its start
for rivals of a recent time, and at every block from then on. What came before the operator took the key over
(a machine restored without its journal) is answered for. A transaction alone proves nothing: commands of the
operator may send with a worker's key too.
"""

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial

import structlog

from worknet.chain import events
from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.chain.index_store import CHECKPOINTS, StoredLog
from worknet.node.errors import RivalError, UnknownVoting
from worknet.node.journal import Journal
from worknet.protocol.ballots import seal, without_time
from worknet.protocol.canonical import to_hex

RECENT_SECONDS = 3600
"""Chain time, at the least, in which a worker looks for rivals at its start; more where a policy's windows
are longer than that."""

TAKE_OVER_SECONDS = 60
"""How long a worker that takes a key over waits for a sign of life of another one before it votes."""

NONCES_SECONDS = 60.0
"""How often the worker compares the nonces that the chain counted with those that it signed."""

_POLL_SECONDS = 2.0

log = structlog.get_logger()


@dataclass(frozen=True)
class SeenBallot:
    """A ballot on chain under this worker's key. `seal` is None for an open one. `is_brought`: somebody else
    sent it, with the worker's signature, so that the transaction says nothing."""

    voting_id: bytes
    attempt: int
    policy_version: int
    block: int
    time: int
    transaction: bytes
    seal: bytes | None
    is_brought: bool


def is_rivals(
    ballot: SeenBallot,
    taken_over_at: int,
    signed_here: Callable[[bytes], bool],
    seals: Callable[[], Collection[bytes]],
) -> bool:
    """Whether a ballot is another worker's: after the take-over, neither sent nor made by this one.

    `seals` gives those that this worker's journal makes for the ballot's place.
    """
    if ballot.time <= taken_over_at:
        return False
    if not ballot.is_brought and signed_here(ballot.transaction):
        return False
    return ballot.seal is None or without_time(ballot.seal) not in seals()


class Rivals:
    """Looks for rivals of one worker."""

    def __init__(
        self,
        client: NetworkClient,
        index: NetworkIndex,
        journal: Journal,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._index = index
        self._journal = journal
        self._clock = clock
        self._sleep = sleep
        self._key = client.sender.signer.address
        self._looked_at: tuple[int, bytes] | None = None
        self._nonces_at: float | None = None
        self._counted: int | None = None

    def look(self, now: int) -> None:
        """What a worker does in each step: `check`, and now and then the nonces, which it only tells of."""
        self._compare_nonces()
        self.check(now)

    def check(self, now: int) -> None:
        """Raises `RivalError` for a rival's ballot in the blocks since the last check, the first time in
        those of a recent time. `now` is the time of the newest block that the index has."""
        newest, looked_at = self._index.newest(), self._looked_at
        if newest is None or newest == looked_at:
            return
        if looked_at is None:
            first = self._index.first_since(now - self._recent())
        elif self._index.holds(looked_at):
            first = looked_at[0] + 1
        else:
            # What a reorganisation put in the place of blocks that were looked at is looked at too.
            first = min(looked_at[0], newest[0]) - CHECKPOINTS
        ballots = list(self._ballots(first))
        answered_for = self._journal.transactions.taken_over_at() if ballots else 0
        for ballot in ballots:
            if is_rivals(ballot, answered_for, self._signed_here, partial(self._seals, ballot)):
                raise self._refusal(ballot)
        self._looked_at = newest

    def take_over(self) -> None:
        """Answers for all ballots under this key so far, and waits for `TAKE_OVER_SECONDS` whether another
        worker goes on to vote with it: then `RivalError`."""
        synced = self._index.sync()
        self._journal.transactions.take_over(synced.time)
        log.warning("worker.take_over", time=synced.time, waits=TAKE_OVER_SECONDS)
        until = self._clock() + TAKE_OVER_SECONDS
        while self._clock() < until:
            self._sleep(_POLL_SECONDS)
            synced = self._index.sync()
            self.check(synced.time)

    def _recent(self) -> int:
        """Chain seconds in which a rival may have voted in what is not over yet."""
        policies = [
            each.policy for workflow in self._index.workflows() for each in self._index.policies(workflow)
        ]
        windows = [policy.cast_window + policy.reveal_window + policy.stall for policy in policies]
        return max([RECENT_SECONDS, *windows])

    def _ballots(self, first: int) -> Iterator[SeenBallot]:
        """The ballots under this key from a block on."""
        for stored in self._index.logs("Cast", "Sealed", "SealsBrought", first=first):
            event = events.read(stored.log)
            match event:
                case events.Cast(place=place) if self._is_mine(place.worker, stored):
                    yield _seen(event, stored, None, is_brought=False)
                case events.Sealed(place=place) if self._is_mine(place.worker, stored):
                    yield _seen(event, stored, event.seal, is_brought=False)
                case events.SealsBrought():
                    for worker, brought in event.by_worker.items():
                        if self._is_mine(worker, stored):
                            yield _seen(event, stored, brought, is_brought=True)

    def _is_mine(self, worker: int, stored: StoredLog) -> bool:
        """Whether this key stood behind the index at the moment of a log."""
        if worker != self._index.index_of(self._key):
            return False
        members = self._index.members(before=(stored.log.block, stored.log.index))
        return any(each.index == worker and each.worker == self._key for each in members)

    def _signed_here(self, transaction: bytes) -> bool:
        return self._journal.transactions.first_of(transaction) is not None

    def _seals(self, ballot: SeenBallot) -> list[bytes]:
        """The seal that the journal's ballot for this place makes, if there is one."""
        me = self._index.index_of(self._key)
        if ballot.seal is None or me is None:
            return []
        try:
            place = (ballot.voting_id, ballot.attempt, ballot.policy_version)
            mine = self._journal.ballots.get(*place, with_rows=False)
        except UnknownVoting:
            return []
        about = (self._client.rpc.chain_id, self._client.contract, ballot.voting_id, ballot.attempt)
        return [seal(*about, me, mine.pair, mine.salt)]

    def _compare_nonces(self) -> None:
        """Tells of transactions with this key that were not signed here: a command's, or a rival's."""
        now = self._clock()
        if self._nonces_at is not None and now - self._nonces_at < NONCES_SECONDS:
            return
        self._nonces_at = now
        mined = self._client.rpc.nonce(self._key, "latest")
        signed = self._journal.transactions.highest_nonce()
        ours = 0 if signed is None else signed + 1
        # The nonces of a key whose journal is new tell nothing.
        known = mined if signed is None and self._counted is None else max(self._counted or 0, ours)
        waiting = self._client.sender.foreign_waiting()
        if mined > known or waiting:
            log.warning("worker.foreign_transactions", mined=max(0, mined - known), waiting=waiting)
        self._counted = max(mined, known)

    def _refusal(self, ballot: SeenBallot) -> RivalError:
        about = {"voting": to_hex(ballot.voting_id), "attempt": ballot.attempt}
        log.error("worker.rival", transaction=to_hex(ballot.transaction), block=ballot.block, **about)
        return RivalError(
            f"another worker votes with the key {to_hex(self._key)}: block {ballot.block} has a ballot of "
            f"attempt {ballot.attempt} of voting {to_hex(ballot.voting_id)} that this journal did not make",
            hint="stop the other worker, or give this one a key of its own; if the other one and its journal "
            "are lost for good, start this one once with --take-over",
        )


def _seen(
    event: events.Cast | events.Sealed | events.SealsBrought,
    stored: StoredLog,
    sealed: bytes | None,
    *,
    is_brought: bool,
) -> SeenBallot:
    place = event.place
    return SeenBallot(
        voting_id=event.voting_id,
        attempt=place.attempt,
        policy_version=place.policy_version,
        block=stored.log.block,
        time=stored.time,
        transaction=stored.log.transaction,
        seal=sealed,
        is_brought=is_brought,
    )

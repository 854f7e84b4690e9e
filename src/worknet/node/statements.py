"""Reading other members' statements: where they are, whether they hold, and what differs from this worker's.

Nothing that anybody writes into a channel or a file is believed before it leads to its worker's ballot on
chain; what does not is refused with the reason, and hides nothing else.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from worknet.chain.errors import ChainError
from worknet.chain.index import NetworkIndex
from worknet.chain.keyfiles import public_key_of
from worknet.chain.sealed_statements import LARGEST_SEALED, SealedStatement
from worknet.config import ConfigError, NodeConfig
from worknet.node.errors import UnknownVoting
from worknet.node.journal import Journal
from worknet.node.setup import Access
from worknet.node.stating import Stating, pairs_of
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.protocol.differences import Difference, compare
from worknet.protocol.errors import ProtocolError
from worknet.protocol.fingerprints import OwnStatement
from worknet.protocol.statement import Statement, StatementError
from worknet.protocol.tables import Salter
from worknet.protocol.voting import Attempt
from worknet.sources import SourceError
from worknet.sources.channels import Channel, Found, channels_from

JOURNAL = "journal"
LONGEST_REASON = 300
"""Characters of a reason that are shown."""


@dataclass(frozen=True)
class Refused:
    """A statement that does not hold, or a place that cannot be read, and why; no row stands in it."""

    where: str
    reason: str


@dataclass(frozen=True)
class Gathered:
    """What is known of an attempt from statements.

    `own` is this worker's own, None if it has no ballot on chain there or its rows are gone. `statements` are
    the others' that hold, by worker, without the fingerprints; `differences` what differs between them and
    `own`. `absent` are those whose ballots stand on chain and of whom there is no statement that holds.
    """

    voting_id: bytes
    attempt: int
    own: OwnStatement | None = field(default=None, repr=False)
    statements: tuple[Statement, ...] = ()
    differences: tuple[Difference, ...] = ()
    refused: tuple[Refused, ...] = ()
    absent: tuple[int, ...] = ()


Take = Callable[[int, bytes], None]
"""Is given the worker and the sealed content of each statement that holds and was not in the journal."""


@dataclass(frozen=True)
class StatementReader:
    """Reads statements for one worker, which `me` gives the index of, if it has one.

    `encryption_key` gives the private key to the one that it announced, or raises `ConfigError`.
    """

    index: NetworkIndex
    journal: Journal
    stating: Stating
    channels: Sequence[Channel]
    encryption_key: Callable[[], bytes] = field(repr=False)
    me: Callable[[], int | None]

    @classmethod
    def of(cls, access: Access, data_key: Callable[[int], bytes] | None = None) -> "StatementReader":
        """The reader for a command, or with `data_key` for a worker; `ConfigError` at a bad [sharing]."""
        stating = Stating(
            access.client.rpc.chain_id,
            access.client.contract,
            access.journal,
            data_key or access.config.data_key,
        )
        return cls(
            access.index,
            access.journal,
            stating,
            open_channels(access.config),
            access.config.encryption_key,
            lambda: access.index.index_of(access.worker),
        )

    def gather(
        self,
        voting_id: bytes,
        attempt: int,
        files: Sequence[Path] = (),
        *,
        ask: bool = True,
        take: Take | None = None,
    ) -> Gathered:
        """What statements tell of an attempt: those in the journal, in these files and, with `ask`, on the
        channels.

        Raises `UnknownVoting` for an attempt that the index does not have, ChainError and JournalError;
        whatever is wrong with a statement, or with this worker's keys, stands in `refused`.
        """
        voting, me = self.index.voting(voting_id), self.me()
        found = None if voting is None else voting.attempt(attempt)
        if voting is None or found is None:
            raise UnknownVoting(f"voting {to_hex(voting_id)} has no attempt {attempt}")
        pairs = {worker: pair for worker, pair in pairs_of(found).items() if worker != me}
        nothing = Gathered(voting_id, attempt, absent=tuple(sorted(pairs)))
        if me is None:
            return replace(nothing, refused=(Refused("node.toml", "its key is that of no worker"),))
        epoch = voting.policies[found.policy_version].data_key_epoch
        try:
            salter = Salter(self.stating.data_key(epoch), voting_id, attempt)
            key = self._key(me)
        except ConfigError as error:
            return replace(nothing, refused=(Refused("node.toml", str(error)),))
        reading = _Reading(self._own(voting_id, found, me), salter, pairs, me, key, self.stating)
        for where, content in self._held(voting_id, attempt, pairs):
            reading.read(where, content)
        reading.take = take
        for file in files:
            reading.look(_file(file))
        for channel in self.channels if ask else ():
            for each in channel.get(voting_id, attempt, reading.absent()):
                reading.look(each)
        return reading.gathered(nothing)

    def _key(self, me: int) -> bytes:
        """The private key, if it belongs to the one that is announced."""
        key = self.encryption_key()
        announced = {member.index: member.encryption_key for member in self.index.members()}[me]
        if public_key_of(key) != announced:
            hint = "the key that was enrolled; `worknet rotate` announces another"
            raise ConfigError("the encryption key is not the one that this worker announced", hint)
        return key

    def _own(self, voting_id: bytes, attempt: Attempt, me: int) -> OwnStatement | None:
        try:
            return self.stating.own(voting_id, attempt, me, "rows")
        except UnknownVoting:
            return None

    def _held(self, voting_id: bytes, attempt: int, workers: Collection[int]) -> Iterator[tuple[str, bytes]]:
        for worker in self.journal.statements.held(voting_id, attempt):
            if worker in workers and (content := self.journal.statements.get(voting_id, attempt, worker)):
                yield JOURNAL, content


class _Reading:
    """The statements on one attempt, one at a time: of each only what is needed stays in memory."""

    def __init__(
        self,
        own: OwnStatement | None,
        salter: Salter,
        pairs: dict[int, Pair],
        me: int,
        key: bytes,
        stating: Stating,
    ) -> None:
        self._own, self._salter, self._pairs, self._me, self._key = own, salter, pairs, me, key
        self._network = (stating.chain_id, stating.contract)
        self._statements: dict[int, Statement] = {}
        self._differences: dict[int, Difference] = {}
        self._refused: list[Refused] = []
        self.take: Take | None = None

    def look(self, found: Found) -> None:
        """Takes what a channel or file had."""
        if found.fault:
            self._refused.append(Refused(found.where, found.fault))
        else:
            self.read(found.where, found.content)

    def read(self, where: str, content: bytes) -> None:
        """Reads a sealed statement, unless one of the same worker holds already."""
        try:
            sealed = SealedStatement.parse(content)
            self._check_place(sealed)
            worker = sealed.place.worker
            if worker in self._statements:
                return
            statement = sealed.open(self._key, self._me)
            statement.check(self._pairs[worker], self._salter)
            difference = None if self._own is None else compare(self._own, statement)
        except (ChainError, ProtocolError) as error:
            self._refused.append(Refused(where, _shown(str(error))))
            return
        except Exception as error:  # noqa: BLE001 - what somebody has written must hide no other statement
            self._refused.append(Refused(where, f"a fault of worknet itself: {type(error).__name__}"))
            return
        if difference is not None:
            self._differences[worker] = difference
        self._statements[worker] = _without_rows(statement)
        if self.take is not None:
            self.take(worker, content)

    def absent(self) -> tuple[int, ...]:
        """The workers of which there is no statement that holds."""
        return tuple(sorted(self._pairs.keys() - self._statements))

    def gathered(self, nothing: Gathered) -> Gathered:
        """All that was read."""
        return replace(
            nothing,
            own=self._own,
            statements=tuple(self._statements[worker] for worker in sorted(self._statements)),
            differences=tuple(self._differences[worker] for worker in sorted(self._differences)),
            refused=tuple(self._refused),
            absent=self.absent(),
        )

    def _check_place(self, sealed: SealedStatement) -> None:
        """Raises `StatementError` for a statement on something else, or of somebody without a ballot."""
        place = sealed.place
        if (place.chain_id, place.contract) != self._network:
            raise StatementError("it is of another network")
        if (place.voting_id, place.attempt) != (self._salter.voting_id, self._salter.attempt):
            other = f"attempt {place.attempt} of voting {to_hex(place.voting_id)}"
            raise StatementError(f"it is on {other}, which was not asked for")
        if place.worker == self._me:
            raise StatementError("it is this worker's own")
        if place.worker not in self._pairs:
            raise StatementError(f"no ballot of worker {place.worker} stands on chain that it could lead to")


def sorted_files(
    files: Sequence[Path], voting_id: bytes, attempts: Collection[int]
) -> tuple[dict[int, list[Path]], tuple[Refused, ...]]:
    """The files by the attempt of the voting that each says it is about; and those that are about none of
    these attempts, or cannot be read, with the reason.

    What a file says of itself is believed no further than that: to be read it goes to `gather`.
    """
    by_attempt: dict[int, list[Path]] = {attempt: [] for attempt in attempts}
    refused = []
    for path in files:
        try:
            by_attempt[_attempt_of(_file(path), voting_id, attempts)].append(path)
        except (ChainError, ProtocolError) as error:
            refused.append(Refused(str(path), _shown(str(error))))
    return by_attempt, tuple(refused)


def _attempt_of(found: Found, voting_id: bytes, attempts: Collection[int]) -> int:
    """Which attempt a file says it is about; ChainError or StatementError where it is none of these."""
    if found.fault:
        raise StatementError(found.fault)
    place = SealedStatement.parse(found.content).place
    if place.voting_id != voting_id:
        raise StatementError(f"it is about another voting, {to_hex(place.voting_id)}")
    if place.attempt not in attempts:
        raise StatementError(f"in attempt {place.attempt} no pairs differ, or it has not ended")
    return place.attempt


def open_channels(config: NodeConfig) -> list[Channel]:
    """The channels that [sharing] names; `ConfigError` at it where one cannot be opened."""
    try:
        return channels_from(**config.sharing.options(), max_bytes=LARGEST_SEALED)
    except SourceError as error:
        raise config.error(("sharing",), error.message, error.hint) from None


def _shown(reason: str) -> str:
    """The reason as it may be shown: a part of what somebody else has written may stand in it."""
    return "".join(mark if mark.isprintable() else "\ufffd" for mark in reason[:LONGEST_REASON])


def _without_rows(statement: Statement) -> Statement:
    """The statement without fingerprints, which are large and were compared."""
    return replace(
        statement,
        datasets=tuple(replace(each, details=None) for each in statement.datasets),
        tables=tuple(replace(each, details=None) for each in statement.tables),
    )


def _file(path: Path) -> Found:
    """What stands in the file, and no more of it than a statement may have."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SEALED + 1)
    except OSError as error:
        return Found(str(path), fault=f"cannot be read: {error.strerror}")
    return Found(str(path), content)

"""Reading statements: whatever others write, only what leads to their ballots on chain counts."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.node.conftest import LAST, private_key
from tests.unit.node.sharing_world import SharingWorld, sharing_world

from worknet.chain.keyfiles import public_key_of
from worknet.chain.sealed_statements import seal
from worknet.config import ConfigError
from worknet.node.errors import UnknownVoting
from worknet.node.statements import Gathered
from worknet.protocol.differences import Difference, compare
from worknet.protocol.fingerprints import OwnStatement
from worknet.protocol.statement import Statement

TO_ALL = {number: public_key_of(private_key(number)) for number in range(3)}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharingWorld]:
    """Three companies that disagreed in attempt 1, and in attempt 2 of which 2 has not voted."""
    made = sharing_world(tmp_path_factory.mktemp("statements"), levels=(None, None, None))
    made.step(3)
    made.chain.mine()
    made.step(3, 0, 1)
    yield made
    made.close()


def statement(world: SharingWorld, number: int = 1, level: Any = "rows") -> Statement:
    """The true statement of a company on attempt 1."""
    company = world.company(number)
    company.index.sync()
    voting = company.index.voting(world.chain.voting_id(LAST))
    assert voting is not None
    reader = company.reader()
    return reader.stating.own(world.chain.voting_id(LAST), voting.attempts[0], number, level).statement


@pytest.fixture
def gather(world: SharingWorld, tmp_path: Path) -> Callable[..., Gathered]:
    """What company 0 makes of these contents, given as files."""

    def read(*contents: bytes, **options: Any) -> Gathered:
        files = []
        for number, content in enumerate(contents):
            files.append(tmp_path / f"{number}.statement")
            files[-1].write_bytes(content)
        return world.company(0).gather(files=files, **options)

    return read


def test_a_true_statement_is_taken(world: SharingWorld, gather: Callable[..., Gathered]) -> None:
    gathered = gather(seal(statement(world), TO_ALL), seal(statement(world, 2, "roots"), TO_ALL))
    assert [each.worker for each in gathered.statements] == [1, 2]
    assert [each.tables[0].known for each in gathered.differences] == [True, False]
    assert (gathered.refused, gathered.absent) == ((), ())


def test_of_two_statements_of_a_worker_one_is_enough(
    world: SharingWorld, gather: Callable[..., Gathered]
) -> None:
    sealed = seal(statement(world), TO_ALL)
    assert [each.worker for each in gather(sealed, b"nonsense", sealed).statements] == [1]


FORGED: dict[str, tuple[Callable[[SharingWorld], bytes], str]] = {
    "nonsense": (lambda _: b"nonsense\nof any kind", "no sealed statement"),
    "nothing": (lambda _: b"", "no header"),
    "another network": (lambda world: _moved(world, chain_id=1), "of another network"),
    "another contract": (lambda world: _moved(world, contract=b"\x01" * 20), "of another network"),
    "another voting": (lambda world: _moved(world, voting_id=b"\x01" * 32), "which was not asked for"),
    "another attempt": (lambda world: _moved(world, attempt=2), "which was not asked for"),
    "in the name of another": (lambda world: _moved(world, worker=2), "the ballot of worker 2"),
    "of nobody": (lambda world: _moved(world, worker=77), "no ballot of worker 77 stands on chain"),
    "of oneself": (lambda world: _moved(world, worker=0), "this worker's own"),
    "sealed to others": (lambda world: seal(statement(world), {1: TO_ALL[1]}), "not sealed to worker 0"),
    "sealed to another key": (lambda world: seal(statement(world), {0: TO_ALL[1]}), "cannot be opened"),
    "on other rows": (lambda world: _with_root(world), "do not lead to its root"),
    "with false fingerprints": (lambda world: _with_false_keys(world), "not in the order"),
}


def _moved(world: SharingWorld, **changes: Any) -> bytes:
    true = statement(world)
    return seal(replace(true, place=replace(true.place, **changes)), TO_ALL)


def _with_root(world: SharingWorld) -> bytes:
    true = statement(world)
    return seal(replace(true, datasets=(replace(true.datasets[0], root=b"\x01" * 32),)), TO_ALL)


def _with_false_keys(world: SharingWorld) -> bytes:
    true = statement(world)
    details = true.datasets[0].details
    assert details is not None
    false = replace(details, keys=details.keys[::-1])
    return seal(replace(true, datasets=(replace(true.datasets[0], details=false),)), TO_ALL)


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_statement_is_refused_with_the_reason(
    world: SharingWorld, gather: Callable[..., Gathered], name: str
) -> None:
    make, reason = FORGED[name]
    gathered = gather(make(world), seal(statement(world, 2), TO_ALL))
    [refused] = gathered.refused
    assert reason in refused.reason
    assert refused.where.endswith("0.statement")
    assert [each.worker for each in gathered.differences] == [2]
    assert gathered.absent == (1,)


def test_a_statement_at_which_worknet_fails_hides_no_other(
    world: SharingWorld, gather: Callable[..., Gathered], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(own: OwnStatement, theirs: Statement) -> Difference:
        if theirs.worker == 1:
            raise KeyError("secretnote")
        return compare(own, theirs)

    monkeypatch.setattr("worknet.node.statements.compare", broken)
    gathered = gather(seal(statement(world), TO_ALL), seal(statement(world, 2), TO_ALL))
    assert [each.reason for each in gathered.refused] == ["a fault of worknet itself: KeyError"]
    assert [each.worker for each in gathered.differences] == [2]


def test_a_reason_holds_no_control_characters_and_has_an_end(gather: Callable[..., Gathered]) -> None:
    [refused] = gather(b'{"\x7f' + b"k" * 5000 + b'":1.5}\n').refused
    assert refused.reason.isprintable()
    assert len(refused.reason) <= 300


def test_a_file_that_is_not_there_is_told(world: SharingWorld, tmp_path: Path) -> None:
    [refused] = world.company(0).gather(files=[tmp_path / "no"]).refused
    assert refused.reason == "cannot be read: No such file or directory"


def test_who_has_no_ballot_in_an_attempt_has_nothing_to_state(world: SharingWorld) -> None:
    company = world.company(2)
    company.index.sync()
    voting = company.index.voting(world.chain.voting_id(LAST))
    assert voting is not None
    with pytest.raises(UnknownVoting):
        company.reader().stating.own(world.chain.voting_id(LAST), voting.attempts[1], 2, "rows")


def test_who_has_no_rows_any_more_still_reads_roots(
    world: SharingWorld, gather: Callable[..., Gathered], monkeypatch: pytest.MonkeyPatch
) -> None:
    ballots = world.company(0).journal.ballots
    get = ballots.get
    monkeypatch.setattr(ballots, "get", lambda *place: replace(get(*place), frames={}))
    gathered = gather(seal(statement(world), TO_ALL))
    assert gathered.own is None
    assert [each.worker for each in gathered.statements] == [1]
    assert gathered.differences == ()


@pytest.mark.parametrize("broken", ["encryption key", "data key", "other encryption key"])
def test_a_key_that_is_missing_is_one_reason_for_all(world: SharingWorld, broken: str) -> None:
    def missing(*_: object) -> bytes:
        raise ConfigError(f"the {broken} is missing")

    reader = world.company(0).reader()
    if broken == "data key":
        reader = replace(reader, stating=replace(reader.stating, data_key=missing))
    elif broken == "encryption key":
        reader = replace(reader, encryption_key=missing)
    else:
        reader = replace(reader, encryption_key=lambda: b"\x01" * 32)
    gathered = reader.gather(world.chain.voting_id(LAST), 1)
    [refused] = gathered.refused
    assert broken.split()[-2] in refused.reason
    assert gathered.absent == (1, 2)


def test_an_attempt_that_never_was_is_unknown(world: SharingWorld) -> None:
    with pytest.raises(UnknownVoting):
        world.company(0).gather(7)

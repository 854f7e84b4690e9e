"""Two workers with one key: the one that finds the other's ballot stops, and nothing else makes it stop."""

import shutil
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import Company, MakeWorld, TinyPreparer, World, agreed

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.chain.transactions import Sender
from worknet.node.errors import RivalError
from worknet.node.journal import Journal
from worknet.node.rivals import TAKE_OVER_SECONDS, Rivals, SeenBallot, is_rivals
from worknet.protocol.ballots import without_time
from worknet.protocol.words import Ballots

SEAL = without_time(b"\x05" * 32)
OURS, THEIRS = b"\x01" * 32, b"\x02" * 32


def ballot(**changes: object) -> SeenBallot:
    settings: dict[str, object] = {
        "voting_id": b"\x07" * 32,
        "attempt": 1,
        "policy_version": 1,
        "block": 9,
        "time": 1000,
        "transaction": THEIRS,
        "seal": SEAL[:30] + b"\x01\x2c",
        "is_brought": False,
    }
    return SeenBallot(**{**settings, **changes})  # type: ignore[arg-type]  # as the fields above say


@pytest.mark.parametrize(
    ("seen", "taken_over_at", "seals", "expected"),
    [
        (ballot(), 0, [], True),
        (ballot(), 0, [without_time(b"\x06" * 32)], True),
        (ballot(), 0, [SEAL], False),
        (ballot(transaction=OURS), 0, [], False),
        (ballot(transaction=OURS, is_brought=True), 0, [], True),
        (ballot(is_brought=True), 0, [SEAL], False),
        (ballot(seal=None), 0, [SEAL], True),
        (ballot(seal=None, transaction=OURS), 0, [], False),
        (ballot(), 1000, [], False),
        (ballot(), 999, [], True),
    ],
)
def test_a_ballot_is_a_rivals_unless_it_was_sent_or_made_here_or_is_answered_for(
    seen: SeenBallot, taken_over_at: int, seals: list[bytes], expected: bool
) -> None:
    assert is_rivals(seen, taken_over_at, lambda transaction: transaction == OURS, lambda: seals) is expected


def twin_of(world: World, folder: Path) -> Company:
    """A second worker with the key of the first company, on a machine of its own."""
    twin = Company(world.chain, 0, folder, TinyPreparer(0, agreed))
    world.companies.append(twin)
    return twin


def votes_under_the_key(world: World) -> int:
    address = world.companies[0].signer.address
    kinds = ("cast", "seal")
    return sum(sender == address for kind in kinds for sender, _ in world.chain.sent(kind))


@pytest.mark.parametrize("ballots", [Ballots.OPEN, Ballots.SEALED])
def test_a_worker_beside_one_that_has_just_voted_does_not_start(
    make_world: MakeWorld, tmp_path: Path, ballots: Ballots
) -> None:
    world = make_world(ballots=ballots, reveal_window=300 if ballots is Ballots.SEALED else 0)
    world.companies[0].seal()
    with pytest.raises(RivalError, match="another worker votes"):
        twin_of(world, tmp_path / "twin").worker.step()
    world.companies[0].step(3)
    assert votes_under_the_key(world) == 1


def test_of_two_that_started_in_quiet_the_one_stops_that_finds_the_others_ballot(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    world = make_world()
    first, second = world.companies[0], twin_of(world, tmp_path / "twin")
    first.worker.step()
    second.worker.step()
    first.seal()
    with capture_logs() as told, pytest.raises(RivalError):
        second.step()
    assert [each["log_level"] for each in told if each["event"] == "worker.rival"] == ["error"]
    first.step(3)
    assert votes_under_the_key(world) == 1


def test_of_two_copies_of_one_data_dir_the_one_stops_that_finds_the_others_ballot(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    world = make_world(slots=4, votings_at_once=1)
    first, second = world.companies[0], twin_of(world, tmp_path / "copy")
    first.seal()
    first.close()
    second.close()
    shutil.copytree(first.folder, second.folder, dirs_exist_ok=True)
    first.start()
    second.start()
    first.step(8)
    assert votes_under_the_key(world) == 4
    with pytest.raises(RivalError):
        second.step()


def test_a_worker_knows_its_own_ballots_after_a_restart(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(3)
    world.companies[0].restart()
    world.companies[0].step()


def test_what_an_earlier_key_of_the_index_cast_is_no_rivals(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    world.companies[0].seal()
    world.chain.rotate(0, world.chain.signers[0].address[::-1])
    rotated = Rivals(*_parts(world.companies[0]))
    rotated._key = world.chain.signers[0].address[::-1]
    rotated.look(world.chain.now)


def _parts(company: Company) -> tuple[NetworkClient, NetworkIndex, Journal]:
    return company.worker._client, company.index, company.journal


def test_a_machine_restored_without_its_journal_votes_after_a_take_over(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    world = make_world(slots=2, votings_at_once=1)
    world.companies[0].seal()
    restored = twin_of(world, tmp_path / "restored")
    clock = iter(range(0, 1000, 7))
    Rivals(*_parts(restored), clock=lambda: float(next(clock)), sleep=lambda _: None).take_over()
    restored.restart()
    restored.step(4)
    assert votes_under_the_key(world) == 2


def test_a_take_over_counts_for_whoever_looks_already(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world()
    world.companies[0].seal()
    restored = twin_of(world, tmp_path / "restored")
    looking, clock = Rivals(*_parts(restored)), iter(range(0, 1000, 7))
    Rivals(*_parts(restored), clock=lambda: float(next(clock)), sleep=lambda _: None).take_over()
    looking.check(restored.index.sync().time)


def test_a_take_over_from_a_worker_that_still_votes_is_refused(make_world: MakeWorld, tmp_path: Path) -> None:
    world = make_world(slots=2, votings_at_once=1)
    world.companies[0].seal()
    restored = twin_of(world, tmp_path / "restored")
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        world.chain.pass_time(5)
        world.companies[0].step(2)

    with pytest.raises(RivalError):
        Rivals(*_parts(restored), clock=lambda: sum(waited), sleep=sleep).take_over()
    assert sum(waited) < TAKE_OVER_SECONDS


def test_a_transaction_of_another_sender_with_the_key_is_told_and_no_reason_to_stop(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    company = world.companies[0]
    company.seal()
    Sender(company.rpc, company.signer).send(company.signer.address, b"", 21_000)
    company.restart()
    with capture_logs() as told:
        company.step()
    assert [each["mined"] for each in told if each["event"] == "worker.foreign_transactions"] == [1]

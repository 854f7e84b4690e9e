"""What workflows declare public is published: once it is certain, once for all, in spite of every fault."""

import os
import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import Crash, World
from tests.unit.node.publishing_world import AGREED, OUTVOTED, PRIVATE, Publisher, published_world

from worknet.config import ConfigError
from worknet.node import publishing
from worknet.node.errors import JournalUnavailable
from worknet.node.journal.ballots import Ballots
from worknet.node.published import PublishedFolder
from worknet.node.publishing import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Publishing
from worknet.protocol.canonical import to_hex
from worknet.verify import parse, verify

Make = Callable[..., Publisher]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = published_world(tmp_path_factory.mktemp("world"))
    yield world
    world.close()


@pytest.fixture
def make(world: World, tmp_path: Path) -> Make:
    def publisher(number: int = 0, **options: Any) -> Publisher:
        return Publisher(world, tmp_path / f"published-{number}", number, **options)

    return publisher


def faults(logs: list[Any]) -> list[tuple[str, str]]:
    told = [each for each in logs if each["event"] == "publication.fault"]
    return [(each["workflow"], each["error"]) for each in told]


# What is published


def test_every_worker_publishes_the_public_results_that_it_agreed_on(world: World) -> None:
    made = [Publisher(world, world.companies[0].folder.parent / "published" / str(n), n) for n in range(3)]
    both = {made[0].name(AGREED), made[0].name(OUTVOTED)}
    assert [each.names() for each in made] == [both, both, {made[0].name(AGREED)}]


def test_nothing_of_a_bundle_that_declares_nothing_public_is_published(make: Make) -> None:
    publisher = make()
    publisher.look()
    assert publisher.name(PRIVATE) not in publisher.names()
    assert publisher.block(PRIVATE) > 0


def test_a_worker_that_was_outvoted_publishes_nothing_of_it(make: Make) -> None:
    publisher = make(2)
    publisher.look()
    assert publisher.names() == {publisher.name(AGREED)}


def test_a_publication_is_evidence_of_the_voting_with_the_manifest_and_no_row(make: Make) -> None:
    publisher = make()
    publisher.look()
    content = publisher.files()[publisher.name(AGREED)]
    read = parse(content)
    assert verify(read, read.head).level == 1
    assert publisher.document()["manifest"]["document"]["summary"] == {"rows": 2}
    assert publisher.document()["disclosure"] is None
    assert b"secret" not in content


def test_a_publication_is_told(make: Make, world: World) -> None:
    publisher = make()
    with capture_logs() as logs:
        publisher.look()
    told = {each["voting"] for each in logs if each["event"] == "publication.made"}
    assert told == {to_hex(world.chain.voting_id(slot)) for slot in (AGREED, OUTVOTED)}


def test_all_workers_publish_the_same_bytes_against_the_head_that_the_record_made(make: Make) -> None:
    publishers = [make(number) for number in range(3)]
    for each in publishers:
        each.look()
    one, same, also = (each.files()[each.name(AGREED)] for each in publishers)
    assert one == same == also
    for slot in (AGREED, OUTVOTED):
        told = publishers[0].document(slot)
        assert told["head"]["size"] == told["position"] + 1


def test_everybody_may_read_publications_whatever_the_worker_keeps_to_itself(make: Make) -> None:
    before = os.umask(0o077)
    try:
        publisher = make()
        publisher.look()
    finally:
        os.umask(before)
    assert stat.S_IMODE(publisher.path.stat().st_mode) == 0o755
    assert {stat.S_IMODE(file.stat().st_mode) for file in publisher.path.iterdir()} == {0o644}


# When


def test_nothing_is_published_before_it_is_confirmed(make: Make) -> None:
    publisher = make()
    publisher.look(min(publisher.block(AGREED), publisher.block(OUTVOTED)) - 1)
    assert publisher.names() == set()


def test_a_publication_waits_for_the_ballots_that_may_still_come(make: Make) -> None:
    publisher = make()
    block = publisher.block(AGREED)
    publisher.look(block)
    assert publisher.name(AGREED) not in publisher.names()
    publisher.look()
    assert [ballot["worker"] for ballot in publisher.document()["ballots"]] == [0, 1, 2]


def test_a_publication_waits_no_longer_than_the_windows_last(make: Make, world: World) -> None:
    publisher = make()
    publisher.look(publisher.block(AGREED), world.chain.now + 600)
    assert publisher.name(AGREED) in publisher.names()


def test_a_publication_is_not_made_again(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = make()
    publisher.look()
    monkeypatch.setattr(Publishing, "_content", lambda *_: pytest.fail("made again"))
    publisher.look()
    publisher.restart()
    publisher.look()
    assert len(publisher.names()) == 2


def test_what_the_folder_lacks_is_made_up_for_after_a_start(make: Make) -> None:
    publisher = make()
    publisher.look()
    before = publisher.files()
    (publisher.path / publisher.name(AGREED)).unlink()
    publisher.restart()
    publisher.look()
    assert publisher.files() == before


def test_more_than_fits_into_one_round_is_made_up_for_as_well(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "AT_ONCE", 1)
    publisher = make()
    publisher.look()
    assert len(publisher.names()) == 2


def test_what_a_reorganisation_took_away_is_replaced_by_what_is_true_then(make: Make) -> None:
    publisher = make()
    publisher.look()
    true = publisher.files()
    for name in true:
        (publisher.path / name).write_bytes(b"of a branch that is gone")
    publisher.look(min(publisher.block(AGREED), publisher.block(OUTVOTED)) - 1)
    publisher.look()
    assert publisher.files() == true


# Faults


def test_votings_whose_rows_are_gone_are_left_out_and_told_to_nobody(
    make: Make, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    gone = world.chain.voting_id(AGREED)
    held = Ballots.with_rows
    monkeypatch.setattr(Ballots, "with_rows", lambda own, each: set() if each == gone else held(own, each))
    publisher = make()
    with capture_logs() as logs:
        publisher.look()
    assert publisher.names() == {publisher.name(OUTVOTED)}
    assert faults(logs) == []


def test_a_folder_that_cannot_be_written_is_told_once_and_tried_again(make: Make) -> None:
    publisher = make()
    publisher.path.write_text("no folder")
    with capture_logs() as logs:
        publisher.look()
        publisher.work(FIRST_PAUSE_SECONDS)
    [(_, wrong)] = faults(logs)
    assert wrong.startswith("cannot be written: ")
    publisher.path.unlink()
    publisher.look()
    assert publisher.names() == set()
    publisher.work(2 * FIRST_PAUSE_SECONDS)
    assert len(publisher.names()) == 2


def test_it_is_tried_for_ever_and_ever_more_rarely(make: Make) -> None:
    publisher = make()
    publisher.path.write_text("no folder")
    publisher.look()
    for _ in range(20):
        publisher.work(LONGEST_PAUSE_SECONDS)
    publisher.path.unlink()
    publisher.work(LONGEST_PAUSE_SECONDS)
    assert len(publisher.names()) == 2


def test_a_full_disk_leaves_no_half_of_a_file_in_the_place_of_a_publication(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    publisher = make()
    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr("worknet.sources.shared_files.os.fsync", full)
        publisher.look()
        assert {name[0] for name in publisher.names()} == {"."}
    assert faults(logs) == [("", "cannot be written: No space left on device")]
    publisher.work(FIRST_PAUSE_SECONDS)
    assert publisher.names() == {publisher.name(AGREED), publisher.name(OUTVOTED)}


def test_a_crash_in_the_middle_of_publishing_is_made_up_for(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: object) -> None:
        raise Crash

    publisher = make()
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", dies)
        with pytest.raises(Crash):
            publisher.look()
    assert {name[0] for name in publisher.names()} == {"."}
    publisher.restart()
    publisher.look()
    assert publisher.names() == {publisher.name(AGREED), publisher.name(OUTVOTED)}


def test_a_data_key_that_is_missing_is_told_once_and_asked_for_again(make: Make) -> None:
    def missing(_: int) -> bytes:
        raise ConfigError("data_keys.1: is missing")

    publisher = make(data_key=missing)
    with capture_logs() as logs:
        publisher.look()
        publisher.work(FIRST_PAUSE_SECONDS)
    assert faults(logs) == [("tried", "data_keys.1: is missing")]
    publisher.data_key = make().data_key
    publisher.work(2 * FIRST_PAUSE_SECONDS)
    assert len(publisher.names()) == 2


def test_a_result_that_cannot_be_published_keeps_no_other_back(
    make: Make, monkeypatch: pytest.MonkeyPatch, world: World
) -> None:
    publisher = make()
    broken, content = world.chain.voting_id(AGREED), Publishing._content

    def breaks(own: Publishing, record: Any) -> bytes:
        if record.record.voting_id == broken:
            raise ZeroDivisionError("secretmeter")
        return content(own, record)

    monkeypatch.setattr(Publishing, "_content", breaks)
    with capture_logs() as logs:
        publisher.look()
    assert publisher.names() == {publisher.name(OUTVOTED)}
    assert faults(logs) == [("tried", "a fault of worknet itself: ZeroDivisionError")]
    assert "secretmeter" not in str(logs)


def test_a_manifest_that_is_too_large_is_told_and_not_published(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "MAX_BYTES", 1000)
    publisher = make()
    with capture_logs() as logs:
        publisher.look()
    assert publisher.names() == set()
    assert {workflow for workflow, _ in faults(logs)} == {"tried"}
    assert "more than 1000" in faults(logs)[0][1]


def test_a_journal_that_cannot_be_read_is_told_to_the_worker(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise JournalUnavailable("gone")

    publisher = make()
    with monkeypatch.context() as patched:
        patched.setattr(Ballots, "with_rows", gone)
        with pytest.raises(JournalUnavailable):
            publisher.look()
    publisher.work()
    assert len(publisher.names()) == 2


def test_a_disk_that_hangs_keeps_nobody_waiting(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    publisher = make()
    goes_on = threading.Event()
    has = PublishedFolder.has
    monkeypatch.setattr(PublishedFolder, "has", lambda own, each: goes_on.wait(60) and has(own, each))
    publisher.publishing._threads = ThreadPoolExecutor(1)
    publisher.look()
    publisher.publishing.close(0.0)
    assert publisher.names() == set()
    goes_on.set()

"""Published results are read from whoever has them, and believed only as far as their records prove them."""

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from tests.unit.node.publishing_world import AGREED, OUTVOTED, PRIVATE, Publisher, published_world

from worknet.audit import publications
from worknet.audit.publications import MOST_FAULTS, Known, Publications, Published, manifest_of
from worknet.config.values import Url
from worknet.network.local import free_port
from worknet.node.operations.published import published_routes
from worknet.node.operations.server import HttpServer, application
from worknet.node.prove import Prover, Selection
from worknet.protocol.canonical import decode, to_hex
from worknet.protocol.evidence import sealed
from worknet.protocol.ids import workflow_id
from worknet.protocol.manifest import Manifest
from worknet.protocol.merkle import leaf_hash, root_of_hashes
from worknet.protocol.trees import Tree
from worknet.verify import VerifyError

Answer = Callable[[Request], Any]


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    folder = tmp_path_factory.mktemp("world")
    world = published_world(folder)
    publisher = Publisher(world, folder / "served")
    publisher.look()
    yield publisher
    world.close()


def known(publisher: Publisher, slot: int = AGREED) -> Known:
    record = publisher.company.index.record_of(publisher.world.chain.voting_id(slot))
    assert record is not None
    return Known(record.record, record.position)


def content(publisher: Publisher, slot: int = AGREED) -> bytes:
    return publisher.files()[publisher.name(slot)]


def found(publisher: Publisher, *places: Path | Url, **options: Any) -> Published:
    [found] = Publications(places).find([known(publisher)], **options)
    return found


@pytest.fixture
def put(publisher: Publisher, tmp_path: Path) -> Callable[[bytes, str], Path]:
    """Puts something in the place of a publication, in a folder of that name."""

    def put(content: bytes, name: str = "other") -> Path:
        (tmp_path / name).mkdir()
        (tmp_path / name / publisher.name(AGREED)).write_bytes(content)
        return tmp_path / name

    return put


@contextmanager
def serving(answer: Answer, path: str = "/published/{name}") -> Iterator[Url]:
    server = HttpServer(application([Route(path, answer)]), "127.0.0.1", 0)
    server.start()
    yield Url(f"http://127.0.0.1:{server.port}/published")
    server.close()


def altered(publisher: Publisher, **changes: Any) -> bytes:
    """A publication with other members, and a checksum that fits."""
    return sealed({**publisher.document(), **changes})


def with_summary(publisher: Publisher, summary: Mapping[str, Any]) -> bytes:
    manifest = publisher.document()["manifest"]
    return altered(publisher, manifest={**manifest, "document": {**manifest["document"], "summary": summary}})


# What is found


def test_a_publication_in_a_folder_proves_its_manifest(publisher: Publisher) -> None:
    publication = found(publisher, publisher.path).publication
    assert publication is not None
    assert publication.where == str(publisher.path)
    assert publication.manifest.summary == {"rows": 2}
    voting_id = publisher.world.chain.voting_id(AGREED)
    ballot = publisher.company.journal.ballots.get(voting_id, 1, 1)
    assert publication.manifest == Manifest.parse(ballot.manifest)


def test_a_worker_s_own_server_is_a_place(publisher: Publisher) -> None:
    routes = published_routes(publisher.folder, publisher.company.index, {workflow_id("tried"): "tried"})
    server = HttpServer(application(routes), "127.0.0.1", 0)
    server.start()
    reader = Publications([Url(f"http://user:secret@127.0.0.1:{server.port}/published/?key=secret")])
    first, second, none = reader.find([known(publisher, slot) for slot in (AGREED, OUTVOTED, PRIVATE)])
    server.close()
    assert first.publication is not None
    assert first.publication.where == f"http://127.0.0.1:{server.port}/published"
    assert second.publication is not None
    assert (none.publication, none.findings, reader.faults) == (None, (), {})


def test_what_is_nowhere_published_is_no_finding(publisher: Publisher, tmp_path: Path) -> None:
    reader = Publications([tmp_path])
    [told] = reader.find([known(publisher)])
    assert (told.publication, told.findings, reader.faults) == (None, (), {})


def test_a_folder_that_is_none_is_not_read_and_is_no_finding(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    none = [tmp_path / "none", tmp_path / "file"]
    reader = Publications([*none, publisher.path])
    [told] = reader.find([known(publisher)])
    assert told.publication is not None
    assert told.findings == ()
    assert reader.faults == {str(each): "there is no such folder" for each in none}


def test_a_place_that_is_named_twice_is_asked_once(publisher: Publisher) -> None:
    told = found(publisher, publisher.path, publisher.path, every_place=True)
    assert told.publication is not None
    assert told.also == ()


def test_without_places_nothing_is_found(publisher: Publisher) -> None:
    assert found(publisher) == Published(publisher.world.chain.voting_id(AGREED), None)


def test_records_are_answered_in_the_order_in_which_they_were_given(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publications, "BATCH", 2)
    slots = [OUTVOTED, PRIVATE, AGREED, PRIVATE, OUTVOTED]
    told = list(Publications([publisher.path]).find(known(publisher, slot) for slot in slots))
    assert [each.voting_id for each in told] == [publisher.world.chain.voting_id(slot) for slot in slots]
    assert [each.publication is not None for each in told] == [slot != PRIVATE for slot in slots]


def test_the_first_sound_place_is_enough(publisher: Publisher, put: Callable[..., Path]) -> None:
    told = found(publisher, publisher.path, put(b"wrong"))
    assert told.publication is not None
    assert (told.also, told.findings) == ((), ())


def test_every_place_is_asked_if_that_is_wanted(publisher: Publisher, put: Callable[..., Path]) -> None:
    wrong, same = put(b"wrong"), put(content(publisher), "same")
    told = found(publisher, publisher.path, wrong, same, every_place=True)
    assert told.also == (str(same),)
    assert [dict(each.evidence) for each in told.findings] == [
        {"where": str(wrong), "sound": str(publisher.path)}
    ]


# What is wrong


def test_of_two_manifests_the_wrong_one_is_named_and_the_other_is_taken(
    publisher: Publisher, put: Callable[..., Path]
) -> None:
    forged = put(with_summary(publisher, {"rows": 3}))
    told = found(publisher, forged, publisher.path)
    assert told.publication is not None
    assert told.publication.manifest.summary == {"rows": 2}
    [finding] = told.findings
    assert (finding.rule, finding.voting_id) == ("publication", publisher.world.chain.voting_id(AGREED))
    assert finding.position == known(publisher).position
    assert finding.what.startswith(f"the publication at {forged} is wrong: manifest")


def test_evidence_without_a_manifest_is_no_publication(
    publisher: Publisher, put: Callable[..., Path]
) -> None:
    told = found(publisher, put(altered(publisher, manifest=None)))
    assert told.publication is None
    assert "it has no manifest" in told.findings[0].what


def test_a_publication_that_says_another_position_is_refused(
    publisher: Publisher, put: Callable[..., Path]
) -> None:
    position = known(publisher).position
    told = found(publisher, put(altered(publisher, position=position + 1)))
    assert told.publication is None
    assert f"at position {position} of the log, and not where it says" in told.findings[0].what


def test_evidence_that_discloses_a_row_is_no_publication(
    publisher: Publisher, put: Callable[..., Path]
) -> None:
    company = publisher.company
    record = company.index.record_of(publisher.world.chain.voting_id(AGREED))
    assert record is not None
    selection = Selection("dataset", "meters", {"meter": "other"})
    told = found(
        publisher, put(Prover(company.index, company.journal, publisher.data_key).evidence(record, selection))
    )
    assert told.publication is None
    assert "it discloses more than the manifest" in told.findings[0].what


def test_a_publication_of_another_record_is_refused(publisher: Publisher, put: Callable[..., Path]) -> None:
    told = found(publisher, put(content(publisher, OUTVOTED)))
    assert told.publication is None
    assert "its record is not the one of this voting in the log" in told.findings[0].what


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: b"\n", id="newline"),
        pytest.param(lambda whole: whole[:-1], id="cut"),
        pytest.param(lambda whole: whole[: len(whole) // 2], id="half"),
        pytest.param(lambda whole: whole + b"\n", id="longer"),
        pytest.param(lambda whole: whole + whole, id="twice"),
        pytest.param(lambda whole: b"\xff" * 100, id="no text"),
        pytest.param(lambda whole: b"[" * 100_000 + b"\n", id="deep"),
        pytest.param(lambda whole: b"<html>\x1b[31m</html>\n", id="page"),
        pytest.param(lambda whole: whole.replace(b'"rows":2', b'"rows":3'), id="altered"),
    ],
)
def test_a_malformed_publication_is_a_finding(
    publisher: Publisher, put: Callable[..., Path], form: Callable[[bytes], bytes]
) -> None:
    told = found(publisher, put(form(content(publisher))), publisher.path)
    assert told.publication is not None
    assert len(told.findings) == 1
    assert "\x1b" not in told.findings[0].what


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 1 << 20), length=st.integers(0, 40), instead=st.binary(max_size=40))
def test_no_other_manifest_is_ever_taken_for_the_record_s(
    publisher: Publisher, at: int, length: int, instead: bytes
) -> None:
    whole = content(publisher)
    at %= len(whole)
    changed = whole[:at] + instead + whole[at + length :]
    right = manifest_of(whole, known(publisher))
    try:
        assert manifest_of(changed, known(publisher)) == right
    except VerifyError:
        assert changed != whole


def test_a_tree_head_that_the_log_never_had_is_refused_by_who_knows_the_log(
    publisher: Publisher, put: Callable[..., Path]
) -> None:
    position = known(publisher).position
    others = [sha256(bytes([number])).digest() for number in range(position + 2)]
    others[position] = known(publisher).record.leaf_hash()
    path = [to_hex(each) for each in Tree(others).inclusion(position)]
    head = {"size": len(others), "root": to_hex(root_of_hashes(others))}
    forged = put(altered(publisher, head=head, path=path))
    leaves = [leaf_hash(leaf) for leaf in publisher.company.index.leaves()]

    def root_at(size: int) -> bytes | None:
        return root_of_hashes(leaves[:size]) if size <= len(leaves) else None

    told = found(publisher, forged, publisher.path, root_at=root_at)
    assert "the log had another tree head" in told.findings[0].what
    assert told.publication is not None
    assert told.publication.where == str(publisher.path)


# Places that fail


def test_a_pipe_a_link_or_a_folder_in_its_place_keeps_nobody_waiting(
    publisher: Publisher, tmp_path: Path
) -> None:
    places = [tmp_path / name for name in ("pipe", "link", "folder")]
    for place in places:
        place.mkdir()
    name = publisher.name(AGREED)
    os.mkfifo(places[0] / name)
    (places[1] / name).symlink_to(publisher.path / name)
    (places[2] / name).mkdir()
    began = time.monotonic()
    assert found(publisher, *places).publication is None
    assert time.monotonic() - began < 5


def test_a_place_that_cannot_be_reached_is_told_and_then_left(publisher: Publisher) -> None:
    asked = []

    async def broken(request: Request) -> Response:
        asked.append(request.url.path)
        return Response(status_code=500)

    with serving(broken) as url:
        reader = Publications([url, publisher.path])
        told = [next(iter(reader.find([known(publisher)]))) for _ in range(MOST_FAULTS + 3)]
    assert all(each.publication is not None for each in told)
    assert all(each.findings == () for each in told)
    assert len(asked) == MOST_FAULTS
    assert list(reader.faults.values()) == ["the server answered with status 500"]


def test_a_server_that_is_down_is_a_fault_and_no_finding(publisher: Publisher) -> None:
    reader = Publications([Url(f"http://127.0.0.1:{free_port()}/published"), publisher.path])
    [told] = reader.find([known(publisher)])
    assert told.publication is not None
    assert (told.findings, len(reader.faults)) == ((), 1)


def test_a_server_that_drips_is_left_in_time(publisher: Publisher) -> None:
    async def slow(_: Request) -> Response:
        await asyncio.sleep(5)
        return Response(b"")

    with serving(slow) as url:
        reader = Publications([url, publisher.path], timeout=0.2)
        began = time.monotonic()
        [told] = reader.find([known(publisher)])
        assert time.monotonic() - began < 4
    assert told.publication is not None
    assert list(reader.faults.values()) == ["no whole answer within 0.2 s"]


def test_no_redirect_is_followed_to_another_server(publisher: Publisher) -> None:
    asked = []

    async def elsewhere(request: Request) -> Response:
        asked.append(request.url.path)
        return Response(content(publisher))

    with serving(elsewhere) as other:

        async def redirects(_: Request) -> Response:
            return RedirectResponse(f"{other.value}/{publisher.name(AGREED)}")

        with serving(redirects) as url:
            told = found(publisher, url)
    assert asked == []
    assert told.publication is None
    assert "another server" in told.findings[0].what


def test_a_flood_is_cut_off(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publications, "MAX_BYTES", 1000)

    async def flood(_: Request) -> Response:
        return Response(b"x" * 100_000)

    with serving(flood) as url:
        told = found(publisher, url, publisher.path)
    assert [each.what.rpartition(": ")[2] for each in told.findings] == [
        "the answer is larger than 1000 bytes",
        "no file of at most 1000 bytes",
    ]


def test_a_manifest_is_read_as_the_file_has_it(publisher: Publisher) -> None:
    publication = found(publisher, publisher.path).publication
    assert publication is not None
    document = decode(content(publisher)[:-1])["manifest"]["document"]
    assert publication.manifest.document() == document

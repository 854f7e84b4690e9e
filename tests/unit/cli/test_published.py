"""`worknet voting show` tells the public what was agreed on, and which place says otherwise."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.cli.test_voting import NETWORK, NODE
from tests.unit.node.conftest import EVERY, private_key
from tests.unit.node.publishing_world import AGREED, OUTVOTED, PRIVATE, Publisher, published_world
from tests.unit.node.sharing_world import DATA_KEY

from worknet.audit.publications import Publication, Published
from worknet.cli import main
from worknet.cli.published import ShownResult
from worknet.network import access
from worknet.node import setup
from worknet.protocol.canonical import to_hex
from worknet.protocol.evidence import sealed
from worknet.protocol.manifest import Manifest
from worknet.protocol.times import time_text

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """Three votings; `network.toml` names the folder in which one company has published two of them."""
    folder = tmp_path_factory.mktemp("world")
    world = published_world(folder)
    publisher = Publisher(world, folder / "served")
    publisher.look()
    network = NETWORK.format(contract=to_hex(world.chain.contract), zeros="00" * 31)
    (folder / "network.toml").write_text(
        network.replace("confirmations = 0", 'confirmations = 0\npublished = ["served"]')
    )
    place = world.companies[0].folder
    place.chmod(0o700)
    files = {"key": bytes([1]) * 32, "data-key": DATA_KEY, "encryption-key": private_key(0)}
    for name, content in files.items():
        (place / name).write_text(content.hex())
        (place / name).chmod(0o600)
    (place / "node.toml").write_text(NODE.format(level="nothing"))
    yield publisher
    world.close()


@pytest.fixture
def show(publisher: Publisher, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command about a slot; gives the exit code and what was written."""
    rpc = publisher.world.chain.rpc
    monkeypatch.setattr(setup, "Rpc", lambda **_: rpc)
    monkeypatch.setattr(access, "connect", lambda *_: rpc)

    def called(slot: int, *more: str, file: str = "network.toml") -> tuple[int, str, str]:
        named = f"tried@{time_text(slot * EVERY)}"
        with pytest.raises(SystemExit) as caught:
            main.run(["voting", "show", str(publisher.path.parent / file), named, *more])
        assert isinstance(caught.value.code, int)
        return caught.value.code, *capsys.readouterr()

    return called


def forged(publisher: Publisher, folder: Path) -> Path:
    """A folder with a publication that says something else."""
    told = publisher.document()
    document = {**told["manifest"]["document"], "summary": {"rows": 3, "note": "\x1b[31mred"}}
    folder.mkdir()
    content = sealed({**told, "manifest": {**told["manifest"], "document": document}})
    (folder / publisher.name(AGREED)).write_bytes(content)
    return folder


def test_anybody_sees_the_public_result_and_where_it_is_from(publisher: Publisher, show: Call) -> None:
    code, out, err = show(AGREED)
    assert (code, err) == (0, "")
    assert f"its result, published at {publisher.path} and proven by the record:\n  rows  2\n" in out


def test_a_worker_sees_it_too(show: Call) -> None:
    code, out, err = show(AGREED, file="node0/node.toml")
    assert (code, err) == (0, "")
    assert "served and proven by the record:\n  rows  2\n" in out


def test_a_result_that_nobody_publishes_is_said_to_be_none(show: Call) -> None:
    code, out, _ = show(PRIVATE)
    assert code == 0
    assert "no sound publication of its result was found\n" in out
    assert json.loads(show(PRIVATE, "--json")[1])["published"]["manifest"] is None


def test_programs_get_the_manifest_and_its_place(publisher: Publisher, show: Call) -> None:
    told = json.loads(show(OUTVOTED, "--json")[1])["published"]
    assert told == {
        "manifest": publisher.document(OUTVOTED)["manifest"]["document"],
        "where": str(publisher.path),
        "also": [],
        "wrong": [],
        "unread": [],
    }


def test_of_two_places_that_differ_the_wrong_one_is_named(
    publisher: Publisher, show: Call, tmp_path: Path
) -> None:
    folder = forged(publisher, tmp_path / "forged")
    code, out, _ = show(AGREED, "--published", str(folder))
    assert code == 0
    assert "  rows  2\n" in out
    assert f"WRONG: the publication at {folder} is wrong: manifest" in out
    assert "\x1b" not in out
    [wrong] = json.loads(show(AGREED, "--published", str(folder), "--json")[1])["published"]["wrong"]
    assert wrong["where"] == str(folder)


def test_who_else_publishes_the_same_is_said(publisher: Publisher, show: Call, tmp_path: Path) -> None:
    (tmp_path / publisher.name(AGREED)).write_bytes(publisher.files()[publisher.name(AGREED)])
    _, out, _ = show(AGREED, "--published", str(tmp_path))
    assert f"the same is published at {tmp_path}\n" in out


def test_a_place_that_cannot_be_read_is_said(show: Call) -> None:
    _, out, _ = show(AGREED, "--published", "http://127.0.0.1:1/published")
    assert "not read: http://127.0.0.1:1/published: no connection" in out
    assert "  rows  2\n" in out


@pytest.mark.parametrize("place", ["http://", "https://[", ""])
def test_a_place_that_is_none_is_refused(show: Call, place: str) -> None:
    code, out, err = show(AGREED, "--published", place)
    assert (code, out) == (2, "")
    assert err.startswith("error: --published: ")


def test_what_others_wrote_reaches_no_terminal_as_they_wrote_it(publisher: Publisher) -> None:
    manifest = Manifest(
        workflow="tried",
        bundle_digest=bytes(32),
        trigger_id=bytes(32),
        window=None,
        parameters={},
        tables={},
        summary={"a\x1b[2J": "\u202eevil\n", "long": "x" * 100_000, "list": [{"b": None}]},
    )
    shown = ShownResult(Published(b"", Publication(b"", "http://place", manifest)), (("p", "\x1b]0;"),))
    lines = list(shown.lines())
    assert all(line.isprintable() for line in lines)
    assert max(map(len, lines)) < 3000


def test_an_empty_summary_is_shown_as_such(publisher: Publisher) -> None:
    manifest = Manifest("tried", bytes(32), bytes(32), None, {}, {}, {})
    assert list(ShownResult(Published(b"", Publication(b"", "place", manifest)), ()).lines())[1:] == [
        "    {}"
    ]

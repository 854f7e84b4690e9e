"""`worknet voting show --tree`: what a report was made from, as its worker and as anybody sees it."""

import json
from collections.abc import Callable, Iterator

import pytest
from tests.unit.node.consuming_world import DATA_KEY, Consuming, consuming, minute, span

from worknet.cli import main
from worknet.network import access
from worknet.node import setup
from worknet.node.prove import Prover
from worknet.node.published import PublishedFolder
from worknet.node.publishing import Publishing
from worknet.node.view import Look
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import workflow_id
from worknet.protocol.times import time_text
from worknet.testing.company import AtOnce

NETWORK = """
[network]
name = "test"
chain_id = 31337
contract = "{contract}"
deployed_block = 0
confirmations = 1
"""
WORKFLOW = """
[workflows.{name}]
folder = "{name}"

[workflows.{name}.policy]
cast_window = "5m"
reveal_window = "5m"
stall = "10m"
data_key_epoch = 1
data_key_commitment = "0x{zeros}02"
"""
NODE = """
[node]
name = "alpha"
data_dir = "."
network = "../network.toml"

[chain]
rpc = "http://127.0.0.1:8545"

[key]
private_key = { file = "key" }

[data_keys]
1 = { file = "data-key" }
"""
SPAN = f"spans@{time_text(span().window.start)}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consuming]:
    """A span was recorded from its minutes, and each company has its files."""
    folder = tmp_path_factory.mktemp("world")
    with consuming(folder) as world:
        world.play(span().window.end + 200)
        workflows = (WORKFLOW.format(name=name, zeros="00" * 31) for name in ("minutes", "spans"))
        network = NETWORK.format(contract=to_hex(world.chain.contract))
        (folder / "network.toml").write_text(network + "".join(workflows))
        (folder / "publishing.toml").write_text(
            (folder / "network.toml").read_text().replace("[network]", '[network]\npublished = ["published"]')
        )
        place = folder / "node0"
        place.chmod(0o700)
        for name, content in {"key": b"\1" * 32, "data-key": DATA_KEY}.items():
            (place / name).write_text(content.hex())
            (place / name).chmod(0o600)
        (place / "node.toml").write_text(NODE)
        yield world


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(world: Consuming, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command; gives the exit code and what was written."""
    monkeypatch.setattr(setup, "Rpc", lambda **_: world.chain.rpc)
    monkeypatch.setattr(access, "connect", lambda *_: world.chain.rpc)

    def called(file: str, *arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.run(["voting", "show", str(world.folder / file), *arguments, "--tree"])
        assert isinstance(caught.value.code, int)
        return caught.value.code, *capsys.readouterr()

    return called


@pytest.fixture(scope="module")
def published(world: Consuming) -> None:
    """A worker has published all that was recorded."""
    member, place = world.members[1], world.folder / "published"
    place.mkdir()
    prover = Prover(member.index, member.journal, lambda _: DATA_KEY)
    names = {workflow_id(name): name for name in ("minutes", "spans")}
    publishing = Publishing(prover, names, PublishedFolder(place, "beta"), executor=AtOnce())
    publishing.look(Look(member.parents.client, member.index)())
    publishing.work()


def test_a_worker_sees_what_its_report_was_made_from(world: Consuming, call: Call) -> None:
    code, out, err = call("node0/node.toml", SPAN)
    root, *parents = out.splitlines()
    assert (code, err) == (0, "")
    assert root.startswith(f"{SPAN}  recorded by quorum, attempt 1, position 3")
    named = [line[4:].split("  ")[0] for line in parents]
    assert named == [f"minutes@{time_text(minute(number).window.start)}" for number in range(3)]
    assert parents[0].endswith("; wh 11")


def test_the_document_has_the_same_tree(world: Consuming, call: Call) -> None:
    document = json.loads(call("node0/node.toml", SPAN, "--json")[1])
    assert document["count"] == 3
    positions = [parent["position"] for parent in document["parents"]]
    assert positions == [0, 1, 2]


def test_where_nothing_is_published_nobody_else_knows_parents(world: Consuming, call: Call) -> None:
    code, out, _ = call("network.toml", SPAN)
    assert (code, out.splitlines()[1:]) == (0, [])
    assert out.endswith("; parents not known\n")


@pytest.mark.usefixtures("published")
def test_what_is_published_is_drawn_for_anybody(call: Call) -> None:
    assert call("publishing.toml", SPAN)[1] == call("node0/node.toml", SPAN)[1]


@pytest.mark.usefixtures("published")
def test_an_audit_follows_the_parents_that_are_published(
    world: Consuming, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    state = str(world.folder / "state.json")
    with pytest.raises(SystemExit) as caught:
        main.run(["audit", str(world.folder / "publishing.toml"), "--state", state, "--json"])
    report = json.loads(capsys.readouterr().out)
    checked = {each["what"]: each["count"] for each in report["checked"]}
    assert (caught.value.code, report["findings"]) == (0, [])
    assert checked["parents of published results"] == 3
    assert sum(len(each["published"]["parents"]) for each in report["records"]) == 3


def test_a_voting_that_nobody_voted_on_has_no_tree(world: Consuming, call: Call) -> None:
    code, _, err = call("node0/node.toml", f"spans@{time_text(span(-5).window.start)}")
    assert code == 2
    assert "nobody has voted on 0x" in err


def test_a_tree_is_not_explained(call: Call) -> None:
    code, _, err = call("node0/node.toml", SPAN, "--explain")
    assert code == 2
    assert "give --tree alone" in err

"""`worknet voting show` and `share`: as a worker, as anybody, and whom a voting is named to."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Governed
from tests.unit.node.conftest import EVERY, LAST, private_key
from tests.unit.node.sharing_world import DATA_KEY, SECRETS, SharingWorld, sharing_world

from worknet.chain.sealed_statements import seal
from worknet.cli import main
from worknet.node import setup, statements
from worknet.node.stating import recipients
from worknet.protocol.canonical import to_hex
from worknet.protocol.times import time_text

NETWORK = """
[network]
name = "test"
chain_id = 31337
contract = "{contract}"
deployed_block = 0
confirmations = 0

[workflows.tried]
folder = "tried"

[workflows.tried.policy]
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
private_key = {{ file = "key" }}

[data_keys]
1 = {{ file = "data-key" }}

[sharing]
level = "{level}"
"""
NAME = f"tried@{time_text(LAST * EVERY)}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharingWorld]:
    """Three companies with their files that read other numbers twice, and told each other nothing."""
    folder = tmp_path_factory.mktemp("world")
    world = sharing_world(folder, levels=(None, None, None))
    world.step(9)
    contract = to_hex(world.chain.contract)
    (folder / "network.toml").write_text(NETWORK.format(contract=contract, zeros="00" * 31))
    for number in range(3):
        place = folder / f"node{number}"
        place.chmod(0o700)
        files = {"key": bytes([number + 1]) * 32, "data-key": DATA_KEY, "encryption-key": private_key(number)}
        for name, content in files.items():
            (place / name).write_text(content.hex())
            (place / name).chmod(0o600)
        (place / "node.toml").write_text(NODE.format(level="nothing"))
    yield world
    world.close()


Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(world: SharingWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls the command; gives the exit code and what was written."""
    monkeypatch.setattr(setup, "Rpc", lambda **_: world.chain.rpc)

    def called(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as caught:
            main.run(["voting", *arguments])
        assert isinstance(caught.value.code, int)
        return caught.value.code, *capsys.readouterr()

    return called


def node(world: SharingWorld, number: int = 0) -> str:
    return str(world.companies[number].folder / "node.toml")


def test_a_worker_sees_both_attempts_with_what_it_voted_on(world: SharingWorld, call: Call) -> None:
    code, out, err = call("show", node(world), NAME)
    assert (code, err) == (1, "")
    assert out.startswith(f"{NAME}  unresolved\n")
    assert out.count("  this worker, 0, voted A\n     dataset meters: 2 rows, root 0x") == 2
    assert "to do:" not in out


def test_why_is_said_when_it_is_asked_for(world: SharingWorld, call: Call) -> None:
    _, out, _ = call("show", node(world), NAME, "--explain")
    assert "unresolved: in attempts 1 and 2 no 2 of 3 members voted alike\n" in out
    assert "1. attempts 1 and 2: inputs differ\n" in out
    assert "no statement on attempt 1 of workers 1 and 2\n" in out


def test_a_voting_may_be_named_by_its_id_or_its_trigger_s(world: SharingWorld, call: Call) -> None:
    voting = json.loads(call("show", node(world), NAME, "--json")[1])
    for name in (voting["voting"], voting["trigger"]):
        assert json.loads(call("show", node(world), name, "--json")[1]) == voting


def test_without_a_file_node_toml_is_taken(
    world: SharingWorld, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.companies[0].folder)
    assert call("show", NAME)[0] == 1


def test_members_that_hand_over_files_learn_rows_and_columns_and_no_values(
    world: SharingWorld, call: Call, tmp_path: Path
) -> None:
    file = tmp_path / "statement"
    code, out, err = call(
        "share", node(world, 1), NAME, "--out", str(file), "--attempt", "1", "--level", "rows"
    )
    assert (code, err) == (0, "")
    _, out, _ = call("show", node(world, 0), NAME, "--explain", "--statement", str(file))
    assert (
        "worker 1 against this worker: dataset meters (2 rows here, 2 there): 1 row differs, in wh (1)" in out
    )
    assert '   - dataset meters, meter="secretmeter": wh\n' in out
    assert f"{file}: " not in out
    assert not any(secret.encode() in file.read_bytes() for secret in SECRETS)


def test_keys_of_rows_are_in_the_document_only_where_why_is_asked_for(
    world: SharingWorld, call: Call, tmp_path: Path
) -> None:
    file = str(tmp_path / "statement")
    call("share", node(world, 1), NAME, "--out", file, "--attempt", "1", "--level", "rows")
    explained = json.loads(call("show", node(world), NAME, "--explain", "--statement", file, "--json")[1])
    assert "secretmeter" in json.dumps(explained)
    assert "secretmeter" not in call("show", node(world), NAME, "--json")[1]


def test_a_file_that_is_no_statement_is_refused_and_the_rest_is_shown(
    world: SharingWorld, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "nonsense").write_bytes(b"nonsense")
    code, out, _ = call("show", node(world), NAME, "--explain", "--statement", str(tmp_path / "nonsense"))
    assert code == 1
    assert out.count(f"statement refused, {tmp_path / 'nonsense'}: no sealed statement") == 1
    assert "inputs differ" in out


@pytest.fixture(scope="module")
def elsewhere(world: SharingWorld, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a statement that worker 1 might have made on another voting."""
    voting_id = world.chain.voting_id(LAST)
    attempt = world.company(1).index.voting(voting_id).attempts[0]  # type: ignore[union-attr]  # it is there
    own = world.company(1).reader().stating.own(voting_id, attempt, 1, "roots").statement
    place = replace(own.place, voting_id=b"\7" * 32)
    file = tmp_path_factory.mktemp("elsewhere") / "statement"
    file.write_bytes(seal(replace(own, place=place), recipients(world.company(1).index.members(), 1)))
    return file


def test_a_statement_on_another_voting_is_refused_aloud_beside_one_that_holds(
    world: SharingWorld, call: Call, tmp_path: Path, elsewhere: Path
) -> None:
    held = str(tmp_path / "held")
    call("share", node(world, 1), NAME, "--out", held, "--attempt", "1", "--level", "rows")
    given = ["--explain", "--statement", held, "--statement", str(elsewhere)]
    _, out, _ = call("show", node(world), NAME, *given)
    assert f"statement refused, {elsewhere}: it is about another voting, 0x0707" in out
    assert "worker 1 against this worker: dataset meters" in out
    (refused,) = json.loads(call("show", node(world), NAME, *given, "--json")[1])["statements_refused"]
    assert (refused["attempt"], refused["where"]) == (None, str(elsewhere))


def test_of_a_file_without_end_no_more_is_read_than_a_statement_may_have(
    world: SharingWorld, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "LARGEST_SEALED", 1000)
    (tmp_path / "large").symlink_to("/dev/zero")
    _, out, _ = call("show", node(world), NAME, "--explain", "--statement", str(tmp_path / "large"))
    assert f"statement refused, {tmp_path / 'large'}: no sealed statement: it has no header" in out


def test_a_file_that_is_not_there_is_refused_under_no_attempt(
    world: SharingWorld, call: Call, tmp_path: Path
) -> None:
    _, out, _ = call("show", node(world), NAME, "--explain", "--statement", str(tmp_path / "none"))
    assert f"statement refused, {tmp_path / 'none'}: cannot be read: No such file or directory" in out


@pytest.mark.parametrize("command", [["show"], ["share", "--out", "x", "--level", "rows"]])
def test_a_time_at_which_no_slot_begins_names_no_voting(
    world: SharingWorld, call: Call, command: list[str]
) -> None:
    name = f"tried@{time_text(LAST * EVERY + 1)}"
    code, out, err = call(command[0], node(world), name, *command[1:])
    assert (code, out) == (2, "")
    assert f"{name}: no slot of tried (every {EVERY} seconds) begins then" in err
    assert f"the nearest are {time_text(LAST * EVERY)} and {time_text((LAST + 1) * EVERY)}" in err


def test_a_statement_is_written_over_no_file_that_is_there(
    world: SharingWorld, call: Call, tmp_path: Path
) -> None:
    (tmp_path / "mine").write_text("something else")
    code, _, err = call("share", node(world, 1), NAME, "--out", str(tmp_path / "mine"), "--level", "rows")
    assert (code, "exists already" in err, "choose another name" in err) == (2, True, True)
    assert (tmp_path / "mine").read_text() == "something else"


def test_of_a_slot_that_is_not_due_it_is_said_when_it_is(world: SharingWorld, call: Call) -> None:
    code, out, _ = call("show", node(world), f"tried@{time_text((LAST + 1000) * EVERY)}", "--explain")
    due = time_text((LAST + 1001) * EVERY)
    assert (code, f"  not due before {due}\n" in out) == (0, True)
    assert f"nobody can have voted yet: the voting is due at {due}\n" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--statement", "x"], "--statement is for --explain"),
        (["--rpc", "http://127.0.0.1:1"], "--rpc goes with a network.toml"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    world: SharingWorld, call: Call, arguments: list[str], message: str
) -> None:
    code, out, err = call("show", node(world), NAME, *arguments)
    assert (code, out) == (2, "")
    assert message in err


def test_a_voting_that_never_was_is_refused(world: SharingWorld, call: Call) -> None:
    code, _, err = call("show", node(world), "0x" + "01" * 32)
    assert (code, "the network has no voting 0x0101" in err) == (2, True)


# As anybody


def shown(governed: Governed, voting: str, *arguments: str) -> tuple[int, str]:
    code, out, err = governed._call("voting", "show", str(governed.file), voting, *arguments)
    assert err == ""
    return code, out


def test_anybody_sees_what_stands_on_chain(governed: Governed) -> None:
    network = governed.network
    network.unresolved(0)
    code, out = shown(governed, governed.slot(0), "--explain")
    assert code == 1
    assert "1. attempt 2: stalled\n" in out
    assert "worker 2 sent nothing before the cast window ended\n" in out
    assert "worker 1 sealed a ballot and did not reveal it before the reveal window ended\n" in out
    assert "this worker" not in out


def test_a_voting_that_goes_on_is_no_failure(governed: Governed) -> None:
    governed.network.seal(0, 0)
    code, out = shown(governed, governed.slot(0), "--explain")
    assert code == 0
    assert "attempt 1 goes on: 0 of 3 ballots are counted so far\n" in out


def test_a_recorded_voting_is_no_failure(governed: Governed) -> None:
    governed.network.report(0, (0, 1, 2), 0b111)
    document: Any = json.loads(shown(governed, governed.slot(0), "--json")[1])
    assert (document["state"], document["how"], document["reasons"]) == ("consensus", "report", [])


def test_statements_are_for_members(governed: Governed) -> None:
    code, _, err = governed._call(
        "voting", "show", str(governed.file), governed.slot(0), "--explain", "--statement", "x"
    )
    assert (code, "only members can read statements" in err) == (2, True)

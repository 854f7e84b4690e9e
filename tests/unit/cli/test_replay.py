"""`worknet replay`: what it prints of each attempt, and how it ends."""

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from worknet.cli import main
from worknet.cli import replay as command
from worknet.node.errors import UnknownVoting
from worknet.node.replay import Replayed
from worknet.protocol.ballots import Pair
from worknet.tables.differences import Difference

THEN, NOW = Pair(b"\x01" * 32, b"\x02" * 32), Pair(b"\x01" * 32, b"\x03" * 32)
SAME = Replayed(1, 1, b"\x09" * 32, THEN, THEN, THEN)
ROW = Difference("table", "out", {"id": "a"}, "wh", 1, 2)
OTHER = Replayed(2, 1, b"\x09" * 32, THEN, NOW, None, ROW.text(), ROW)


@pytest.fixture
def replays(monkeypatch):
    """Lets the command find these attempts, and returns the arguments that it asked with."""
    asked = []

    @contextmanager
    def opened(file):
        asked.append(str(file))
        yield SimpleNamespace(network=None, client=None, index=None)

    def prepare(*attempts):
        def replay(voting_id, attempt):
            asked.append(attempt)
            if not attempts:
                raise UnknownVoting("the journal no longer holds the rows", hint="keep them")
            return list(attempts)

        monkeypatch.setattr(command, "_replayer", lambda *_: SimpleNamespace(replay=replay))
        return asked

    monkeypatch.setattr(command, "opened", opened)
    monkeypatch.setattr(command, "voting_named", lambda *_: (b"\x05" * 32, None))
    return prepare


def exit_code(*arguments):
    with pytest.raises(SystemExit) as ended:
        main.run(["replay", *arguments])
    return ended.value.code


def test_the_same_ends_with_0(replays, capsys):
    assert replays(SAME) == []
    assert exit_code("some.toml", "0x05") == 0
    assert "the same" in capsys.readouterr().out


def test_a_difference_ends_with_1_and_names_the_row(replays, capsys):
    replays(SAME, OTHER)
    assert exit_code("some.toml", "0x05") == 1
    assert "table out, row id='a', column wh: 1, then 2" in capsys.readouterr().out


def test_what_cannot_be_run_again_ends_with_2(replays, capsys):
    replays()
    assert exit_code("some.toml", "0x05") == 2
    assert "no longer holds the rows" in capsys.readouterr().err


def test_the_configuration_is_node_toml_unless_named(replays):
    asked = replays(SAME)
    exit_code("0x05", "--attempt", "1")
    assert asked == ["node.toml", 1]


def test_json_has_every_attempt_with_its_three_pairs(replays, capsys):
    replays(SAME, OTHER)
    exit_code("some.toml", "0x05", "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document["same"], len(document["attempts"])) == (False, 2)
    assert document["attempts"][1]["row"] == ROW.document()
    assert document["attempts"][1]["on_chain"] is None

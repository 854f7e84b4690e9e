"""The log: one JSON object to a line, with fields that are known, rotated, and heard whatever the level."""

import errno
import io
import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from worknet.config import ConfigError, NodeConfig
from worknet.config.operations import LogSection
from worknet.node.operations.events import EVENTS, LONGEST
from worknet.node.operations.logs import Log, open_log

NODE = """
[node]
name = "alpha"
data_dir = "data"
network = "network.toml"
[chain]
rpc = "http://127.0.0.1:8545"
[key]
keystore = "worker.json"
password = { file = "worker.password" }
[log]
file = "nowhere/worker.log"
"""


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers = list(logging.getLogger().handlers)
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers = handlers


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "worker.log"


def using(file: Path, **section: object) -> Log:
    log = Log(LogSection.model_validate({"file": file, **section}))
    log.use()
    return log


def lines(file: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_line_is_one_json_object_with_event_level_and_time(file: Path) -> None:
    using(file)
    structlog.get_logger().warning("chain.fault", error="down", hint="")
    (line,) = lines(file)
    assert line.pop("timestamp")
    assert line == {"event": "chain.fault", "level": "warning", "error": "down", "hint": ""}


def test_without_a_file_the_log_goes_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    Log(LogSection()).use()
    structlog.get_logger().info("worker.ready")
    assert json.loads(capsys.readouterr().out)["event"] == "worker.ready"


def test_a_field_that_the_list_does_not_name_is_not_written(file: Path) -> None:
    using(file)
    structlog.get_logger().info("ballot.prepared", voting="0x01", salt="5ec2e7", rows=[{"meter": 1}])
    assert "salt" not in file.read_text()
    assert "meter" not in file.read_text()
    assert lines(file)[0]["voting"] == "0x01"


def test_an_event_that_the_list_does_not_name_has_no_fields(file: Path) -> None:
    using(file)
    structlog.get_logger().info("made.up", token="t0ken")
    structlog.get_logger().info("the key is 5ec2e7", token="t0ken")
    assert [line["event"] for line in lines(file)] == ["made.up", "log.unknown"]
    assert "t0ken" not in file.read_text()
    assert "5ec2e7" not in file.read_text()


def test_a_long_text_is_cut(file: Path) -> None:
    using(file)
    structlog.get_logger().warning("chain.fault", error="x" * (LONGEST + 1))
    assert lines(file)[0]["error"] == "x" * LONGEST + "..."


def test_nothing_below_the_level_is_written(file: Path) -> None:
    using(file, level="warning")
    structlog.get_logger().info("worker.ready")
    structlog.get_logger().error("voting.unresolved")
    assert [line["event"] for line in lines(file)] == ["voting.unresolved"]


def test_listeners_hear_every_event_with_its_known_fields_whatever_the_level(file: Path) -> None:
    heard: list[dict[str, object]] = []
    using(file, level="error").tell(lambda event: heard.append(dict(event)))
    structlog.get_logger().debug("inbox.taken", workflow="hourly", dataset="meters", accepted=3, body=b"row")
    assert heard == [
        {"event": "inbox.taken", "level": "debug", "workflow": "hourly", "dataset": "meters", "accepted": 3}
    ]


def test_loggers_that_were_used_before_the_log_was_opened_write_into_it(file: Path) -> None:
    early = structlog.get_logger()
    using(file)
    early.info("worker.ready")
    assert [line["event"] for line in lines(file)] == ["worker.ready"]


def test_files_are_rotated_by_size_and_only_so_many_are_kept(file: Path) -> None:
    using(file, max_size=500, keep=2)
    for _ in range(50):
        structlog.get_logger().warning("chain.fault", error="x" * 100)
    kept = sorted(each.name for each in file.parent.iterdir())
    assert kept == ["worker.log", "worker.log.1", "worker.log.2"]
    assert all(each.stat().st_size <= 500 for each in file.parent.iterdir())


def test_others_may_not_read_the_file(file: Path) -> None:
    before = os.umask(0)
    try:
        using(file, max_size=200)
        for _ in range(5):
            structlog.get_logger().warning("chain.fault", error="x" * 100)
    finally:
        os.umask(before)
    assert {stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()} == {0o640}


class FullDisk(io.StringIO):
    """Takes nothing while it is full."""

    is_full = True

    def write(self, text: str) -> int:
        if self.is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(text)


def test_a_log_that_cannot_be_written_stops_nothing_and_says_why(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = FullDisk()
    monkeypatch.setattr("sys.stdout", disk)
    log = Log(LogSection())
    log.use()
    structlog.get_logger().info("worker.ready")
    assert log.fault == "No space left on device"
    disk.is_full = False
    structlog.get_logger().info("worker.ready")
    assert log.fault == ""
    assert capsys.readouterr().err == ""


def test_what_libraries_log_is_written_nowhere(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    using(file)
    logging.getLogger("nats").error("cannot connect to nats://user:pass@host")
    assert file.read_text() == ""
    assert capsys.readouterr().err == ""


def test_a_file_that_cannot_be_written_is_refused_with_its_place(tmp_path: Path) -> None:
    node = tmp_path / "node.toml"
    node.write_text(NODE)
    with pytest.raises(ConfigError, match=r"node.toml, line 12: log.file: cannot be written"):
        open_log(NodeConfig.load(node))


def test_every_field_of_the_list_is_a_plain_name() -> None:
    for told in EVENTS.values():
        assert all(field.replace("_", "").isalpha() for field in told.fields)
        assert not {"event", "level", "timestamp"} & set(told.fields)

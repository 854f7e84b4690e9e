"""The systemd unit fits the worker that it starts: its command, its exit codes, its times, its namespaces."""

import configparser
import shutil
import subprocess
from pathlib import Path

import pytest
import typer
from typer.core import TyperGroup

from worknet.cli.main import application
from worknet.config.node import NodeSection
from worknet.config.operations import HealthSection
from worknet.node.errors import RivalError
from worknet.node.operations.watch import TICK_SECONDS

FILE = Path(__file__).resolve().parents[3] / "deploy" / "systemd" / "worknet@.service"


@pytest.fixture(scope="module")
def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # how configparser lets case stand
    unit.read_string(FILE.read_text())
    return unit["Service"]


def test_it_starts_a_command_that_there_is(service: configparser.SectionProxy) -> None:
    program, *words, file = service["ExecStart"].split()
    assert program.endswith("/bin/worknet")
    assert file == "/etc/worknet/%i/node.toml"
    group = typer.main.get_command(application(words[0]))
    assert isinstance(group, TyperGroup)
    node = group.commands[words[0]]
    assert isinstance(node, TyperGroup)
    assert words[1:] == ["run"]
    assert "run" in node.commands


def test_a_worker_that_stopped_for_a_rival_is_not_started_again(service: configparser.SectionProxy) -> None:
    assert service["RestartPreventExitStatus"] == str(RivalError.exit_code)
    assert service["Restart"] == "on-failure"


def test_a_worker_has_the_time_to_finish_what_it_cast(service: configparser.SectionProxy) -> None:
    assert int(service["TimeoutStopSec"]) >= NodeSection.model_fields["stop_within"].default + 30


def test_the_worker_alone_is_told_to_stop(service: configparser.SectionProxy) -> None:
    assert service["KillMode"] == "mixed"


def test_it_is_told_of_by_the_worker_itself(service: configparser.SectionProxy) -> None:
    assert (service["Type"], service["NotifyAccess"]) == ("notify", "main")


def test_the_watchdog_waits_longer_than_the_worker_needs_to_say_that_it_lives(
    service: configparser.SectionProxy,
) -> None:
    assert int(service["WatchdogSec"]) > 10 * TICK_SECONDS
    assert HealthSection().stuck > TICK_SECONDS


def test_a_workflow_can_be_cut_off_the_network(service: configparser.SectionProxy) -> None:
    assert {"user", "net", "pid"} <= set(service["RestrictNamespaces"].split())
    assert "PrivateUsers" not in service
    assert "@system-service" in service["SystemCallFilter"].split()


def test_it_may_write_where_data_dir_is_said_to_be_and_nowhere_else(
    service: configparser.SectionProxy,
) -> None:
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectory"] == "worknet/%i"
    assert "ReadWritePaths" not in service


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd-analyze")
def test_systemd_takes_it(tmp_path: Path) -> None:
    unit = tmp_path / "worknet@alpha.service"
    # The program is installed elsewhere here; all else is as it stands.
    unit.write_text(FILE.read_text().replace("/opt/worknet/bin/worknet", "/bin/true"))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")

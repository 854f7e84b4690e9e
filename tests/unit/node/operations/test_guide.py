"""The operations guide: its tables are those of the code, and what it shows of node.toml can be read."""

import re
import runpy
import tomllib
from pathlib import Path
from typing import get_args

import pytest

from worknet.config import NodeConfig
from worknet.config.operations import Event, HealthSection
from worknet.node.operations.admin import MOST_VOTINGS
from worknet.node.operations.metrics import MEASURES
from worknet.node.operations.server import CONNECTIONS, LARGEST_BODY, LARGEST_HEAD, REQUEST_SECONDS

ROOT = Path(__file__).resolve().parents[4]
TOOL = runpy.run_path(str(ROOT / "tools" / "make_operations_tables.py"))
TABLES = TOOL["TABLES"]
TEXT = TOOL["GUIDE"].read_text()
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
"""


def test_the_tables_are_those_of_the_code() -> None:
    assert TOOL["filled"](TEXT) == TEXT, "run python tools/make_operations_tables.py"


@pytest.mark.parametrize("name", TABLES)
def test_every_table_stands_in_the_guide_and_has_rows(name: str) -> None:
    assert f"<!-- {name} -->" in TEXT
    assert TABLES[name]().count("\n") > 4


def test_the_configuration_that_is_shown_can_be_read(tmp_path: Path) -> None:
    shown = re.search(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    assert shown is not None
    file = tmp_path / "node.toml"
    file.write_text(NODE + shown[1])
    config = NodeConfig.load(file)
    assert config.health.model_copy(update={"balance_low": None}) == HealthSection()
    assert config.alerts is not None
    assert tomllib.loads(shown[1])["alerts"]["on"] == config.alerts.on


def test_every_event_that_alerts_may_be_about_is_told_of() -> None:
    part = TEXT.split("## 5. Alerts")[1].split("## 6.")[0]
    assert set(get_args(Event)) == set(re.findall(r"`([a-z]+\.[a-z_]+)`", part)) - {"alert.failed"}


def test_limits_are_those_of_the_server() -> None:
    assert (LARGEST_BODY, LARGEST_HEAD) == (1 << 20, 16 << 10)
    assert f"{REQUEST_SECONDS:.0f} s, {CONNECTIONS} connections" in TEXT
    assert MOST_VOTINGS >= 50


def test_expressions_name_metrics_that_there_are() -> None:
    names = {each.name for each in MEASURES}
    assert set(re.findall(r"worknet_[a-z_]+", TEXT)) <= names

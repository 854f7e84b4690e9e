"""The published JSON schemas: they are up to date, and accept and refuse what the models do."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from worknet.config import NetworkConfig, NodeConfig, schema

ROOT = Path(__file__).parents[3]


def as_json(file: Path) -> Any:
    return json.loads(json.dumps(tomllib.loads(file.read_text()), default=lambda time: time.isoformat()))


def test_the_published_schemas_are_those_of_the_models() -> None:
    tool = [sys.executable, str(ROOT / "tools" / "make_schemas.py"), "--check"]
    assert subprocess.run(tool, check=False).returncode == 0


def test_the_schemas_accept_whole_files(network_file: Path, node_file: Path) -> None:
    jsonschema.validate(as_json(network_file), schema("network"))
    jsonschema.validate(as_json(node_file), schema("node"))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("network", "chain_id = 31337", "chain_id = '1'"),
        ("network", "chain_id", "chainid"),
        ("network", '"5m"', '"5 minutes"'),
        ("network", '"5m"', "0"),
        ("network", '"5m"', "1.5"),
        ("network", "0x1111", "0x"),
        ("network", "workflows.matching_24_7", "workflows.Matching"),
        ("network", '"alert"', '"alarm"'),
        ("network", '"2.5"', "2.5"),
        ("network", '"10"', '"010"'),
        ("network", '"0.05"', '".05"'),
        ("node", '{ file = "worker.password" }', '"hunter2"'),
        ("node", 'file = "worker.password"', ""),
        ("node", 'file = "worker.password"', 'file = "a", env = "B"'),
        ("node", '"http"', '"ftp"'),
        ("node", "1 = {", "one = {"),
        ("node", '"512MiB"', '"512MB"'),
    ],
)
def test_the_schemas_refuse_what_the_models_refuse(
    network_file: Path, node_file: Path, name: str, old: str, new: str
) -> None:
    file = network_file if name == "network" else node_file
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(Exception, match=name):
        (NetworkConfig if name == "network" else NodeConfig).load(file)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_json(file), schema("network" if name == "network" else "node"))

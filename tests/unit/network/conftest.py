"""A small workflow and a plan of a local network for it."""

from pathlib import Path

import pytest

from worknet.network.folder import NetworkPlan, WorkflowPlan
from worknet.workflow import runtime

CODE = b"""
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]

@workflow(name="doubled", trigger=Every(3600, delay=60), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, meters) -> Result:
    return Result({"out": meters})
"""


@pytest.fixture
def workflow(tmp_path: Path) -> Path:
    """A workflow folder: hourly, due a minute after the hour, one dataset called meters."""
    folder = tmp_path / "doubled"
    folder.mkdir()
    (folder / "workflow.py").write_bytes(CODE)
    (folder / "runtime.json").write_bytes(runtime.lock())
    return folder


@pytest.fixture
def network_plan(workflow: Path) -> NetworkPlan:
    """Two companies, one with an access token, and a service."""
    policy = {
        "start": "2026-01-01T00:00:00Z",
        "cast_window": "60s",
        "reveal_window": "60s",
        "stall": "10m",
    }
    return NetworkPlan(
        name="test",
        members=["alpha", "beta"],
        workflow=WorkflowPlan(
            "doubled",
            workflow,
            policy,
            {"meters": {"source": "http", "url": "http://127.0.0.1:1/{start}", "token": {"file": "token"}}},
        ),
        chain_kind="builtin",
        chain_port=18545,
        genesis_time=1_767_225_600,
        services={"api": {"module": "http.server", "arguments": ["--port", "9000"], "port": 9000}},
        secrets={"alpha": {"token": "a secret"}},
    )

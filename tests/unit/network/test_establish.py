"""The owner's policies: a bundle is asked what it declares only where it cannot reach the owner's keys."""

from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from worknet.cli import network as commands
from worknet.config.network import NetworkConfig
from worknet.network import local
from worknet.network.establish import policy_of
from worknet.network.folder import NetworkPlan, create
from worknet.network.local import LocalNetwork
from worknet.workflow.errors import NotIsolatedError
from worknet.workflow.process import Process


@pytest.fixture
def unisolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system on which runs cannot be isolated."""
    ready = Process.until_ready

    def until_ready(process: Process) -> str:
        ready(process)
        return "unshare: Operation not permitted"

    monkeypatch.setattr(Process, "until_ready", until_ready)


@pytest.fixture
def network(tmp_path: Path, network_plan: NetworkPlan) -> NetworkConfig:
    return NetworkConfig.load(create(tmp_path / "net", network_plan).network_file)


@pytest.mark.usefixtures("unisolated")
def test_a_bundle_that_cannot_be_isolated_is_not_asked_unless_the_owner_allows_it(
    network: NetworkConfig,
) -> None:
    with pytest.raises(NotIsolatedError, match="not permitted") as caught:
        policy_of(network, "doubled")
    assert "--allow-unisolated" in caught.value.hint
    assert policy_of(network, "doubled", allow_unisolated=True).every == 3600


@pytest.mark.parametrize("allowed", [True, False])
def test_a_local_network_allows_what_its_nodes_allow(
    tmp_path: Path, network_plan: NetworkPlan, monkeypatch: pytest.MonkeyPatch, allowed: bool
) -> None:
    folder = create(tmp_path / "net", replace(network_plan, allow_unisolated=allowed))
    seen = []

    def announce_policies(*_: object, allow_unisolated: bool) -> None:
        seen.append(allow_unisolated)

    steps = ("connect", "deploy_contract", "deploy_pool_contract", "owner_client", "pool_client")
    for name in (*steps, "set_amounts", "enrol_members"):
        monkeypatch.setattr(local, name, lambda *_: None)
    monkeypatch.setattr(local, "announce_policies", announce_policies)
    LocalNetwork(folder)._establish(lambda _: None)
    assert seen == [allowed]


@pytest.mark.parametrize("command", ["deploy", "policy"])
def test_the_commands_that_ask_a_bundle_have_the_flag(command: str) -> None:
    assert (
        "--allow-unisolated"
        in CliRunner().invoke(commands.app, [command, "--help"], env={"COLUMNS": "200"}).output
    )

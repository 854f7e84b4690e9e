"""The demo's network as files: who may read them, and what an earlier demo's folder becomes."""

import fcntl
from dataclasses import replace
from pathlib import Path

import pytest

from worknet.config.node import NodeConfig
from worknet.demo.companies import HOUR, TOKENS, DemoPlan, workflow_folder, write
from worknet.demo.profiles import load_profiles
from worknet.network.errors import NetworkError
from worknet.network.folder import NetworkFolder
from worknet.workflow.folder import read_bundle

PLAN = DemoPlan(3, 6, "sealed", "builtin")
PROFILES = load_profiles()
SECRETS = ("*.password", "*.json", "*/api-token", "*/data-key-1", "*/encryption-key", TOKENS)


@pytest.fixture
def folder(tmp_path: Path) -> NetworkFolder:
    return write(tmp_path / "demo", PLAN, PROFILES)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_every_company_has_a_worker_with_its_own_keys_and_token(folder: NetworkFolder) -> None:
    assert folder.members == ["alpha", "beta", "gamma"]
    for name in ("api-token", "worker.password", "operator.password", "encryption-key", "worker.json"):
        assert len({(folder.node(member) / name).read_text() for member in folder.members}) == 3


def test_all_companies_have_the_same_data_key(folder: NetworkFolder) -> None:
    assert len({(folder.node(member) / "data-key-1").read_text() for member in folder.members}) == 1


def test_what_was_written_is_configuration_that_can_be_used(folder: NetworkFolder) -> None:
    local, network, nodes = folder.load()
    assert network.workflows["matching_24_7"].policy.start == PROFILES.start
    assert local.chain.genesis_time == PROFILES.start + 6 * HOUR
    for node in nodes.values():
        node.load_network()
        assert len(node.data_key(1)) == 32
        for dataset in node.workflows["matching_24_7"].datasets.values():
            assert dataset.options()["token"]
        assert node.publishing is not None
    assert network.network.published == (folder.published,)


def test_the_data_api_knows_exactly_the_companies_tokens(folder: NetworkFolder) -> None:
    known = (folder.path / TOKENS).read_text().split()
    assert known == [(folder.node(member) / "api-token").read_text().strip() for member in folder.members]


def test_secrets_can_be_read_by_their_owner_only(folder: NetworkFolder) -> None:
    secrets = {file for pattern in SECRETS for file in folder.path.rglob(pattern.removeprefix("*/"))}
    assert len(secrets) > 15
    assert {file: mode(file) for file in secrets} == dict.fromkeys(secrets, 0o600)


def test_folders_with_secrets_can_be_entered_by_their_owner_only(folder: NetworkFolder) -> None:
    private = [folder.path, *(folder.node(member) for member in folder.members)]
    assert [mode(path) for path in private] == [0o700] * 4


def test_no_configuration_holds_a_secret(folder: NetworkFolder) -> None:
    configuration = "".join(file.read_text() for file in folder.path.rglob("*.toml"))
    for pattern in ("*.password", "api-token", "data-key-1", "encryption-key"):
        for file in folder.path.rglob(pattern):
            assert file.read_text().strip() not in configuration


def test_an_earlier_demo_is_replaced(folder: NetworkFolder) -> None:
    (folder.path / "evidence.json").write_text("old")
    (folder.node("alpha") / "data").mkdir()
    before = NodeConfig.load(folder.node_file("alpha")).data_key(1)
    again = write(folder.path, DemoPlan(2, 6, "open", "builtin"), PROFILES)
    assert again.members == ["alpha", "beta"]
    assert not (folder.path / "evidence.json").exists()
    assert NodeConfig.load(folder.node_file("alpha")).data_key(1) != before


@pytest.mark.parametrize("name", ["thesis.txt", "local.toml", TOKENS])
def test_any_other_folder_is_refused_and_left_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("")
    with pytest.raises(Exception, match=f"{tmp_path}"):
        write(tmp_path, PLAN, PROFILES)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_network_that_is_no_demo_is_refused(folder: NetworkFolder) -> None:
    folder.local_file.write_text(folder.local_file.read_text().replace("worknet.demo.data_api", "ours.api"))
    with pytest.raises(NetworkError, match="is not empty"):
        write(folder.path, PLAN, PROFILES)


def test_an_empty_folder_is_used(tmp_path: Path) -> None:
    assert write(tmp_path, PLAN, PROFILES).members == ["alpha", "beta", "gamma"]


def test_more_companies_than_names_are_numbered(tmp_path: Path) -> None:
    members = write(tmp_path / "demo", DemoPlan(13, 1, "open", "builtin"), PROFILES).members
    assert {"alpha", "company-12", "company-13"} <= set(members)


def test_the_example_workflow_is_the_one_that_is_shipped() -> None:
    assert "workflow.py" in read_bundle(workflow_folder()).files


def test_what_an_interrupted_start_left_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "demo"
    plan = replace(PLAN, workers=2)
    with monkeypatch.context() as patched:
        patched.setattr("worknet.network.folder.create_key", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            write(out, plan, PROFILES)
    assert write(out, plan, PROFILES).members == ["alpha", "beta"]


def test_a_worker_that_still_runs_keeps_its_demo_from_being_replaced(tmp_path: Path) -> None:
    plan = replace(PLAN, workers=2)
    folder = write(tmp_path / "demo", plan, PROFILES)
    data = folder.node("beta") / "data"
    data.mkdir()
    with (data / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(NetworkError, match="worker of beta"):
            write(folder.path, plan, PROFILES)


def _interrupted(*_: object, **__: object) -> None:
    raise KeyboardInterrupt

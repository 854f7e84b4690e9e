"""From configuration to a worker: every refusal names file and key, and what would be right."""

import fcntl
import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.unit.workflow.conftest import bundle_of

from worknet.chain.client import NetworkClient
from worknet.chain.development import start
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import create_keystore, keystore_address, open_keystore
from worknet.cli import main
from worknet.network.establish import NewMember, announce_policies, deploy_contract, enrol_members
from worknet.network.folder import NetworkFolder, NetworkPlan, WorkflowPlan, create
from worknet.node.assembly import opened_worker
from worknet.node.errors import NodeError
from worknet.node.setup import opened, sole_use
from worknet.node.worker import Worker

WORKFLOW = "tried"
POLICY = {
    "start": "2030-01-01T00:00:00Z",
    "threshold": "majority",
    "ballots": "sealed",
    "cast_window": "45s",
    "reveal_window": "45s",
    "stall": "10m",
    "fallback": "alert",
}


def write_bundle(folder: Path, body: str) -> None:
    for name, content in bundle_of(body).files.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a network of two companies, whose chain runs and whose contract is deployed."""
    path = tmp_path_factory.mktemp("network")
    bundle = path / "tried"
    write_bundle(bundle, "return Result({'out': meters})")
    (path / "meters.csv").write_text("id,wh\na,1\n")
    datasets = {"meters": {"source": "file", "path": str(path / "meters.csv")}}
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = create(
        path / "folder",
        NetworkPlan(
            name="tried",
            members=["alpha", "beta"],
            workflow=WorkflowPlan(WORKFLOW, bundle, POLICY, datasets),
            chain_kind="builtin",
            chain_port=port,
            genesis_time=1_900_000_000,
            allow_unisolated=True,
        ),
    )
    owner = folder.path / "owner.json"
    funds = {keystore_address(owner): 10**20}
    with start(path / "chain", funds=funds, engine="builtin", port=port, block_time=0):
        establish(folder, f"http://127.0.0.1:{port}")
        yield folder.path


def establish(folder: NetworkFolder, url: str) -> None:
    owner = folder.path / "owner.json"
    signer = open_keystore(owner, (folder.path / "owner.password").read_text().strip(), DEVELOPMENT_CHAIN_ID)
    rpc = Rpc(url, DEVELOPMENT_CHAIN_ID)
    deployed = deploy_contract(folder.network_file, rpc, signer)
    client = NetworkClient(rpc, deployed.deployed()[0], signer=signer)
    announce_policies(deployed, client, allow_unisolated=True)
    members = [
        NewMember(
            keystore_address(folder.node(member) / "operator.json"),
            keystore_address(folder.node(member) / "worker.json"),
            bytes([number + 1]) * 32,
        )
        for number, member in enumerate(folder.members)
    ]
    enrol_members(client, members)


@pytest.fixture
def folder(network: Path, tmp_path: Path) -> NetworkFolder:
    """The network's folder anew, for a test to spoil; the chain is the same."""
    shutil.copytree(network, tmp_path / "folder")
    return NetworkFolder(tmp_path / "folder")


@pytest.fixture
def node_file(folder: NetworkFolder) -> Path:
    return folder.node_file("alpha")


def replaced(file: Path, before: str, after: str) -> None:
    text = file.read_text()
    assert re.search(before, text), text
    file.write_text(re.sub(before, after, text, count=1))


Refusal = Callable[[Path], str]


@pytest.fixture
def refusal(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Refusal:
    """What `worknet node run` says, which cannot start: `error:` and `hint:`, a line each, no traceback."""
    monkeypatch.setattr(Worker, "run", lambda *_: pytest.fail("it has started"))

    def said(file: Path) -> str:
        with pytest.raises(SystemExit) as caught:
            main.run(["node", "run", str(file)])
        output = capsys.readouterr()
        assert caught.value.code == 2, output.err
        assert "Traceback" not in output.out + output.err
        labels = [line.split(":")[0] for line in output.err.splitlines()]
        # Several problems of one file have a line each, with what would be right in it.
        assert labels == ["error", "hint"] or labels == ["error"] * len(labels) != ["error"], output.err
        return output.err

    return said


def test_a_worker_is_opened_where_everything_fits(node_file: Path) -> None:
    with opened_worker(node_file) as worker:
        worker.step()


def test_a_command_may_look_while_the_worker_runs(node_file: Path) -> None:
    with opened_worker(node_file), opened(node_file) as access:
        assert len(access.index.members()) == 2


def test_a_worker_that_is_to_share_needs_its_encryption_key(node_file: Path, refusal: Refusal) -> None:
    node_file.write_text(node_file.read_text() + '[sharing]\nlevel = "rows"\n')
    with opened_worker(node_file) as worker:
        worker.try_step()
    (node_file.parent / "encryption-key").unlink()
    assert "node.encryption_key: the file" in refusal(node_file)


# node.toml


def test_a_malformed_file_is_told_with_its_line(node_file: Path, refusal: Refusal) -> None:
    replaced(node_file, r"\[chain\]", "[chain")
    assert re.search(r"node\.toml, line \d+", refusal(node_file))


def test_an_unknown_key_is_told_with_its_line_and_the_one_that_was_meant(
    node_file: Path, refusal: Refusal
) -> None:
    replaced(node_file, "data_dir", "data_dirr")
    assert re.search(r"node\.toml, line \d+: node\.data_dirr.*data_dir", refusal(node_file))


def test_a_file_that_is_not_there_is_told(tmp_path: Path, refusal: Refusal) -> None:
    assert str(tmp_path / "none.toml") in refusal(tmp_path / "none.toml")


def test_an_unknown_workflow_is_told_with_its_key_and_what_there_is(
    node_file: Path, refusal: Refusal
) -> None:
    replaced(node_file, r"\[workflows\.tried", "[workflows.tryed")
    assert re.search(r"(?s)node\.toml, line \d+: workflows\.tryed: .*did you mean tried", refusal(node_file))


def test_a_missing_dataset_is_told_with_its_key(node_file: Path, refusal: Refusal) -> None:
    text = node_file.read_text()
    node_file.write_text(text[: text.index("[workflows.tried.datasets")] + "[workflows.tried]\n")
    assert re.search(r"node\.toml.*: workflows\.tried\.datasets\.meters: is missing", refusal(node_file))


def test_a_worker_without_any_workflow_is_told_so(node_file: Path, refusal: Refusal) -> None:
    text = node_file.read_text()
    node_file.write_text(text[: text.index("[workflows.tried.datasets")])
    assert "workflows: is missing" in refusal(node_file)


def test_a_dataset_that_the_workflow_does_not_read_is_told_with_what_it_reads(
    node_file: Path, refusal: Refusal
) -> None:
    with node_file.open("a") as file:
        file.write('\n[workflows.tried.datasets.metres]\nsource = "file"\npath = "x.csv"\n')
    assert re.search(
        r"(?s)line \d+: workflows\.tried\.datasets\.metres: .*its datasets are meters", refusal(node_file)
    )


def test_a_source_that_makes_no_sense_is_told_with_its_key(node_file: Path, refusal: Refusal) -> None:
    replaced(node_file, r"meters\.csv", "meters.txt")
    assert re.search(r"(?s)line \d+: workflows\.tried\.datasets\.meters: .*format", refusal(node_file))


def test_a_source_that_is_for_events_where_windows_are_read_is_told_with_its_key(
    node_file: Path, refusal: Refusal
) -> None:
    replaced(node_file, r"meters\.csv", "{event.meter}.csv")
    said = refusal(node_file)
    assert re.search(r"(?s)line \d+: workflows\.tried\.datasets\.meters: .*the event has no meter", said)


def test_a_data_key_of_other_members_is_told_with_its_key(node_file: Path, refusal: Refusal) -> None:
    (node_file.parent / "data-key-1").write_text("ab" * 32 + "\n")
    said = refusal(node_file)
    assert re.search(r"line \d+: data_keys\.1: .*not the one", said)
    assert "abab" not in said


def test_a_data_key_that_is_no_key_is_told_without_it(node_file: Path, refusal: Refusal) -> None:
    (node_file.parent / "data-key-1").write_text("0xcdcd\n")
    said = refusal(node_file)
    assert "data-key-1" in said
    assert "cdcd" not in said


def test_a_data_dir_that_cannot_be_made_is_told_with_its_key(node_file: Path, refusal: Refusal) -> None:
    (node_file.parent / "data").write_text("a file")
    assert re.search(r"line \d+: node\.data_dir: cannot be made", refusal(node_file))


def test_an_rpc_that_is_down_is_told_with_its_key(
    node_file: Path, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worknet.node.setup.Rpc", partial(Rpc, pause=0.0))
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        replaced(node_file, r'rpc = ".*"', f'rpc = "http://127.0.0.1:{nobody.getsockname()[1]}"')
        assert re.search(r"line \d+: chain\.rpc: .*no answer", refusal(node_file))


# Keys


def test_a_wrong_password_is_told_without_it(node_file: Path, refusal: Refusal) -> None:
    (node_file.parent / "worker.password").write_text("swordfish\n")
    said = refusal(node_file)
    assert "worker.json" in said
    assert "swordfish" not in said


def test_a_missing_keystore_is_told_with_its_name(node_file: Path, refusal: Refusal) -> None:
    (node_file.parent / "worker.json").unlink()
    assert "there is no keystore file" in refusal(node_file)


def test_a_missing_password_is_told_with_its_place(node_file: Path, refusal: Refusal) -> None:
    (node_file.parent / "worker.password").unlink()
    assert "worker.password" in refusal(node_file)


# network.toml and the bundle


def test_a_wrong_chain_id_is_told_with_its_key(folder: NetworkFolder, refusal: Refusal) -> None:
    replaced(folder.network_file, "chain_id = 31337", "chain_id = 246")
    assert re.search(
        r"network\.toml, line \d+: network\.chain_id: .*31337", refusal(folder.node_file("alpha"))
    )


def test_an_address_without_a_contract_is_told_with_its_key(folder: NetworkFolder, refusal: Refusal) -> None:
    replaced(folder.network_file, r'contract = ".*"', f'contract = "0x{"12" * 20}"')
    assert re.search(
        r"network\.toml, line \d+: network\.contract: there is no contract",
        refusal(folder.node_file("alpha")),
    )


def test_a_network_that_is_not_deployed_is_told_with_what_deploys_it(
    folder: NetworkFolder, refusal: Refusal
) -> None:
    replaced(folder.network_file, r'contract = ".*"\n', "")
    assert re.search(r"(?s)network\.contract: .*worknet network deploy", refusal(folder.node_file("alpha")))


def test_a_bundle_that_the_policy_does_not_pin_is_told_with_both_digests(
    folder: NetworkFolder, tmp_path: Path, refusal: Refusal
) -> None:
    write_bundle(tmp_path / "other", "return Result({'out': meters.head(1)})")
    replaced(folder.network_file, r'folder = ".*"', f'folder = "{tmp_path / "other"}"')
    said = refusal(folder.node_file("alpha"))
    assert re.search(
        r"network\.toml, line \d+: workflows\.tried\.folder: .*0x[0-9a-f]{64}.*0x[0-9a-f]{64}", said
    )


def test_a_folder_that_is_not_there_is_told_with_its_key(folder: NetworkFolder, refusal: Refusal) -> None:
    replaced(folder.network_file, r'folder = ".*"', 'folder = "nowhere"')
    assert re.search(
        r"network\.toml, line \d+: workflows\.tried\.folder: ", refusal(folder.node_file("alpha"))
    )


def test_a_workflow_without_a_policy_is_told_with_what_announces_one(
    folder: NetworkFolder, tmp_path: Path, refusal: Refusal
) -> None:
    bundle = bundle_of("return Result({'out': meters})").files
    (tmp_path / "second").mkdir()
    for name, content in bundle.items():
        (tmp_path / "second" / name).write_bytes(content.replace(b'"tried"', b'"second"'))
    text = folder.network_file.read_text().replace("workflows.tried", "workflows.second")
    folder.network_file.write_text(text)
    replaced(folder.network_file, r'folder = ".*"', f'folder = "{tmp_path / "second"}"')
    node = folder.node_file("alpha")
    node.write_text(node.read_text().replace("workflows.tried", "workflows.second"))
    assert re.search(r"(?s)workflows\.second: .*no policy.*worknet network policy", refusal(node))


# The journal


def test_a_journal_of_another_worker_is_refused_and_left_as_it_is(
    folder: NetworkFolder, refusal: Refusal
) -> None:
    with opened(folder.node_file("beta")):
        pass
    journal = folder.node("beta") / "data" / "journal.sqlite"
    (folder.node("alpha") / "data").mkdir(mode=0o700)
    shutil.copy(journal, folder.node("alpha") / "data" / "journal.sqlite")
    said = refusal(folder.node_file("alpha"))
    assert "belongs to another worker" in said
    assert (folder.node("alpha") / "data" / "journal.sqlite").read_bytes() == journal.read_bytes()


def test_a_journal_of_another_network_is_refused(
    folder: NetworkFolder, tmp_path: Path, refusal: Refusal
) -> None:
    node_file = folder.node_file("alpha")
    with opened(node_file):
        pass
    # The owner deploys a second contract on the same chain.
    replaced(folder.network_file, r'contract = ".*"\n', "")
    replaced(folder.network_file, r"deployed_block = .*\n", "")
    url = re.search(r'rpc = "(.*)"', node_file.read_text())
    assert url is not None
    establish(folder, url[1])
    assert re.search(r"journal\.sqlite belongs to another contract", refusal(node_file))


def test_a_file_that_is_no_journal_is_refused(node_file: Path, refusal: Refusal) -> None:
    (node_file.parent / "data").mkdir(mode=0o700)
    (node_file.parent / "data" / "journal.sqlite").write_text(
        "not a database, and long enough to be read\n" * 50
    )
    assert "journal.sqlite" in refusal(node_file)


def test_a_server_for_the_journal_beside_a_file_with_one_is_refused(
    node_file: Path, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_URL", "postgresql://user:hush@127.0.0.1:1/db")
    (node_file.parent / "data").mkdir(mode=0o700)
    (node_file.parent / "data" / "journal.sqlite").touch()
    node_file.write_text(node_file.read_text() + '\n[journal]\nurl = { env = "JOURNAL_URL" }\n')
    said = refusal(node_file)
    assert re.search(r"journal\.url: there is a journal already", said)
    assert "once its votings are over" in said


def test_a_journals_server_that_is_away_is_told_without_its_password(
    node_file: Path, refusal: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOURNAL_URL", "postgresql://user:hush@127.0.0.1:1/db")
    node_file.write_text(node_file.read_text() + '\n[journal]\nurl = { env = "JOURNAL_URL" }\n')
    said = refusal(node_file)
    assert "PostgreSQL server 127.0.0.1 does not answer" in said
    assert "hush" not in said


def test_a_data_dir_that_is_open_to_others_is_refused(node_file: Path, refusal: Refusal) -> None:
    data = node_file.parent / "data"
    data.mkdir()
    data.chmod(0o750)
    assert f"hint: chmod 700 {data}" in refusal(node_file)


def test_a_second_worker_on_one_data_dir_is_refused(node_file: Path, refusal: Refusal) -> None:
    with opened_worker(node_file):
        assert "another worker runs on" in refusal(node_file)


def test_a_status_that_is_asked_for_at_that_moment_does_not_keep_a_worker_from_starting(
    tmp_path: Path,
) -> None:
    with (tmp_path / "lock").open("w") as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        threading.Timer(0.1, fcntl.flock, (asking.fileno(), fcntl.LOCK_UN)).start()
        with sole_use(tmp_path):
            pass


def test_the_data_dir_is_free_again_when_the_worker_has_ended(node_file: Path) -> None:
    opened = []
    for _ in range(2):
        with opened_worker(node_file) as worker:
            opened.append(worker)
    assert len(opened) == 2


def test_a_worker_that_is_not_enrolled_starts_and_waits(folder: NetworkFolder) -> None:
    place = folder.node("alpha")
    (place / "worker.json").unlink()
    create_keystore(place / "worker.json", (place / "worker.password").read_text().strip(), light=True)
    with opened_worker(folder.node_file("alpha")) as worker:
        worker.step()


def test_an_error_of_the_setup_leaves_no_lock_behind(folder: NetworkFolder, tmp_path: Path) -> None:
    node_file = folder.node_file("alpha")
    key = (node_file.parent / "data-key-1").read_text()
    (node_file.parent / "data-key-1").write_text("ab" * 32)
    with pytest.raises(Exception, match=r"data_keys\.1"), opened_worker(node_file):
        raise NodeError("this worker must not start")
    (node_file.parent / "data-key-1").write_text(key)
    with opened_worker(node_file):
        pass

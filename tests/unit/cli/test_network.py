"""`worknet network` and `worknet init`: what is wrong is told in a line, with file, key and a hint."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from worknet.chain.signers import create_keystore, open_keystore
from worknet.cli import main
from worknet.protocol.salts import data_key_commitment
from worknet.workflow import runtime

NETWORK = f"""\
[network]
name = "test"
chain_id = 31337
contract = "0x{"12" * 20}"
deployed_block = 3

[workflows.doubled]
folder = "doubled"

[workflows.doubled.policy]
cast_window = "5m"
reveal_window = "5m"
stall = "1h"
data_key_epoch = 1
data_key_commitment = "0x{"11" * 32}"
"""
CODE = b"""
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]

@workflow(name="doubled", trigger=Every(3600), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, meters) -> Result:
    return Result({"out": meters})
"""
KEY = ["--keystore", "owner.json", "--password-env", "A_PASSWORD"]
NOWHERE = ["--rpc", "http://127.0.0.1:1"]
ENROL = ["--operator", f"0x{'aa' * 20}", "--worker", f"0x{'bb' * 20}", "--encryption-key", f"0x{'cc' * 32}"]
COMMANDS = [
    ["policy", "doubled", *KEY],
    ["enrol", *ENROL, *KEY],
    ["remove", "0", *KEY],
    ["pause", "--calldata"],
    ["resume", *KEY],
    ["transfer", f"0x{'aa' * 20}", *KEY],
    ["accept", *KEY],
    ["reopen", "doubled@2026-01-01T00:00:00Z", *KEY],
    ["settle", "doubled@2026-01-01T00:00:00Z", *KEY],
    ["fund", "1", *KEY],
    ["rewards", *KEY],
]


@pytest.fixture
def worknet(tmp_path, monkeypatch, capsys):
    """Runs a command in a folder with a network.toml; gives exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("A_PASSWORD", "hunter2")
    (tmp_path / "network.toml").write_text(NETWORK)
    create_keystore(tmp_path / "owner.json", "hunter2", key=b"\x01" * 32, light=True)
    (tmp_path / "doubled").mkdir()
    (tmp_path / "doubled" / "workflow.py").write_bytes(CODE)
    (tmp_path / "doubled" / "runtime.json").write_bytes(runtime.lock())

    def call(*arguments):
        with pytest.raises(SystemExit) as caught:
            main.run(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        assert "hunter2" not in out + err
        return caught.value.code, out, err

    return call


@pytest.fixture
def rpc():
    """The address of an RPC that is of the Energy Web Chain and knows nothing else, and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(request["method"])
            body = json.dumps({"jsonrpc": "2.0", "id": request["id"], "result": "0xf6"}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    "command",
    [["deploy", *KEY], ["show"], *COMMANDS],
)
def test_another_chain_is_told_with_file_line_and_key(worknet, rpc, command):
    url, asked = rpc
    code, out, err = worknet("network", command[0], "network.toml", *command[1:], "--rpc", url)
    assert (code, out) == (2, "")
    assert err.startswith("error: network.toml, line 3: network.chain_id: the RPC at http://127.0.0.1:")
    assert "is for chain id 246, but chain id 31337 is configured" in err
    assert "\nhint: correct the chain id or the RPC URL" in err
    assert set(asked) == {"eth_chainId"}


@pytest.mark.parametrize(
    "command",
    [["show"], *COMMANDS],
)
def test_a_network_that_is_not_deployed_is_told_so_first(worknet, rpc, tmp_path, command):
    text = "\n".join(line for line in NETWORK.splitlines() if not line.startswith("contract"))
    (tmp_path / "network.toml").write_text(text.replace("31337", "246\nconfirmations = 6"))
    code, _, err = worknet("network", command[0], "network.toml", *command[1:], "--rpc", rpc[0])
    assert code == 2
    assert "network.contract: is missing" in err
    assert "worknet network deploy" in err


def test_an_unknown_workflow_is_told_with_the_nearest(worknet):
    code, _, err = worknet("network", "policy", "network.toml", "double", *KEY, *NOWHERE)
    assert code == 2
    assert err.startswith("error: network.toml, line 7: workflows.double: there is no such workflow")
    assert "did you mean doubled?" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--keystore", "owner.json"], "password is due from one place"),
        ([*KEY, "--password-file", "p"], "password is due from one place"),
        (["--keystore", "owner.json", "--password-env", "hunter2!"], "no name of an environment variable"),
        (["--keystore", "owner.json", "--password-env", "NOT_SET_ANYWHERE"], "NOT_SET_ANYWHERE is not set"),
        (["--keystore", "owner.json", "--password-file", "p"], "p cannot be read"),
        (["--keystore", "other.json", "--password-env", "A_PASSWORD"], "no keystore file other.json"),
        (["--keystore", "network.toml", "--password-env", "A_PASSWORD"], "network.toml is no V3 keystore"),
        (["--keystore", "owner.json", "--password-env", "ANOTHER"], "the password does not open owner.json"),
    ],
)
def test_a_key_that_cannot_be_had_is_an_error_and_no_password_is_shown(
    worknet, rpc, tmp_path, monkeypatch, options, message
):
    monkeypatch.setenv("ANOTHER", "hunter2hunter2")
    (tmp_path / "network.toml").write_text(NETWORK.replace("31337", "246\nconfirmations = 6"))
    code, _, err = worknet("network", "deploy", "network.toml", *options, "--rpc", rpc[0])
    assert code == 2
    assert message in err


def test_a_key_that_everybody_knows_signs_nothing_on_a_public_chain(worknet, rpc, tmp_path):
    known = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")  # anvil's first
    create_keystore(tmp_path / "known.json", "hunter2", key=known, light=True)
    (tmp_path / "network.toml").write_text(NETWORK.replace("31337", "246\nconfirmations = 6"))
    key = ["--keystore", "known.json", "--password-env", "A_PASSWORD"]
    code, _, err = worknet("network", "deploy", "network.toml", *key, "--rpc", rpc[0])
    assert code == 2
    assert "publicly known" in err
    assert set(rpc[1]) == {"eth_chainId"}


def test_a_public_chain_needs_confirmations_before_the_deployment(worknet, rpc, tmp_path):
    (tmp_path / "network.toml").write_text(NETWORK.replace("31337", "246"))
    code, _, err = worknet("network", "deploy", "network.toml", *KEY, "--rpc", rpc[0])
    assert code == 2
    assert "network.confirmations: is missing" in err
    assert "6 fits Energy Web Chain" in err
    assert rpc[1] == []


@pytest.mark.parametrize(
    ("option", "value", "hint"),
    [
        ("--operator", "0x12", "0x and 40 hex digits"),
        ("--worker", "company", "0x and 40 hex digits"),
        ("--encryption-key", "cc" * 32, "0x and 64 hex digits"),
    ],
)
def test_a_member_that_is_no_address_is_refused_by_its_option(worknet, option, value, hint):
    options = list(ENROL)
    options[options.index(option) + 1] = value
    code, _, err = worknet("network", "enrol", "network.toml", *options, *KEY, *NOWHERE)
    assert code == 2
    assert err.startswith(f"error: {option} {value}: ")
    assert f"hint: {hint}" in err


@pytest.mark.parametrize(
    "arguments",
    [
        ["deploy", "network.toml"],
        ["enrol", "network.toml", *KEY],
        ["enrol", "network.toml", *ENROL, *KEY, "--role", "boss"],
        ["remove", "network.toml", "-1", *KEY],
        ["remove", "network.toml", "first", *KEY],
    ],
)
def test_a_wrong_command_line_is_exit_2(worknet, arguments):
    assert worknet("network", *arguments)[0] == 2


def test_a_file_that_is_not_there_and_an_rpc_that_is_none_are_told(worknet):
    assert "nothing.toml: there is no such file" in worknet("network", "show", "nothing.toml")[2]
    code, _, err = worknet("network", "show", "network.toml", "--rpc", "localhost:8545")
    assert (code, "no http:// or https:// address" in err) == (2, True)
    code, _, err = worknet("network", "show", "network.toml")
    assert (code, "name one with --rpc" in err) == (2, True)


def test_a_data_key_is_made_once_and_only_its_commitment_is_shown(worknet, tmp_path):
    code, out, err = worknet("network", "data-key", "data-key-1")
    key = bytes.fromhex((tmp_path / "data-key-1").read_text())
    assert (code, out, err) == (0, f"0x{data_key_commitment(key).hex()}\n", "")
    assert (tmp_path / "data-key-1").stat().st_mode & 0o777 == 0o600
    assert worknet("network", "data-key", "data-key-1")[1] == out
    assert bytes.fromhex((tmp_path / "data-key-1").read_text()) == key
    code, _, err = worknet("network", "data-key", "nowhere/data-key-1")
    assert (code, "nowhere/data-key-1 cannot be written" in err) == (2, True)


def test_an_owners_key_is_made_once_and_only_its_address_is_shown(worknet, tmp_path):
    code, out, err = worknet("network", "keystore", "new.json", "--password-env", "A_PASSWORD")
    assert (code, err) == (0, "")
    assert out == f"0x{open_keystore(tmp_path / 'new.json', 'hunter2', 246).address.hex()}\n"
    code, _, err = worknet("network", "keystore", "new.json", "--password-env", "A_PASSWORD")
    assert (code, "new.json exists already" in err) == (2, True)


def init(worknet, *options, dataset="meters=meters.csv"):
    given = ["--dataset", dataset] if dataset else []
    return worknet(
        "init", "net", "--workflow", "doubled", *given, "--chain", "builtin", "--allow-unisolated", *options
    )


def test_a_network_is_written_for_a_workflow_of_ones_own(worknet, tmp_path):
    code, out, err = init(worknet, "--workers", "2", "--ballots", "open")
    assert (code, err) == (0, "")
    assert out.endswith("start it: worknet up net\n")
    assert sorted(file.name for file in (tmp_path / "net" / "nodes").iterdir()) == ["company-1", "company-2"]
    assert 'ballots = "open"' in (tmp_path / "net" / "network.toml").read_text()
    code, _, err = init(worknet)
    assert (code, "net is not empty" in err) == (2, True)


@pytest.mark.parametrize(
    ("options", "dataset", "message"),
    [
        ([], "meters", "not NAME=PATH_OR_URL"),
        ([], "", "nothing is given for the dataset meters"),
        ([], "power=p.csv", "no dataset 'power'"),
        (["--dataset", "meters=b.csv"], "meters=a.csv", "given twice"),
        (["--start", "yesterday"], "meters=a.csv", "--start yesterday: not a time"),
        (["--start", "2026-01-01T00:00:01Z"], "meters=a.csv", "no slot of doubled"),
        (["--until", "2026-01-01T00:00:00Z"], "meters=a.csv", "no time after --start"),
        (["--workers", "1"], "meters=a.csv", "--workers"),
        (["--workflow", "nothing"], "meters=a.csv", "nothing"),
    ],
)
def test_a_wish_that_cannot_be_fulfilled_writes_nothing(worknet, tmp_path, options, dataset, message):
    code, _, err = init(worknet, *options, dataset=dataset)
    assert code == 2
    assert message in err
    assert not (tmp_path / "net").exists()

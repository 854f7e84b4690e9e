"""Configuration files as users write them, for the tests to spoil."""

from collections.abc import Callable
from pathlib import Path

import pytest

NETWORK = """\
[network]
name = "demo"
chain_id = 31337
contract = "0x00000000000000000000000000000000000000Aa"
deployed_block = 12
confirmations = 0

[rewards]
period = "30d"
base = "10"
consistency = "2.5"
contract = "0x00000000000000000000000000000000000000Bb"

[workflows.matching_24_7]
folder = "workflows/matching_24_7"

[workflows.matching_24_7.policy]
start = 2026-01-01T00:00:00Z
max_age = 0
threshold = "2/3"
ballots = "sealed"
cast_window = "5m"
reveal_window = 300
stall = "1h"
fallback = "alert"
accuracy = "0.05"
speed = "0.01"
data_key_epoch = 1
data_key_commitment = "0x1111111111111111111111111111111111111111111111111111111111111111"
"""

NODE = """\
[node]
name = "alpha"
data_dir = "data"
network = "../network.toml"
votings_at_once = 4

[chain]
rpc = "http://operator:hunter2@127.0.0.1:8545/v3/hunter2"

[key]
keystore = "worker.json"
password = { file = "worker.password" }

[data_keys]
1 = { file = "data-key-1" }

[workflows.matching_24_7]
time_limit = "90s"
memory_limit = "512MiB"

[workflows.matching_24_7.datasets.consumption]
source = "http"
url = "http://127.0.0.1:9000/consumption?start={start}&end={end}"
token = { env = "API_TOKEN" }
timeout = "10s"
retries = 4
rows = "rows"
columns = { consumer = "meter id" }

[workflows.matching_24_7.datasets.generation]
source = "file"
path = "generation/{start:%Y-%m-%d}.csv"
time_column = "start"
"""

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a file below the test's folder and gives its path."""

    def to_file(name: str, text: str | bytes, mode: int = 0o600) -> Path:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        file.chmod(mode)
        return file

    return to_file


@pytest.fixture
def network_file(write: Write) -> Path:
    return write("network.toml", NETWORK)


@pytest.fixture
def node_file(write: Write, network_file: Path) -> Path:
    return write("alpha/node.toml", NODE)

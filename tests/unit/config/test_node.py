"""node.toml: what it means, what mistakes are answered with, and that no secret is ever in an answer."""

from pathlib import Path

import pytest

from worknet.config import ConfigError, ConfigFileError, FileDataset, HttpDataset, NodeConfig, Problem, Url
from worknet.protocol.policy import EPOCH_BOUND


def problems(file: Path, *changes: tuple[str, str]) -> tuple[Problem, ...]:
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    file.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        NodeConfig.load(file)
    return caught.value.problems


def test_a_whole_file_is_read(node_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = NodeConfig.load(node_file)
    folder = node_file.parent
    assert config.node.data_dir == folder / "data"
    assert config.chain.rpc[0].value == "http://operator:hunter2@127.0.0.1:8545/v3/hunter2"
    workflow = config.workflows["matching_24_7"]
    assert (workflow.time_limit, workflow.memory_limit) == (90, 512 << 20)
    consumption, generation = workflow.datasets["consumption"], workflow.datasets["generation"]
    assert isinstance(consumption, HttpDataset)
    assert isinstance(generation, FileDataset)
    monkeypatch.setenv("API_TOKEN", "s3cret")
    assert consumption.options() == {
        "url": "http://127.0.0.1:9000/consumption?start={start}&end={end}",
        "token": "s3cret",
        "format": "json",
        "timeout": 10,
        "retries": 4,
        "deadline": 300,
        "rows": "rows",
        "paging": None,
        "max_pages": 100,
        "tls_ca": None,
        "numbers": "exact",
        "times": "exact",
        "nulls": [],
        "max_bytes": 256 << 20,
        "columns": {"consumer": "meter id"},
        "repeated": "refused",
    }
    assert generation.options() == {
        "path": folder / "generation/{start:%Y-%m-%d}.csv",
        "format": None,
        "time_column": "start",
        "columns": {},
        "repeated": "refused",
        "numbers": "exact",
        "times": "exact",
        "nulls": [],
        "max_bytes": 256 << 20,
    }


def test_what_is_left_out_has_sensible_values(node_file: Path) -> None:
    text = node_file.read_text()
    node_file.write_text(text[: text.index("[data_keys]")].replace("votings_at_once = 4\n", ""))
    config = NodeConfig.load(node_file)
    assert config.node.votings_at_once == 8
    assert config.node.allow_unisolated is False
    assert config.node.runs_at_once == 2
    assert config.data_keys == {}


def test_every_epoch_that_a_policy_can_name_has_a_data_key(node_file: Path) -> None:
    highest = EPOCH_BOUND - 1
    node_file.write_text(node_file.read_text().replace("1 = { file", f"{highest} = {{ file"))
    assert NodeConfig.load(node_file).data_keys.keys() == {highest}


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "wrong", "right"),
    [
        ('"alpha"', '"al pha"', 2, "node.name", "'al pha' is no name", "letters"),
        ('"data"', '""', 3, "node.data_dir", "is no path", "a path in quotes"),
        ("votings_at_once = 4", "votings_at_onc = 4", 5, "votings_at_onc", "is not known", "at_once?"),
        ("at_once = 4", "at_once = 0", 5, "node.votings_at_once", "must be greater than", "such as 8"),
        ("http://operator", "ftp://operator", 8, "chain.rpc", "is no http://", "https://"),
        (":8545", ":123456", 8, "chain.rpc", "is no address", "https://"),
        ('{ file = "worker.password" }', '"hunter2"', 12, "key.password", "not a reference", "never stands"),
        ('file = "worker.password"', "", 12, "key.password", "names neither env nor file", "{ env ="),
        ('file = "worker.password"', 'file="a", env="B"', 12, "key.password", "names both", "{ env ="),
        ('file = "worker.password"', 'fil = "a"', 12, "key.password.fil", "is not known", "file?"),
        ('file = "worker.password"', 'env = "hunter2-"', 12, "key.password.env", "is no name", "letters"),
        ('1 = { file = "data-key-1" }', 'one = { file = "x" }', 15, "data_keys.one", "is no epoch", "1, 2"),
        ('1 = { file = "data-key-1" }', '01 = { file = "x" }', 15, "data_keys.01", "is no epoch", "1, 2"),
        ("1 = { file =", "4294967296 = { file =", 15, "data_keys.4294967296", "is no epoch", "1, 2"),
        ('"512MiB"', '"512MB"', 19, "memory_limit", "'512MB' is not understood", "MiB"),
        ('"512MiB"', "0", 19, "memory_limit", "is 0", "more than 0"),
        ("{start}&", "{begin}&", 23, "consumption.url", "{begin} is no placeholder", "{start} and {end}"),
        ("{start}&", "{start:%A}&", 23, "consumption.url", "is no placeholder", "{start} and {end}"),
        ("retries = 4", 'retries = "4"', 26, "consumption.retries", "is a string", "such as 4"),
        ("retries = 4", "http = 4", 26, "consumption.http", "is not known", "known here: columns"),
        ('{ consumer = "meter id" }', "{ consumer = 1 }", 28, "columns.consumer", "no name", "text"),
        ('"file"\n', '"fil"\n', 31, "generation.source", "no known kind", "'file', 'http'"),
        ('source = "file"\n', "", 30, "generation.source", "is missing", ""),
        ('path = "generation/{start:%Y-%m-%d}.csv"\n', "", 30, "generation.path", "is missing", "{start}"),
        ("%Y-%m-%d}", "%Y-%m-%d", 32, "generation.path", "is no placeholder", "{start}"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_line_key_and_what_would_be_right(
    node_file: Path, old: str, new: str, line: int, key: str, wrong: str, right: str
) -> None:
    (problem,) = problems(node_file, (old, new))
    assert problem.line == line
    assert problem.key.endswith(key)
    assert wrong in problem.wrong
    assert right in problem.right
    assert "hunter2" not in str(problem)


def test_neither_the_model_nor_any_part_of_it_shows_credentials(
    node_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("API_TOKEN", "hunter2")
    config = NodeConfig.load(node_file)
    assert "hunter2" not in repr(config) + str(config) + str(config.chain.rpc)
    assert str(config.chain.rpc[0]) == "http://127.0.0.1:8545/..."


def test_a_secret_in_the_wrong_place_is_not_repeated(node_file: Path) -> None:
    found = problems(
        node_file,
        ('name = "alpha"', 'name = "alpha"\npassword = "hunter2"'),
        ('keystore = "worker.json"', 'keystore = ["hunter2"]'),
        ('1 = { file = "data-key-1" }', '1 = "hunter2"\nhunter2 = 1'.replace("hunter2 = 1", "x = 'hunter2'")),
        ('token = { env = "API_TOKEN" }', 'token = { env = "hunter2!" }'),
    )
    assert len(found) == 6
    assert "hunter2" not in "\n".join(map(str, found))


def test_the_network_s_file_is_read_and_held_against_this_one(node_file: Path) -> None:
    assert NodeConfig.load(node_file).load_network().network.chain_id == 31337


def test_a_workflow_that_the_network_does_not_have_is_told(node_file: Path) -> None:
    node_file.write_text(node_file.read_text().replace("workflows.matching_24_7", "workflows.matching_247"))
    with pytest.raises(ConfigError, match=r"line 17: workflows.matching_247: .* no such workflow") as caught:
        NodeConfig.load(node_file).load_network()
    assert "did you mean" in caught.value.hint


def test_a_data_key_that_the_policy_asks_for_and_is_missing_is_told(node_file: Path) -> None:
    node_file.write_text(node_file.read_text().replace("1 = {", "2 = {"))
    config = NodeConfig.load(node_file)
    with pytest.raises(ConfigError, match=r"line 14: data_keys.1: is missing") as caught:
        config.load_network()
    assert caught.value.hint.startswith("1 = ")
    with pytest.raises(ConfigError, match=r"data_keys.1: is missing"):
        config.data_key(1)


def test_a_data_key_is_read_from_its_file(node_file: Path) -> None:
    file = node_file.parent / "data-key-1"
    file.write_text("ab" * 32 + "\n")
    file.chmod(0o600)
    assert NodeConfig.load(node_file).data_key(1) == b"\xab" * 32


def test_versions_of_a_workflow_come_from_folders_and_addresses(node_file: Path) -> None:
    places = 'bundles = ["bundles", "https://a:hunter2@host.example/x/{digest}.zip"]'
    node_file.write_text(node_file.read_text().replace('time_limit = "90s"', places))
    folder, address = NodeConfig.load(node_file).workflows["matching_24_7"].bundles
    assert folder == node_file.parent / "bundles"
    assert isinstance(address, Url)
    assert address.value == "https://a:hunter2@host.example/x/{digest}.zip"
    assert "hunter2" not in repr(address)


@pytest.mark.parametrize(
    ("places", "wrong"),
    [
        ('["https://h/x.zip"]', "where the digest belongs"),
        ('["https://h/{digest}/{start}"]', "where the digest belongs"),
        ('["https://h/?d={digest}"]', "where the digest belongs"),
        ('["https://{digest}"]', "where the digest belongs"),
        ('"bundles"', "is a string, not an array"),
        ("[1]", "is an integer"),
    ],
)
def test_a_place_of_bundles_that_is_none_is_refused(node_file: Path, places: str, wrong: str) -> None:
    (problem,) = problems(node_file, ('time_limit = "90s"', f"bundles = {places}"))
    assert problem.line == 18
    assert wrong in problem.wrong

"""`[workflows.NAME.datasets.NAME]` of each kind: what is read, what is refused, that no secret is shown."""

import re
from pathlib import Path
from typing import Any

import pytest

from worknet.config import ConfigFileError, NodeConfig, SecretError

HEAD = """
[node]
name = "alpha"
data_dir = "data"
network = "network.toml"

[chain]
rpc = "http://127.0.0.1:8545"

[key]
keystore = "worker.json"
password = { env = "WORKER_PASSWORD" }

[workflows.w.datasets.d]
"""
GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "sources.md"
SQL = 'source = "sql"\nurl = { env = "DATABASE" }\nstatement = "select 1"\n'
OBJECT = 'source = "object"\nurl = "s3://bucket/{start:%Y/%m}/{event.asset}.csv"\n'
RESULTS = 'source = "results"\nworkflow = "hourly"\n'
HTTP = 'source = "http"\nurl = "http://host/rows"\n'


def dataset(folder: Path, text: str) -> Any:
    file = folder / "node.toml"
    file.write_text(HEAD + text)
    return NodeConfig.load(file).workflows["w"].datasets["d"]


def test_a_database_is_found_through_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    section = dataset(
        tmp_path, SQL + 'tls = "verify"\ntls_ca = "ca.pem"\ntime_binds = "timestamp"\nmax_rows = 9\n'
    )
    with pytest.raises(SecretError):
        section.options()
    monkeypatch.setenv("DATABASE", "postgresql://u:s3cret@host/db")
    assert section.options() | {"columns": None} == {
        "url": "postgresql://u:s3cret@host/db",
        "path": None,
        "statement": "select 1",
        "time_binds": "timestamp",
        "zone": None,
        "columns": None,
        "repeated": "refused",
        "timeout": 30,
        "retries": 2,
        "deadline": 180,
        "max_rows": 9,
        "max_bytes": 256 << 20,
        "tls": "verify",
        "tls_ca": tmp_path / "ca.pem",
    }
    assert "s3cret" not in repr(section)


def test_a_file_of_sqlite_lies_beside_the_configuration(tmp_path: Path) -> None:
    section = dataset(tmp_path, 'source = "sql"\npath = "m.db"\nstatement = "select 1"\n')
    assert section.options()["path"] == tmp_path / "m.db"


def test_secrets_among_the_options_of_a_driver_are_references(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = '[workflows.w.datasets.d.driver]\nkey = "AKIA"\nsecret = { env = "S3" }\nanon = false\n'
    options += 'client_kwargs = { endpoint_url = "http://store", verify = { file = "ca" } }\n'
    section = dataset(tmp_path, OBJECT + options)
    monkeypatch.setenv("S3", "s3cret")
    (tmp_path / "ca").write_text("other\n")
    (tmp_path / "ca").chmod(0o600)
    assert section.options()["options"] == {
        "key": "AKIA",
        "secret": "s3cret",
        "anon": False,
        "client_kwargs": {"endpoint_url": "http://store", "verify": "other"},
    }
    assert "s3cret" not in repr(section)


def test_pages_are_told_in_a_table_of_their_own(tmp_path: Path) -> None:
    text = HTTP + 'paging = { by = "cursor", at = "/next", parameter = "after" }\nmax_pages = 7\n'
    options = dataset(tmp_path, text).options()
    assert options["paging"] == {"by": "cursor", "at": "/next", "parameter": "after", "first": 1}
    assert options["max_pages"] == 7


@pytest.mark.parametrize(
    ("text", "key", "wrong"),
    [
        (
            SQL.replace('{ env = "DATABASE" }', '"postgresql://u:s3cret@h/d"'),
            "url",
            "is a string, not a reference",
        ),
        (SQL.replace('url = { env = "DATABASE" }\n', ""), "", "has neither url nor path"),
        (SQL + 'path = "x.db"\n', "", "has both url and path"),
        (SQL.replace("select 1", " ; "), "statement", "is empty"),
        (SQL + 'time_binds = "local"\n', "time_binds", "is none of the values"),
        (SQL + 'zone = "Europe/Berlin"\n', "zone", "is none of the values"),
        (SQL + 'tls = "maybe"\n', "tls", "is none of the values"),
        (SQL + "max_rows = 0\n", "max_rows", "must be greater"),
        (
            OBJECT + 'driver = { secret = "s3cret" }\n',
            "driver",
            "secret is a secret, which never stands in this file",
        ),
        (OBJECT + 'driver = { x = { api_token = "s3cret" } }\n', "driver", "api_token is a secret"),
        (OBJECT + "driver = { x = 1.5 }\n", "driver", "x is a float"),
        (OBJECT + 'driver = "s3cret"\n', "driver", "is a string, not a table"),
        (OBJECT.replace("s3://", ""), "url", "is no address of an object"),
        (OBJECT.replace("event.asset", "asset"), "url", "{asset} is no placeholder"),
        (HTTP + 'format = "xml"\n', "format", "is none of the values"),
        (HTTP + 'paging = { by = "next" }\n', "paging", 'by "next" does not go with'),
        (HTTP + 'paging = { by = "link", at = "x" }\n', "paging", 'by "link" does not go with'),
        (HTTP + 'paging = { by = "guess" }\n', "paging.by", "is none of the values"),
        (HTTP + "max_pages = 0\n", "max_pages", "must be greater"),
        (RESULTS.replace("hourly", "Hourly"), "workflow", "is no name"),
        (RESULTS + 'table = ""\n', "table", "is no name"),
        (RESULTS + 'repeated = "least"\n', "repeated", "is not known"),
        ('source = "results"\n', "workflow", "is missing"),
        ('source = "ftp"\n', "source", "is of no known kind"),
    ],
)
def test_a_mistake_is_told_at_its_key_and_no_secret_repeated(
    tmp_path: Path, text: str, key: str, wrong: str
) -> None:
    with pytest.raises(ConfigFileError) as caught:
        dataset(tmp_path, text)
    problem = caught.value.problems[0]
    assert problem.key == "workflows.w.datasets.d" + (f".{key}" if key else "")
    assert wrong in problem.wrong
    assert "s3cret" not in str(caught.value)


def test_the_guide_s_examples_are_read(tmp_path: Path) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    kinds = set()
    for example in examples:
        file = tmp_path / "node.toml"
        file.write_text(HEAD.partition("[workflows.w")[0] + example)
        for workflow in NodeConfig.load(file).workflows.values():
            kinds |= {dataset.source for dataset in workflow.datasets.values()}
    assert kinds >= {"file", "http", "sql", "object", "results"}


def test_the_guide_s_ways_of_paging_are_read(tmp_path: Path) -> None:
    ways = re.findall(r"^\| `(\{ by = .*? \})` \|", GUIDE.read_text(), re.MULTILINE)
    assert len(ways) == 4
    for way in ways:
        assert dataset(tmp_path, HTTP + f"paging = {way}\n").options()["paging"]["by"] in way

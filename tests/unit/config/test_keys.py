"""`[key]`: three ways to say where the key is, exactly one of them, and no secret in any answer."""

from pathlib import Path

import jsonschema
import pytest
from tests.unit.config.test_node import problems
from tests.unit.config.test_schemas import as_json

from worknet.config import NodeConfig, SecretRef, schema
from worknet.config.keys import ExternalKey, Key, KeystoreKey, PlainKey

KEYSTORE = 'keystore = "worker.json"\npassword = { file = "worker.password" }\n'
ADDRESS = 'address = "0x00000000000000000000000000000000000000Aa"\n'
TOKEN = 'token = { file = "signer-token" }\n'


def key(node_file: Path, text: str) -> Key:
    node_file.write_text(node_file.read_text().replace(KEYSTORE, text))
    return NodeConfig.load(node_file).key


def test_a_password_may_be_asked_for(node_file: Path) -> None:
    found = key(node_file, 'keystore = "worker.json"\npassword = "prompt"\n')
    assert isinstance(found, KeystoreKey)
    assert (found.keystore, found.password) == (node_file.parent / "worker.json", None)


def test_a_key_may_stand_in_the_environment(node_file: Path) -> None:
    assert key(node_file, 'private_key = { env = "KEY" }\n') == PlainKey(private_key=SecretRef(env="KEY"))


def test_a_key_may_be_in_an_external_signer(node_file: Path) -> None:
    found = key(node_file, f'signer = "https://signer.example"\n{ADDRESS}{TOKEN}ca = "ca.pem"\n')
    assert isinstance(found, ExternalKey)
    assert (found.signer.value, found.address) == ("https://signer.example", bytes(19) + b"\xaa")
    assert (found.ca, found.certificate) == (node_file.parent / "ca.pem", None)


@pytest.mark.parametrize(
    ("text", "line", "place", "wrong"),
    [
        ("", 10, "key", "names no key"),
        (f'{KEYSTORE}signer = "http://h"\n', 10, "key", "names both keystore and signer"),
        (f'private_key = {{ env = "K" }}\n{KEYSTORE}', 10, "key", "names both keystore and private_key"),
        ('keystore = "worker.json"\n', 10, "key.password", "is missing"),
        ('keystore = "worker.json"\npassword = "promt"\n', 12, "key.password", "not a reference"),
        ('private_key = "hunter2"\n', 11, "key.private_key", "not a reference"),
        (f'{KEYSTORE}token = {{ env = "T" }}\n', 13, "key.token", "is not known"),
        ('signer = "http://127.0.0.1"\n', 10, "key.address", "is missing"),
        ('signer = "http://127.0.0.1"\naddress = "0x12"\n', 12, "key.address", "no address"),
        (f'signer = "signer"\n{ADDRESS}', 11, "key.signer", "is no http://"),
        (f'signer = "http://a:hunter2@127.0.0.1"\n{ADDRESS}', 10, "key", "has a user"),
        (f'signer = "http://signer.example"\n{ADDRESS}{TOKEN}', 10, "key", "unencrypted"),
        (f'signer = "http://127.0.0.1"\n{ADDRESS}ca = "ca.pem"\n', 10, "key", "no https://"),
    ],
)
def test_a_mistake_is_answered_with_line_and_key(
    node_file: Path, text: str, line: int, place: str, wrong: str
) -> None:
    (problem,) = problems(node_file, (KEYSTORE, text))
    assert (problem.line, problem.key) == (line, place)
    assert wrong in problem.wrong
    assert problem.right
    assert "hunter2" not in str(problem)


def test_a_token_may_go_to_this_machine_unencrypted(node_file: Path) -> None:
    assert isinstance(key(node_file, f'signer = "http://127.0.0.1:9000"\n{ADDRESS}{TOKEN}'), ExternalKey)


@pytest.mark.parametrize(
    "text",
    [
        'keystore = "worker.json"\npassword = "prompt"\n',
        'private_key = { env = "KEY" }\n',
        f'signer = "http://127.0.0.1:9000"\n{ADDRESS}{TOKEN}',
    ],
)
def test_the_schema_knows_all_three(node_file: Path, text: str) -> None:
    key(node_file, text)
    jsonschema.validate(as_json(node_file), schema("node"))

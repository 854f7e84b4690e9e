"""A new worker's folder: its keys, and a node.toml in which the operator says where the datasets come from.

What the owner of the network needs to enrol the worker comes back; nothing is sent, and no chain is asked.
The members' data key is not made here: the owner made it and hands it to every member.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from worknet.chain.keyfiles import create_encryption_key, create_key, write_secret
from worknet.config import NetworkConfig, NodeConfig
from worknet.config.errors import ConfigError
from worknet.node.errors import NodeError
from worknet.protocol.ids import EventKind
from worknet.workflow import Declaration
from worknet.workflow.folder import read_bundle
from worknet.workflow.runner import Runner
from worknet.workflow.triggers import EVENT_DATASET, Every, OnEvent

TRIGGER_KEY = "trigger-key"

_TRIGGER_KEY_LINES = (
    "# The members' trigger key: put it into this file as the owner hands it over.",
    f'trigger_key = {{ file = "{TRIGGER_KEY}" }}',
)
_TRIGGERS: Mapping[EventKind, tuple[str, ...]] = {
    "message": ('source = "nats"', 'servers = ["nats://127.0.0.1:4222"]', 'stream = "EVENTS"'),
    "webhook": ('source = "webhook"', 'secrets = [{ file = "webhook.secret" }]'),
    "poll": ('source = "http"', 'url = "https://host.example/events"'),
    "log": (
        'source = "log"',
        'rpc = "http://127.0.0.1:8545"',
        "chain_id = 246",
        f'contract = "0x{"00" * 20}"',
        "confirmations = 12",
        "first_block = 0",
    ),
}


@dataclass(frozen=True)
class NewWorker:
    """What was made: the key's address and the X25519 public key, which the owner enrols.

    `data_keys` are the files, named in node.toml, into which the members' data keys have still to be put;
    `trigger_key` that of their trigger key, None where no workflow votes on events.
    """

    address: bytes
    encryption_key: bytes
    data_keys: tuple[Path, ...]
    trigger_key: Path | None = None


def create_node(
    folder: Path, name: str, network_file: Path, rpc: str, *, allow_unisolated: bool = False
) -> NewWorker:
    """Writes node.toml and fresh keys into a folder, which must be empty or not exist.

    The workflows' folders are read, since they declare the datasets. Raises NodeError, ConfigError for what
    cannot stand in a node.toml, and what reading a workflow raises.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise NodeError(f"{folder} is not empty", hint="choose another folder; keys are never overwritten")
    network = NetworkConfig.load(network_file)
    declarations = [_declaration(network, workflow, allow_unisolated) for workflow in network.workflows]
    epochs = sorted({section.policy.data_key_epoch for section in network.workflows.values()})
    node_file = folder / "node.toml"
    text = _node_toml(
        name, os.path.relpath(network_file, folder), rpc, epochs, declarations, allow_unisolated
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        write_secret(node_file, text.rstrip("\n"))
        _check(node_file)
    except OSError as error:
        raise NodeError(f"{error.filename or folder} cannot be written: {error.strerror}") from None
    address = create_key(folder, "worker")
    encryption_key = create_encryption_key(folder / "encryption-key")
    data_keys = tuple(folder / f"data-key-{epoch}" for epoch in epochs)
    has_events = any(not declaration.every for declaration in declarations)
    return NewWorker(address, encryption_key, data_keys, folder / TRIGGER_KEY if has_events else None)


def _declaration(network: NetworkConfig, workflow: str, allow_unisolated: bool) -> Declaration:
    bundle = read_bundle(network.workflow(workflow).folder)
    with Runner(bundle, allow_unisolated=allow_unisolated, waiting=0) as runner:
        return runner.declaration


def _check(node_file: Path) -> None:
    """Holds what was written against the rules of a node.toml, so that a bad name or address is told now."""
    try:
        NodeConfig.load(node_file).load_network()
    except ConfigError:
        node_file.unlink()
        raise


def _node_toml(
    name: str,
    network: str,
    rpc: str,
    epochs: list[int],
    declarations: list[Declaration],
    allow_unisolated: bool,
) -> str:
    lines = [
        f"# The worker of {name}. Private.".encode("unicode_escape").decode(),
        "",
        "[node]",
        f"name = {_quoted(name)}",
        'data_dir = "data"',
        f"network = {_quoted(network)}",
        *(["allow_unisolated = true"] if allow_unisolated else []),
        *([] if all(each.every for each in declarations) else _TRIGGER_KEY_LINES),
        "",
        "[chain]",
        f"rpc = {_quoted(rpc)}",
        "",
        "[key]",
        'keystore = "worker.json"',
        'password = { file = "worker.password" }',
        "",
        "# The members' data keys, by epoch: put them into these files as the owner hands them over.",
        "[data_keys]",
        *(f'{epoch} = {{ file = "data-key-{epoch}" }}' for epoch in epochs),
        "",
        "# Health, metrics and, with a key, an admin API; see docs/guides/operations.md:",
        "#   [http]",
        '#   listen = "127.0.0.1:9464"',
        "",
        "# What others are told where ballots differ, by default nothing; see docs/guides/operator.md:",
        "#   [sharing]",
        '#   level = "rows"',
        "",
        "# Where the datasets come from: replace these paths, or name an API instead:",
        '#   source = "http"',
        '#   url = "https://host.example/rows?start={start}&end={end}"',
        '#   token = { file = "api-token" }',
    ]
    for declaration in declarations:
        if not isinstance(declaration.trigger, Every):
            lines += _trigger_lines(declaration.name, declaration.trigger)
        for dataset in declaration.datasets:
            if not declaration.every and dataset.name == EVENT_DATASET:
                continue
            columns = ", ".join(column.name for column in dataset.schema.columns)
            lines += [
                "",
                f"# columns: {columns}",
                f"[workflows.{declaration.name}.datasets.{dataset.name}]",
                'source = "file"',
                f'path = "{dataset.name}/{{start:%Y-%m-%dT%H%M}}.csv"'
                if declaration.every
                else f'path = "{dataset.name}.csv"',
            ]
    return "\n".join(lines) + "\n"


def _trigger_lines(workflow: str, trigger: OnEvent) -> list[str]:
    """A section that loads, for the operator to put his own broker, address or contract into."""
    return [
        "",
        f"# Where the events {trigger.name} come from: replace what stands here by what you have.",
        f"[workflows.{workflow}.trigger]",
        *_TRIGGERS[trigger.kind],
    ]


def _quoted(text: str) -> str:
    return tomlkit.string(text).as_string()

"""A new worker's folder: its keys, and a node.toml in which the operator says where the datasets come from.

What the owner of the network needs to enrol the worker comes back; nothing is sent, and no chain is asked.
The members' data key is not made here: the owner made it and hands it to every member.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import tomlkit

from worknet.chain.keyfiles import create_encryption_key, create_key, write_secret
from worknet.config import NetworkConfig, NodeConfig
from worknet.config.errors import ConfigError
from worknet.node.errors import NodeError
from worknet.workflow import Declaration
from worknet.workflow.folder import read_bundle
from worknet.workflow.runner import Runner


@dataclass(frozen=True)
class NewWorker:
    """What was made: the key's address and the X25519 public key, which the owner enrols.

    `data_keys` are the files, named in node.toml, into which the members' data keys have still to be put.
    """

    address: bytes
    encryption_key: bytes
    data_keys: tuple[Path, ...]


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
    return NewWorker(address, encryption_key, data_keys)


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
        "# Where the datasets come from: replace these paths, or name an API instead:",
        '#   source = "http"',
        '#   url = "https://host.example/rows?start={start}&end={end}"',
        '#   token = { file = "api-token" }',
    ]
    for declaration in declarations:
        for dataset in declaration.datasets:
            columns = ", ".join(column.name for column in dataset.schema.columns)
            lines += [
                "",
                f"# columns: {columns}",
                f"[workflows.{declaration.name}.datasets.{dataset.name}]",
                'source = "file"',
                f'path = "{dataset.name}/{{start:%Y-%m-%dT%H%M}}.csv"',
            ]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return tomlkit.string(text).as_string()

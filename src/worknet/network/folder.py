"""The folder of a local network: where everything lies, and how a new one is written.

network.toml          shared by all members
local.toml            what `worknet up` starts beside the workers
owner.json            the owner's keystore
chain/                the development chain
nodes/NAME/           one company: node.toml, keys, journal and index, log
published/            what the companies publish, where the workflow declares its summary public
"""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from worknet.chain.keyfiles import create_encryption_key, create_key, write_secret
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.config.local import LocalConfig
from worknet.config.network import NetworkConfig
from worknet.config.node import NodeConfig
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex
from worknet.protocol.salts import DATA_KEY_BYTES, data_key_commitment
from worknet.protocol.times import time_text

EPOCH = 1

Settings = Mapping[str, object]


@dataclass(frozen=True)
class WorkflowPlan:
    """A workflow of a new network: its policy as in network.toml, its datasets as in every node.toml.

    `folder` is the bundle's; a policy needs no data key, which is made with the network. `is_public`: it
    declares its summary public, so that the companies publish it.
    """

    name: str
    folder: Path
    policy: Settings
    datasets: Mapping[str, Settings]
    is_public: bool = False


@dataclass(frozen=True)
class NetworkPlan:
    """A new local network. `members` are the companies' names.

    `votings_at_once` and `allow_unisolated` are the same in every node.toml.
    `secrets` are further files of each company, by company and file name (access tokens, say);
    `service_secrets` are files that the services need, beside network.toml.
    """

    name: str
    members: Sequence[str]
    workflow: WorkflowPlan
    chain_kind: str
    chain_port: int
    genesis_time: int
    votings_at_once: int = 8
    allow_unisolated: bool = False
    services: Mapping[str, Settings] = field(default_factory=dict)
    service_secrets: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class NetworkFolder:
    """A local network on disk."""

    path: Path

    @property
    def network_file(self) -> Path:
        """The file that all members share."""
        return self.path / "network.toml"

    @property
    def local_file(self) -> Path:
        """What is started beside the workers."""
        return self.path / "local.toml"

    @property
    def chain(self) -> Path:
        """The development chain's folder."""
        return self.path / "chain"

    @property
    def published(self) -> Path:
        """What the companies publish; all into one folder, for it is the same."""
        return self.path / "published"

    @property
    def members(self) -> list[str]:
        """The companies' names, in order."""
        return sorted(file.parent.name for file in self.path.glob("nodes/*/node.toml"))

    def node(self, member: str) -> Path:
        """A company's folder."""
        return self.path / "nodes" / member

    def node_file(self, member: str) -> Path:
        """A company's configuration of its worker."""
        return self.node(member) / "node.toml"

    def load(self) -> tuple[LocalConfig, NetworkConfig, dict[str, NodeConfig]]:
        """The configuration of chain and services, of the network, and of every worker."""
        if not self.local_file.exists():
            raise NetworkError(f"{self.path} holds no local network", hint="`worknet init` makes one")
        nodes = {member: NodeConfig.load(self.node_file(member)) for member in self.members}
        return LocalConfig.load(self.local_file), NetworkConfig.load(self.network_file), nodes


def create(path: Path, plan: NetworkPlan) -> NetworkFolder:
    """Writes a new network with fresh keys into a folder, which must be empty or not exist.

    Keystores are light ones: they open at once and are fit for a machine of one's own only.
    """
    folder = NetworkFolder(path)
    _make_folder(path)
    data_key = secrets.token_bytes(DATA_KEY_BYTES)
    # First of all: by this file an interrupted start is known for what it is.
    _write_local(folder, plan)
    create_key(path, "owner", light=True)
    for name, content in plan.service_secrets.items():
        write_secret(path / name, content)
    for member in plan.members:
        _write_member(folder, plan, member, data_key)
    _write_network(folder, plan, data_key)
    return folder


def fill_in(network_file: Path, section: str, settings: Settings) -> None:
    """Writes settings into a section of network.toml, leaving all else as it stands."""
    document = tomlkit.parse(network_file.read_text())
    if section not in document:
        document.add(tomlkit.nl())
        document[section] = tomlkit.table()
    table: Any = document[section]
    for key, value in settings.items():
        table[key] = value
    replacement = network_file.with_suffix(".toml.new")
    replacement.write_text(tomlkit.dumps(document))
    replacement.replace(network_file)


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
        is_empty = not any(path.iterdir())
        if is_empty:
            path.chmod(0o700)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise NetworkError(
            f"{path} cannot be made: {reason}", hint="name a folder that this user may write into"
        ) from None
    if not is_empty:
        raise NetworkError(f"{path} is not empty", hint="choose another folder, or remove this one")


def _write_network(folder: NetworkFolder, plan: NetworkPlan, data_key: bytes) -> None:
    policy = {
        **plan.workflow.policy,
        "data_key_epoch": EPOCH,
        "data_key_commitment": to_hex(data_key_commitment(data_key)),
    }
    network: dict[str, object] = {"name": plan.name, "chain_id": DEVELOPMENT_CHAIN_ID, "confirmations": 0}
    if plan.workflow.is_public:
        network["published"] = [folder.published.name]
    document = {
        "network": network,
        "workflows": {plan.workflow.name: {"folder": str(plan.workflow.folder.resolve()), "policy": policy}},
    }
    _write_toml(folder.network_file, "Shared by all members of the network.", document)


def _write_local(folder: NetworkFolder, plan: NetworkPlan) -> None:
    document = {
        "chain": {
            "kind": plan.chain_kind,
            "port": plan.chain_port,
            "genesis_time": time_text(plan.genesis_time),
        },
        "owner": {"keystore": "owner.json", "password": {"file": "owner.password"}},
        "services": plan.services,
    }
    _write_toml(folder.local_file, "What `worknet up` starts beside the workers.", document)


def _write_member(folder: NetworkFolder, plan: NetworkPlan, member: str, data_key: bytes) -> None:
    place = folder.node(member)
    place.mkdir(parents=True, mode=0o700)
    create_key(place, "worker", light=True)
    create_key(place, "operator", light=True)
    create_encryption_key(place / "encryption-key")
    write_secret(place / f"data-key-{EPOCH}", data_key.hex())
    for name, content in plan.secrets.get(member, {}).items():
        write_secret(place / name, content)
    document: dict[str, object] = {
        "node": {
            "name": member,
            "data_dir": "data",
            "network": os.path.relpath(folder.network_file, place),
            "votings_at_once": plan.votings_at_once,
            # The chain ends with the workers: what they leave unfinished waits for both.
            "stop_within": "3s",
            "allow_unisolated": plan.allow_unisolated,
        },
        "chain": {"rpc": f"http://127.0.0.1:{plan.chain_port}"},
        "key": {"keystore": "worker.json", "password": {"file": "worker.password"}},
        "data_keys": {str(EPOCH): {"file": f"data-key-{EPOCH}"}},
        "workflows": {plan.workflow.name: {"datasets": plan.workflow.datasets}},
    }
    if plan.workflow.is_public:
        document["publishing"] = {"folder": os.path.relpath(folder.published, place)}
    _write_toml(folder.node_file(member), f"The worker of {member}. Private.", document)


def _write_toml(path: Path, comment: str, document: Mapping[str, object]) -> None:
    path.write_text(f"# {comment}\n\n{tomlkit.dumps(_toml(document)).strip()}\n")


def _toml(value: object) -> Any:
    """The value as TOML has it: a table of its own for each mapping, but a secret's reference on one line."""
    if isinstance(value, Mapping):
        is_reference = bool(value) and value.keys() <= {"env", "file"}
        table = tomlkit.inline_table() if is_reference else tomlkit.table()
        for key, inner in value.items():
            table[key] = _toml(inner)
        return table
    return list(value) if isinstance(value, tuple) else value

"""A whole network on one machine: development chain, services, and a process for each company's worker.

Everything is started from what stands in the network's folder, and ends with this process.
"""

import fcntl
import socket
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from worknet.chain.development import DevelopmentChain, start
from worknet.chain.development.store import FolderLock
from worknet.chain.keyfiles import encryption_public_key
from worknet.chain.signers import keystore_address, open_keystore
from worknet.config.keys import ExternalKey, KeystoreKey
from worknet.config.local import LocalConfig
from worknet.config.network import NetworkConfig
from worknet.config.node import NodeConfig
from worknet.network.access import connect, owner_client, pool_client
from worknet.network.errors import NetworkError
from worknet.network.establish import (
    NewMember,
    announce_policies,
    deploy_contract,
    deploy_pool_contract,
    enrol_members,
    set_amounts,
)
from worknet.network.folder import NetworkFolder
from worknet.network.processes import Process, Processes

FUNDS = 10**20
"""Wei that the owner and every worker have at the beginning of a development chain."""

Say = Callable[[str], None]


class LocalNetwork:
    """A running local network; use it in a `with`, or call `stop`."""

    def __init__(self, folder: NetworkFolder) -> None:
        self.folder = folder
        self.workers: dict[str, Process] = {}
        self._local: LocalConfig
        self._nodes: dict[str, NodeConfig]
        self._local, _, self._nodes = folder.load()
        self._processes = Processes()
        self._chain: DevelopmentChain | None = None

    @property
    def url(self) -> str:
        """The chain's JSON-RPC address."""
        return f"http://127.0.0.1:{self._local.chain.port}"

    def start(self, say: Say) -> NetworkConfig:
        """Starts everything and returns the network as it then is; `say` is told each step."""
        check_stopped(self.folder)
        try:
            say(f"starting the development chain ({self._local.chain.kind}) at {self.url}")
            self._start_chain()
            for name, service in self._local.services.items():
                say(f"starting {name} at http://127.0.0.1:{service.port}")
                _check_port(name, service.port)
                self._start(name, ["-m", service.module, *service.arguments])
            network = self._establish(say)
            for member in self.folder.members:
                say(f"starting the worker of {member}")
                self.start_worker(member)
        except BaseException:
            self.stop()
            raise
        return network

    def start_worker(self, member: str) -> None:
        """Starts the worker of a company, as its operator would."""
        command = ["-m", "worknet", "node", "run", str(self.folder.node_file(member).resolve())]
        log = self.folder.node(member) / "node.log"
        self.workers[member] = self._processes.start(f"the worker of {member}", command, log)

    def ended(self) -> list[Process]:
        """The processes that have ended by themselves since the last time."""
        return self._processes.ended()

    def stop(self) -> None:
        """Stops the workers, the services, and the chain at last."""
        self._processes.stop()
        if self._chain is not None:
            self._chain.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start_chain(self) -> None:
        chain = self._local.chain
        funded = [keystore_address(self._local.owner.keystore), *map(_worker, self._nodes.values())]
        self.folder.chain.mkdir(exist_ok=True)
        self._chain = start(
            self.folder.chain,
            funds=dict.fromkeys(funded, FUNDS),
            engine=chain.kind,
            port=chain.port,
            genesis_time=chain.genesis_time,
        )

    def _establish(self, say: Say) -> NetworkConfig:
        file = self.folder.network_file
        network = NetworkConfig.load(file)
        owner = self._local.owner
        rpc = connect(network, self.url)
        signer = open_keystore(owner.keystore, owner.password.resolve(), network.network.chain_id)
        if network.network.contract is None:
            say("deploying the contracts")
        client = owner_client(deploy_contract(file, rpc, signer), rpc, signer)
        network = deploy_pool_contract(file, rpc, signer)
        set_amounts(network, pool_client(network, client))
        # Where one worker may not run it unisolated, neither may the owner.
        allow_unisolated = all(node.node.allow_unisolated for node in self._nodes.values())
        announce_policies(network, client, allow_unisolated=allow_unisolated)
        enrol_members(client, [self._new_member(member) for member in self.folder.members])
        return network

    def _new_member(self, member: str) -> NewMember:
        place = self.folder.node(member)
        return NewMember(
            operator=keystore_address(place / "operator.json"),
            worker=_worker(self._nodes[member]),
            encryption_key=encryption_public_key(place / "encryption-key"),
        )

    def _start(self, name: str, command: list[str]) -> None:
        log = self.folder.path / f"{name}.log"
        self._processes.start(name, command, log, cwd=self.folder.path)


def _worker(node: NodeConfig) -> bytes:
    """The address of a worker's key."""
    match node.key:
        case KeystoreKey():
            return keystore_address(node.key.keystore)
        case ExternalKey():
            return node.key.address
    wrong = "a local network has to know the worker's address"
    raise node.error(("key",), wrong, "a keystore, or signer and address")


def check_stopped(folder: NetworkFolder) -> None:
    """Raises an error with a hint while the chain or a worker of this network runs."""
    FolderLock(folder.chain).close()
    for member in folder.members:
        lock = folder.node(member) / "data" / "lock"
        if lock.exists() and not _can_lock(lock):
            raise NetworkError(f"the worker of {member} in {folder.path} still runs", hint="stop it first")


def _can_lock(path: Path) -> bool:
    """Whether no other process holds this lock file."""
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _check_port(name: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise NetworkError(
                f"port {port}, on which {name} is to listen, is in use ({error.strerror})",
                hint="stop what listens there, or write another port into local.toml",
            ) from None

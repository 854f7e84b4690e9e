"""From configuration to chain, index and journal, for a worker and for commands about it.

Every refusal names the file and key, or the file on disk, and what would be right.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from worknet.chain.client import NetworkClient
from worknet.chain.errors import NoContractError, RpcUnavailableError, WrongChainError
from worknet.chain.index import NetworkIndex
from worknet.chain.rpc import Rpc
from worknet.config import NetworkConfig, NodeConfig
from worknet.node.errors import NodeError
from worknet.node.journal import Journal, SqliteFile, check_private
from worknet.node.journal.postgresql import PostgresqlSchema
from worknet.node.journal.store import Database
from worknet.node.keys import key_address, open_signer

LOCK_SECONDS = 0.5
"""How long a starting worker waits for its data_dir: `node status` holds that for a moment, to see whether a
worker does."""


@dataclass(frozen=True)
class Access:
    """What a command about a node works with: `worker` is its key, `now` the newest block's time."""

    config: NodeConfig
    network: NetworkConfig
    client: NetworkClient
    index: NetworkIndex
    journal: Journal
    worker: bytes
    now: int


@contextmanager
def opened(file: Path, *, signing: bool = False) -> Iterator[Access]:
    """Opens chain, index and journal of a node, with its key if it is to sign; all are closed at the end."""
    config = NodeConfig.load(file)
    network = config.load_network()
    contract, deployed_block = network.deployed()
    chain_id = network.network.chain_id
    signer = open_signer(config, chain_id) if signing else None
    worker = signer.address if signer else key_address(config)
    client = NetworkClient(Rpc(chain_id=chain_id, **config.chain.options()), contract, signer=signer)
    _check_chain(config, network, client)
    confirmations = client.confirmations()
    if network.network.confirmations != confirmations:
        wrong = f"is {network.network.confirmations}, but the contract says {confirmations}"
        raise network.error(("network", "confirmations"), wrong, f"{confirmations}")
    folder = config.node.data_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        right = "a folder that this user may make and write into"
        raise config.error(("node", "data_dir"), f"cannot be made: {error.strerror}", right) from None
    check_private(folder)
    with ExitStack() as stack:
        database = _database(config)
        stack.callback(database.close)
        journal = Journal(database, chain_id, contract, worker, config.journal.patience)
        index = NetworkIndex(folder / "index.sqlite", client, deployed_block)
        stack.callback(index.close)
        now = index.sync().time
        index.check_log()
        yield Access(config, network, client, index, journal, worker, now)


def _database(config: NodeConfig) -> Database:
    """Where the journal lies: in the data_dir, or where [journal] says."""
    file, url = config.node.data_dir / "journal.sqlite", config.journal.url
    if url is None:
        return SqliteFile(file)
    if file.exists():
        right = (
            f"move {file} away once its votings are over: what it holds does not go to the server by itself"
        )
        raise config.error(("journal", "url"), f"there is a journal already, {file}", right)
    return PostgresqlSchema(url.resolve(), config.journal.schema_of(config.node.name))


def _check_chain(config: NodeConfig, network: NetworkConfig, client: NetworkClient) -> None:
    """Refuses an RPC that is down or of another chain, and an address without a contract."""
    try:
        client.check()
    except NoContractError as error:
        raise network.error(("network", "contract"), str(error), error.hint) from None
    except WrongChainError as error:
        raise network.error(("network", "chain_id"), str(error), error.hint) from None
    except RpcUnavailableError as error:
        raise config.error(("chain", "rpc"), str(error), error.hint) from None


@contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Holds a lock on the folder, which the system lets go of when the process ends, however it ends."""
    with (folder / "lock").open("w") as lock:
        until = time.monotonic() + LOCK_SECONDS
        while not _has_locked(lock):
            if time.monotonic() > until:
                raise NodeError(
                    f"another worker runs on {folder}",
                    hint="stop it first, or give this one a data_dir of its own",
                )
            time.sleep(LOCK_SECONDS / 10)
        yield


def _has_locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True

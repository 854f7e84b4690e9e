"""From configuration to a worker: opens all that it needs, and refuses to start where something does not fit.

Every refusal names the file and key, or the file on disk, and what would be right.
"""

import fcntl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from worknet.chain.client import NetworkClient
from worknet.chain.errors import KeystoreError, NoContractError, RpcUnavailableError, WrongChainError
from worknet.chain.index import NetworkIndex
from worknet.chain.rpc import Rpc
from worknet.chain.signers import open_keystore
from worknet.config import ConfigError, NetworkConfig, NodeConfig
from worknet.node.errors import BundleMismatch, DataKeyMismatch, NodeError
from worknet.node.journal import Journal, check_private
from worknet.node.preparing import Preparer
from worknet.node.worker import Worker
from worknet.protocol.ids import workflow_id
from worknet.protocol.policy import Policy
from worknet.sources import Source, SourceError, source_from
from worknet.workflow.errors import FolderError, RuntimeMismatchError
from worknet.workflow.folder import read_bundle
from worknet.workflow.process import Limits
from worknet.workflow.runner import Runner


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
def opened(file: Path) -> Iterator[Access]:
    """Opens chain, index and journal of a node, with its key; all are closed at the end."""
    config = NodeConfig.load(file)
    network = config.load_network()
    contract, deployed_block = network.deployed()
    chain_id = network.network.chain_id
    try:
        signer = open_keystore(config.key.keystore, config.key.password.resolve(), chain_id)
    except KeystoreError as error:
        right = error.hint or "the keystore file (Web3 Secret Storage) of the worker's key"
        raise config.error(("key", "keystore"), str(error), right) from None
    client = NetworkClient(Rpc(config.chain.rpc.value, chain_id), contract, signer=signer)
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
        journal = Journal(folder / "journal.sqlite", chain_id, contract, signer.address)
        stack.callback(journal.close)
        index = NetworkIndex(folder / "index.sqlite", client, deployed_block)
        stack.callback(index.close)
        now = index.sync().time
        index.check_log()
        yield Access(config, network, client, index, journal, signer.address, now)


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
def opened_worker(file: Path) -> Iterator[Worker]:
    """Opens the worker of this node.toml. One at a time may run on a `data_dir`."""
    with ExitStack() as stack:
        access = stack.enter_context(opened(file))
        stack.enter_context(_sole_use(access.config.node.data_dir))
        if not access.config.workflows:
            right = "[workflows.NAME.datasets.NAME] for each workflow to vote on"
            raise access.config.error(("workflows",), "is missing: there is nothing to do", right)
        preparers = {}
        for name in access.config.workflows:
            preparers[name] = open_preparer(access, name)
            stack.callback(preparers[name].close)
        yield Worker(
            access.client,
            access.index,
            access.journal,
            preparers,
            votings_at_once=access.config.node.votings_at_once,
            runs_at_once=access.config.node.runs_at_once,
        )


def open_preparer(access: Access, name: str) -> Preparer:
    """The preparer of one workflow, whose bundle and data key are those of an announced policy."""
    section = access.config.workflows[name]
    try:
        runner = Runner(
            read_bundle(access.network.workflow(name).folder),
            Limits(wall_seconds=section.time_limit, memory_bytes=section.memory_limit),
            allow_unisolated=access.config.node.allow_unisolated,
        )
    except (FolderError, RuntimeMismatchError) as error:
        right = error.hint or "the folder with workflow.py that the owner announced"
        raise access.network.error(("workflows", name, "folder"), str(error), right) from None
    try:
        preparer = Preparer(runner, _sources(access.config, name, runner), access.config.data_key)
        _check_policies(access, name, preparer)
    except BaseException:
        runner.close()
        raise
    return preparer


def _sources(config: NodeConfig, name: str, runner: Runner) -> dict[str, Source]:
    declaration = runner.declaration
    given = config.workflows[name].datasets
    place = ("workflows", name, "datasets")
    for dataset in declaration.datasets:
        if dataset.name not in given:
            right = "say where it comes from: source, and path or url"
            raise config.error((*place, dataset.name), "is missing, but the workflow reads it", right)
    sources = {}
    for dataset_name, section in given.items():
        if dataset_name not in {dataset.name for dataset in declaration.datasets}:
            right = f"its datasets are {', '.join(dataset.name for dataset in declaration.datasets)}"
            raise config.error((*place, dataset_name), "the workflow reads no such dataset", right)
        schema = declaration.dataset(dataset_name).schema
        try:
            sources[dataset_name] = source_from(section.source, dataset_name, schema, **section.options())
        except SourceError as error:
            raise config.error((*place, dataset_name), str(error), error.hint) from None
    return sources


def _check_policies(access: Access, name: str, preparer: Preparer) -> None:
    """Refuses a bundle under another name, and one that neither the policy in force nor a later one pins."""
    if preparer.declaration.name != name:
        raise access.network.error(
            ("workflows", name, "folder"),
            f"holds the workflow {preparer.declaration.name}",
            f"the folder of {name}",
        )
    announced = access.index.policies(workflow_id(name))
    if not announced:
        raise access.network.error(
            ("workflows", name),
            "the network has announced no policy for it",
            "the owner announces one with `worknet network policy`",
        )
    in_force = [entry for entry in announced if entry.policy.start <= access.now][-1:]
    later = [entry for entry in announced if entry.policy.start > access.now]
    problems = [_problem(access, name, preparer, entry.policy) for entry in [*in_force, *later]]
    if None not in problems and problems[0] is not None:
        raise problems[0]


def _problem(access: Access, name: str, preparer: Preparer, policy: Policy) -> ConfigError | None:
    """Why the worker could not vote under this policy, at the key that is to be mended."""
    try:
        preparer.check(policy)
    except BundleMismatch as error:
        return access.network.error(("workflows", name, "folder"), str(error), error.hint)
    except DataKeyMismatch as error:
        return access.config.error(("data_keys", str(policy.data_key_epoch)), str(error), error.hint)
    return None


@contextmanager
def _sole_use(folder: Path) -> Iterator[None]:
    """Holds a lock on the folder, which the system lets go of when the process ends, however it ends."""
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NodeError(
                f"another worker runs on {folder}",
                hint="stop it first, or give this one a data_dir of its own",
            ) from None
        yield

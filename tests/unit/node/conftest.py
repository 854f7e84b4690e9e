"""Companies with real workers on a chain in this process, whose time and faults the tests command.

Only what prepares ballots may be a fake here: chain, contract, client, index, journal and worker are real.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import wait
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from worknet.chain.client import NetworkClient
from worknet.chain.development.methods import Methods
from worknet.chain.errors import RpcRefusedError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.interface import functions, selected
from worknet.chain.keyfiles import public_key_of
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import BallotSigner, Signer, signer_from_key
from worknet.node.errands import Outlets
from worknet.node.journal import Ballot, Journal, SqliteFile
from worknet.node.preparers import Preparers
from worknet.node.preparing import Preparer, Task
from worknet.node.publishing import Publishing
from worknet.node.sharing import Sharing
from worknet.node.worker import Worker
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.voting import Voting
from worknet.protocol.words import Ballots, Fallback
from worknet.testing.chain import ETHER, LocalRpc, NetworkChain
from worknet.workflow import Action as HandlerAction
from worknet.workflow import Evidence

if TYPE_CHECKING:
    from tests.unit.node.bills import Bills

GENESIS = 1_700_000_000
EVERY = 3600
PERIOD = 86_400
LAST = GENESIS // EVERY - 1
"""The last slot that is due when the chain begins."""
PATIENCE = 60
"""Seconds of the real clock that a preparation may take in a test."""


class Crash(BaseException):
    """The machine stops here: nothing below `BaseException` catches it, as nothing would."""


class FaultyRpc(LocalRpc):
    """A worker's own access to the chain, which can break at one method.

    `crash_before` and `crash_after` name the method at which the worker dies, before or after it took
    effect; `refused` holds functions that the contract refuses, `swallowing` loses what is sent.
    """

    def __init__(self, methods: Methods) -> None:
        super().__init__(methods)
        self.crash_before = self.crash_after = ""
        self.refused: set[str] = set()
        self.swallowing = False
        self.tried: list[str] = []

    def request(self, method: str, *params: Any) -> Any:
        if method == self.crash_before:
            raise Crash
        if method == "eth_call" and "from" in params[0]:
            name = _function(params[0])
            self.tried.append(name)
            if name in self.refused:
                raise RpcRefusedError(method, 3, "execution reverted: tests: refused")
        if method == "eth_sendRawTransaction" and self.swallowing:
            return None
        answer = super().request(method, *params)
        if method == self.crash_after:
            raise Crash
        return answer


def _function(call: dict[str, Any]) -> str:
    data = bytes.fromhex((call.get("data") or call["input"])[2:])
    return next(name for name, function in functions().items() if function.selector == data[:4])


def private_key(number: int) -> bytes:
    """The private key to a company's encryption key."""
    return bytes([0xE0 + number]) * 32


class Chain(NetworkChain):
    """A network on a chain in this process, with `workers` enrolled. Block times only rise by a second, or as
    `pass_time` says. `automatic`: a block for each transaction; else `mine` makes them."""

    def __init__(
        self,
        folder: Path,
        policy: Policy,
        *,
        workflow: str = "tried",
        workers: int = 3,
        confirmations: int = 0,
    ) -> None:
        self.policy = policy
        self.signers = [signer_from_key(bytes([n + 1]) * 32, DEVELOPMENT_CHAIN_ID) for n in range(workers)]
        self.operators = [
            signer_from_key(bytes([0xA0 + n]) * 32, DEVELOPMENT_CHAIN_ID) for n in range(workers)
        ]
        super().__init__(
            folder,
            {signer.address: 100 * ETHER for signer in [*self.signers, *self.operators]},
            GENESIS,
            signer_from_key(b"\xee" * 32, DEVELOPMENT_CHAIN_ID),
            workflow=workflow,
            confirmations=confirmations,
            reward_period=PERIOD,
        )
        for number, signer in enumerate(self.signers):
            operator, encryption_key = self.operators[number].address, public_key_of(private_key(number))
            self.owner.enrol(operator, signer.address, Role.ACTIVE, encryption_key)
        self.owner.announce(workflow_id(workflow), policy)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            super().mine()

    def pass_time(self, seconds: int) -> None:
        super().mine(self.now + seconds)

    def voting_id(self, slot: int) -> bytes:
        return super().voting_id(Slot(EVERY, slot))

    def voting(self, slot: int = LAST) -> Voting:
        """The voting as its events tell, at the newest block's time."""
        index = NetworkIndex(Path(self.store.path).with_name("observer.sqlite"), self.owner)
        index.sync()
        voting = index.voting(self.voting_id(slot), now=self.now)
        index.close()
        assert voting is not None, "the voting has not opened"
        return voting

    def rotate(self, number: int, key: bytes) -> None:
        """A company puts another key behind its index."""
        operator = NetworkClient(self.rpc, self.contract, signer=self.operators[number])
        operator.rotate(number, key, b"\x55" * 32)

    def is_open(self, slot: int = LAST) -> bool:
        return bool(self.owner.voting(workflow_id(self.workflow), Slot(EVERY, slot).trigger_id).attempt)

    def sent(self, name: str, *, failed: bool | None = False) -> list[tuple[bytes, tuple[Any, ...]]]:
        """Who called a function in a block, and with what; those that failed, or not, or (None) all."""
        found = []
        for number in range(int(self.rpc.block_number()) + 1):
            block = self.rpc.request("eth_getBlockByNumber", hex(number), True)
            for transaction in block["transactions"]:
                call = selected(bytes.fromhex(transaction["input"][2:]))
                if call is None or call[0] != name or transaction["to"] is None:
                    continue
                status = self.rpc.request("eth_getTransactionReceipt", transaction["hash"])["status"]
                if failed is None or failed is (status == "0x0"):
                    found.append((bytes.fromhex(transaction["from"][2:]), call[1]))
        return found


def report(chain: Chain, pair: Pair, voters: Collection[int], participants: int, slot: int = LAST) -> None:
    """Reports the pair for attempt 1 of a slot, signed by all its voters."""
    bitmap = sum(1 << voter for voter in voters)
    voting_id, what = chain.voting_id(slot), (Place(1, 1), pair, participants, bitmap)
    keys = {voter: BallotSigner(chain.signers[voter], chain.contract) for voter in voters}
    signed = {voter: key.report(voting_id, *what) for voter, key in keys.items()}
    chain.owner.report(workflow_id(chain.workflow), Slot(EVERY, slot).trigger_id, *what, signed)


Prepare = Callable[[Task, int], Pair]
Decide = Callable[[Evidence, int], "tuple[HandlerAction, ...] | None"]


def slot_of(task: Task) -> int:
    """The number of the slot that a task is about."""
    assert isinstance(task.trigger, Slot)
    return task.trigger.number


def agreed(task: Task, _: int) -> Pair:
    """The pair on which honest workers agree: another one in each attempt of each voting."""
    about = task.voting_id + bytes([task.attempt])
    return Pair(sha256(b"input" + about).digest(), sha256(b"result" + about).digest())


def disagreed(task: Task, number: int) -> Pair:
    """A pair of the worker's own."""
    return Pair(agreed(task, number).input_root, bytes([number + 1]) * 31 + bytes([task.attempt]))


class TinyPreparer(Preparer):
    """Ballots out of thin air: `pair_of` gives the pair for a task and the worker's number, or raises.

    `handler` stands for the workflow's fallback handlers; without it there are none.
    """

    def __init__(self, number: int, pair_of: Prepare) -> None:
        self.number, self.pair_of = number, pair_of
        self.handler: Decide | None = None
        self.asked: list[Evidence] = []
        self.tasks: list[Task] = []

    def prepare(self, task: Task, turns: object = None) -> Ballot:
        self.tasks.append(task)
        pair = self.pair_of(task, self.number)
        salt = sha256(f"{self.number} {len(self.tasks)} {id(self)}".encode()).digest()
        return Ballot(task.voting_id, task.attempt, task.policy_version, pair, salt, 1, b"{}", b"{}", {})

    def handle(self, evidence: Evidence, seconds: float) -> "tuple[HandlerAction, ...] | None":
        self.asked.append(evidence)
        return self.handler(evidence, self.number) if self.handler else None

    def input_roots(self, ballot: Ballot) -> dict[str, bytes]:
        return {"data": ballot.pair.input_root}

    def close(self) -> None:
        """Nothing is under way."""


class OnePreparer(Preparers):
    """The same preparer under every policy."""

    def __init__(self, preparer: Preparer) -> None:
        self.preparer = preparer

    def of(self, policy: Policy) -> Preparer:
        return self.preparer

    def keep(self, in_force: bytes, others: Collection[bytes]) -> None:
        """Nothing is let go of."""

    def get_ready(self, policies: Sequence[Policy]) -> None:
        """All is here."""


class Company:
    """One operator: a worker with its journal and index on disk, that can crash and be started again."""

    def __init__(
        self, chain: Chain, number: int, folder: Path, preparer: Preparer, votings_at_once: int = 8
    ) -> None:
        self.chain, self.number, self.folder, self.preparer = chain, number, folder, preparer
        self.votings_at_once = votings_at_once
        self.outlets, self.clock = Outlets(), time.monotonic
        self.folder.mkdir(parents=True)
        self.start()

    @property
    def signer(self) -> Signer:
        return self.chain.signers[self.number]

    def start(self) -> None:
        """Starts the worker on what lies in the folder."""
        self.rpc: Any = self.access()
        client = NetworkClient(self.rpc, self.chain.contract, signer=self.signer)
        self.index = NetworkIndex(self.folder / "index.sqlite", client)
        self.journal = Journal(
            SqliteFile(self.folder / "journal.sqlite"),
            DEVELOPMENT_CHAIN_ID,
            self.chain.contract,
            self.signer.address,
        )
        self.worker = Worker(
            client,
            self.index,
            self.journal,
            {self.chain.workflow: OnePreparer(self.preparer)},
            votings_at_once=self.votings_at_once,
            runs_at_once=2,
            outlets=self.outlets,
            clock=self.clock,
            sharing=self.sharing(client),
            publishing=self.publishing(),
        )

    def sharing(self, client: NetworkClient) -> Sharing | None:
        """What it tells the others of votings that fail: nothing."""
        return None

    def publishing(self) -> Publishing | None:
        """What it publishes of votings that are recorded: nothing."""
        return None

    def access(self) -> Rpc:
        """The worker's own access to the chain."""
        return FaultyRpc(self.chain.methods)

    def restart(self) -> None:
        """What is not on disk is gone; a new worker begins."""
        self.close()
        self.start()

    def close(self) -> None:
        self.index.close()
        self.journal.close()

    def step(self, times: int = 1) -> None:
        """A step of the worker, and the end of the preparations that it began."""
        for _ in range(times):
            try:
                self.worker.step()
            finally:
                # The worker's own loop would sleep here, after a step that failed too; the tests wait for
                # exactly what it would wait for.
                wait([each.future for each in self.worker._preparations._under_way.values()], PATIENCE)
                wait([each.future for each in self.worker._decisions._under_way.values()], PATIENCE)
                wait([future for future, _ in self.worker._errands._under_way], PATIENCE)

    def seal(self) -> None:
        """Prepares and sends what is due: two steps."""
        self.step(2)


@dataclass
class World:
    """A chain and the companies on it."""

    chain: Chain
    companies: list[Company]

    def step(self, times: int = 1, *numbers: int) -> None:
        """Steps of these companies in turn, or of all."""
        chosen = [self.companies[number] for number in numbers] if numbers else self.companies
        for _ in range(times):
            for company in chosen:
                company.step()

    def preparer(self, number: int) -> TinyPreparer:
        preparer = self.companies[number].preparer
        assert isinstance(preparer, TinyPreparer)
        return preparer

    def close(self) -> None:
        for company in self.companies:
            company.close()
        self.chain.close()


def a_policy(slots: int = 1, **changes: Any) -> Policy:
    """A policy under which that many slots are due when the chain begins."""
    settings: dict[str, Any] = {
        "bundle_digest": b"\x01" * 32,
        "data_key_epoch": 1,
        "data_key_commitment": b"\x02" * 32,
        "every": EVERY,
        "delay": 0,
        "start": (LAST + 1 - slots) * EVERY,
        "max_age": 0,
        "threshold_num": 0,
        "threshold_den": 1,
        "ballots": Ballots.SEALED,
        "cast_window": 300,
        "reveal_window": 300,
        "stall": 600,
        "fallback": Fallback.ALERT,
    }
    return Policy(**{**settings, **changes})


MakeWorld = Callable[..., World]


@pytest.fixture
def make_world(tmp_path: Path) -> Iterator[MakeWorld]:
    """Makes a chain with companies whose ballots come from `pair_of`."""
    made: list[World] = []

    def make(
        pair_of: Prepare = agreed,
        *,
        slots: int = 1,
        confirmations: int = 0,
        votings_at_once: int = 8,
        **policy: Any,
    ) -> World:
        chain = Chain(tmp_path / "chain", a_policy(slots, **policy), confirmations=confirmations)
        companies = [
            Company(chain, number, tmp_path / f"node{number}", TinyPreparer(number, pair_of), votings_at_once)
            for number in range(3)
        ]
        made.append(World(chain, companies))
        return made[-1]

    yield make
    for world in made:
        world.close()


@pytest.fixture(scope="session")
def bills(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Bills"]:
    """Two votings from beginning to end, by real preparers."""
    from tests.unit.node.bills import make  # which is made of what stands above

    bills = make(tmp_path_factory.mktemp("bills"))
    yield bills
    bills.close()

"""Workers behind RPCs that fail and lie, on a real chain and contract: every voting ends, and every ballot is
there once."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.rpc_proxy import RpcProxy, node_in_process
from tests.unit.chain.conftest import ETHER
from tests.unit.node.conftest import (
    EVERY,
    GENESIS,
    LAST,
    PERIOD,
    Chain,
    Company,
    TinyPreparer,
    a_policy,
    agreed,
)

from worknet.chain import endpoints, transactions
from worknet.chain.client import NetworkClient
from worknet.chain.deployment import deploy
from worknet.chain.development import start
from worknet.chain.development.anvil import find_anvil
from worknet.chain.errors import ChainError, WrongChainError
from worknet.chain.events import Role
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.rpc import Rpc
from worknet.chain.signers import signer_from_key
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.voting import State

TRIES = 60


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the worker does every few seconds it does here at every step."""
    monkeypatch.setattr(transactions, "HAND_OVER_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(endpoints, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(endpoints, "SLOW_SECONDS", 0.5)


class Office(Company):
    """A company whose worker reaches the chain by the URLs of proxies."""

    def __init__(self, chain: Chain, folder: Path, urls: list[str], quorum: int) -> None:
        self.urls, self.quorum = urls, quorum
        super().__init__(chain, 0, folder, TinyPreparer(0, agreed))

    def access(self) -> Rpc:
        return Rpc(
            self.urls,
            DEVELOPMENT_CHAIN_ID,
            quorum=self.quorum,
            timeout=2,
            # The chain of these tests lies years back; it is to count as one of today.
            stale_after=1 << 40,
            retries=1,
            pause=0.01,
        )


class Scene:
    """A chain behind three proxies; the first company reads by them, two others without trouble."""

    def __init__(self, chain: Chain, folder: Path) -> None:
        self.chain, self.folder = chain, folder
        # Blocks are made here alone: the chain's store is of this thread.
        chain.automatic = False
        self.lock = threading.Lock()
        self.proxies = [RpcProxy(node_in_process(chain.methods, self.lock)) for _ in range(3)]
        self.others = [Company(chain, n, folder / f"node{n}", TinyPreparer(n, agreed)) for n in (1, 2)]
        self.office: Office | None = None
        self.faults = 0

    def open(self, endpoints: int = 3, quorum: int = 1) -> Office:
        urls = [proxy.url for proxy in self.proxies[:endpoints]]
        self.office = Office(self.chain, self.folder / "node0", urls, quorum)
        return self.office

    def step(self) -> None:
        """A step of all; what the worker's loop outwaits is counted."""
        assert self.office is not None
        try:
            self.office.step()
        except ChainError:
            self.faults += 1
        for company in self.others:
            company.step()
        self.mine()

    def mine(self, blocks: int = 1) -> None:
        with self.lock:
            self.chain.mine(blocks)

    def run(self, done: Callable[[], bool]) -> None:
        for _ in range(TRIES):
            self.step()
            if done():
                return
        raise AssertionError("the voting does not end")

    def has_ended(self, slot: int = LAST) -> bool:
        view = self.chain.owner.voting(workflow_id(self.chain.workflow), Slot(EVERY, slot).trigger_id)
        return view.state is State.CONSENSUS and view.closed

    def ballots(self) -> list[int]:
        """How often each company sealed with success."""
        senders = [sender for sender, _ in self.chain.sent("seal")]
        return [senders.count(signer.address) for signer in self.chain.signers]

    def close(self) -> None:
        for company in [*self.others, *([self.office] if self.office else [])]:
            company.close()
        for proxy in self.proxies:
            proxy.close()
        self.chain.close()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(Chain(tmp_path / "chain", a_policy()), tmp_path)
    yield scene
    scene.close()


def fault(**attributes: object) -> Callable[[RpcProxy], None]:
    def play(proxy: RpcProxy) -> None:
        for name, value in attributes.items():
            setattr(proxy, name, value)

    return play


FAULTS = {
    "down": fault(down=True),
    "cut in the middle": fault(cut=True),
    "slow": fault(slow=0.8),
    "HTTP 500": fault(status=500),
    "rate limited": fault(status=429, retry_after=30),
    "token refused": fault(status=401),
    "head made up": fault(ahead=500),
    "behind": fault(behind=30),
    "on a chain of its own": fault(forked=True),
    "refuses transactions": fault(refuses="transaction underpriced"),
    "swallows transactions": fault(swallows=True),
    "repeats events": fault(repeats_logs=True),
}


LIES = {
    "leaves out events": fault(hides_logs=True),
    "head made up": fault(ahead=500),
    "behind": fault(behind=30),
    "on a chain of its own": fault(forked=True),
    "repeats events": fault(repeats_logs=True),
}

PASSING = FAULTS | {"state of long ago": fault(old_state=20)}


def some(names: Iterable[str], *quick: str) -> list[Any]:
    """All of them; those that are not `quick` in the long tests only."""
    return [pytest.param(name, marks=[] if name in quick else pytest.mark.long) for name in names]


@pytest.mark.parametrize("name", some(FAULTS, "down", "cut in the middle", "head made up", "rate limited"))
def test_a_voting_ends_though_the_first_of_three_endpoints_fails(scene: Scene, name: str) -> None:
    scene.mine(40)
    scene.open()
    FAULTS[name](scene.proxies[0])
    scene.run(scene.has_ended)
    assert scene.ballots() == [1, 1, 1]
    assert scene.proxies[0].met
    assert scene.faults == 0


@pytest.mark.parametrize("name", some(LIES, "leaves out events", "on a chain of its own"))
def test_a_quorum_of_two_reads_nothing_that_one_of_three_makes_up_or_leaves_out(
    scene: Scene, name: str
) -> None:
    scene.mine(40)
    scene.open(quorum=2)
    LIES[name](scene.proxies[0])
    scene.run(scene.has_ended)
    assert scene.ballots() == [1, 1, 1]
    assert scene.proxies[0].met
    assert scene.faults == 0


@pytest.mark.parametrize("name", some(PASSING, "swallows transactions", "head made up"))
def test_a_fault_of_the_only_endpoint_that_passes_loses_nothing(scene: Scene, name: str) -> None:
    scene.mine(40)
    office = scene.open(endpoints=1)
    scene.step()
    PASSING[name](scene.proxies[0])
    # Asking a slow one costs the time of the test.
    for _ in range(1 if name == "slow" else 5):
        scene.step()
    scene.proxies[0].heal()
    office.restart()
    scene.run(scene.has_ended)
    assert scene.ballots() == [1, 1, 1]
    assert scene.proxies[0].met


def test_events_that_the_only_endpoint_left_out_are_read_when_the_workers_own_are_missed(
    scene: Scene,
) -> None:
    scene.mine(40)
    scene.open(endpoints=1)
    # It knows policies and members, and for a while is told of nothing else.
    scene.step()
    scene.proxies[0].hides_logs = True
    with capture_logs() as told:
        for _ in range(2):
            scene.step()
        scene.proxies[0].heal()
        scene.run(scene.has_ended)
    assert scene.ballots() == [1, 1, 1]
    assert "chain.events_missing" in [each["event"] for each in told]


def test_two_endpoints_that_contradict_each_other_are_named_and_nothing_is_sent(scene: Scene) -> None:
    scene.mine(40)
    office = scene.open(endpoints=2, quorum=2)
    scene.proxies[0].forked = True
    with pytest.raises(ChainError, match=f"{scene.proxies[0].url}, {scene.proxies[1].url}"):
        office.step()
    assert scene.proxies[0].seen["eth_sendRawTransaction"] == 0


def test_an_endpoint_of_another_chain_is_refused_at_the_start_by_its_name(scene: Scene) -> None:
    scene.proxies[1].chain_id = 1
    with pytest.raises(WrongChainError, match=scene.proxies[1].url):
        scene.open().step()


def test_an_endpoint_that_dies_in_the_middle_of_a_voting_is_replaced_within_the_step(scene: Scene) -> None:
    scene.mine(40)
    scene.open(endpoints=2)
    scene.step()
    scene.proxies[0].down = True
    scene.run(scene.has_ended)
    assert (scene.ballots(), scene.faults) == ([1, 1, 1], 0)


@pytest.mark.long
@pytest.mark.skipif(find_anvil() is None, reason="anvil is not installed")
def test_on_anvil_a_ballot_that_a_reorganisation_took_back_is_handed_over_again(tmp_path: Path) -> None:
    owner, *signers = [signer_from_key(bytes([n]) * 32, DEVELOPMENT_CHAIN_ID) for n in (0xEE, 1, 2, 3)]
    funds = {signer.address: ETHER for signer in [owner, *signers]}
    with start(tmp_path / "chain", funds=funds, engine="anvil", block_time=0, genesis_time=GENESIS) as anvil:
        rpc = Rpc(anvil.url, DEVELOPMENT_CHAIN_ID)
        contract = deploy(rpc, owner, 3, PERIOD).contract
        client = NetworkClient(rpc, contract, signer=owner)
        for number, signer in enumerate(signers, start=1):
            client.wait(client.enrol(bytes([number]) * 20, signer.address, Role.ACTIVE, b"\xe0" * 32))
        client.wait(client.announce(workflow_id("tried"), a_policy()))
        for _ in range(3):
            rpc.request("evm_mine")
        chain: Any = SimpleNamespace(contract=contract, signers=signers, workflow="tried")
        office = Office(chain, tmp_path / "node", [anvil.url], 1)
        office.seal()
        about = (workflow_id("tried"), Slot(EVERY, LAST).trigger_id)
        assert client.voting(*about).cast == 1
        (sealed,) = office.journal.transactions.waiting()
        rpc.request("anvil_reorg", 2, [])
        assert rpc.receipt(sealed.hash) is None
        office.step(2)
        rpc.request("evm_mine")
        assert client.voting(*about).cast == 1
        assert [each.hash for each in office.journal.transactions.waiting()] == [sealed.hash]
        office.close()

"""The built-in development chain without its server: queue, time, storage, replay."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.chain.conftest import ETHER, Contract

from worknet.chain.development.blocks import Call, TransactionRefusedError
from worknet.chain.development.ledger import Ledger
from worknet.chain.development.store import BlockStore, FolderLock, StoredGenesis
from worknet.chain.errors import DevelopmentChainError, FolderInUseError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import Signer, signer_from_key

START = 1_700_000_000
FEE = 3 * 10**9


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> int:
        return self.now


class Bench:
    """A ledger with signers that know their nonces."""

    def __init__(self, folder: Path, signers: list[Signer]) -> None:
        self.folder = folder
        self.signers = signers
        self.clock = Clock()
        self.nonces = dict.fromkeys(signers, 0)
        self.open()

    def open(self) -> None:
        self.store = BlockStore(self.folder)
        funds = {signer.address: 10 * ETHER for signer in self.signers}
        genesis = StoredGenesis(DEVELOPMENT_CHAIN_ID, self.clock.now, funds)
        self.ledger = Ledger(self.store, genesis, self.clock)

    def reopen(self) -> None:
        self.store.close()
        self.open()

    def raw(self, signer: Signer, to: bytes | None, data: bytes = b"", **fields: int) -> bytes:
        transaction: dict[str, object] = {
            "chainId": DEVELOPMENT_CHAIN_ID,
            "nonce": self.nonces[signer],
            "gas": 500_000,
            "maxFeePerGas": FEE,
            "maxPriorityFeePerGas": 10**9,
            "value": 0,
            "data": data,
            **fields,
        }
        if "gasPrice" in fields:
            del transaction["maxFeePerGas"], transaction["maxPriorityFeePerGas"]
        if to is not None:
            transaction["to"] = to
        return signer.sign(transaction).raw

    def send(self, to: bytes | None, data: bytes = b"", signer: Signer | None = None, **fields: int) -> bytes:
        signer = signer or self.signers[0]
        digest = self.ledger.submit(self.raw(signer, to, data, **fields))
        self.nonces[signer] += 1
        return digest

    def deploy(self, contract: Contract) -> bytes:
        digest = self.send(None, contract.code)
        self.ledger.mine()
        place = self.ledger.place(digest)
        assert place is not None
        assert place.execution.created is not None
        return place.execution.created


@pytest.fixture
def bench(tmp_path: Path, signers: list[Signer]) -> Iterator[Bench]:
    bench = Bench(tmp_path, signers)
    yield bench
    bench.store.close()


def test_a_contract_sees_the_time_of_its_blocks_header(bench: Bench, contract: Contract) -> None:
    address = bench.deploy(contract)
    bench.clock.now += 77
    bench.send(address, contract.put(1, 2))
    block = bench.ledger.mine()
    seen = bench.ledger.evm.call(Call(address, contract.call("at()")))
    assert int.from_bytes(seen.output, "big") == block.header.timestamp == START + 77


def test_a_contract_sees_the_mix_hash_of_its_blocks_header(bench: Bench) -> None:
    # PREVRANDAO, stored at 0 by the constructor; no runtime code.
    digest = bench.send(None, bytes.fromhex("4460005500"))
    block = bench.ledger.mine()
    place = bench.ledger.place(digest)
    assert place is not None
    assert place.execution.created is not None
    stored = bench.ledger.evm.storage(place.execution.created, 0)
    assert stored.to_bytes(32, "big") == block.header.mix_hash != bytes(32)


def test_blocks_are_a_second_apart_even_when_the_clock_stands_or_goes_back(bench: Bench) -> None:
    times = []
    for step in (0, 0, -50, 0, 100):
        bench.clock.now += step
        times.append(bench.ledger.mine().header.timestamp)
    assert times == [START + 1, START + 2, START + 3, START + 4, START + 50]


def test_time_moved_forward_stays_forward_after_a_restart(bench: Bench) -> None:
    bench.ledger.move_time(1000)
    assert bench.ledger.mine().header.timestamp == START + 1000
    bench.reopen()
    bench.clock.now += 5
    assert bench.ledger.mine().header.timestamp == START + 1005


def test_a_replayed_chain_has_the_same_blocks_receipts_and_logs(bench: Bench, contract: Contract) -> None:
    address = bench.deploy(contract)
    digests = [bench.send(address, contract.put(i, 20 + i), bench.signers[i % 3]) for i in range(6)]
    bench.ledger.mine()
    bench.ledger.mine()
    before = [block.hash for block in bench.ledger.evm.blocks]
    places = [bench.ledger.place(digest) for digest in digests]
    logs = list(bench.ledger.logs(0, 99))
    bench.reopen()
    assert [block.hash for block in bench.ledger.evm.blocks] == before
    assert [p and p.execution.gas_used for p in map(bench.ledger.place, digests)] == [
        p and p.execution.gas_used for p in places
    ]
    assert [log.log for log in bench.ledger.logs(0, 99)] == [log.log for log in logs]
    assert len(logs) == 6


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["transfer", "put", "fail", "mine", "wait"]), st.integers(0, 2))))
def test_any_history_replays_to_the_same_head(
    tmp_path_factory: pytest.TempPathFactory,
    signers: list[Signer],
    contract: Contract,
    steps: list[tuple[str, int]],
) -> None:
    bench = Bench(tmp_path_factory.mktemp("chain"), signers)
    address = bench.deploy(contract)
    for kind, who in steps:
        signer = signers[who]
        if kind == "transfer":
            bench.send(signers[who - 1].address, b"", signer, value=1 + who)
        elif kind == "put":
            bench.send(address, contract.put(who, 7), signer)
        elif kind == "fail":
            bench.send(address, contract.put(who, 13), signer)
        elif kind == "mine":
            bench.ledger.mine()
        else:
            bench.clock.now += 3 * who
    head = bench.ledger.mine().hash
    bench.reopen()
    assert bench.ledger.evm.head.hash == head
    bench.store.close()


def test_a_changed_store_is_refused(bench: Bench, contract: Contract) -> None:
    bench.deploy(contract)
    bench.store.close()
    with sqlite3.connect(bench.folder / "chain.sqlite") as database:
        database.execute("UPDATE blocks SET time = time + 1")
    with pytest.raises(DevelopmentChainError, match="another hash"):
        bench.open()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chain.sqlite").write_bytes(b"nonsense" * 1000)
    with pytest.raises(DevelopmentChainError, match=r"chain\.sqlite"):
        BlockStore(tmp_path)


def test_a_chain_is_not_continued_with_other_funds(bench: Bench) -> None:
    bench.ledger.mine()
    bench.store.close()
    bench.signers = bench.signers[:1]
    with pytest.raises(DevelopmentChainError, match="funded"):
        bench.open()


def test_a_folder_serves_one_chain_at_a_time(tmp_path: Path) -> None:
    lock = FolderLock(tmp_path)
    with pytest.raises(FolderInUseError, match="process"):
        FolderLock(tmp_path)
    lock.close()
    FolderLock(tmp_path).close()


def test_a_failed_transaction_is_in_its_block_and_pays(bench: Bench, contract: Contract) -> None:
    address = bench.deploy(contract)
    digest = bench.send(address, contract.put(1, 13))
    block = bench.ledger.mine()
    place = bench.ledger.place(digest)
    assert place is not None
    assert not place.execution.succeeded
    assert block.header.gas_used == place.execution.gas_used > 21000


def test_calls_see_the_state_of_the_block_that_they_name(bench: Bench, contract: Contract) -> None:
    address = bench.deploy(contract)
    for amount in (5, 6):
        bench.send(address, contract.put(1, amount))
        bench.ledger.mine()
    read = Call(address, contract.call("amounts(bytes32)", (1).to_bytes(32, "big")))
    amounts = [int.from_bytes(bench.ledger.evm.call(read, number).output, "big") for number in (1, 2, 3)]
    assert amounts == [0, 5, 6]


def test_legacy_and_dynamic_fee_transactions_pay_their_price(bench: Bench) -> None:
    base_fee = bench.ledger.evm.next_base_fee()
    other = bench.signers[1].address
    digests = [
        bench.send(other, value=1, gasPrice=2 * 10**9),
        bench.send(other, value=1, maxFeePerGas=FEE, maxPriorityFeePerGas=10**9),
    ]
    bench.ledger.mine()
    prices = [place.execution.gas_price for place in map(bench.ledger.place, digests) if place is not None]
    assert prices == [2 * 10**9, base_fee + 10**9]


def test_transactions_wait_for_the_missing_nonce(bench: Bench) -> None:
    other = bench.signers[1].address
    bench.nonces[bench.signers[0]] = 1
    late = bench.send(other, value=1)
    bench.ledger.mine()
    assert bench.ledger.place(late) is None
    assert bench.ledger.pending_nonce(bench.signers[0].address) == 0
    bench.nonces[bench.signers[0]] = 0
    early = bench.send(other, value=1)
    assert bench.ledger.pending_nonce(bench.signers[0].address) == 2
    bench.ledger.mine()
    places = [bench.ledger.place(digest) for digest in (early, late)]
    assert [place and place.index for place in places] == [0, 1]


def test_a_block_takes_no_more_than_its_gas_limit(bench: Bench) -> None:
    for _ in range(3):
        bench.send(bench.signers[1].address, gas=14_000_000)
    sizes = [len(bench.ledger.mine().executions) for _ in range(3)]
    assert sizes == [2, 1, 0]


def test_a_transaction_is_replaced_only_by_a_dearer_one(bench: Bench) -> None:
    signer, other = bench.signers[:2]
    first = bench.ledger.submit(bench.raw(signer, other.address, value=1))
    with pytest.raises(TransactionRefusedError, match="underpriced"):
        bench.ledger.submit(bench.raw(signer, other.address, value=2))
    second = bench.ledger.submit(bench.raw(signer, other.address, value=2, maxFeePerGas=2 * FEE))
    bench.ledger.mine()
    assert bench.ledger.place(first) is None
    assert bench.ledger.place(second) is not None


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"nonce": 0, "value": 5}, "nonce too low"),
        ({"value": 11 * ETHER}, "insufficient funds"),
        ({"gas": 20_999}, "intrinsic gas too low"),
        ({"gas": 30_000_001}, "exceeds block gas limit"),
        ({"maxPriorityFeePerGas": 4 * FEE}, "max priority fee"),
    ],
)
def test_what_can_never_be_executed_is_refused_as_geth_does(
    bench: Bench, fields: dict[str, int], message: str
) -> None:
    bench.send(bench.signers[1].address)
    bench.ledger.mine()
    with pytest.raises(TransactionRefusedError, match=message):
        bench.send(bench.signers[1].address, **fields)


def test_a_transaction_is_queued_once(bench: Bench) -> None:
    raw = bench.raw(bench.signers[0], bench.signers[1].address)
    bench.ledger.submit(raw)
    for _ in range(2):
        with pytest.raises(TransactionRefusedError, match="already known"):
            bench.ledger.submit(raw)
        bench.ledger.mine()


@pytest.mark.parametrize(
    "raw", [b"", b"\0", b"\x02", b"\x02\xc0", b"\xc0", b"\x05abc", b"\xff" * 40, b"\xf8\x01"]
)
def test_bytes_that_are_no_transaction_are_refused(bench: Bench, raw: bytes) -> None:
    with pytest.raises(TransactionRefusedError):
        bench.ledger.submit(raw)


def test_a_transaction_of_another_chain_is_refused(bench: Bench) -> None:
    stranger = signer_from_key(b"\x01" * 32, 1)
    fields = {"chainId": 1, "nonce": 0, "gas": 21000, "gasPrice": FEE, "value": 0, "to": bytes(20)}
    with pytest.raises(TransactionRefusedError, match="chain id"):
        bench.ledger.submit(stranger.sign(fields).raw)

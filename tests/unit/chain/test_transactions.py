"""Transactions that the chain's node forgets, refuses or cannot pay for: none holds up those after it."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.errors import InsufficientFundsError, RpcRefusedError, TransactionPendingError
from worknet.chain.events import Role
from worknet.chain.transactions import Sender

TOO_LOW = "max fee per gas less than block base fee"
SEND = "eth_sendRawTransaction"
Answer = Callable[[str, Any], Any]


class Between:
    """What stands between a network's clients and its chain: forgets, refuses, and tells other base fees."""

    def __init__(self, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        self.network = network
        self.chain = network.rpc.request
        self.forgets = False
        self.forgotten: list[str] = []
        self.refuses: Callable[[str], str] = lambda raw: ""
        self.base_fee_factor = 1
        monkeypatch.setattr(network.rpc, "request", self.request)

    def request(self, method: str, *params: Any) -> Any:
        if method == SEND and self.refuses(params[0]):
            raise RpcRefusedError(method, -32000, self.refuses(params[0]))
        if method == SEND and self.forgets:
            self.forgotten.append(params[0])
            return None
        answer = self.chain(method, *params)
        if method == "eth_getBlockByNumber":
            answer["baseFeePerGas"] = hex(int(answer["baseFeePerGas"], 16) * self.base_fee_factor)
        return answer

    def forget(self) -> bytes:
        """A transaction that the chain's node takes and forgets at once."""
        self.forgets = True
        sent = enrol(self.network, 0x51)
        self.forgets = False
        return sent

    def refuse_forgotten(self, text: str) -> None:
        """From now on the chain's node refuses what it has forgotten."""
        self.refuses = lambda raw: text if raw in self.forgotten else ""

    def fees(self, sent: bytes) -> tuple[int, int]:
        """What the transaction that this hash leads to offers: in all, and above the base fee."""
        receipt = self.network.owner.receipt(sent)
        assert receipt is not None
        there = self.chain("eth_getTransactionByHash", "0x" + receipt.transaction.hex())
        return int(there["maxFeePerGas"], 16), int(there["maxPriorityFeePerGas"], 16)


def enrol(network: Network, number: int) -> bytes:
    """Something that the owner sends."""
    return network.owner.enrol(bytes([number]) * 20, bytes([number]) * 20, Role.STANDBY, b"\x01" * 32)


@pytest.fixture
def between(network: Network, monkeypatch: pytest.MonkeyPatch) -> Between:
    return Between(network, monkeypatch)


@pytest.mark.parametrize("text", [TOO_LOW, "transaction underpriced", "FeeTooLow", "Gas price is too low"])
def test_a_transaction_whose_fee_is_too_low_is_signed_anew_and_found_by_its_old_hash(
    network: Network, between: Between, text: str
) -> None:
    first = between.forget()
    between.refuse_forgotten(text)
    second = enrol(network, 0x52)
    receipts = [network.owner.wait(sent, timeout=0) for sent in (first, second)]
    assert [receipt.succeeded for receipt in receipts] == [True, True]
    assert receipts[0].transaction != first
    assert receipts[1].transaction == second
    assert network.owner.member_count() == 5
    old, new = between.fees(second), between.fees(first)
    assert all(after * 8 >= before * 9 for before, after in zip(old, new, strict=True))


def test_a_transaction_that_waits_for_a_lower_base_fee_is_replaced(
    network: Network, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network.rpc.methods, "_on_submit", lambda: None)
    first = enrol(network, 0x51)
    between.base_fee_factor = 10
    network.owner._signing()._fees = None
    second = enrol(network, 0x52)
    between.chain("evm_mine")
    assert network.rpc.receipt(first) is None
    assert [network.owner.wait(sent, timeout=0).succeeded for sent in (first, second)] == [True, True]
    assert between.fees(first)[0] > 10**9 * 10


def test_a_replaced_transaction_is_found_also_if_the_old_one_got_into_a_block(
    network: Network, between: Between
) -> None:
    first = between.forget()
    between.refuse_forgotten(TOO_LOW)
    between.forgets = True
    enrol(network, 0x52)
    assert len(between.forgotten) == 3
    between.chain(SEND, between.forgotten[0])
    found = network.owner.receipt(first)
    assert found is not None
    assert found.transaction == first


def test_whoever_waits_gets_a_fee_that_is_too_low_raised(network: Network, between: Between) -> None:
    clock = iter(range(0, 1000, 3))
    sender = Sender(network.rpc, network.signers[3], clock=lambda: float(next(clock)), sleep=lambda _: None)
    between.forgets = True
    sent = sender.send(network.deployment.contract, b"", 100_000)
    between.forgets = False
    between.refuse_forgotten(TOO_LOW)
    assert sender.wait(sent).transaction != sent


def test_a_transaction_that_is_refused_for_good_gives_its_nonce_to_the_next(
    network: Network, between: Between
) -> None:
    first = between.forget()
    between.refuse_forgotten("exceeds block gas limit")
    second = enrol(network, 0x52)
    assert network.owner.wait(second, timeout=0).succeeded
    assert network.owner.receipt(first) is None
    with pytest.raises(TransactionPendingError):
        network.owner.wait(first, timeout=0)


def test_a_transaction_whose_nonce_is_taken_is_passed_over(
    network: Network, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    between.forget()
    # Another sender with the same key uses the nonce, which the chain's node is late to count.
    other = Sender(network.rpc, network.signers[3])
    other.wait(other.send(network.deployment.contract, b"", 100_000), timeout=0)
    nonce = network.rpc.nonce(network.signers[3].address)
    between.refuse_forgotten(f"nonce too low: next nonce {nonce}")
    late = {"eth_getTransactionCount": hex(nonce - 1)}
    monkeypatch.setattr(
        network.rpc,
        "request",
        lambda method, *params: late.pop(method, None) or between.request(method, *params),
    )
    assert network.owner.wait(enrol(network, 0x52), timeout=0).succeeded


def test_an_rpc_that_refuses_and_forgets_everything_drives_no_fee_up(
    network: Network, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    offered: list[int] = []
    sign = network.signers[3].sign

    def noted(transaction: Any) -> Any:
        offered.append(transaction["maxFeePerGas"])
        return sign(transaction)

    monkeypatch.setattr(network.signers[3], "sign", noted)
    between.forgets = True
    between.refuse_forgotten(TOO_LOW)
    for number in range(20):
        enrol(network, 0x52 + number)
    assert len(offered) > 40
    assert max(offered) <= 2 * min(offered)


def test_an_account_that_was_emptied_is_named(network: Network, between: Between) -> None:
    between.forget()
    between.refuses = lambda raw: "insufficient funds for gas * price + value"
    with pytest.raises(InsufficientFundsError):
        enrol(network, 0x52)


def test_what_is_in_blocks_is_remembered_no_longer(network: Network, between: Between) -> None:
    for number in range(5):
        enrol(network, 0x51 + number)
    assert len(network.owner._signing()._in_flight) == 1


def test_a_chain_without_base_fee_gets_its_gas_price(
    network: Network, between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = between.request

    def legacy(method: str, *params: Any) -> Any:
        got = answer(method, *params)
        if method == "eth_getBlockByNumber":
            del got["baseFeePerGas"]
        return got

    monkeypatch.setattr(network.rpc, "request", legacy)
    sender = Sender(network.rpc, network.signers[3])
    sent = sender.send(network.deployment.contract, b"", 100_000)
    sender.wait(sent, timeout=0)
    assert between.chain("eth_getTransactionByHash", "0x" + sent.hex())["type"] == "0x0"

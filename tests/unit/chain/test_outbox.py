"""Senders with an outbox: nothing leaves that is not in it, and a sender after a crash goes on with it."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.unit.chain.conftest import Network

from worknet.chain.answers import Receipt
from worknet.chain.errors import InsufficientFundsError, RpcRefusedError, RpcUnavailableError
from worknet.chain.fees import MOST_OF_TODAY
from worknet.chain.transactions import HAND_OVER_AGAIN_SECONDS, STUCK_SECONDS, Outgoing, Sender

SEND = "eth_sendRawTransaction"
GAS = 100_000


class Kept:
    """An outbox that outlives its senders, as a journal would. `ended` are hashes that are done."""

    def __init__(self) -> None:
        self.put_in: list[Outgoing] = []
        self.dropped: list[bytes] = []
        self.ended: set[bytes] = set()

    def put(self, outgoing: Outgoing) -> None:
        self.put_in.append(outgoing)

    def drop(self, transaction: bytes) -> None:
        self.dropped.append(transaction)

    def in_flight(self) -> list[Outgoing]:
        return [each for each in self.put_in if each.hash not in self.ended and each.hash not in self.dropped]


class Desk:
    """A sender over a chain's node that mines when told to, and forgets or refuses when told to."""

    def __init__(self, network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
        self.network = network
        self.kept = Kept()
        self.now = 0.0
        self.handed: list[str] = []
        self.forgets = False
        self.refuses: Callable[[str], str] = lambda _: ""
        self.base_fee_factor = 1
        self._ask = network.rpc.request
        monkeypatch.setattr(network.rpc.methods, "_on_submit", lambda: None)
        monkeypatch.setattr(network.rpc, "request", self._request)
        self.start()

    def start(self) -> None:
        """A sender that knows nothing but the outbox."""
        self.sender = Sender(self.network.rpc, self.network.signers[3], clock=lambda: self.now)
        self.sender.resume(self.kept)

    def send(self) -> bytes:
        return self.sender.send(b"\x77" * 20, b"", GAS)

    def mine(self, blocks: int = 1) -> None:
        self.network.rpc.request("evm_mine", blocks)

    def receipt(self, transaction: bytes) -> Receipt:
        receipt = self.sender.receipt(transaction)
        assert receipt is not None
        return receipt

    def tend(self) -> None:
        """What the sender does after a while."""
        self.now += HAND_OVER_AGAIN_SECONDS
        self.sender.tend()

    def nonces(self) -> list[int]:
        return [outgoing.nonce for outgoing in self.kept.put_in]

    def _request(self, method: str, *params: Any) -> Any:
        if method == SEND:
            assert params[0] in {"0x" + each.raw.hex() for each in self.kept.put_in}, (
                "it is in the outbox first"
            )
            self.handed.append(params[0])
            if text := self.refuses(params[0]):
                raise RpcRefusedError(method, -32000, text)
            if self.forgets:
                return None
        answer = self._ask(method, *params)
        if method == "eth_getBlockByNumber" and answer:
            answer["baseFeePerGas"] = hex(int(answer["baseFeePerGas"], 16) * self.base_fee_factor)
        return answer


@pytest.fixture
def desk(network: Network, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(network, monkeypatch)


def test_what_did_not_leave_before_a_crash_leaves_after_it_as_it_was_signed(desk: Desk) -> None:
    desk.forgets = True
    sent = desk.send()
    desk.forgets = False
    desk.start()
    desk.sender.tend()
    desk.mine()
    assert desk.receipt(sent).transaction == sent
    assert len(desk.kept.put_in) == 1


def test_a_gap_of_nonces_is_closed_by_those_that_the_node_forgot(desk: Desk) -> None:
    first = desk.send()
    desk.mine()
    desk.forgets = True
    forgotten = [desk.send(), desk.send()]
    desk.forgets = False
    desk.start()
    last = desk.send()
    desk.mine()
    assert [desk.receipt(each).transaction for each in (first, *forgotten, last)] == [first, *forgotten, last]
    assert desk.nonces() == list(range(desk.nonces()[0], desk.nonces()[0] + 4))


def test_a_transaction_that_the_node_dropped_later_is_handed_over_again(desk: Desk, network: Network) -> None:
    sent = desk.send()
    network.rpc.methods._ledger._queue.clear()
    desk.tend()
    desk.mine()
    assert desk.receipt(sent).transaction == sent


def test_what_is_in_a_block_stays_in_flight_until_it_is_forgotten(desk: Desk) -> None:
    sent = desk.send()
    desk.mine()
    desk.tend()
    assert desk.sender._in_flight
    desk.sender.forget(sent)
    assert not desk.sender._in_flight


def test_nothing_is_asked_while_nothing_is_in_flight(desk: Desk, network: Network) -> None:
    network.rpc.asked.clear()
    desk.tend()
    assert network.rpc.asked == []


def test_a_transaction_that_no_block_takes_is_replaced_after_a_while(desk: Desk, network: Network) -> None:
    sent = desk.send()
    network.rpc.methods._ledger._queue.clear()
    desk.forgets = True
    desk.mine(3)
    desk.now += STUCK_SECONDS
    desk.forgets = False
    with capture_logs() as told:
        desk.tend()
    desk.mine()
    assert [each["event"] for each in told] == ["transaction.replaced"]
    old, new = desk.kept.put_in
    assert (new.replaces, desk.receipt(sent).transaction) == (sent, new.hash)
    assert all(new.fees[name] * 8 > fee * 9 for name, fee in old.fees.items())


def test_a_chain_that_makes_no_blocks_drives_no_fee_up(desk: Desk) -> None:
    desk.send()
    desk.now += 10 * STUCK_SECONDS
    desk.tend()
    assert len(desk.kept.put_in) == 1


def test_replacements_end_at_a_multiple_of_todays_fees(desk: Desk) -> None:
    desk.send()
    desk.forgets = True
    desk.refuses = lambda _: "transaction underpriced"
    for _ in range(30):
        desk.tend()
    today, offered = (max(desk.kept.put_in[at].fees.values()) for at in (0, -1))
    assert today < offered <= MOST_OF_TODAY * today


def test_a_base_fee_that_rises_replaces_what_it_prices_out(desk: Desk) -> None:
    sent = desk.send()
    desk.base_fee_factor = 10
    desk.tend()
    desk.base_fee_factor = 1
    desk.mine()
    assert desk.receipt(sent).transaction == desk.kept.put_in[1].hash
    assert desk.kept.put_in[1].fees["maxFeePerGas"] > 10 * 10**9


@pytest.mark.parametrize("restarts", [False, True])
def test_a_replaced_transaction_that_got_into_a_block_after_all_is_not_dropped(
    desk: Desk, restarts: bool
) -> None:
    sent = desk.send()
    desk.base_fee_factor, desk.forgets = 10, True
    desk.tend()
    desk.base_fee_factor, desk.forgets = 1, False
    assert [each.replaces for each in desk.kept.put_in] == [None, sent]
    desk.mine()
    if restarts:
        desk.start()
    for _ in range(4):
        desk.tend()
    assert desk.receipt(sent).transaction == sent
    assert desk.kept.dropped == []


def test_replacements_are_found_after_a_restart_by_the_first_hash(desk: Desk) -> None:
    sent = desk.send()
    desk.base_fee_factor = 10
    desk.tend()
    desk.start()
    desk.base_fee_factor = 1
    desk.mine()
    assert desk.receipt(sent).transaction == desk.kept.put_in[1].hash


def test_a_legacy_chain_gets_a_gas_price_an_eighth_higher(
    desk: Desk, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = network.rpc.request

    def legacy(method: str, *params: Any) -> Any:
        answer = ask(method, *params)
        if method == "eth_getBlockByNumber" and answer:
            del answer["baseFeePerGas"]
        return answer

    monkeypatch.setattr(network.rpc, "request", legacy)
    desk.send()
    desk.refuses = lambda raw: "transaction underpriced" if raw == desk.handed[0] else ""
    desk.tend()
    old, new = desk.kept.put_in
    assert new.fees.keys() == {"gasPrice"}
    assert new.fees["gasPrice"] == old.fees["gasPrice"] * 9 // 8 + 1


def test_the_next_transaction_takes_the_nonce_of_one_that_was_given_up(desk: Desk) -> None:
    first = desk.send()
    desk.sender.give_up(first)
    second = desk.send()
    desk.mine()
    assert desk.nonces()[0] == desk.nonces()[1]
    assert desk.sender.receipt(first) is None
    assert desk.receipt(second).succeeded


def test_what_was_given_up_is_not_handed_over_for_ever(desk: Desk) -> None:
    desk.sender.give_up(desk.send())
    desk.handed.clear()
    desk.tend()
    assert desk.handed == []


def test_what_was_given_up_goes_on_while_another_waits_for_its_nonce(desk: Desk, network: Network) -> None:
    first = desk.send()
    second = desk.send()
    network.rpc.methods._ledger._queue.clear()
    desk.sender.give_up(first)
    desk.tend()
    desk.mine()
    assert desk.receipt(second).succeeded


def test_a_transaction_whose_nonce_another_sender_took_is_dropped(desk: Desk, network: Network) -> None:
    desk.forgets = True
    sent = desk.send()
    desk.forgets = False
    outbox, desk.kept = desk.kept, Kept()
    other = Sender(network.rpc, network.signers[3])
    other.resume(desk.kept)
    other.send(b"\x78" * 20, b"", GAS)
    desk.mine()
    desk.kept = outbox
    with capture_logs() as told:
        for _ in range(3):
            desk.tend()
    assert outbox.dropped == [sent]
    assert [each["event"] for each in told] == ["transaction.nonce_taken"]


def test_waiting_transactions_of_another_sender_are_counted(desk: Desk, network: Network) -> None:
    desk.send()
    assert desk.sender.foreign_waiting() == 0
    desk.start()
    assert desk.sender.foreign_waiting() == 0
    desk.kept.ended = {each.hash for each in desk.kept.put_in}
    desk.start()
    assert desk.sender.foreign_waiting() == 1


def test_a_refused_transaction_is_dropped_and_its_nonce_free(desk: Desk) -> None:
    desk.refuses = lambda _: "exceeds block gas limit"
    with pytest.raises(RpcRefusedError):
        desk.send()
    desk.refuses = lambda _: ""
    assert desk.kept.dropped == [desk.kept.put_in[0].hash]
    desk.send()
    assert desk.nonces()[0] == desk.nonces()[1]


def test_an_account_that_cannot_pay_keeps_its_nonce_for_when_it_can(desk: Desk) -> None:
    desk.refuses = lambda _: "insufficient funds for gas * price + value"
    with pytest.raises(InsufficientFundsError):
        desk.send()
    desk.refuses = lambda _: ""
    desk.send()
    assert desk.nonces()[0] == desk.nonces()[1]


def test_a_transaction_that_may_have_been_taken_stays_in_flight(
    desk: Desk, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = network.rpc.request

    def cut(method: str, *params: Any) -> Any:
        answer = ask(method, *params)
        if method == SEND:
            raise RpcUnavailableError("the RPC at http://a gave no answer")
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(network.rpc, "request", cut)
        with pytest.raises(RpcUnavailableError):
            desk.send()
    desk.tend()
    desk.mine()
    assert desk.receipt(desk.kept.put_in[0].hash).succeeded
    assert len(desk.kept.put_in) == 1

"""The JSON-RPC of the built-in development chain, over HTTP but in this process."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.chain.conftest import ETHER, Contract

from worknet.chain.development.ledger import Ledger
from worknet.chain.development.methods import Methods
from worknet.chain.development.server import application
from worknet.chain.development.store import BlockStore, StoredGenesis
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import Signer

START = 1_700_000_000


class Node:
    """A chain behind a test client; a block per transaction."""

    def __init__(self, folder: Path, signers: list[Signer]) -> None:
        self.store = BlockStore(folder)
        self.signer = signers[0]
        funds = {signer.address: 10 * ETHER for signer in signers}
        self.ledger = Ledger(self.store, StoredGenesis(DEVELOPMENT_CHAIN_ID, START, funds), lambda: START)
        methods = Methods(self.ledger, "worknet/test", lambda: self.ledger.mine())
        self.transport = httpx.ASGITransport(application(methods))

    def post(self, body: bytes) -> Any:
        async def post() -> Any:
            async with httpx.AsyncClient(transport=self.transport, base_url="http://chain") as client:
                return (await client.post("/", content=body)).json()

        return asyncio.run(post())

    def answer(self, method: str, *params: Any) -> dict[str, Any]:
        body = {"jsonrpc": "2.0", "id": 7, "method": method, "params": list(params)}
        answer: dict[str, Any] = self.post(json.dumps(body).encode())
        assert answer["id"] == 7
        return answer

    def result(self, method: str, *params: Any) -> Any:
        return self.answer(method, *params)["result"]

    def error(self, method: str, *params: Any) -> dict[str, Any]:
        error: dict[str, Any] = self.answer(method, *params)["error"]
        return error

    def transact(self, to: bytes | None, data: bytes, gas: int = 1_000_000) -> dict[str, Any]:
        nonce = int(self.result("eth_getTransactionCount", hexed(self.signer.address), "pending"), 16)
        transaction: dict[str, Any] = {"chainId": DEVELOPMENT_CHAIN_ID, "nonce": nonce, "gas": gas}
        transaction |= {"gasPrice": 2 * 10**9, "value": 0, "data": data}
        if to is not None:
            transaction["to"] = to
        digest = self.result("eth_sendRawTransaction", hexed(self.signer.sign(transaction).raw))
        receipt: dict[str, Any] = self.result("eth_getTransactionReceipt", digest)
        return receipt


def hexed(value: bytes) -> str:
    return "0x" + value.hex()


@pytest.fixture
def node(tmp_path: Path, signers: list[Signer]) -> Iterator[Node]:
    node = Node(tmp_path, signers)
    yield node
    node.store.close()


@pytest.fixture
def deployed(node: Node, contract: Contract) -> bytes:
    return bytes.fromhex(node.transact(None, contract.code)["contractAddress"][2:])


def test_the_chain_says_who_it_is(node: Node) -> None:
    assert node.result("eth_chainId") == hex(31337)
    assert node.result("net_version") == "31337"
    assert node.result("web3_clientVersion") == "worknet/test"
    assert node.result("eth_blockNumber") == "0x0"


def test_a_revert_comes_with_its_reason_and_data(node: Node, contract: Contract, deployed: bytes) -> None:
    error = node.error("eth_call", {"to": hexed(deployed), "data": hexed(contract.put(1, 13))}, "latest")
    assert error["code"] == 3
    assert error["message"] == "execution reverted: tests: unlucky"
    assert error["data"].startswith("0x08c379a0")


def test_a_call_out_of_gas_is_an_error_without_data(node: Node, contract: Contract, deployed: bytes) -> None:
    call = {"to": hexed(deployed), "data": hexed(contract.put(1, 2)), "gas": hex(22_000)}
    assert node.error("eth_call", call, "latest")["code"] == -32000


def test_the_gas_estimated_suffices(node: Node, contract: Contract, deployed: bytes) -> None:
    call = {"from": hexed(node.signer.address), "to": hexed(deployed), "data": hexed(contract.put(5, 6))}
    gas = int(node.result("eth_estimateGas", call), 16)
    assert node.transact(deployed, contract.put(5, 6), gas)["status"] == "0x1"
    creation = int(node.result("eth_estimateGas", {"data": hexed(contract.code)}), 16)
    assert node.transact(None, contract.code, creation)["status"] == "0x1"
    assert (
        node.error("eth_estimateGas", {"to": hexed(deployed), "data": hexed(contract.put(1, 13))})["code"]
        == 3
    )


def test_logs_are_found_by_range_address_and_topics(node: Node, contract: Contract, deployed: bytes) -> None:
    for key in (1, 2, 1):
        node.transact(deployed, contract.put(key, key))

    def count(**wanted: Any) -> int:
        return len(node.result("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest", **wanted}))

    one = hexed((1).to_bytes(32, "big"))
    assert count() == 3
    assert count(address=hexed(deployed)) == 3
    assert count(address=[hexed(bytes(20))]) == 0
    assert count(topics=[None, one]) == 2
    assert count(topics=[None, [one, hexed((2).to_bytes(32, "big"))]]) == 3
    assert count(topics=[one]) == 0
    assert count(topics=[None, None, one]) == 0
    assert count(fromBlock="0x3", toBlock="0x3") == 1
    block = node.result("eth_getBlockByNumber", "0x3", False)
    assert len(node.result("eth_getLogs", {"blockHash": block["hash"]})) == 1


def test_a_receipt_has_its_own_logs_and_they_know_their_place(
    node: Node, contract: Contract, deployed: bytes
) -> None:
    receipt = node.transact(deployed, contract.call("put_many(bytes32,uint256)", bytes(32), 3))
    assert [log["logIndex"] for log in receipt["logs"]] == ["0x0", "0x1", "0x2"]
    assert receipt["logs"] == node.result("eth_getLogs", {"blockHash": receipt["blockHash"]})


def test_too_many_logs_are_refused(
    node: Node, contract: Contract, deployed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worknet.chain.development.methods.LOG_LIMIT", 2)
    node.transact(deployed, contract.call("put_many(bytes32,uint256)", bytes(32), 3))
    error = node.error("eth_getLogs", {"fromBlock": "0x0", "toBlock": "latest"})
    assert (error["code"], error["message"]) == (-32005, "query returned more than 2 results")


def test_blocks_and_transactions_are_found_by_hash_and_number(node: Node, contract: Contract) -> None:
    receipt = node.transact(None, contract.code)
    block = node.result("eth_getBlockByHash", receipt["blockHash"], True)
    assert block == node.result("eth_getBlockByNumber", "latest", True)
    assert block["transactions"][0] == node.result("eth_getTransactionByHash", receipt["transactionHash"])
    assert block["parentHash"] == node.result("eth_getBlockByNumber", "0x0", False)["hash"]
    for method in ("eth_getBlockByHash", "eth_getTransactionByHash", "eth_getTransactionReceipt"):
        assert node.result(method, hexed(bytes(32))) is None
    assert node.result("eth_getBlockByNumber", "0xff", False) is None


def test_accounts_are_read_at_a_block(node: Node, contract: Contract, deployed: bytes) -> None:
    account = hexed(node.signer.address)
    assert node.result("eth_getBalance", account, "earliest") == hex(10 * ETHER)
    assert node.result("eth_getTransactionCount", account, "0x0") == "0x0"
    assert node.result("eth_getTransactionCount", account, "latest") == "0x1"
    assert node.result("eth_getCode", hexed(deployed), "0x0") == "0x"
    assert node.result("eth_getCode", hexed(deployed), {"blockNumber": "0x1"}) != "0x"
    node.transact(deployed, contract.put(1, 2))
    slots = [node.result("eth_getStorageAt", hexed(deployed), hex(slot), "latest") for slot in range(4)]
    assert START + 2 in [int(word, 16) for word in slots]
    assert node.error("eth_getBalance", account, "0xff")["message"] == "header not found"


def test_fees_are_told(node: Node) -> None:
    node.result("evm_mine")
    history = node.result("eth_feeHistory", "0x5", "latest", [50])
    assert len(history["baseFeePerGas"]) == len(history["gasUsedRatio"]) + 1 == 3
    assert int(node.result("eth_gasPrice"), 16) == int(history["baseFeePerGas"][-1], 16) + 10**9
    assert node.result("eth_maxPriorityFeePerGas") == hex(10**9)


def test_time_moves_forward_for_tests(node: Node) -> None:
    assert node.result("evm_increaseTime", 500) == 500
    node.result("evm_mine")
    assert int(node.result("eth_getBlockByNumber", "latest", False)["timestamp"], 16) == START + 500
    assert node.error("evm_increaseTime", -1)["code"] == -32602


def test_batches_are_answered_in_order(node: Node) -> None:
    batch = [
        {"jsonrpc": "2.0", "id": i, "method": m}
        for i, m in enumerate(["eth_chainId", "no_such", "net_version"])
    ]
    answers = node.post(json.dumps(batch).encode())
    assert [answer["id"] for answer in answers] == [0, 1, 2]
    assert answers[1]["error"]["code"] == -32601


@pytest.mark.parametrize(
    "body", [b"", b"nonsense", b"1", b"[]", b"[1]", b"{}", b'{"method": 1}', b'"x"', b"\xff"]
)
def test_what_is_no_request_gets_an_error(node: Node, body: bytes) -> None:
    answer = node.post(body)
    error = answer[0]["error"] if isinstance(answer, list) else answer["error"]
    assert error["code"] in (-32700, -32600)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_call", []),
        ("eth_call", ["x", "latest"]),
        ("eth_call", [{"to": "0x12"}, "latest"]),
        ("eth_getBalance", ["nonsense"]),
        ("eth_getBlockByNumber", ["nonsense"]),
        ("eth_getLogs", [[]]),
        ("eth_getLogs", [{"topics": ["0x12"]}]),
        ("eth_getTransactionReceipt", ["0x12"]),
        ("eth_sendRawTransaction", [5]),
        ("eth_getLogs", [{"topics": 5}]),
        ("eth_getLogs", [{"address": 5}]),
        ("eth_getBalance", ["0x" + "00" * 20, {"blockNumber": []}]),
        ("eth_getStorageAt", ["0x" + "00" * 20, hex(-1)]),
        ("eth_getStorageAt", ["0x" + "00" * 20, hex(2**256)]),
        ("eth_call", [{"to": "0x" + "00" * 20, "value": hex(2**256)}]),
        ("eth_feeHistory", ["0x0", "latest"]),
    ],
)
def test_bad_parameters_get_an_error_and_never_a_crash(node: Node, method: str, params: list[Any]) -> None:
    answer = node.answer(method, *params)
    if method != "eth_feeHistory":
        assert answer["error"]["code"] in (-32602, -32000)

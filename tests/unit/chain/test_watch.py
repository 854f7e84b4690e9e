"""Logs of any contract: declared in a line, decoded, read from a cursor, and only once deep enough."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from eth_abi.abi import encode
from tests.unit.chain.conftest import Contract
from tests.unit.chain.log_chain import PUT, LogChain

from worknet.chain.answers import Log
from worknet.chain.errors import ChainError, RpcRefusedError, WrongChainError
from worknet.chain.watch import EventForm, EventFormError, Found, LogWatch, Seen
from worknet.protocol.keccak import keccak256

TRANSFER = "Transfer(address indexed from, address indexed to, uint256 value)"


def log(form: EventForm, *topics: bytes, data: bytes = b"") -> Log:
    return Log(b"\5" * 20, (form.topic, *topics), data, 1, b"\6" * 32, b"\7" * 32, 0)


def decoded(text: str, *topics: bytes, data: bytes = b"") -> dict[str, object]:
    form = EventForm.parse(text)
    return dict(form.decode(log(form, *topics, data=data)))


@pytest.fixture
def chain(tmp_path: Path, contract: Contract) -> Iterator[LogChain]:
    chain = LogChain(tmp_path / "chain", contract)
    yield chain
    chain.close()


def watch(chain: LogChain, confirmations: int = 0, first: int = 0) -> LogWatch:
    return LogWatch(chain.rpc, chain.address, EventForm.parse(PUT), confirmations, first)


def all_logs(watch: LogWatch, cursor: tuple[int, bytes] | None = None) -> list[Seen]:
    logs: list[Seen] = []
    while found := watch.next(cursor):
        logs += found.logs
        cursor = found.block, found.block_hash
    return logs


def found(watch: LogWatch, cursor: tuple[int, bytes] | None = None) -> Found:
    answer = watch.next(cursor)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    "text",
    [
        TRANSFER,
        "event Transfer(address indexed from, address indexed to, uint256 value);",
        " Transfer ( address indexed a,address indexed b,uint v ) ",
    ],
)
def test_an_event_is_declared_as_solidity_writes_it(text: str) -> None:
    assert EventForm.parse(text).topic == keccak256(b"Transfer(address,address,uint256)")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Transfer",
        "Transfer(address)",
        "Transfer(uint257 a)",
        "Transfer(bytes33 a)",
        "Transfer(uint a, int a)",
        "Transfer(tuple(uint a) b)",
        "Transfer(uint indexed a, uint indexed b, uint indexed c, uint indexed d)",
        "Transfer(uint a) anonymous",
    ],
)
def test_what_declares_no_event_is_refused(text: str) -> None:
    with pytest.raises(EventFormError):
        EventForm.parse(text)


def test_each_type_comes_out_as_a_plain_value() -> None:
    text = "E(uint256 a, int8 b, bool c, address d, bytes e, bytes4 f, string g, uint256[] h)"
    types = ["uint256", "int8", "bool", "address", "bytes", "bytes4", "string", "uint256[]"]
    values: list[Any] = [2**256 - 1, -1, True, b"\xab" * 20, b"\1\2", b"\3\4\5\6", "ä", [1, 2]]
    assert decoded(text, data=encode(types, values)) == {
        "a": 2**256 - 1,
        "b": -1,
        "c": True,
        "d": "0x" + "ab" * 20,
        "e": "0x0102",
        "f": "0x03040506",
        "g": "ä",
        "h": [1, 2],
    }


def test_of_an_indexed_text_there_is_only_the_hash() -> None:
    assert decoded("E(string indexed a)", keccak256(b"x")) == {"a": "0x" + keccak256(b"x").hex()}


@pytest.mark.parametrize(
    ("text", "topics", "data"),
    [
        ("E(uint256 a)", [], b""),
        ("E(uint256 a)", [bytes(32)], b""),
        ("E(uint8 a)", [], b"\xff" * 32),
        ("E(string a)", [], encode(["bytes"], [b"\xff"])),
        ("E(string a)", [], b"\xff" * 64),
        ("E(uint8 indexed a)", [b"\xff" * 32], b""),
    ],
)
def test_a_log_of_another_form_is_told_from_one_of_this(text: str, topics: list[bytes], data: bytes) -> None:
    with pytest.raises(EventFormError):
        decoded(text, *topics, data=data)


def test_a_logs_index_counts_the_logs_of_its_own_transaction(chain: LogChain) -> None:
    first, second = chain.put(1, 7), chain.put_many(2, 3)
    chain.mine()
    logs = all_logs(watch(chain))
    assert [(seen.transaction, seen.index, seen.values["amount"]) for seen in logs] == [
        (first, 0, 7),
        (second, 0, 0),
        (second, 1, 1),
        (second, 2, 2),
    ]
    header = chain.rpc.header(2)
    assert header is not None
    assert {(seen.block, seen.time, seen.contract) for seen in logs} == {(2, header.time, chain.address)}


def test_a_log_counts_once_as_many_blocks_as_asked_for_stand_on_its_own(chain: LogChain) -> None:
    chain.put(1, 7)
    chain.mine()
    reader = watch(chain, confirmations=2)
    chain.mine()
    assert all_logs(reader) == []
    chain.mine()
    assert len(all_logs(reader)) == 1


def test_what_was_read_is_not_read_again_from_the_cursor_on(chain: LogChain) -> None:
    chain.put(1, 7)
    chain.mine()
    reader = watch(chain)
    earlier = found(reader)
    assert reader.next((earlier.block, earlier.block_hash)) is None
    chain.put(1, 8)
    chain.mine()
    assert [seen.values["amount"] for seen in all_logs(reader, (earlier.block, earlier.block_hash))] == [8]


def test_blocks_before_the_first_are_not_read(chain: LogChain) -> None:
    chain.put(1, 7)
    chain.mine()
    assert all_logs(watch(chain, first=3)) == []


def test_a_range_that_the_rpc_refuses_is_halved_until_it_is_answered(
    chain: LogChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    for amount in range(8):
        chain.put(1, amount)
        chain.mine()
    asked, request = [], chain.rpc.request

    def refusing(method: str, *params: Any) -> Any:
        if method == "eth_getLogs":
            size = int(params[0]["toBlock"], 16) - int(params[0]["fromBlock"], 16) + 1
            asked.append(size)
            if size > 3:
                raise RpcRefusedError(method, -32005, "too many blocks")
        return request(method, *params)

    monkeypatch.setattr(chain.rpc, "request", refusing)
    assert [seen.values["amount"] for seen in all_logs(watch(chain))] == list(range(8))
    assert max(asked) > 3


def test_an_rpc_of_another_chain_is_not_read(chain: LogChain) -> None:
    chain.rpc.chain_id += 1
    with pytest.raises(WrongChainError):
        watch(chain).next(None)


def test_a_chain_that_changed_below_the_cursor_is_told_and_read_again(chain: LogChain) -> None:
    for amount in (7, 8):
        chain.put(1, amount)
        chain.mine()
    chain.mine()
    reader = watch(chain, confirmations=1)
    again = found(reader, (3, b"\xee" * 32))
    assert again.moved
    assert [seen.values["amount"] for seen in again.logs] == [7, 8]


def test_a_log_whose_block_changes_while_it_is_read_is_not_taken(
    chain: LogChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    chain.put(1, 7)
    chain.mine()
    logs = chain.rpc.logs

    def stale(*args: Any, **kwargs: Any) -> list[Log]:
        return [replace(each, block_hash=b"\xee" * 32) for each in logs(*args, **kwargs)]

    monkeypatch.setattr(chain.rpc, "logs", stale)
    with pytest.raises(ChainError, match="changed while its logs were read"):
        watch(chain).next(None)


def test_a_log_that_is_not_of_the_declared_form_is_seen_with_its_fault(chain: LogChain) -> None:
    chain.put(1, 7)
    chain.mine()
    other = LogWatch(chain.rpc, chain.address, EventForm.parse("Put(bytes32 key, uint256 amount)"), 0, 0)
    (seen,) = all_logs(other)
    assert seen.values == {}
    assert seen.fault == "the log has other topics than the event that is declared"

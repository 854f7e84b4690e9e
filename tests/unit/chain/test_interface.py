"""The ABI of the three contracts: nested values go in and come out as the artifacts say."""

from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError
from hypothesis import given
from hypothesis import strategies as st

from worknet.chain.answers import Log
from worknet.chain.errors import ChainError
from worknet.chain.interface import (
    Contract,
    call_data,
    creation_data,
    event,
    events,
    functions,
    output,
    revert_reason,
    selected,
)
from worknet.contracts import artifact

CONTRACTS: tuple[Contract, ...] = ("WorkerNetwork", "Rewards", "RowProofs")
ADDRESS, WORD = b"\x12" * 20, b"\x34" * 32
RECORD = (WORD, WORD, WORD, 1, WORD, WORD, WORD, 7, 3, 2, 7, 1, 1_700_000_000)


@pytest.mark.parametrize("contract", CONTRACTS)
def test_the_interface_is_that_of_the_artifact(contract: Contract) -> None:
    abi = artifact(contract).abi
    assert len(functions(contract)) == sum(entry["type"] == "function" for entry in abi)
    assert len(events(contract)) == sum(entry["type"] == "event" for entry in abi)


@pytest.mark.parametrize(
    ("contract", "name", "values"),
    [
        ("WorkerNetwork", "announce", (WORD, (WORD, 1, WORD, *range(13)))),
        ("WorkerNetwork", "bring_seals", (WORD, WORD, 1 << 32, 0b101, 0b1, ((WORD, WORD, WORD),) * 2)),
        ("WorkerNetwork", "report", (WORD, WORD, 1, WORD, WORD, 7, 7, 7, 2, ((WORD, WORD),) * 3)),
        ("WorkerNetwork", "enrol", (ADDRESS, ADDRESS, 1, WORD)),
        ("Rewards", "claim", (3, (RECORD, RECORD), (1, 2, 3))),
        ("Rewards", "fund", ()),
        ("RowProofs", "verify_row", (ADDRESS, RECORD, b"row", 0, (WORD,), b"\1" * 88, 1, 2, (WORD, WORD))),
    ],
)
def test_a_call_is_read_as_it_was_written(contract: Contract, name: str, values: tuple[Any, ...]) -> None:
    assert selected(call_data(name, *values, contract=contract), contract) == (name, values)


def test_a_call_of_another_contract_is_none_of_this_one() -> None:
    assert selected(call_data("fund", contract="Rewards")) is None
    assert selected(call_data("remove", 1)[:20]) is None


def test_one_output_is_a_value_and_several_are_a_tuple() -> None:
    assert output("size", encode(["uint256"], [5])) == 5
    assert output("amounts_in", encode(["uint256", "uint256"], [1, 2]), contract="Rewards") == (1, 2)
    member = encode(["(address,address,uint256)"], [(ADDRESS, ADDRESS, 1)])
    assert output("member", member) == (ADDRESS, ADDRESS, 1)


def test_an_output_of_another_shape_is_refused() -> None:
    with pytest.raises(ChainError, match="size"):
        output("size", b"\x01")


def test_events_of_the_pool_are_read_as_such() -> None:
    topic = next(kind.topic for kind in events("Rewards").values() if kind.name == "Funded")
    log = Log(ADDRESS, (topic, bytes(12) + ADDRESS), encode(["uint256"], [7]), 1, WORD, WORD, 0)
    assert event(log, "Rewards") == ("Funded", {"funder": ADDRESS, "amount": 7})
    assert event(log) is None


def test_constructors_take_what_the_artifact_says() -> None:
    data = creation_data(2, 60, (1, ADDRESS, 5, WORD))
    assert data == artifact().bytecode + encode(
        ["uint256", "uint256", "(uint256,address,uint256,bytes32)"], [2, 60, (1, ADDRESS, 5, WORD)]
    )
    assert creation_data(contract="RowProofs") == artifact("RowProofs").bytecode
    with pytest.raises(ChainError, match="constructor"):
        creation_data(2)


@pytest.mark.parametrize(
    ("name", "values"), [("remove", (-1,)), ("remove", ("x",)), ("remove", ()), ("record", (b"\x01" * 33,))]
)
def test_values_that_do_not_fit_are_refused_without_being_shown(name: str, values: tuple[Any, ...]) -> None:
    with pytest.raises(ChainError, match=name) as caught:
        call_data(name, *values)
    assert caught.value.__context__ is None


def test_reasons_are_found_in_data_or_text() -> None:
    data = (
        bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + (4).to_bytes(32, "big") + b"a: b" + bytes(28)
    )
    assert revert_reason(data) == "a: b"
    assert revert_reason(b"", "execution reverted: a: b") == "a: b"
    assert revert_reason(data[:40]) == ""
    assert revert_reason(b"") == ""


WORDS = st.one_of(
    st.binary(min_size=0, max_size=80),
    st.integers(0, 3).map(lambda number: number.to_bytes(32, "big")),
    st.binary(min_size=20, max_size=20).map(lambda address: bytes(12) + address),
)


@given(name=st.sampled_from(["opening_paused", "owner", "root", "size"]), data=WORDS)
def test_words_are_read_as_the_general_decoder_reads_them(name: str, data: bytes) -> None:
    types = functions()[name].outputs
    try:
        (expected,) = decode(types, data)
    except (DecodingError, ValueError):
        with pytest.raises(ChainError):
            output(name, data)
        return
    found = output(name, data)
    assert found == (bytes.fromhex(expected[2:]) if types == ("address",) else expected)
    assert type(found) is type(expected) or types == ("address",)

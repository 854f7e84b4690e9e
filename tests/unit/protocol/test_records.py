"""Records: the words of a leaf."""

from dataclasses import astuple, fields

from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.records import Record, RecordError
from worknet.protocol.words import How

HASHES = st.binary(min_size=32, max_size=32)
NUMBERS = st.integers(0, 2**256 - 1)
BY_NAME = {"contract": st.binary(min_size=20, max_size=20), "how": st.sampled_from(How)}
RECORDS = st.builds(
    Record,
    **{
        field.name: BY_NAME.get(field.name, HASHES if field.type is bytes else NUMBERS)
        for field in fields(Record)
    },
)
TYPES = [
    "bytes32",
    "uint256",
    "address",
    "bytes32",
    "bytes32",
    "bytes32",
    "uint256",
    "bytes32",
    "bytes32",
    "bytes32",
    *["uint256"] * 6,
]


@given(RECORDS)
def test_the_leaf_is_the_abi_encoding_of_tag_and_words(record: Record) -> None:
    chain_id, contract, *rest = astuple(record)
    words = [keccak(b"worknet/v1/record"), chain_id, "0x" + contract.hex(), *rest]
    assert record.leaf() == abi_encode(TYPES, words)


@given(RECORDS)
def test_a_record_is_read_back_as_it_was_written(record: Record) -> None:
    assert Record.parse(record.leaf()) == record


@given(RECORDS, st.integers(0, 16 * 32 - 1), st.integers(1, 255))
def test_a_changed_byte_is_refused_or_makes_another_record(record: Record, at: int, change: int) -> None:
    leaf = bytearray(record.leaf())
    leaf[at] ^= change
    try:
        changed = Record.parse(bytes(leaf))
    except RecordError:
        return
    assert changed != record
    assert changed.leaf() == bytes(leaf)

"""Sealed statements: whom they are sealed to reads them, whole, and nobody else anything."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.protocol.statement_samples import Work, meter

from worknet.chain import sealed_statements
from worknet.chain.errors import SealedStatementError
from worknet.chain.sealed_statements import SealedStatement, header_of, seal, wrapping_info
from worknet.chain.sealing import padded
from worknet.protocol.canonical import decode, encode

KEYS = {index: bytes([index + 1]) * 32 for index in range(3)}
PUBLIC = {
    index: X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
    for index, key in KEYS.items()
}
STATEMENT = Work(load=[meter("secretmeter", wh=123456789, note="secretnote")]).own().statement
SEALED = seal(STATEMENT, PUBLIC)


@pytest.mark.parametrize("me", KEYS)
def test_each_recipient_reads_the_statement(me: int) -> None:
    assert SealedStatement.parse(SEALED).open(KEYS[me], me) == STATEMENT


def test_no_other_key_opens_it() -> None:
    with pytest.raises(SealedStatementError, match="cannot be opened"):
        SealedStatement.parse(SEALED).open(b"\x77" * 32, 0)


def test_a_recipient_cannot_open_the_part_of_another() -> None:
    with pytest.raises(SealedStatementError, match="cannot be opened"):
        SealedStatement.parse(SEALED).open(KEYS[0], 1)


def test_who_is_no_recipient_is_told_so() -> None:
    with pytest.raises(SealedStatementError, match="not sealed to worker 7"):
        SealedStatement.parse(SEALED).open(KEYS[0], 7)


@given(place=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=150)
def test_any_flipped_bit_is_refused(place: int, bit: int) -> None:
    flipped = SEALED[:place] + bytes([SEALED[place] ^ 1 << bit]) + SEALED[place + 1 :]
    with pytest.raises(SealedStatementError):
        SealedStatement.parse(flipped).open(KEYS[1], 1)


@pytest.mark.parametrize("end", [0, 1, 100, len(SEALED) // 2, len(SEALED) - 1])
def test_a_part_of_it_is_refused(end: int) -> None:
    with pytest.raises(SealedStatementError):
        SealedStatement.parse(SEALED[:end]).open(KEYS[0], 0)


def test_more_than_it_is_refused() -> None:
    with pytest.raises(SealedStatementError):
        SealedStatement.parse(SEALED + b"\0").open(KEYS[0], 0)


def test_a_header_of_another_voting_does_not_fit() -> None:
    """A recipient who takes the whole content over, under a place of its own, seals nothing that opens."""
    sealed = SealedStatement.parse(SEALED)
    header = header_of(replace(sealed.place, attempt=2), sealed.recipients)
    with pytest.raises(SealedStatementError, match="cannot be opened"):
        SealedStatement.parse(header + b"\n" + sealed.body).open(KEYS[0], 0)


def test_a_statement_under_the_header_of_another_is_refused() -> None:
    """Who makes a statement may seal it under any header, but not have it read as that."""
    place, key = replace(STATEMENT.place, worker=2), b"\x07" * 32
    suite = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
    public = X25519PublicKey.from_public_bytes(PUBLIC[0])
    header = header_of(place, {0: suite.encrypt(key, public, wrapping_info(place, 0))})
    body = ChaCha20Poly1305(key).encrypt(bytes(12), padded(STATEMENT.to_bytes()), header)
    with pytest.raises(SealedStatementError, match="its header is that of another"):
        SealedStatement.parse(header + b"\n" + body).open(KEYS[0], 0)


def test_no_value_of_a_row_stands_in_it() -> None:
    for value in (b"secretmeter", b"secretnote", b"123456789", b"load", b"matches"):
        assert value not in SEALED


def test_a_key_that_cannot_be_encrypted_to_is_left_out() -> None:
    sealed = SealedStatement.parse(seal(STATEMENT, {**PUBLIC, 5: bytes(32)}))
    assert set(sealed.recipients) == set(PUBLIC)


def test_nothing_is_encrypted_alike_twice() -> None:
    first, second = SealedStatement.parse(SEALED), SealedStatement.parse(seal(STATEMENT, PUBLIC))
    assert first.body != second.body
    assert not set(first.recipients.values()) & set(second.recipients.values())


@pytest.mark.parametrize("length", [1, 2, 7, 8, 9, 100, 1000, 1023, 1025, 123_456, 10_000_000])
def test_padding_costs_an_eighth_at_most(length: int) -> None:
    assert length <= len(padded(b"x" * length)) <= length * 1.125


def test_padding_leaves_few_lengths() -> None:
    assert len({len(padded(b"x" * length)) for length in range(10_000, 20_000)}) < 32


def test_a_text_with_more_zeros_than_is_due_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_statements, "padded", lambda text: text + bytes(5000))
    sealed = seal(STATEMENT, PUBLIC)
    monkeypatch.undo()
    with pytest.raises(SealedStatementError, match="not padded"):
        SealedStatement.parse(sealed).open(KEYS[0], 0)


BAD_HEADERS: dict[str, dict[str, Any]] = {
    "another version": {"protocol": 2},
    "a key too many": {"more": 1},
    "no worker": {"worker": None},
    "recipients that are a list": {"recipients": []},
    "a recipient that is no index": {"recipients": {"01": "0x" + "00" * 80}},
    "a part that is short": {"recipients": {"0": "0x" + "00" * 79}},
}


@pytest.mark.parametrize("name", BAD_HEADERS)
def test_a_header_that_is_none_is_refused(name: str) -> None:
    header, _, body = SEALED.partition(b"\n")
    with pytest.raises(SealedStatementError):
        SealedStatement.parse(encode(decode(header) | BAD_HEADERS[name]) + b"\n" + body)


def test_what_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed_statements, "LARGEST_SEALED", len(SEALED) - 1)
    with pytest.raises(SealedStatementError, match="more than"):
        SealedStatement.parse(SEALED)


@pytest.mark.parametrize(("most", "is_read"), [(0, True), (-1, False)])
def test_a_header_has_its_largest_length_and_no_more(
    monkeypatch: pytest.MonkeyPatch, most: int, is_read: bool
) -> None:
    monkeypatch.setattr(sealed_statements, "LARGEST_HEADER", SEALED.index(b"\n") + most)
    with nullcontext() if is_read else pytest.raises(SealedStatementError, match="no header"):
        SealedStatement.parse(SEALED)

"""Salts against another implementation of HKDF, and by their laws."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol import salts
from worknet.protocol.leaves import salts_of
from worknet.protocol.words import tag

KEYS = st.binary(min_size=32, max_size=32)
INFOS = st.sampled_from(
    [
        salts.MANIFEST,
        salts.header("table", "a"),
        salts.header("dataset", "a"),
        salts.rows("table", "a"),
        salts.rows("dataset", "a"),
        salts.fields("table", "a", 0),
        salts.fields("table", "a", 10),
    ]
)


@given(KEYS, KEYS, st.integers(1, 2**64 - 1), INFOS)
def test_document_keys_are_hkdf_sha256(data_key: bytes, voting_id: bytes, attempt: int, info: str) -> None:
    context = sha256(voting_id + attempt.to_bytes(8, "big")).digest()
    hkdf = HKDF(SHA256(), length=32, salt=context, info=b"worknet/v1/salt/" + info.encode())
    assert salts.document_key(data_key, voting_id, attempt, info) == hkdf.derive(data_key)


def test_the_hkdf_that_we_are_held_against_is_that_of_rfc_5869() -> None:
    # Appendix A.1, the basic test case with SHA-256.
    hkdf = HKDF(SHA256(), length=42, salt=bytes(range(13)), info=bytes(range(0xF0, 0xFA)))
    published = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    assert hkdf.derive(b"\x0b" * 22).hex() == published


@given(KEYS, st.integers(1, 60))
def test_a_salt_does_not_depend_on_how_many_there_are(key: bytes, count: int) -> None:
    all_salts = salts_of(key, count)
    assert all(len(salt) == 16 for salt in all_salts)
    assert len(set(all_salts)) == count
    assert all_salts[: count - 1] == salts_of(key, count - 1)
    assert all_salts[-1] == salts.salt(key, count - 1)


@given(KEYS, KEYS)
def test_the_next_attempt_has_other_salts(data_key: bytes, voting_id: bytes) -> None:
    first, second = (salts.document_key(data_key, voting_id, attempt, salts.MANIFEST) for attempt in (1, 2))
    assert first != second


def test_the_commitment_is_under_its_tag() -> None:
    assert salts.data_key_commitment(b"k" * 32) == sha256(tag("datakey") + b"k" * 32).digest()


def test_errors_do_not_show_the_key() -> None:
    with pytest.raises(salts.SaltError) as refused:
        salts.data_key_commitment(b"secret key")
    assert "secret" not in str(refused.value)

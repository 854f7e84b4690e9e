"""Seals and ballots."""

import pytest
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.ballots import BallotError, Pair, Place, seal, seconds_left, without_time

HASHES = st.binary(min_size=32, max_size=32)
ROOTS = HASHES.filter(any)
PLACES = st.tuples(st.integers(1, 2**32), st.binary(min_size=20, max_size=20), HASHES, st.integers(1, 255))


@given(PLACES, st.integers(0, 119), ROOTS, ROOTS, HASHES)
def test_a_seal_is_the_truncated_hash_of_all_that_it_binds(
    place: tuple[int, bytes, bytes, int], worker: int, inputs: bytes, result: bytes, salt: bytes
) -> None:
    chain_id, contract, voting_id, attempt = place
    types = [
        "bytes32",
        "uint256",
        "address",
        "bytes32",
        "uint256",
        "uint256",
        "bytes32",
        "bytes32",
        "bytes32",
    ]
    values = [chain_id, "0x" + contract.hex(), voting_id, attempt, worker, inputs, result, salt]
    full = keccak(abi_encode(types, [keccak(b"worknet/v1/seal"), *values]))
    assert seal(*place, worker, Pair(inputs, result), salt) == full[:30] + b"\0\0"


@given(st.integers(0, 255), st.integers(0, 65_535), st.integers(0, 119))
def test_a_place_is_one_word_of_attempt_version_and_worker(attempt: int, version: int, worker: int) -> None:
    word = Place(attempt, version, worker).word()
    assert word == int(f"{attempt:x}{version:04x}{worker:04x}", 16)
    assert Place.of_word(word) == Place(attempt, version, worker)


@given(HASHES, st.integers(0, 65_535))
def test_the_time_in_a_stored_seal_does_not_change_the_seal(sent: bytes, left: int) -> None:
    sent = without_time(sent)
    stored = sent[:30] + left.to_bytes(2, "big")
    assert (without_time(stored), seconds_left(stored)) == (sent, left)


@given(PLACES, ROOTS, ROOTS, HASHES)
def test_a_copied_seal_does_not_open_for_the_copier(
    place: tuple[int, bytes, bytes, int], inputs: bytes, result: bytes, salt: bytes
) -> None:
    pair = Pair(inputs, result)
    assert seal(*place, 0, pair, salt) != seal(*place, 1, pair, salt)


@pytest.mark.parametrize("root", [bytes(32), b"", b"\1" * 31, b"\1" * 33])
def test_a_root_that_is_none_is_refused(root: bytes) -> None:
    for roots in ((root, b"\1" * 32), (b"\1" * 32, root)):
        with pytest.raises(BallotError):
            Pair(*roots)


def test_the_error_of_a_wrong_salt_does_not_show_it() -> None:
    with pytest.raises(BallotError) as refused:
        seal(1, b"\1" * 20, b"\1" * 32, 1, 0, Pair(b"\1" * 32, b"\1" * 32), b"secret salt")
    assert "secret" not in str(refused.value)

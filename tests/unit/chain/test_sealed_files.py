"""Sealed files: their reader opens them, whole and as they were; nobody else learns more than the header."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.chain.errors import SealedFileError
from worknet.chain.keyfiles import public_key_of
from worknet.chain.sealed_files import SealedFile, seal_file

KEY, OTHER = b"\x11" * 32, b"\x22" * 32
VOTING = b"\x33" * 32
CONTENT = b'{"secret":"rows"}\n'
SEALED = seal_file("dataset-meters", VOTING, CONTENT, public_key_of(KEY))


@given(st.binary(max_size=3000))
@settings(deadline=None, max_examples=50)
def test_its_reader_gets_what_was_sealed(content: bytes) -> None:
    sealed = SealedFile.parse(seal_file("table-scores", VOTING, content, public_key_of(KEY)))
    assert sealed.open(KEY) == content


def test_the_header_says_what_it_is_about() -> None:
    sealed = SealedFile.parse(SEALED)
    assert (sealed.name, sealed.voting_id, sealed.reader) == ("dataset-meters", VOTING, public_key_of(KEY))


def test_another_key_is_told_that_it_is_another() -> None:
    with pytest.raises(SealedFileError, match="not to yours"):
        SealedFile.parse(SEALED).open(OTHER)


def test_nothing_of_the_content_stands_in_the_open() -> None:
    assert b"secret" not in SEALED


def test_contents_of_like_length_make_files_of_one_length() -> None:
    lengths = {len(seal_file("t", VOTING, bytes(size), public_key_of(KEY))) for size in range(1000, 1020)}
    assert len(lengths) == 1


@given(place=st.integers(0, len(SEALED) - 1), bit=st.integers(0, 7))
@settings(deadline=None, max_examples=150)
def test_any_flipped_bit_is_refused(place: int, bit: int) -> None:
    flipped = SEALED[:place] + bytes([SEALED[place] ^ 1 << bit]) + SEALED[place + 1 :]
    with pytest.raises(SealedFileError):
        SealedFile.parse(flipped).open(KEY)


@pytest.mark.parametrize("end", [0, 1, 100, len(SEALED) // 2, len(SEALED) - 1])
def test_a_part_of_it_is_refused(end: int) -> None:
    with pytest.raises(SealedFileError):
        SealedFile.parse(SEALED[:end]).open(KEY)


def test_a_header_of_another_file_does_not_open_it() -> None:
    other = seal_file("table-scores", VOTING, CONTENT, public_key_of(KEY))
    mixed = other.split(b"\n", 1)[0] + b"\n" + SEALED.split(b"\n", 1)[1]
    with pytest.raises(SealedFileError, match="altered"):
        SealedFile.parse(mixed).open(KEY)


def test_nothing_is_sealed_to_a_key_of_low_order() -> None:
    with pytest.raises(SealedFileError, match="nothing can be sealed"):
        seal_file("t", VOTING, CONTENT, bytes(32))

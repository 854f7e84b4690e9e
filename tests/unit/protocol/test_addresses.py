"""Addresses that people write: a slip is found where the case of the letters can show it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web3 import Web3

from worknet.protocol.addresses import AddressError, read_address

# The examples of EIP-55 with letters of both kinds, and with one kind alone.
MIXED = [
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]
SINGLE = ["0x52908400098527886E0F7030069857D2E4169EE7", "0xde709f2102306220921060314715629080e2fb77"]


@pytest.mark.parametrize("text", [*MIXED, *SINGLE])
def test_the_examples_of_the_standard_are_addresses(text: str) -> None:
    assert read_address(text) == bytes.fromhex(text[2:])


@given(st.binary(min_size=20, max_size=20))
def test_every_address_is_read_as_others_write_it(address: bytes) -> None:
    texts = [Web3.to_checksum_address(address), f"0x{address.hex()}", f"0x{address.hex().upper()}"]
    assert [read_address(text) for text in texts] == [address] * 3


@pytest.mark.parametrize("text", MIXED)
def test_a_letter_of_the_wrong_case_is_refused(text: str) -> None:
    place = next(place for place in range(2, 42) if text[place].isalpha())
    with pytest.raises(AddressError, match="a digit or the case"):
        read_address(text[:place] + text[place].swapcase() + text[place + 1 :])


@pytest.mark.parametrize("text", MIXED)
def test_a_digit_that_was_mistyped_is_refused(text: str) -> None:
    place = re.search(r"\d", text[2:]).start() + 2  # type: ignore[union-attr]
    digit = str((int(text[place]) + 1) % 10)
    with pytest.raises(AddressError, match="a digit or the case"):
        read_address(text[:place] + digit + text[place + 1 :])


@pytest.mark.parametrize(
    "text", ["", "0x", "0x12", MIXED[0][2:], MIXED[0] + "0", f"0X{MIXED[0][2:]}", f"{MIXED[0]}\n"]
)
def test_another_text_is_no_address(text: str) -> None:
    with pytest.raises(AddressError, match="no address"):
        read_address(text)

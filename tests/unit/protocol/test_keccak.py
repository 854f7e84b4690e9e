"""keccak-256 and the words: known answers, and other implementations."""

import pytest
from eth_abi.abi import encode as abi_encode
from eth_utils.crypto import keccak
from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol.keccak import keccak256
from worknet.protocol.words import NAMES, EncodingError, TagError, tag, words

# Published by the Keccak team (ShortMsgKAT_256 of the submission, Len = 0 and 8) and known to every EVM.
KNOWN = {
    b"": "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
    b"\xcc": "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a",
    b"abc": "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45",
    b"The quick brown fox jumps over the lazy dog": (
        "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15"
    ),
    b"Transfer(address,address,uint256)": "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
}


@pytest.mark.parametrize("data", KNOWN)
def test_known_answers(data: bytes) -> None:
    assert keccak256(data).hex() == KNOWN[data]


@given(st.binary(max_size=420))
def test_it_is_the_hash_of_the_evm(data: bytes) -> None:
    assert keccak256(data) == keccak(data)


@given(
    st.lists(
        st.integers(0, 2**256 - 1) | st.binary(min_size=32, max_size=32) | st.binary(min_size=20, max_size=20)
    )
)
def test_words_are_those_of_the_abi(values: list[int | bytes]) -> None:
    types = ["uint256" if isinstance(v, int) else "bytes32" if len(v) == 32 else "address" for v in values]
    given_values = ["0x" + v.hex() if kind == "address" else v for kind, v in zip(types, values, strict=True)]  # type: ignore[union-attr]  # an address is bytes
    assert words(*values) == abi_encode(types, given_values)


@given(
    st.integers().filter(lambda n: not 0 <= n < 2**256) | st.binary().filter(lambda b: len(b) not in {20, 32})
)
def test_what_is_no_word_is_refused(value: int | bytes) -> None:
    with pytest.raises(EncodingError):
        words(value)


def test_no_two_tags_are_alike() -> None:
    assert len({tag(name) for name in NAMES}) == len(NAMES)
    assert tag("voting") == keccak(b"worknet/v1/voting")


def test_a_tag_outside_the_registry_is_refused() -> None:
    with pytest.raises(TagError) as refused:
        tag("ballot")
    assert "voting" in refused.value.hint

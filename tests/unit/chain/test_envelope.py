"""What passes for a signed transaction: the one that was asked for, in the only form that a chain takes."""

from collections.abc import Callable
from typing import Any

import pytest
from rlp import decode, encode

from worknet.chain.envelope import check_signed
from worknet.chain.errors import SigningRefusedError
from worknet.chain.signers import signer_from_key

ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
ASKED: dict[str, Any] = {
    **{"chainId": 246, "nonce": 7, "gas": 90_000, "to": b"\x22" * 20, "value": 1, "data": b"\x01"},
    **{"maxFeePerGas": 3, "maxPriorityFeePerGas": 1},
}
SIGNER = signer_from_key(b"\x11" * 32, 246)
RAW = SIGNER.sign(ASKED).raw  # type: ignore[arg-type]  # a plain dict in place of the library's own
FIELDS: list[Any] = decode(RAW[1:])


def test_the_very_transaction_passes() -> None:
    check_signed(RAW, ASKED, SIGNER.address)


def altered(change: Callable[[list[Any]], Any]) -> bytes:
    fields = list(FIELDS)
    change(fields)
    return b"\x02" + bytes(encode(fields))


def other_s(fields: list[Any]) -> None:
    """The second signature that anybody can make out of the first."""
    fields[-1] = (ORDER - int.from_bytes(fields[-1], "big")).to_bytes(32, "big")
    fields[-3] = b"" if fields[-3] else b"\x01"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x02",
        RAW[1:],
        RAW[:-1],
        RAW + b"\0",
        b"\x02" + bytes(encode(b"text")),
        altered(other_s),
        altered(lambda fields: fields.append(b"")),
        altered(lambda fields: fields.pop()),
        altered(lambda fields: fields.__setitem__(-2, b"\0" + fields[-2])),
        altered(lambda fields: fields.__setitem__(-2, b"\x01" * 33)),
        altered(lambda fields: fields.__setitem__(-2, b"")),
        altered(lambda fields: fields.__setitem__(-2, [])),
        altered(lambda fields: fields.__setitem__(-3, b"\x02")),
        altered(lambda fields: fields.__setitem__(1, b"\0\x07")),
    ],
)
def test_any_other_bytes_are_refused(raw: bytes) -> None:
    with pytest.raises(SigningRefusedError):
        check_signed(raw, ASKED, SIGNER.address)


@pytest.mark.parametrize("name", ["chainId", "nonce", "gas", "value", "maxFeePerGas", "maxPriorityFeePerGas"])
def test_a_field_with_another_value_is_named(name: str) -> None:
    with pytest.raises(SigningRefusedError, match=f"another {name}"):
        check_signed(RAW, {**ASKED, name: ASKED[name] + 1}, SIGNER.address)

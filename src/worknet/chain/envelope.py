"""A signed transaction's bytes, held against what was asked for: no field is taken on trust.

Source: EIP-155 (legacy transactions bound to a chain id), EIP-1559 (dynamic fees), EIP-2 (low s).
"""

from collections.abc import Mapping
from typing import Any

from eth_utils.crypto import keccak
from rlp import decode as rlp_decode  # type: ignore[import-untyped]  # rlp ships no types
from rlp import encode as rlp_encode
from rlp.exceptions import RLPException  # type: ignore[import-untyped]  # the same

from worknet.chain.errors import SignatureError, SigningRefusedError
from worknet.chain.signatures import Signature

_DYNAMIC = b"\x02"
_LEGACY_FIELDS = ("nonce", "gasPrice", "gas", "to", "value", "data")
_DYNAMIC_FIELDS = (
    *("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "data"),
    "accessList",
)
_HINT = "nothing was sent; whoever answers for the signer must know why it signs something else"


def check_signed(raw: bytes, asked: Mapping[str, Any], signer: bytes) -> None:
    """Passes if `raw` is the transaction `asked` for (JSON-RPC names), signed by the key of that address.

    SigningRefusedError says which field is another. What passes is equal to the last byte to what this key
    would have signed here, but for the signature's own randomness.
    """
    is_dynamic = "maxFeePerGas" in asked
    names = _DYNAMIC_FIELDS if is_dynamic else _LEGACY_FIELDS
    if raw.startswith(_DYNAMIC) is not is_dynamic:
        raise _refusal("another kind of transaction")
    fields = _decoded(raw.removeprefix(_DYNAMIC) if is_dynamic else raw)
    wanted = [_field(name, asked) for name in names]
    if len(fields) != len(names) + 3:
        raise _refusal("another kind of transaction")
    for name, found, right in zip(names, fields, wanted, strict=False):
        if found != right:
            raise _refusal(f"another {name}")
    chain_id = int(asked["chainId"])
    parity = _integer(fields[-3]) - (0 if is_dynamic else 2 * chain_id + 35)
    if parity not in (0, 1):
        raise _refusal("another chainId")
    unsigned = wanted if is_dynamic else [*wanted, _bytes(chain_id), b"", b""]
    digest = keccak((_DYNAMIC if is_dynamic else b"") + rlp_encode(unsigned))
    r, s = (_integer(field) for field in fields[-2:])
    try:
        signature = Signature(27 + parity, r.to_bytes(32, "big"), s.to_bytes(32, "big"))
        address = signature.signer(digest)
    except (OverflowError, SignatureError):
        raise _refusal("with no signature that a chain takes") from None
    if address != signer:
        raise _refusal("with another key")


def _refusal(what: str) -> SigningRefusedError:
    return SigningRefusedError(f"what came back is not the transaction asked for: it signed {what}", _HINT)


def _decoded(payload: bytes) -> list[Any]:
    try:
        fields = rlp_decode(payload)
    except (RLPException, RecursionError):
        raise _refusal("no transaction at all") from None
    if not isinstance(fields, list):
        raise _refusal("no transaction at all")
    return fields


def _field(name: str, asked: Mapping[str, Any]) -> bytes | list[bytes]:
    """A field as it stands in the transaction."""
    if name == "accessList":
        return []
    value = asked.get(name, b"")
    if isinstance(value, str):
        return bytes.fromhex(value.removeprefix("0x"))
    return _bytes(value) if isinstance(value, int) else bytes(value)


def _bytes(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _integer(field: object) -> int:
    """A number in its only form; anything else is refused, or the bytes could be altered without a trace."""
    if not isinstance(field, bytes) or field.startswith(b"\0"):
        raise _refusal("with no signature that a chain takes")
    return int.from_bytes(field, "big")

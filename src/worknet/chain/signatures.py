"""Signatures of workers under what others bring for them: their form, and whose they are. No key is here.

Source: protocol section 6; SEC 1 v2, 4.1.6 (recovery of the public key); EIP-2 (low s).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coincurve import PublicKey
from eth_utils.crypto import keccak

from worknet.chain.errors import SignatureError
from worknet.protocol import eip712
from worknet.protocol.ballots import Pair, Place

SIGNATURE_BYTES = 65

_ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141
_FIRST_V = 27


@dataclass(frozen=True)
class Signature:
    """A signature as the contract takes it: v 27 or 28, r and s of 32 bytes, the lower of the two s.

    Raises SignatureError for anything else.
    """

    v: int
    r: bytes
    s: bytes

    def __post_init__(self) -> None:
        if self.v not in (_FIRST_V, _FIRST_V + 1) or len(self.r) != 32 or len(self.s) != 32:
            raise SignatureError("a signature has r and s of 32 bytes and a v of 27 or 28")
        if not 0 < int.from_bytes(self.r, "big") < _ORDER:
            raise SignatureError("the r of a signature is no number below the curve's order")
        if not 0 < int.from_bytes(self.s, "big") <= _ORDER // 2:
            raise SignatureError("the s of a signature is not in the lower half of the curve's order")

    @property
    def is_odd(self) -> bool:
        """Whether v is 28: the one bit of it that batches carry."""
        return self.v != _FIRST_V

    def to_bytes(self) -> bytes:
        """65 bytes: r, s, v."""
        return self.r + self.s + bytes([self.v])

    @classmethod
    def of_bytes(cls, signature: bytes) -> "Signature":
        """The signature with these 65 bytes; raises SignatureError."""
        if len(signature) != SIGNATURE_BYTES:
            raise SignatureError(f"a signature has {SIGNATURE_BYTES} bytes, this one {len(signature)}")
        return cls(signature[64], signature[:32], signature[32:64])

    def signer(self, digest: bytes) -> bytes:
        """The address whose key signed this digest; SignatureError where no key can have."""
        compact = self.r + self.s + bytes([self.v - _FIRST_V])
        try:
            key = PublicKey.from_signature_and_message(compact, digest, hasher=None)
        except ValueError:
            raise SignatureError("no key can have made this signature of that digest") from None
        return bytes(keccak(key.format(compressed=False)[1:])[-20:])

    def is_of(self, address: bytes, digest: bytes) -> bool:
        """Whether the key of this address signed the digest."""
        try:
            return self.signer(digest) == address
        except SignatureError:
            return False


@dataclass(frozen=True)
class TypedMessage:
    """A message of EIP-712: the digest that is signed, and the document that tells a signer what it is."""

    digest: bytes
    document: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class SignedSeal:
    """A seal, its last two bytes zero, with the worker's signature that lets others bring it."""

    seal: bytes
    signature: Signature


class BallotDomain:
    """What workers of one network sign: the digests of its Seals and Reports (EIP-712)."""

    def __init__(self, chain_id: int, contract: bytes) -> None:
        self._separator = eip712.domain_separator(chain_id, contract, _keccak)
        self._domain = {
            "name": eip712.NAME,
            "version": eip712.VERSION,
            "chainId": chain_id,
            "verifyingContract": f"0x{contract.hex()}",
        }

    def seal_digest(self, voting_id: bytes, place: Place, seal: bytes) -> bytes:
        """What a worker signs so that another may bring its seal; the seal's last two bytes are zero."""
        about = (voting_id, place.attempt, place.policy_version)
        return eip712.seal_digest(self._separator, *about, seal, _keccak)

    def report_digest(
        self, voting_id: bytes, place: Place, pair: Pair, participants: int, voters: int
    ) -> bytes:
        """What a worker signs under a report; participants and voters are bitmaps of worker indices."""
        about = (voting_id, place.attempt, place.policy_version)
        return eip712.report_digest(self._separator, *about, pair, participants, voters, _keccak)

    def seal(self, voting_id: bytes, place: Place, seal: bytes) -> TypedMessage:
        """The message to `seal_digest`."""
        digest = self.seal_digest(voting_id, place, seal)
        return self._message(eip712.SEAL_TYPE, digest, voting_id, place.attempt, place.policy_version, seal)

    def report(
        self, voting_id: bytes, place: Place, pair: Pair, participants: int, voters: int
    ) -> TypedMessage:
        """The message to `report_digest`."""
        digest = self.report_digest(voting_id, place, pair, participants, voters)
        about = (voting_id, place.attempt, place.policy_version, pair.input_root, pair.result_root)
        return self._message(eip712.REPORT_TYPE, digest, *about, participants, voters)

    def _message(self, type_text: str, digest: bytes, *values: bytes | int) -> TypedMessage:
        """With numbers as texts, since for many readers of JSON its own numbers end at 53 bits."""
        name, members = _members(type_text)
        shown = [f"0x{value.hex()}" if isinstance(value, bytes) else str(value) for value in values]
        document = {
            "types": dict([_members(eip712.DOMAIN_TYPE), (name, members)]),
            "primaryType": name,
            "domain": self._domain,
            "message": {member["name"]: value for member, value in zip(members, shown, strict=True)},
        }
        return TypedMessage(digest, document)


def _members(type_text: str) -> tuple[str, list[dict[str, str]]]:
    """The name and the members of a type as EIP-712 encodes it: `Name(type1 name1,type2 name2)`."""
    name, _, rest = type_text.partition("(")
    pairs = [member.split(" ") for member in rest.removesuffix(")").split(",")]
    return name, [{"name": member, "type": kind} for kind, member in pairs]


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))

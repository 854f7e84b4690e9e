"""What is signed, against eth_account's implementation of EIP-712."""

from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol import eip712
from worknet.protocol.ballots import Pair

HASHES = st.binary(min_size=32, max_size=32)
ROOTS = HASHES.filter(any)
NUMBERS = st.integers(0, 2**256 - 1)
ADDRESSES = st.binary(min_size=20, max_size=20)


def fields_of(struct: str) -> tuple[str, list[dict[str, str]]]:
    """`Name(type name,...)` as eth_account wants it: name and fields."""
    name, _, members = struct.rstrip(")").partition("(")
    pairs = (member.split(" ") for member in members.split(","))
    return name, [{"type": kind, "name": field} for kind, field in pairs]


def typed(struct: str, chain_id: int, contract: bytes, message: dict[str, Any]) -> Any:
    name, fields = fields_of(struct)
    domain = {"name": "worknet", "version": "1", "chainId": chain_id, "verifyingContract": contract}
    return encode_typed_data(
        full_message={
            "domain": domain,
            "types": {"EIP712Domain": fields_of(eip712.DOMAIN_TYPE)[1], name: fields},
            "primaryType": name,
            "message": message,
        }
    )


def hash_of(signable: Any) -> bytes:
    return keccak(b"\x19" + signable.version + signable.header + signable.body)


@given(NUMBERS, ADDRESSES, HASHES, NUMBERS, NUMBERS, HASHES)
@settings(max_examples=30)
def test_the_digest_of_a_seal_is_that_of_eth_account(
    chain_id: int, contract: bytes, voting_id: bytes, attempt: int, version: int, seal: bytes
) -> None:
    message = {"votingId": voting_id, "attempt": attempt, "policyVersion": version, "seal": seal}
    signable = typed(eip712.SEAL_TYPE, chain_id, contract, message)
    separator = eip712.domain_separator(chain_id, contract)
    assert signable.header == separator
    assert eip712.seal_digest(separator, voting_id, attempt, version, seal) == hash_of(signable)


@given(NUMBERS, ADDRESSES, HASHES, NUMBERS, ROOTS, ROOTS, NUMBERS, NUMBERS)
@settings(max_examples=30)
def test_the_digest_of_a_report_is_that_of_eth_account(
    chain_id: int,
    contract: bytes,
    voting_id: bytes,
    attempt: int,
    inputs: bytes,
    result: bytes,
    participants: int,
    voters: int,
) -> None:
    message = {
        "votingId": voting_id,
        "attempt": attempt,
        "policyVersion": 7,
        "inputRoot": inputs,
        "resultRoot": result,
        "participants": participants,
        "voters": voters,
    }
    signable = typed(eip712.REPORT_TYPE, chain_id, contract, message)
    separator = eip712.domain_separator(chain_id, contract)
    pair = Pair(inputs, result)
    digest = eip712.report_digest(separator, voting_id, attempt, 7, pair, participants, voters)
    assert digest == hash_of(signable)


def test_a_signature_over_our_digest_is_the_workers() -> None:
    account = Account.from_key(b"\x11" * 32)
    separator = eip712.domain_separator(246, b"\2" * 20)
    digest = eip712.seal_digest(separator, b"\3" * 32, 1, 1, b"\4" * 30 + b"\0\0")
    signed = account.unsafe_sign_hash(digest)
    message = {"votingId": b"\3" * 32, "attempt": 1, "policyVersion": 1, "seal": b"\4" * 30 + b"\0\0"}
    signable = typed(eip712.SEAL_TYPE, 246, b"\2" * 20, message)
    assert Account.recover_message(signable, signature=signed.signature) == account.address

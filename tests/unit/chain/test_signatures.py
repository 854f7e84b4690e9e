"""What workers sign for others to bring: digests of one network, in the form that its contract takes."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.chain.errors import SignatureError, SigningRefusedError
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signatures import BallotDomain, Signature
from worknet.chain.signers import BallotSigner, signer_from_key
from worknet.protocol import eip712
from worknet.protocol.ballots import Pair, Place

CONTRACT, VOTING, SEAL = b"\x0c" * 20, b"\x0d" * 32, b"\x0e" * 30 + b"\0\0"
PAIR, PLACE = Pair(b"\x0a" * 32, b"\x0b" * 32), Place(2, 3)
SIGNER = BallotSigner(signer_from_key(b"\x11" * 32, DEVELOPMENT_CHAIN_ID), CONTRACT)
DOMAIN = BallotDomain(DEVELOPMENT_CHAIN_ID, CONTRACT)
ORDER = 0xFFFFFFFF_FFFFFFFF_FFFFFFFF_FFFFFFFE_BAAEDCE6_AF48A03B_BFD25E8C_D0364141


def test_the_digests_are_those_of_the_protocol() -> None:
    separator = eip712.domain_separator(DEVELOPMENT_CHAIN_ID, CONTRACT)
    assert DOMAIN.seal_digest(VOTING, PLACE, SEAL) == eip712.seal_digest(separator, VOTING, 2, 3, SEAL)
    expected = eip712.report_digest(separator, VOTING, 2, 3, PAIR, 7, 3)
    assert DOMAIN.report_digest(VOTING, PLACE, PAIR, 7, 3) == expected


def test_a_seal_and_a_report_are_signed_by_the_workers_key() -> None:
    seal, report = SIGNER.seal(VOTING, PLACE, SEAL), SIGNER.report(VOTING, PLACE, PAIR, 7, 3)
    assert seal.signer(DOMAIN.seal_digest(VOTING, PLACE, SEAL)) == SIGNER.address
    assert report.is_of(SIGNER.address, DOMAIN.report_digest(VOTING, PLACE, PAIR, 7, 3))


@pytest.mark.parametrize(
    "other",
    [BallotDomain(1, CONTRACT), BallotDomain(DEVELOPMENT_CHAIN_ID, b"\x0f" * 20)],
    ids=["another chain", "another contract"],
)
def test_a_signature_for_one_network_is_none_for_another(other: BallotDomain) -> None:
    assert not SIGNER.seal(VOTING, PLACE, SEAL).is_of(SIGNER.address, other.seal_digest(VOTING, PLACE, SEAL))


@given(st.binary(min_size=32, max_size=32), st.integers(1, 255), st.integers(1, 65_535))
def test_what_is_signed_has_the_form_that_contracts_take(voting: bytes, attempt: int, version: int) -> None:
    signature = SIGNER.seal(voting, Place(attempt, version), SEAL)
    assert Signature.of_bytes(signature.to_bytes()) == signature
    assert signature.v in (27, 28)
    assert signature.is_odd is (signature.v == 28)
    assert 0 < int.from_bytes(signature.s, "big") <= ORDER // 2


def test_a_seal_that_is_not_truncated_is_not_signed() -> None:
    with pytest.raises(SigningRefusedError, match="last two bytes"):
        SIGNER.seal(VOTING, PLACE, b"\x0e" * 32)


def test_a_report_whose_voters_did_not_all_take_part_is_not_signed() -> None:
    with pytest.raises(SigningRefusedError, match="participants"):
        SIGNER.report(VOTING, PLACE, PAIR, 0b011, 0b100)


def test_the_other_signature_with_the_same_meaning_is_refused() -> None:
    signature = SIGNER.seal(VOTING, PLACE, SEAL)
    high = (ORDER - int.from_bytes(signature.s, "big")).to_bytes(32, "big")
    with pytest.raises(SignatureError, match="lower half"):
        replace(signature, v=55 - signature.v, s=high)


@pytest.mark.parametrize(
    ("v", "r", "s"),
    [
        (0, b"\1" * 32, b"\1" * 32),
        (29, b"\1" * 32, b"\1" * 32),
        (27, bytes(32), b"\1" * 32),
        (27, b"\xff" * 32, b"\1" * 32),
        (27, b"\1" * 32, bytes(32)),
        (27, b"\1" * 31, b"\1" * 32),
    ],
)
def test_what_no_contract_takes_is_no_signature(v: int, r: bytes, s: bytes) -> None:
    with pytest.raises(SignatureError):
        Signature(v, r, s)


@pytest.mark.parametrize("length", [0, 64, 66])
def test_a_signature_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(SignatureError, match=str(length)):
        Signature.of_bytes(b"\x1b" * length)


def test_a_signature_that_no_key_can_have_made_is_nobodys() -> None:
    # No point of the curve has the x coordinate 5.
    nobody = Signature(27, (5).to_bytes(32, "big"), b"\1" * 32)
    with pytest.raises(SignatureError, match="no key"):
        nobody.signer(VOTING)
    assert not nobody.is_of(SIGNER.address, VOTING)


def test_a_ballot_signer_does_not_show_its_key() -> None:
    assert (b"\x11" * 32).hex() not in repr(SIGNER)
    assert (b"\x11" * 32).hex() not in str(vars(SIGNER))

"""A contract that goes by a network's results: one certificate for each row that is proven, and no second."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import boa
import pytest
from tests.contracts.proving import name_hash, result_of


@pytest.fixture
def result(network):
    """Tables `a`, `b` and `c` of 5, 6 and 7 rows."""
    return result_of(network, {"a": 5, "b": 6, "c": 7})


@pytest.fixture(scope="module")
def certificates_code() -> Any:
    return boa.load_partial(str(Path(__file__).parent / "Certificates.vy"))


@pytest.fixture
def certificates(certificates_code, network):
    """Certificates for the rows of table `b` of the network's workflow."""
    where = (network.proofs.address, network.contract.address)
    return certificates_code.deploy(*where, network.workflow, name_hash("b"))


def test_each_proven_row_gives_one_certificate(network, result, certificates):
    holders = {row: boa.env.generate_address() for row in range(6)}
    minted = {
        certificates.mint(*result.proof(2, row).arguments(), sender=holder) for row, holder in holders.items()
    }
    assert {certificates.holder(certificate) for certificate in minted} == set(holders.values())


def test_the_same_row_gives_no_second_certificate_to_anyone(network, result, certificates):
    proof, first = result.proof(2, 4), boa.env.generate_address()
    certificate = certificates.mint(*proof.arguments(), sender=first)
    for sender in (first, boa.env.generate_address()):
        with network.refuses("certificates: already minted"):
            certificates.mint(*proof.arguments(), sender=sender)
    assert certificates.holder(certificate) == first


def test_a_row_of_another_table_gives_none(network, result, certificates):
    for table in (1, 3):
        with network.refuses("certificates: other table"):
            certificates.mint(*result.proof(table, 0).arguments())


def test_a_row_of_another_workflow_gives_none(network, result, certificates_code):
    where = (network.proofs.address, network.contract.address)
    other = certificates_code.deploy(*where, b"\x07" * 32, name_hash("b"))
    with network.refuses("certificates: other workflow"):
        other.mint(*result.proof(2, 0).arguments())


def test_a_row_that_is_not_proven_gives_none(network, result, certificates):
    with network.refuses("proofs: row not in table"):
        certificates.mint(*replace(result.proof(2, 0), row=b"forged").arguments())


def test_a_row_of_another_network_gives_none(network, result, certificates_code, new_network):
    other = new_network()
    made = certificates_code.deploy(
        network.proofs.address, other.contract.address, network.workflow, name_hash("b")
    )
    with network.refuses("proofs: not the record"):
        made.mint(*result.proof(2, 0).arguments())


def test_the_row_of_another_voting_gives_a_certificate_of_its_own(network, result, certificates):
    other = result_of(network, {"a": 5, "b": 6, "c": 7})
    assert certificates.mint(*result.proof(2, 0).arguments()) != certificates.mint(
        *other.proof(2, 0).arguments()
    )

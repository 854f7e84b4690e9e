"""Members over time: who has an index, with which key, at any moment; and keys that were rotated."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.chain.votings import STANDBY, Votings

from worknet.chain.errors import IndexMismatchError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.index_members import KINDS, Membership
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import signer_from_key
from worknet.protocol.ballots import Place

NEW_KEY = signer_from_key(b"\x44" * 32, DEVELOPMENT_CHAIN_ID).address


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Votings]:
    network = Votings(tmp_path / "chain")
    yield network
    network.store.close()


@pytest.fixture
def index(network: Votings, tmp_path: Path) -> Iterator[NetworkIndex]:
    index = NetworkIndex(tmp_path / "index.sqlite", network.owner, network.deployment.block)
    yield index
    index.close()


def test_the_key_of_an_index_is_that_of_the_last_enrolment_or_rotation(
    network: Votings, index: NetworkIndex
) -> None:
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    index.sync()
    member = index.members()[STANDBY]
    assert (member.worker, member.encryption_key, member.role) == (NEW_KEY, b"\x55" * 32, Role.STANDBY)
    assert member.worker == network.owner.member(STANDBY).worker


def test_a_rotation_changes_nothing_about_the_past(network: Votings, index: NetworkIndex) -> None:
    index.sync()
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    rotated = network.rpc.block_number()
    index.sync()
    old = network.voters[STANDBY].address
    assert [index.members(before=(rotated, log))[STANDBY].worker for log in (0, 1)] == [old, NEW_KEY]


def test_an_index_is_known_by_each_key_that_it_had(network: Votings, index: NetworkIndex) -> None:
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    index.sync()
    assert index.index_of(NEW_KEY) == index.index_of(network.voters[STANDBY].address) == STANDBY
    assert index.index_of(b"\x66" * 20) is None


def test_a_removed_worker_keeps_its_last_key(network: Votings, index: NetworkIndex) -> None:
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    network.owner.remove(STANDBY)
    index.sync()
    member = index.members()[STANDBY]
    assert (member.worker, member.role) == (NEW_KEY, Role.NONE)


def test_an_index_is_enrolled_since_it_was_last_given_a_role_having_none(
    network: Votings, index: NetworkIndex
) -> None:
    def since() -> int:
        index.sync()
        return index.members()[STANDBY].since

    def enrol(role: Role) -> None:
        worker = network.voters[STANDBY].address
        network.owner.enrol(network.signers[3].address, worker, role, b"\xe4" * 32)

    first = since()
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    network.owner.rotate(STANDBY, network.voters[STANDBY].address, b"\x55" * 32)
    assert 0 < since() == first
    network.owner.remove(STANDBY)
    assert since() == 0
    enrol(Role.ACTIVE)
    header = network.rpc.header()
    assert header is not None
    assert since() == header.time > first


def test_the_ballot_of_a_rotated_worker_is_that_of_the_key_that_signed_it(
    network: Votings, index: NetworkIndex
) -> None:
    network.owner.remove(STANDBY)
    network.owner.enrol(
        network.signers[3].address, network.voters[STANDBY].address, Role.ACTIVE, b"\xe4" * 32
    )
    network.bring(0, STANDBY, place=Place(1, 1))
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    index.sync()
    came = index.ballot_moments(network.voting_id(0), 1)[STANDBY]
    assert index.members(before=came)[STANDBY].worker == network.voters[STANDBY].address


def test_a_worker_that_was_never_enrolled_cannot_change(network: Votings, index: NetworkIndex) -> None:
    network.owner.remove(0)
    index.sync()
    logs = index.logs(*KINDS)
    with pytest.raises(IndexMismatchError, match="worker 0"):
        Membership(logs[1:])


def test_whether_opening_is_paused_is_what_was_said_last(network: Votings, index: NetworkIndex) -> None:
    said = []
    for paused in (None, True, False):
        if paused is not None:
            network.owner.pause_opening(paused)
        index.sync()
        said.append(index.opening_paused())
    assert said == [False, True, False]

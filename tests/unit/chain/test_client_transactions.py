"""What a network lives through, driven by its client: governance, keys, fallbacks, brought ballots."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.chain.conftest import Network

from worknet.chain.client import NetworkClient
from worknet.chain.errors import RevertedError
from worknet.chain.events import Role
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signatures import Signature, SignedSeal
from worknet.chain.signers import BallotSigner
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.earnings import Period
from worknet.protocol.policy import Policy
from worknet.protocol.voting import State
from worknet.protocol.words import Fallback

NEW_KEY = b"\x5e" * 20


class Plural(Network):
    """All must agree; if they do not, the pair that leads may be settled."""

    def policy(self, **changes: object) -> Policy:
        return super().policy(
            **{"threshold_num": 1, "threshold_den": 1, "fallback": Fallback.PLURALITY, **changes}
        )

    def fail(self, slot: int, attempt: int) -> None:
        """An attempt in which two of the three agree."""
        for worker in range(3):
            self.seal(slot, worker, self.OTHER if worker == 2 else self.PAIR, attempt)
        self.reveal(slot, 0, 1, attempt=attempt)
        self.reveal(slot, 2, pair=self.OTHER, attempt=attempt)


@pytest.fixture
def plural(tmp_path: Path) -> Iterator[Plural]:
    network = Plural(tmp_path / "plural")
    yield network
    network.store.close()


def signed_seals(network: Network, slot: int, workers: range, pair: Pair) -> dict[int, SignedSeal]:
    """Seals that these workers have signed."""
    voting_id, found = network.voting_id(slot), {}
    for worker in workers:
        where = (DEVELOPMENT_CHAIN_ID, network.deployment.contract, voting_id, 1, worker)
        sealed = seal(*where, pair, network.salt(slot, worker))
        signer = BallotSigner(network.signers[worker], network.deployment.contract)
        found[worker] = SignedSeal(sealed, signer.seal(voting_id, Place(1, 1), sealed))
    return found


def signatures(network: Network, slot: int, voters: range, participants: int) -> dict[int, Signature]:
    """What these workers sign under a report of `PAIR`."""
    what = (network.voting_id(slot), Place(1, 1), network.PAIR, participants, sum(1 << i for i in voters))
    contract = network.deployment.contract
    return {voter: BallotSigner(network.signers[voter], contract).report(*what) for voter in voters}


def test_ownership_passes_when_it_is_accepted(network: Network) -> None:
    successor = network.signers[0].address
    with pytest.raises(RevertedError, match="not offered to you"):
        network.workers[0].accept_ownership()
    network.owner.wait(network.owner.transfer_ownership(successor))
    assert network.owner.pending_owner() == successor
    assert network.owner.owner() == network.signers[3].address
    network.workers[0].wait(network.workers[0].accept_ownership())
    assert (network.owner.owner(), network.owner.pending_owner()) == (successor, None)


def test_an_offer_of_the_ownership_can_be_withdrawn(network: Network) -> None:
    network.owner.transfer_ownership(network.signers[0].address)
    network.owner.wait(network.owner.transfer_ownership(None))
    assert network.owner.pending_owner() is None


def test_an_operator_rotates_its_workers_key(network: Network) -> None:
    operator = network.workers[0]
    index = network.owner.member_count()
    network.owner.enrol(network.signers[0].address, b"\x5d" * 20, Role.STANDBY, b"\x01" * 32)
    with pytest.raises(RevertedError, match="members: not the operator"):
        network.workers[1].rotate(index, NEW_KEY, b"\x02" * 32)
    operator.wait(operator.rotate(index, NEW_KEY, b"\x02" * 32))
    assert operator.member(index).worker == NEW_KEY
    assert operator.index_of(NEW_KEY) == index
    assert operator.index_of(b"\x5d" * 20) is None


def test_a_worker_checks_in_with_its_own_key(network: Network) -> None:
    with pytest.raises(RevertedError, match="members: not the worker's key"):
        network.workers[1].check_in(0)
    network.workers[0].wait(network.workers[0].check_in(0))
    period = network.owner.period(network.now // network.PERIOD)
    # The three enrolments were in this period: only before the first of them it began.
    assert period == Period(eligible=0, checked_in=0b001, taken=0, missed=0)


def test_a_pause_holds_up_new_votings_only(network: Network) -> None:
    network.seal(0, 0)
    network.owner.wait(network.owner.pause_opening(True))
    assert network.owner.opening_paused()
    with pytest.raises(RevertedError, match="votings: opening is paused") as caught:
        network.seal(1, 0)
    assert caught.value.voting_id == network.voting_id(1)
    network.owner.wait(network.seal(0, 1))
    network.owner.wait(network.owner.pause_opening(False))
    network.owner.wait(network.seal(1, 0))


def test_the_leading_pair_is_settled(plural: Plural) -> None:
    plural.fail(0, 1)
    about = plural.WORKFLOW, plural.trigger(0)
    with pytest.raises(RevertedError, match="votings: not settling") as caught:
        plural.owner.settle(*about, plural.PAIR)
    assert (caught.value.voting_id, caught.value.attempt) == (plural.voting_id(0), None)
    plural.fail(0, 2)
    with pytest.raises(RevertedError, match="votings: not the leading pair"):
        plural.owner.settle(*about, plural.OTHER)
    plural.owner.wait(plural.owner.settle(*about, plural.PAIR))
    assert plural.owner.voting(*about).state is State.SETTLED
    assert plural.owner.record(plural.voting_id(0)) is not None


def test_the_owner_reopens_what_is_unresolved_and_what_never_opened(network: Network) -> None:
    network.seal(0, 0)
    with pytest.raises(RevertedError, match="votings: not unresolved"):
        network.owner.reopen(network.WORKFLOW, network.trigger(0))
    network.pass_time(network.PERIOD)
    for slot in (0, 1):
        network.owner.wait(network.owner.reopen(network.WORKFLOW, network.trigger(slot)))
        network.owner.wait(network.seal(slot, 0, attempt=4))
        view = network.owner.voting(network.WORKFLOW, network.trigger(slot))
        assert (view.state, view.attempt) == (State.CASTING, 4)


def test_seals_are_brought_by_anyone_who_has_the_workers_signatures(network: Network) -> None:
    about = network.WORKFLOW, network.trigger(0), Place(1, 1)
    seals = signed_seals(network, 0, range(3), network.PAIR)
    [sent] = network.owner.bring_seals(*about, seals)
    network.owner.wait(sent)
    assert network.owner.voting(*about[:2]).state is State.REVEALING
    for worker, signed in seals.items():
        stored = network.owner.seal_of(network.voting_id(0), 1, worker)
        assert stored is not None
        assert stored[:30] == signed.seal[:30]
    network.owner.wait(network.reveal(0, 0, 1))
    assert network.owner.voters(network.voting_id(0), 1, network.PAIR) == 0b011


def test_of_seals_brought_those_that_do_not_fit_are_skipped(network: Network) -> None:
    about = network.WORKFLOW, network.trigger(0), Place(1, 1)
    seals = signed_seals(network, 0, range(2), network.PAIR)
    swapped = {0: seals[0], 1: SignedSeal(seals[1].seal, seals[0].signature)}
    [sent] = network.owner.bring_seals(*about, swapped)
    network.owner.wait(sent)
    assert network.owner.voting(*about[:2]).cast == 1
    with pytest.raises(RevertedError, match="votings: no seal taken") as caught:
        network.owner.bring_seals(*about, swapped)
    assert (caught.value.voting_id, caught.value.attempt) == (network.voting_id(0), 1)


def test_a_report_records_a_voting_in_one_transaction(network: Network) -> None:
    about = network.WORKFLOW, network.trigger(0), Place(1, 1)
    signed = signatures(network, 0, range(2), 0b111)
    network.owner.wait(network.owner.report(*about, network.PAIR, 0b111, 0b011, signed))
    assert network.owner.record(network.voting_id(0)) is not None
    view = network.owner.voting(*about[:2])
    assert (view.state, view.members) == (State.NONE, 0)
    with pytest.raises(RevertedError, match="votings: already recorded"):
        network.owner.report(*about, network.PAIR, 0b111, 0b011, signed)


def test_a_report_with_too_few_signatures_or_a_wrong_one_is_refused(network: Network) -> None:
    about = network.WORKFLOW, network.trigger(0), Place(1, 1)
    signed = signatures(network, 0, range(2), 0b111)
    with pytest.raises(RevertedError, match="votings: too few signatures") as caught:
        network.owner.report(*about, network.PAIR, 0b111, 0b011, {0: signed[0]})
    assert (caught.value.voting_id, caught.value.attempt) == (network.voting_id(0), 1)
    with pytest.raises(RevertedError, match="votings: not the worker's key"):
        network.owner.report(*about, network.PAIR, 0b111, 0b011, {0: signed[1], 1: signed[0]})


def test_the_period_of_a_closed_voting_tells_who_agreed(network: Network) -> None:
    for worker in range(3):
        network.seal(0, worker, network.OTHER if worker == 2 else network.PAIR)
    network.reveal(0, 0, 1)
    network.owner.wait(network.reveal(0, 2, pair=network.OTHER))
    network.owner.wait(network.owner.advance(network.WORKFLOW, network.trigger(0), network.PAIR))
    period = network.owner.period(network.now // network.PERIOD)
    assert (period.taken, period.missed) == (0b011, 0b100)


def test_a_client_of_a_stranger_can_bring_nothing_that_needs_the_owner(network: Network) -> None:
    stranger = NetworkClient(network.rpc, network.deployment.contract, signer=network.signers[1])
    with pytest.raises(RevertedError, match="ownership: not the owner") as caught:
        stranger.reopen(network.WORKFLOW, network.trigger(0))
    assert "owner's key" in caught.value.hint

"""A network whose votings take every way there is: fallbacks, reports, brought seals, reopening, rotation."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.unit.chain.conftest import Network

from worknet.chain.events import Role
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signatures import SignedSeal
from worknet.chain.signers import BallotSigner, signer_from_key
from worknet.protocol.ballots import Pair, Place, seal
from worknet.protocol.policy import Policy

STANDBY = 3


class Votings(Network):
    """Workers 0 to 2 are active, worker 3 is a standby without funds whose seals the owner brings.

    Its operator is the owner's account. `changes` are those of the one policy.
    """

    def __init__(self, folder: Path, **changes: Any) -> None:
        self.changes = changes
        super().__init__(folder)
        standby = signer_from_key(b"\x33" * 32, DEVELOPMENT_CHAIN_ID)
        self.owner.enrol(self.signers[3].address, standby.address, Role.STANDBY, b"\xe3" * 32)
        keys = [*self.signers[:3], standby]
        self.voters = [BallotSigner(key, self.deployment.contract) for key in keys]

    def policy(self, **changes: Any) -> Policy:
        return super().policy(**{**self.changes, **changes})

    def bring(self, slot: int, *workers: int, pair: Pair = Network.PAIR, place: Place) -> None:
        """Brings seals of these workers, in one transaction."""
        seals = {worker: self._signed(slot, worker, pair, place) for worker in workers}
        self.owner.bring_seals(self.WORKFLOW, self.trigger(slot), place, seals)

    def _signed(self, slot: int, worker: int, pair: Pair, place: Place) -> SignedSeal:
        voting_id = self.voting_id(slot)
        where = (DEVELOPMENT_CHAIN_ID, self.deployment.contract, voting_id, place.attempt, worker)
        sealed = seal(*where, pair, self.salt(slot, worker, place.attempt))
        return SignedSeal(sealed, self.voters[worker].seal(voting_id, place, sealed))

    def open_seals(self, slot: int, *workers: int, pair: Pair = Network.PAIR, place: Place) -> None:
        salts = {worker: self.salt(slot, worker, place.attempt) for worker in workers}
        self.owner.reveal(self.WORKFLOW, self.trigger(slot), place, pair, salts)

    def report(self, slot: int, voters: Iterable[int], participants: int, attempt: int = 1) -> None:
        """Reports `PAIR`, signed by all its voters."""
        what = (Place(attempt, 1), self.PAIR, participants, sum(1 << voter for voter in voters))
        signed = {voter: self.voters[voter].report(self.voting_id(slot), *what) for voter in voters}
        self.owner.report(self.WORKFLOW, self.trigger(slot), *what, signed)

    def fail(self, slot: int, attempt: int) -> None:
        """An attempt in which nobody agrees with anybody: two are sealed and only one is opened."""
        self.seal(slot, 0, attempt=attempt)
        self.seal(slot, 1, self.OTHER, attempt)
        self.pass_time(300)
        self.reveal(slot, 0, attempt=attempt)
        self.pass_time(300)

    def unresolved(self, slot: int) -> None:
        """A voting that nobody votes in a second time, up to the contract's saying so."""
        self.fail(slot, 1)
        self.pass_time(600)
        self.owner.advance(self.WORKFLOW, self.trigger(slot))

"""A network of as many workers as there can be, which bring one another's seals: for what batches cost."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak
from tests.unit.chain.conftest import ETHER, Network

from worknet.chain.events import Role
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signatures import SignedSeal
from worknet.chain.signers import BallotSigner, Signer, signer_from_key
from worknet.protocol.ballots import Place, seal
from worknet.protocol.policy import Policy
from worknet.protocol.words import MAX_WORKERS

EVERYBODY = (1 << MAX_WORKERS) - 1
ALL = range(MAX_WORKERS)


class Crowd(Network):
    """Workers 0 to 119, all active, under a policy that pays; the owner brings whatever they sign."""

    MEMBERS = EVERYBODY

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        keys = [*self.signers[:3], *(key_of(index) for index in range(3, MAX_WORKERS))]
        for index in range(3, MAX_WORKERS):
            operator = bytes([0xB0, index]) * 10
            self.owner.enrol(operator, keys[index].address, Role.ACTIVE, bytes([0xE0]) * 32)
        self.voters = [BallotSigner(key, self.deployment.contract) for key in keys]
        self.pool = self.new_pool()
        self.owner.wait(self.pool.fund(ETHER))

    def policy(self, **changes: Any) -> Policy:
        """A policy that pays for accuracy and speed."""
        return super().policy(**{"accuracy": 10**15, "speed": 10**15, **changes})

    def bring(self, slot: int, workers: Iterable[int] = ALL, attempt: int = 1) -> list[bytes]:
        """Brings the seals of these workers, all for `PAIR`."""
        seals = {worker: self.signed_seal(slot, worker, attempt) for worker in workers}
        return self.owner.bring_seals(self.WORKFLOW, self.trigger(slot), Place(attempt, 1), seals)

    def signed_seal(self, slot: int, worker: int, attempt: int = 1) -> SignedSeal:
        """A worker's seal of `PAIR`, which anyone may bring."""
        voting_id = self.voting_id(slot)
        where = (DEVELOPMENT_CHAIN_ID, self.deployment.contract, voting_id, attempt, worker)
        sealed = seal(*where, self.PAIR, self.salt(slot, worker, attempt), _keccak)
        return SignedSeal(sealed, self.voters[worker].seal(voting_id, Place(attempt, 1), sealed))

    def bring_reveals(self, slot: int, workers: Iterable[int] = ALL, attempt: int = 1) -> bytes:
        """Opens the seals of these workers."""
        salts = {worker: self.salt(slot, worker, attempt) for worker in workers}
        place = Place(attempt, 1)
        return self.owner.reveal(self.WORKFLOW, self.trigger(slot), place, self.PAIR, salts)

    def report(self, slot: int, voters: Iterable[int] = ALL, participants: int = EVERYBODY) -> bytes:
        """Reports `PAIR` with the signatures of all its voters."""
        what = (Place(1, 1), self.PAIR, participants, sum(1 << voter for voter in voters))
        signed = {voter: self.voters[voter].report(self.voting_id(slot), *what) for voter in voters}
        return self.owner.report(self.WORKFLOW, self.trigger(slot), *what, signed)


def key_of(index: int) -> Signer:
    """The key of a worker that the small network does not have."""
    return signer_from_key((1000 + index).to_bytes(32, "big"), DEVELOPMENT_CHAIN_ID)


def _keccak(data: bytes) -> bytes:
    return bytes(keccak(data))

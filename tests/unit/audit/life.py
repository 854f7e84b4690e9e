"""A network's whole life on a chain in this process: every way that votings, members and rewards can take.

What happened is recorded once, as the facts of an audit. Nothing is wrong in it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from worknet.audit.audit import audit
from worknet.audit.outcome import Audit
from worknet.audit.resume import AuditState
from worknet.chain.client import NetworkClient
from worknet.chain.deployment import Predecessor, deploy, deploy_pool
from worknet.chain.events import Role
from worknet.chain.pool import PoolClient
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signatures import SignedSeal
from worknet.chain.signers import BallotSigner, Signer, signer_from_key
from worknet.protocol.ballots import Pair, seal
from worknet.protocol.ballots import Place as BallotPlace
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.records import Record
from worknet.protocol.words import Ballots, Fallback
from worknet.testing.chain import LocalChain

BEGIN = 1_767_225_600
EVERY = 3600
PERIOD = 86_400
CONFIRMATIONS = 2
PAIR = Pair(b"\x0a" * 32, b"\x0b" * 32)
OTHER = Pair(b"\x0a" * 32, b"\x0c" * 32)
THIRD = Pair(b"\x0a" * 32, b"\x0d" * 32)
FIRST_SLOT = BEGIN // EVERY

SEALED = workflow_id("matching")
OPEN = workflow_id("tariff")
EVENTS = workflow_id("alarms")

ACTIVE = (0, 1, 2)


def policy(**changes: Any) -> Policy:
    """A policy of sealed ballots, with these changes."""
    return replace(
        Policy(
            bundle_digest=b"\x01" * 32,
            data_key_epoch=1,
            data_key_commitment=b"\x02" * 32,
            every=EVERY,
            delay=60,
            start=BEGIN,
            max_age=7200,
            threshold_num=2,
            threshold_den=3,
            ballots=Ballots.SEALED,
            cast_window=300,
            reveal_window=300,
            stall=600,
            fallback=Fallback.FAILOVER_THEN_PLURALITY,
            accuracy=1000,
            speed=100,
        ),
        **changes,
    )


OPEN_POLICY = policy(
    threshold_num=1,
    threshold_den=1,
    ballots=Ballots.OPEN,
    reveal_window=0,
    fallback=Fallback.PLURALITY,
    max_age=0,
    accuracy=0,
    speed=0,
)
EVENT_POLICY = policy(every=0, delay=0, start=0, max_age=0, fallback=Fallback.ALERT, speed=0)


@dataclass(frozen=True)
class About:
    """What a voting is about, and the policy version that it names."""

    workflow: bytes
    trigger: bytes
    version: int = 1


def slot(number: int, workflow: bytes = SEALED, version: int = 1) -> About:
    return About(workflow, Slot(EVERY, FIRST_SLOT + number).trigger_id, version)


def key(number: int) -> Signer:
    return signer_from_key(bytes([number]) * 32, DEVELOPMENT_CHAIN_ID)


class Network:
    """The network; worker i has the key 1 + i until it rotates, its operator the key 21 + i."""

    def __init__(self, chain: LocalChain) -> None:
        self.chain = chain
        self.keys = {worker: key(1 + worker) for worker in range(5)}
        before = Predecessor(1, b"\x77" * 20, 40, b"\x78" * 32)
        deployed = deploy(chain.rpc, key(11), CONFIRMATIONS, PERIOD, before)
        self.contract, self.start = deployed.contract, deployed.block
        self.owner = self.client(key(11))
        self.pool = PoolClient(self.owner, deploy_pool(chain.rpc, key(11), self.contract).contract)
        for worker in range(4):
            role = Role.STANDBY if worker == 3 else Role.ACTIVE
            self.owner.enrol(
                key(21 + worker).address, self.keys[worker].address, role, bytes([worker + 1]) * 32
            )
        self.owner.announce(SEALED, policy())
        self.owner.announce(OPEN, OPEN_POLICY)
        self.owner.announce(EVENTS, EVENT_POLICY)

    def client(self, signer: Signer) -> NetworkClient:
        return NetworkClient(self.chain.rpc, self.contract, signer=signer)

    def voting_id(self, about: About) -> bytes:
        return self.owner.voting_id(about.workflow, about.trigger)

    def go_to(self, number: int, seconds: int = 0) -> None:
        """To so many seconds after a slot is due."""
        self.chain.mine(max(BEGIN + (number + 1) * EVERY + 60 + seconds, self.chain.now + 1))

    def salt(self, worker: int, attempt: int) -> bytes:
        return bytes([worker + 1, attempt]) * 16

    def sealed(self, about: About, worker: int, pair: Pair, attempt: int) -> bytes:
        place = (DEVELOPMENT_CHAIN_ID, self.contract, self.voting_id(about), attempt, worker)
        return seal(*place, pair, self.salt(worker, attempt))

    def seal(self, about: About, *workers: int, pair: Pair = PAIR, attempt: int = 1) -> None:
        for worker in workers:
            place = BallotPlace(attempt, about.version, worker)
            sealed = self.sealed(about, worker, pair, attempt)
            self.client(self.keys[worker]).seal(about.workflow, about.trigger, place, sealed)

    def bring(self, about: About, pairs: dict[int, Pair], attempt: int, forged: Sequence[int] = ()) -> None:
        """The owner brings seals; those of `forged` are signed by another key."""
        place = BallotPlace(attempt, about.version)
        seals = {}
        for worker, pair in pairs.items():
            signer = BallotSigner(key(40) if worker in forged else self.keys[worker], self.contract)
            sealed = self.sealed(about, worker, pair, attempt)
            seals[worker] = SignedSeal(sealed, signer.seal(self.voting_id(about), place, sealed))
        self.owner.bring_seals(about.workflow, about.trigger, place, seals)

    def reveal(
        self, about: About, *workers: int, pair: Pair = PAIR, attempt: int = 1, wrong: Sequence[int] = ()
    ) -> None:
        """Opens seals in one batch; those of `wrong` with a salt that is not theirs."""
        place = BallotPlace(attempt, about.version)
        salts = {each: self.salt(each, attempt) for each in workers} | dict.fromkeys(wrong, b"\x55" * 32)
        self.owner.reveal(about.workflow, about.trigger, place, pair, salts)

    def cast(self, about: About, pairs: dict[int, Pair], attempt: int = 1) -> None:
        for worker, pair in pairs.items():
            place = BallotPlace(attempt, about.version, worker)
            self.client(self.keys[worker]).cast(about.workflow, about.trigger, place, pair)

    def report(self, about: About, participants: int, voters: Iterable[int], signers: Iterable[int]) -> None:
        place = BallotPlace(1, about.version)
        what = (place, PAIR, participants, sum(1 << voter for voter in voters))
        signed = {
            worker: BallotSigner(self.keys[worker], self.contract).report(self.voting_id(about), *what)
            for worker in signers
        }
        self.owner.report(about.workflow, about.trigger, *what, signed)

    def advance(self, about: About, pair: Pair | None = None) -> None:
        self.owner.advance(about.workflow, about.trigger, pair)

    def rotate(self, worker: int, number: int) -> None:
        signer = key(number)
        self.client(key(21 + worker)).rotate(worker, signer.address, bytes([number]) * 32)
        self.keys[worker] = signer

    def record(self, about: About) -> Record:
        """The words of a record, by an audit of its own: claims name them."""
        line = next(each for each in audit_of(self).records if each.record.voting_id == self.voting_id(about))
        return line.record


def live(network: Network) -> None:
    """The life: each part takes another way."""
    _reach_consensus(network)
    _fail_and_fall_back(network)
    _vote_openly(network)
    _report(network)
    _change(network)
    _claim(network)
    _leave_open(network)


def _reach_consensus(n: Network) -> None:
    n.pool.set_rewards(10, 1)
    n.pool.fund(2_500)
    n.go_to(0)
    n.seal(slot(0), *ACTIVE)
    n.reveal(slot(0), *ACTIVE)
    # One is outvoted, and its ballot is the last: the closing waits to be booked.
    n.go_to(1)
    n.seal(slot(1), 0, 1)
    n.seal(slot(1), 2, pair=OTHER)
    n.reveal(slot(1), 0, 1)
    n.reveal(slot(1), 2, pair=OTHER)
    n.advance(slot(1), PAIR)
    # One never opens its seal.
    n.go_to(2)
    n.seal(slot(2), *ACTIVE)
    n.reveal(slot(2), 2, 0)
    n.go_to(2, 700)
    n.advance(slot(2), PAIR)


def _fail_and_fall_back(n: Network) -> None:
    n.go_to(3)
    n.seal(slot(3), 0)
    n.rotate(1, 31)
    n.seal(slot(3), 1, pair=OTHER)
    n.go_to(3, 310)
    n.reveal(slot(3), 0)
    n.go_to(3, 620)
    # Attempt 2: a standby is no member, and a forged signature none.
    n.bring(slot(3), {0: PAIR, 1: PAIR, 2: PAIR, 3: PAIR}, 2, forged=[2])
    n.seal(slot(3), 2, pair=OTHER, attempt=2)
    n.reveal(slot(3), 0, attempt=2, wrong=[1, 2])
    n.reveal(slot(3), 0, 1, attempt=2)
    n.go_to(3, 1300)
    n.advance(slot(3), PAIR)
    # Attempt 3, in which the standby has a ballot.
    n.go_to(4)
    n.seal(slot(4), 0)
    n.go_to(4, 1300)
    n.bring(slot(4), {0: PAIR, 1: PAIR, 3: PAIR}, 3)
    n.seal(slot(4), 2, attempt=3)
    n.reveal(slot(4), 0, 1, 2, 3, attempt=3)
    # A plurality after the failover.
    n.go_to(5)
    n.seal(slot(5), 1)
    n.go_to(5, 1300)
    n.bring(slot(5), {0: PAIR, 1: PAIR, 2: OTHER, 3: THIRD}, 3)
    for worker, pair in {0: PAIR, 1: PAIR, 2: OTHER, 3: THIRD}.items():
        n.reveal(slot(5), worker, pair=pair, attempt=3)
    n.owner.settle(SEALED, slot(5).trigger, PAIR)


def _vote_openly(n: Network) -> None:
    n.go_to(6)
    tariff = [slot(number, OPEN) for number in range(5)]
    n.cast(tariff[0], dict.fromkeys(ACTIVE, PAIR))
    n.cast(tariff[1], {0: PAIR, 1: PAIR, 2: OTHER})
    n.cast(tariff[1], {0: OTHER, 1: PAIR, 2: PAIR}, 2)
    n.owner.settle(OPEN, tariff[1].trigger, PAIR)
    # Unresolved, then reopened; a slot that was missed likewise, and one for which nobody comes.
    n.cast(tariff[2], {0: PAIR})
    n.go_to(6, 1000)
    n.advance(tariff[2])
    n.owner.reopen(OPEN, tariff[2].trigger)
    n.owner.reopen(OPEN, tariff[3].trigger)
    n.owner.reopen(OPEN, tariff[4].trigger)
    n.cast(tariff[2], dict.fromkeys(ACTIVE, PAIR), 4)
    n.cast(tariff[3], dict.fromkeys(ACTIVE, OTHER), 4)
    n.go_to(6, 2000)
    n.advance(tariff[4])


def _report(n: Network) -> None:
    n.go_to(7)
    n.report(slot(7), 0b111, [0, 2], [0, 2])
    n.seal(slot(6), *ACTIVE)
    n.report(slot(6), 0b011, [0, 1], [0, 1])
    n.reveal(slot(6), 2)
    n.go_to(8)
    n.seal(slot(8), 1, 2)
    n.go_to(8, 310)
    n.reveal(slot(8), 1)
    n.report(slot(8), 0b101, [0, 2], [0, 2])


def _change(n: Network) -> None:
    n.client(n.keys[2]).check_in(2)
    n.owner.announce(SEALED, policy(start=BEGIN + 11 * EVERY, accuracy=2000, max_age=0))
    n.go_to(9)
    # Removed while it votes: it may still seal, but is no member of attempt 2.
    n.seal(slot(9), 0)
    n.owner.remove(2)
    n.seal(slot(9), 2, pair=OTHER)
    n.go_to(9, 650)
    n.bring(slot(9), {0: PAIR, 1: PAIR, 2: PAIR}, 2)
    n.reveal(slot(9), 0, 1, attempt=2)
    n.rotate(2, 32)
    n.rotate(1, 33)
    n.rotate(1, 31)
    n.owner.enrol(key(22 + 1).address, n.keys[2].address, Role.ACTIVE, b"\x09" * 32)
    n.owner.enrol(key(25).address, n.keys[4].address, Role.ACTIVE, b"\x0a" * 32)
    n.owner.pause_opening(True)
    n.owner.pause_opening(False)
    n.owner.transfer_ownership(key(13).address)
    n.owner.transfer_ownership(None)
    n.owner.transfer_ownership(key(12).address)
    n.client(key(12)).accept_ownership()
    n.owner = n.client(key(12))
    n.pool = PoolClient(n.owner, n.pool.contract)
    n.owner.announce(EVENTS, replace(EVENT_POLICY, threshold_num=1, start=n.chain.now + 60))
    event = About(EVENTS, b"\xee" * 32, 2)
    n.seal(event, 0, 1, 2, 4)
    n.reveal(event, 0, 1, 2, 4)
    n.go_to(11)
    n.seal(slot(11, version=2), 0, 1, 2, 4)
    n.reveal(slot(11, version=2), 0, 1, 2, 4)


def _claim(n: Network) -> None:
    # A second period, with amounts: three votings count in it, and the standby checks in.
    n.go_to(24)
    for number in (22, 23, 24):
        about = slot(number, version=2)
        n.seal(about, 0, 1, 4)
        n.seal(about, 2, pair=OTHER if number == 23 else PAIR)
        n.reveal(about, 0, 1, 4)
        n.reveal(about, 2, pair=OTHER if number == 23 else PAIR)
    n.advance(slot(23, version=2), PAIR)
    n.client(n.keys[3]).check_in(3)
    n.go_to(48)
    over = n.chain.now // PERIOD - 1
    event = About(EVENTS, b"\xee" * 32, 2)
    some = [n.record(about) for about in (slot(0), slot(1), slot(3), slot(7), event, slot(11))]
    n.pool.claim(0, some, [over])
    # The pool is short: it pays what it has, and the rest when there is more.
    n.pool.claim(1, some, [over, over - 1])
    n.pool.fund(100_000)
    n.pool.claim(1)
    n.pool.set_rewards(20, 2)
    n.pool.set_rewards(30, 3)
    n.pool.claim(3, [n.record(slot(4))], [over])


def _leave_open(n: Network) -> None:
    n.go_to(50)
    n.seal(slot(48, version=2), 0)
    n.go_to(50, 400)
    # Recorded and not booked, revealing, casting.
    n.seal(slot(49, version=2), 0, 1, 2, 4)
    n.reveal(slot(49, version=2), 0, 1, 2)
    n.advance(slot(48, version=2))
    n.seal(slot(50, version=2), 0, 1, 2, 4)
    n.reveal(slot(50, version=2), 1)
    n.cast(slot(20, OPEN), {1: PAIR, 2: OTHER})
    n.chain.mine(n.chain.now + 1)


def audit_of(network: Network, until: int | None = None, since: AuditState | None = None) -> Audit:
    """An audit of the network up to a block, by default the newest."""
    last = network.chain.height if until is None else until
    return audit(network.owner, network.start, network.pool.contract, since=since, until=last)

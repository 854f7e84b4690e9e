"""Transactions that fit the state of the mirrored world: what honest workers, owners and others would send.

All choices are read off `Dice`, so that Hypothesis draws little. How they are bent stands in `adversaries`.
"""

import hashlib
from collections.abc import Iterable

from coincurve import PrivateKey
from eth_utils.crypto import keccak
from tests.contracts.mirror.cases import Case, bitmap, indices
from tests.contracts.mirror.chain import PERIOD, Transaction
from tests.contracts.mirror.world import World
from tests.contracts.network import words_of
from tests.unit.protocol.voting_histories import Dice

from worknet.protocol import ballots, eip712
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.policy import Policy
from worknet.protocol.rewards import period_of
from worknet.protocol.voting import FAILOVER_ATTEMPT, State, Voting
from worknet.protocol.voting_rules import members_of_next
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots

EVERY = 100
OUTSIDER, HEIR = b"\x0e" * 20, b"\x0f" * 20
ENCRYPTION_KEY = b"\x09" * 32
A, B, C = (Pair(bytes([number]) * 32, b"\x99" * 32) for number in (1, 2, 3))
PAIRS = [A] * 5 + [B] * 2 + [C]
SLOTS, EVENTS = workflow_id("slots"), workflow_id("events")


def _address(key: PrivateKey) -> bytes:
    return keccak(key.public_key.format(compressed=False)[1:])[-20:]


KEYS = {_address(key): key for key in (PrivateKey(hashlib.sha256(bytes([n])).digest()) for n in range(64))}
ADDRESSES = list(KEYS)


class Actions:
    """Draws transactions for a world at its present time, `now`."""

    def __init__(self, world: World, receivers: list[bytes]) -> None:
        self.world = world
        self.rules = world.governance
        self.now = 0
        self.cases: list[Case] = []
        self.known: dict[tuple[bytes, int, int], Pair] = {}
        self.receivers = receivers
        self._operators = [
            receivers[0],
            b"\xc1" * 20,
            receivers[1],
            *(bytes([0xC2 + n]) * 20 for n in range(9)),
        ]

    def new_case(self, dice: Dice) -> Case:
        """A voting that may open: of a slot that is due, or of an event; now and then of nothing at all."""
        workflow = dice.of([SLOTS, SLOTS, EVENTS])
        if workflow == SLOTS:
            back = dice.of([1, 1, 2, 3, 4, 9, 0])
            trigger = Slot(EVERY, max(0, self.now // EVERY - back)).trigger_id
        else:
            trigger = hashlib.sha256(len(self.cases).to_bytes(2, "big")).digest()
        trigger = dice.of([trigger] * 30 + [b"\xff" * 32, Slot(EVERY + 1, 7).trigger_id])
        case = self.world.votings.case(workflow, trigger)
        if case not in self.cases:
            self.cases.append(case)
        return case

    def some_case(self, dice: Dice) -> Case:
        """A voting that goes on, mostly a late one."""
        if not self.cases:
            return self.new_case(dice)
        return dice.of(self.cases[:-5:-1] * 4 + self.cases)

    def next_of(self, case: Case, dice: Dice) -> Transaction:
        """What moves a voting on, in the state in which it is."""
        now = at(case.voting, self.now)
        match now.state:
            case State.NONE | State.PENDING:
                return self._first_ballot(case, now, dice)
            case State.CASTING:
                attempt = now.current
                done = bitmap(attempt.seals) | bitmap(attempt.ballots)
                return self._ballot(
                    case, now, (attempt.number, attempt.policy_version), attempt.members, done, dice
                )
            case State.REVEALING:
                if dice.of([0] * 7 + [1]):
                    return self.report(case, now, self._place(now), now.current.members, dice)
                return self.reveal(case, now, dice)
            case State.SETTLING:
                return self._on(case, "settle", *_roots(now.current.leading() or A))
            case State.UNRESOLVED:
                return Transaction(self.rules.owner, "reopen", (case.workflow, case.trigger))
            case State.CONSENSUS | State.SETTLED:
                return self._late(case, now, dice)

    def advance(self, case: Case) -> Transaction:
        """Applies the time that has passed, or books the closing."""
        recorded = at(case.voting, self.now).recorded
        return self._on(case, "advance", *(_roots(recorded.pair) if recorded else (bytes(32), bytes(32))))

    def reveal(self, case: Case, now: Voting, dice: Dice) -> Transaction:
        """Opens the seals for one pair, all that are left or some of them."""
        number = now.current.number
        left = indices(now.current.unrevealed()) or indices(now.current.members)
        known = {worker: self.known.get((case.id, number, worker), A) for worker in left}
        pair = known[dice.of(left)] if left else A
        workers = dice.some(bitmap(worker for worker in left if known[worker] == pair))
        place = Place(number, now.current.policy_version).word()
        salts = [salt(case.id, number, worker) for worker in indices(workers)]
        return self._on(case, "reveal", place, *_roots(pair), workers, salts)

    def report(
        self, case: Case, now: Voting, place: tuple[int, int], members: int, dice: Dice
    ) -> Transaction:
        """Of all members, or of some; those who voted otherwise on chain mostly left out of the voters."""
        pair = dice.of(PAIRS)
        on_chain = now.current.ballots if now.attempts and now.current.number == place[0] else {}
        others = bitmap(worker for worker, ballot in on_chain.items() if ballot != pair)
        participants = dice.of([members, members, dice.some(members)])
        voters = dice.some(participants & ~dice.of([others] * 5 + [0]))
        signers = dice.of([voters, voters, voters, dice.some(voters)])
        about = (case.id, *place, pair, participants, voters)
        odd, signed = self.signatures(indices(signers), eip712.report_digest(self.domain, *about, keccak))
        word = Place(*place).word()
        return self._on(case, "report", word, *_roots(pair), participants, voters, signers, odd, signed)

    @property
    def domain(self) -> bytes:
        """The separator under which workers sign."""
        return self.world.votings.domain

    def signatures(self, workers: Iterable[int], digest: bytes) -> tuple[int, list[tuple[bytes, bytes]]]:
        """What these workers sign: who of them with v 28, and (r, s) each."""
        odd, signed = 0, []
        for worker in workers:
            key = KEYS[self._key(worker)].sign_recoverable(digest, hasher=None)
            odd |= key[64] << worker
            signed.append((key[:32], key[32:64]))
        return odd, signed

    def seal_of(self, case: Case, attempt: int, worker: int, dice: Dice) -> bytes:
        """The seal of a worker's ballot; a worker has one ballot an attempt, however often it sends it."""
        pair = self.known.setdefault((case.id, attempt, worker), dice.of(PAIRS))
        where = (self.world.chain_id, self.world.network, case.id, attempt, worker)
        return ballots.seal(*where, pair, salt(case.id, attempt, worker), keccak)

    def bring(self, case: Case, place: tuple[int, int], workers: int, dice: Dice) -> Transaction:
        """Seals that another brings for these workers."""
        odd, items = 0, []
        for worker in indices(workers):
            seal = self.seal_of(case, place[0], worker, dice)
            digest = eip712.seal_digest(self.domain, case.id, *place, seal, keccak)
            bit, [signed] = self.signatures([worker], digest)
            odd |= bit
            items.append((seal, *signed))
        return self._on(case, "bring_seals", Place(*place).word(), workers, odd, items)

    def enrolment(self, index: int, role: int) -> Transaction:
        """A new operator's; the first and the third are contracts."""
        arguments = (self._operators[index], self._fresh_key(), role, ENCRYPTION_KEY)
        return Transaction(self.rules.owner, "enrol", arguments)

    def on_members(self, dice: Dice) -> Transaction:
        """Enrolments, removals, rotations, check-ins."""
        rules, count = self.rules, len(self.rules.operators)
        kind = dice.of(["check_in", "rotate", "enrol", "remove", "check_in"])
        index = dice.of(range(count)) if count else 0
        key = self._fresh_key() if dice.of([1, 0]) else dice.of(rules.keys or ADDRESSES)
        if kind == "enrol":
            gone = [one for one in range(count) if not rules.roles[one]]
            role = dice.of([1, 1, 2])
            if gone and dice.of([1, 1, 0]):
                index = dice.of(gone)
                key = dice.of([rules.keys[index]] * 3 + [key])
            else:
                index = count
            operator = self._operators[index % len(self._operators)]
            return Transaction(rules.owner, "enrol", (operator, key, role, ENCRYPTION_KEY))
        if kind == "remove":
            return Transaction(rules.owner, "remove", (index,))
        if not count:
            return Transaction(OUTSIDER, "check_in", (index,))
        if kind == "rotate":
            return Transaction(rules.operators[index], "rotate", (index, key, ENCRYPTION_KEY))
        return Transaction(rules.keys[index], "check_in", (index,))

    def on_governance(self, dice: Dice) -> Transaction:
        """Policies, the pause, and the owner's change."""
        rules = self.rules
        kind = dice.of(["announce", "announce", "pause", "transfer", "accept"])
        if kind == "announce":
            workflow = dice.of([SLOTS, EVENTS])
            return self.announcement(workflow, self.now + dice.of([0, 0, 50, 150, 1000]), dice)
        if kind == "pause":
            return Transaction(rules.owner, "pause_opening", (not rules.paused or dice.of([False, True]),))
        if kind == "transfer":
            return Transaction(rules.owner, "transfer_ownership", (dice.of([HEIR, OUTSIDER, bytes(20)]),))
        return Transaction(dice.of([rules.pending, HEIR]), "accept_ownership", ())

    def announcement(self, workflow: bytes, start: int, dice: Dice) -> Transaction:
        """A policy of any kind; rewards only where they may be."""
        sealed = dice.of([1, 1, 0])
        num, den = dice.of([(0, 1), (0, 1), (2, 3), (1, 1)])
        stall, fallback = dice.of([40, 40, 40, 0]), dice.of([3, 1, 2, 0])
        max_age = dice.of([0, 0, 0, 600])
        cast_window, reveal_window = dice.of([60, 60, 1, 70_000]), dice.of([30, 30, 1])
        amounts = (
            dice.of([(100, 10), (100, 0), (0, 10), (0, 0), (2**128 - 1, 2**128 - 1)]) if sealed else (0, 0)
        )
        head = (
            b"\x01" * 32,
            1,
            b"\x02" * 32,
            EVERY if workflow == SLOTS else 0,
            dice.of([0, 5]),
            start,
            max_age,
        )
        fields = (*head, num, den, sealed, cast_window, reveal_window, stall, fallback, *amounts)
        return Transaction(self.rules.owner, "announce", (workflow, fields))

    def on_pool(self, dice: Dice) -> Transaction:
        """Payments into the pool, its amounts, claims for anyone by anyone."""
        kind = dice.of(["claim", "claim", "claim", "fund", "set"])
        if kind == "fund":
            return Transaction(dice.of([OUTSIDER, HEIR]), "fund", (), dice.of([50, 1000, 10**6, 0, 10**40]))
        if kind == "set":
            amounts = dice.of([1000, 7, 0, 2**128 - 1]), dice.of([500, 3, 0, 2**128 - 1])
            return Transaction(self.rules.owner, "set_rewards", amounts)
        return self.claim(dice.of(range(max(1, len(self.rules.operators)))), dice)

    def claim(self, index: int, dice: Dice) -> Transaction:
        """What a worker has to claim, all of it or a part; or what it has claimed already."""
        records, periods = self.world.rewards.unclaimed(index, self.now)
        closed = [self.world.records[case.id] for case in self.cases if case.booked]
        records = dice.of([records, records, records[:1], closed])[:50]
        ended = period_of(self.now, PERIOD) - 1
        periods = dice.of([periods, periods, periods[-1:], [ended, ended - 1], []])[:100]
        return Transaction(
            dice.of([OUTSIDER, HEIR]), "claim", (index, [words_of(one) for one in records], periods)
        )

    def start_of(self, case: Case) -> int:
        """When the slot of a voting begins; of an event now."""
        return int.from_bytes(case.trigger[16:], "big") * EVERY if case.workflow == SLOTS else self.now

    def _first_ballot(self, case: Case, now: Voting, dice: Dice) -> Transaction:
        attempt = now.next_attempt or 1
        members, version = self.rules.active, self.rules.version_at(case.workflow, self.start_of(case))
        if now.attempts and attempt <= FAILOVER_ATTEMPT:
            members, _ = members_of_next(now, members, self.rules.enrolled)
            version = now.current.policy_version
        elif attempt > FAILOVER_ATTEMPT:
            version = self.rules.version_at(case.workflow, self.now)
        return self._ballot(case, now, (attempt, version), members, 0, dice)

    def _ballot(
        self, case: Case, now: Voting, place: tuple[int, int], members: int, done: int, dice: Dice
    ) -> Transaction:
        """A ballot of a member that has none yet, or those of several at once."""
        policy: Policy | None = now.policies.get(place[1])
        worker = dice.of(indices(members & ~done) or indices(members) or [0])
        sealed = policy is not None and policy.ballots is Ballots.SEALED
        kind = dice.of(["one"] * 5 + ["several"] * 3 + ["report"] * 2)
        if not self.rules.keys:
            return self._on(case, "cast", Place(*place).word(), *_roots(A))
        if kind == "report":
            return self.report(case, now, place, members, dice)
        if not sealed:
            word = Place(*place, worker).word()
            return self._on(case, "cast", word, *_roots(dice.of(PAIRS)), sender=self._key(worker))
        if kind == "several":
            return self.bring(case, place, dice.some(members & ~done) or 1 << worker, dice)
        seal = self.seal_of(case, place[0], worker, dice)
        return self._on(case, "seal", Place(*place, worker).word(), seal, sender=self._key(worker))

    def _late(self, case: Case, now: Voting, dice: Dice) -> Transaction:
        """After the record: ballots that still count, the closing, claims."""
        if now.closed:
            if not case.booked:
                return self.advance(case)
            return dice.of([self.claim(dice.of(indices(now.accurate)), dice), self.on_members(dice)])
        attempt = now.current
        if dice.of([0] * 7 + [1]):
            early = [words_of(self.world.records[case.id])]
            return Transaction(OUTSIDER, "claim", (dice.of(indices(now.accurate)), early, []))
        if now.policy.ballots is Ballots.SEALED:
            return self.reveal(case, now, dice)
        worker = dice.of(indices(attempt.missing()) or [0])
        word = Place(attempt.number, attempt.policy_version, worker).word()
        return self._on(case, "cast", word, *_roots(dice.of(PAIRS)), sender=self._key(worker))

    def _on(self, case: Case, name: str, *arguments: object, sender: bytes = OUTSIDER) -> Transaction:
        return Transaction(sender, name, (case.workflow, case.trigger, *arguments))

    def _place(self, now: Voting) -> tuple[int, int]:
        return now.current.number, now.current.policy_version

    def _key(self, worker: int) -> bytes:
        keys = self.rules.keys
        return keys[worker] if worker < len(keys) else ADDRESSES[-1]

    def _fresh_key(self) -> bytes:
        return ADDRESSES[len(self.rules.index_of_key) % len(ADDRESSES)]


def salt(about: bytes, attempt: int, worker: int) -> bytes:
    """The salt that a worker has in an attempt."""
    return hashlib.sha256(about + bytes([attempt % 256, worker])).digest()


def _roots(pair: Pair) -> tuple[bytes, bytes]:
    return pair.input_root, pair.result_root

"""What each call on a voting must do, by `protocol.voting`: refuse for its reason, or leave these events.

A call becomes the facts that it would be if it were taken. The contract's own rules (keys, pause, policies in
force) are judged beside the model's; of all that are broken the first in the contract's order is the reason.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from coincurve import PublicKey
from eth_utils.crypto import keccak
from tests.contracts.mirror.cases import Case, Effect, bitmap, cast_count, indices, seen, turned
from tests.contracts.mirror.governance import Event, Governance
from tests.contracts.mirror.reasons import ORDER, OWN_REASONS, Refused

from worknet.protocol import eip712
from worknet.protocol.ballots import Pair, without_time
from worknet.protocol.ids import voting_id
from worknet.protocol.voting import (
    FAILOVER_ATTEMPT,
    Cast,
    Fact,
    FactError,
    Opened,
    Reopened,
    Reported,
    Revealed,
    Sealed,
    Settled,
    State,
    Voting,
    VotingError,
)
from worknet.protocol.voting_rules import apply, members_of_next
from worknet.protocol.voting_time import at
from worknet.protocol.words import Ballots, tag, words

HIGHEST_S = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141 // 2
LIMIT = 120
# In the model a pair has no zero root; the contract judges it last, or first: any pair does for the rest.
ANY_PAIR = Pair(b"\xee" * 32, b"\xee" * 32)
# What the model is not asked for: it has no such fact.
NO_FACT = ""
# A slot that was reopened and never opened is in attempt 0 for the contract, in none for the model.
_OF_ATTEMPT_0 = {"votings: not casting", "votings: ballots are open"}


@dataclass
class Votings:
    """The calls on votings of a network, judged at a block's time."""

    chain_id: int
    contract: bytes
    governance: Governance
    cases: dict[tuple[bytes, bytes], Case] = field(default_factory=dict)
    now: int = 0

    def __post_init__(self) -> None:
        self.domain = eip712.domain_separator(self.chain_id, self.contract, keccak)

    def case(self, workflow: bytes, trigger: bytes) -> Case:
        """The voting for a trigger, opened or not."""
        if (workflow, trigger) not in self.cases:
            policies = self.governance.policies.setdefault(workflow, {})
            about = voting_id(self.chain_id, self.contract, workflow, trigger, keccak)
            self.cases[workflow, trigger] = Case(workflow, trigger, about, Voting(policies))
        return self.cases[workflow, trigger]

    def cast(self, sender: bytes, case: Case, place: int, input_root: bytes, result_root: bytes) -> Effect:
        attempt, _, worker = _parts(place)
        pair, own = _pair(input_root, result_root)
        own |= self._not_the_key(sender, worker)
        opening, reasons = self._opening(case, place, Ballots.OPEN, "votings: not a member")
        facts = [*opening, Cast(self.now, attempt, worker, pair)]
        after = self._judged("cast", case, own | reasons, facts)
        events = [*self._before(case, opening), ("Cast", case.id, place, input_root, result_root)]
        return self._counted(case, after, events, pair)

    def seal(self, sender: bytes, case: Case, place: int, seal: bytes) -> Effect:
        attempt, _, worker = _parts(place)
        own = {"votings: seal not truncated"} if seal != without_time(seal) else set()
        own |= self._not_the_key(sender, worker)
        opening, reasons = self._opening(case, place, Ballots.SEALED, "votings: not a member")
        refused, opened = self._tried(case.voting, opening)
        stored = seal if refused is not None else self._stored(opened, seal)
        facts = [*opening, Sealed(self.now, attempt, worker, stored)]
        after = self._judged("seal", case, own | reasons, facts)
        return Effect(after, [*self._before(case, opening), ("Sealed", case.id, place, stored)])

    def bring_seals(
        self, sender: bytes, case: Case, place: int, workers: int, odd: int, signed: Sequence[tuple[Any, ...]]
    ) -> Effect:
        _check_batch(workers, len(signed))
        attempt, version, _ = _parts(place)
        opening, own = self._opening(case, place, Ballots.SEALED, "votings: no seal taken")
        refused, opened = self._tried(case.voting, opening)
        taken: dict[int, bytes] = {}
        skipped: list[Event] = []
        if refused is None:
            left = opened.current.missing() & ~bitmap(opened.current.seals) if opened.attempts else 0
            probe = Sealed(self.now, attempt, indices(left | 1 << LIMIT)[0], bytes(32))
            refused, _ = self._tried(opened, [probe])
        if refused in {None, "votings: not a member", "votings: already cast"}:
            refused = None
            for worker, (seal, r, s) in zip(indices(workers), signed, strict=True):
                rule, _ = self._tried(opened, [Sealed(self.now, attempt, worker, seal)])
                digest = eip712.seal_digest(self.domain, case.id, attempt, version, seal, keccak)
                if rule is None and seal != without_time(seal):
                    rule = "votings: seal not truncated"
                if rule is None and not self._signed(worker, digest, odd >> worker & 1, r, s):
                    rule = "votings: not the worker's key"
                if rule is None:
                    taken[worker] = self._stored(opened, seal)
                else:
                    skipped.append(("Skipped", case.id, worker, rule))
            own |= set() if taken else {"votings: no seal taken"}
        self._refuse_first("bring_seals", case, own, refused)
        facts = [*opening, *(Sealed(self.now, attempt, *item) for item in taken.items())]
        after = self._judged("bring_seals", case, set(), facts)
        brought = ("SealsBrought", case.id, place >> 16 << 16, bitmap(taken), list(taken.values()))
        return Effect(after, [*self._before(case, opening), *skipped, brought])

    def reveal(
        self,
        sender: bytes,
        case: Case,
        place: int,
        input_root: bytes,
        result_root: bytes,
        workers: int,
        salts: Sequence[bytes],
    ) -> Effect:
        _check_batch(workers, len(salts))
        attempt, _, _ = _parts(place)
        pair, own = _pair(input_root, result_root)
        now = at(case.voting, self.now)
        if now.attempts or now.state is not State.NONE:
            own |= self._other_policy(case, now, place)
        skipped: list[Event] = []
        taken = 0
        if now.attempts:
            done = bitmap(now.current.ballots) | now.current.participants
            for worker, salt in zip(indices(workers), salts, strict=True):
                sealed = now.current.seals.get(worker)
                where = (self.chain_id, self.contract, case.id, attempt, worker)
                opened = keccak(words(tag("seal"), *where, input_root, result_root, salt))
                if done >> worker & 1:
                    skipped.append(("Skipped", case.id, worker, "votings: already revealed"))
                elif sealed is None:
                    skipped.append(("Skipped", case.id, worker, "votings: no seal"))
                elif without_time(sealed.seal) == without_time(opened):
                    taken |= 1 << worker
                else:
                    skipped.append(("Skipped", case.id, worker, "votings: seal does not open"))
        elif now.state is not State.NONE and attempt == 0:
            own.add("votings: ballots are open")
        after = self._judged("reveal", case, own, [Revealed(self.now, attempt, pair, taken)])
        revealed = ("Revealed", case.id, place >> 16 << 16, input_root, result_root, taken)
        return self._counted(case, after, [*self._before(case, []), *skipped, revealed], pair)

    def report(
        self,
        sender: bytes,
        case: Case,
        place: int,
        input_root: bytes,
        result_root: bytes,
        participants: int,
        voters: int,
        signers: int,
        odd: int,
        signed: Sequence[tuple[bytes, bytes]],
    ) -> Effect:
        attempt, version, _ = _parts(place)
        pair, own = _pair(input_root, result_root)
        if len(signed) != signers.bit_count():
            own.add("votings: lengths differ")
        else:
            about = (case.id, attempt, version, pair, participants, voters)
            digest = eip712.report_digest(self.domain, *about, keccak)
            for worker, (r, s) in zip(indices(signers), signed, strict=True):
                if not self._signed(worker, digest, odd >> worker & 1, r, s):
                    own.add("votings: not the worker's key")
        opening, reasons = self._opening(case, place, None, _unfit(participants, voters, signers))
        found = at(case.voting, self.now)
        facts = [*opening, Reported(self.now, attempt, pair, participants, voters, signers)]
        after = self._judged("report", case, own | reasons, facts)
        told = ("Reported", case.id, place >> 16 << 16, participants, voters, signers)
        events = [*self._before(case, opening), told, ("Recorded",)]
        shown = (0, 0)
        if not opening:
            shown = seen(found), cast_count(found)
        is_whole = participants == after.current.members
        if after.closed:
            events.append(("Closed", case.id))
        return Effect(after, events, after.closed, shown=shown if is_whole else None)

    def advance(self, sender: bytes, case: Case, input_root: bytes, result_root: bytes) -> Effect:
        stored, now = case.voting, at(case.voting, self.now)
        if self._is_unwritten(stored):
            raise Refused("votings: not open")
        events = self._before(case, [])
        if now.state is State.CONSENSUS and now.closed and not case.booked:
            assert now.recorded is not None
            if (now.recorded.pair.input_root, now.recorded.pair.result_root) != (input_root, result_root):
                raise Refused("votings: not the recorded pair")
            return Effect(now, [*events, ("Closed", case.id)], booked=True)
        if (now.state, now.stalls) == (stored.state, stored.stalls):
            raise Refused("votings: nothing to advance")
        return Effect(now, events)

    def settle(self, sender: bytes, case: Case, input_root: bytes, result_root: bytes) -> Effect:
        pair, _ = _pair(input_root, result_root)
        refused, after = self._tried(case.voting, [Settled(self.now, pair)])
        if refused:
            raise Refused(refused)
        return Effect(after, [*self._before(case, []), ("Recorded",), ("Closed", case.id)], booked=True)

    def reopen(self, sender: bytes, case: Case) -> Effect:
        own = {"ownership: not the owner"} if sender != self.governance.owner else set()
        now = at(case.voting, self.now)
        policy, version = None, case.governing
        if now.state is State.NONE:
            reason, version = self.governance.to_reopen(case.workflow, case.trigger, self.now)
            own |= {reason} if reason else set()
        elif now.attempts:
            version = now.current.policy_version
        policy = now.policies.get(version)
        number = max(now.current.number if now.attempts else 0, FAILOVER_ATTEMPT) + 1
        until = self.now + max(policy.stall, policy.cast_window) if policy else 0
        if own and policy is None:
            self._refuse_first("reopen", case, own, None)
        after = self._judged("reopen", case, own, [Reopened(self.now, number, until)])
        told = ("Reopened", case.id, case.workflow, case.trigger, number, until)
        return Effect(after, [*self._before(case, []), told], governing=version)

    def _opening(
        self, case: Case, place: int, ballots: Ballots | None, unfit: str
    ) -> tuple[list[Fact], set[str]]:
        """The fact of the opening that a ballot of this kind at this place would be, and broken own rules.

        `unfit`: what the contract says of the call in an attempt that has no members.
        """
        attempt, version, _ = _parts(place)
        now, rules = at(case.voting, self.now), self.governance
        policy = now.policies.get(version)
        active, own = rules.active, set()
        if self._is_unwritten(now):
            own |= {"votings: opening is paused"} if rules.paused else set()
            if not now.is_record_only:
                own |= {rules.to_open(case.workflow, case.trigger, version, self.now)} - {None}
        elif now.state is not State.PENDING or attempt != now.next_attempt:
            if not now.attempts and attempt == 0:
                own.add("votings: ballots are open" if ballots is Ballots.SEALED else "votings: not casting")
            return [], own | self._other_policy(case, now, place)
        elif attempt <= FAILOVER_ATTEMPT:
            members, n = members_of_next(now, active, rules.enrolled)
            own |= self._other_policy(case, now, place)
            if not members:
                own.add(unfit)
                if ballots is not None and now.policy.ballots is not ballots:
                    own.add(f"votings: ballots are {now.policy.ballots.name.lower()}")
            needed = now.policy.needed(n)
            return [Opened(self.now, attempt, version, members, n, needed)], own
        else:
            own |= {rules.in_force(case.workflow, version, self.now)} - {None}
        n = active.bit_count()
        needed = policy.needed(n) if policy and n else 0
        return [Opened(self.now, attempt, version, active, n, needed, rules.standby)], own

    def _other_policy(self, case: Case, now: Voting, place: int) -> set[str]:
        _, version, _ = _parts(place)
        governing = now.current.policy_version if now.attempts else case.governing
        return {"votings: other policy"} if version != governing else set()

    def _is_unwritten(self, voting: Voting) -> bool:
        return voting.state is State.NONE or voting.is_record_only

    def _not_the_key(self, sender: bytes, worker: int) -> set[str]:
        keys = self.governance.keys
        return set() if worker < len(keys) and keys[worker] == sender else {"votings: not the worker's key"}

    def _signed(self, worker: int, digest: bytes, odd: int, r: bytes, s: bytes) -> bool:
        if int.from_bytes(s, "big") > HIGHEST_S or worker >= len(self.governance.keys):
            return False
        try:
            key = PublicKey.from_signature_and_message(r + s + bytes([odd]), digest, hasher=None)
        except ValueError:
            return False
        return keccak(key.format(compressed=False)[1:])[-20:] == self.governance.keys[worker]

    def _stored(self, opened: Voting, seal: bytes) -> bytes:
        left = max(0, min(opened.current.cast_end - self.now, 65_535)) if opened.attempts else 0
        return seal[:-2] + left.to_bytes(2, "big")

    def _tried(self, voting: Voting, facts: Iterable[Fact]) -> tuple[str | None, Voting]:
        """The voting after these facts, or why the model refuses one; `NO_FACT` if it has no such fact."""
        after = at(voting, self.now)
        try:
            for fact in facts:
                after = apply(after, fact)
        except VotingError as error:
            return str(error), voting
        except FactError:
            return NO_FACT, voting
        return None, after

    def _judged(self, name: str, case: Case, own: set[str], facts: Sequence[Fact]) -> Voting:
        """The voting after a call that is taken; `Refused` with the first of all broken rules."""
        refused, after = self._tried(case.voting, facts)
        self._refuse_first(name, case, own, refused)
        return after

    def _refuse_first(self, name: str, case: Case, own: set[str], refused: str | None) -> None:
        assert own <= OWN_REASONS.keys(), own
        if refused == NO_FACT:
            assert own, name
            refused = None
        if refused == "votings: other attempt" and own & _OF_ATTEMPT_0:
            refused = None
        if refused is not None or own:
            raise Refused(min(own | {refused} - {None}, key=ORDER[name].index))

    def _before(self, case: Case, opening: Iterable[Fact]) -> list[Event]:
        """What is told before the call's own events: the time that has passed, then the opening."""
        events: list[Event] = []
        if not self._is_unwritten(case.voting):
            events += turned(case.id, case.voting.state, at(case.voting, self.now))
        for one in opening:
            assert isinstance(one, Opened)
            frozen = (one.attempt, one.policy_version, one.members, one.n, one.needed)
            events.append(("Opened", case.id, case.workflow, case.trigger, *frozen))
        return events

    def _counted(self, case: Case, after: Voting, events: list[Event], pair: Pair) -> Effect:
        """What follows from ballots for a pair that were counted."""
        if after.recorded is not None and case.voting.recorded is None:
            events.append(("Recorded",))
        booked = after.recorded is not None and after.closed and after.recorded.pair == pair
        if booked:
            events.append(("Closed", case.id))
        return Effect(after, [*events, *turned(case.id, State.CASTING, after)], booked)


def _parts(place: int) -> tuple[int, int, int]:
    return place >> 32, place >> 16 & 0xFFFF, place & 0xFFFF


def _pair(input_root: bytes, result_root: bytes) -> tuple[Pair, set[str]]:
    if any(input_root) and any(result_root):
        return Pair(input_root, result_root), set()
    return ANY_PAIR, {"votings: zero root"}


def _check_batch(workers: int, items: int) -> None:
    if workers >> LIMIT or workers.bit_count() != items:
        raise Refused("votings: lengths differ")


def _unfit(participants: int, voters: int, signers: int) -> str:
    if participants:
        return "votings: participant not member"
    if voters:
        return "votings: voter not participant"
    return "votings: signer not voter" if signers else "votings: too few signatures"

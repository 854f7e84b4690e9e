"""The histories of `vectors/votings.json` on the contract: the same outcome, the same refusal.

The vectors' facts are what the contract tells; here they are made again by calls. What is made to fit: an
opening is the call of the ballot or report behind it, members are enrolled and removed before it, policies
are event-driven (of a slot that is reopened before it ever opened: of one second), a seal is one of the pair
that its worker reveals later, and reports are signed by the keys of those whom the vector names.
"""

import json
from dataclasses import astuple
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.contracts.base_evm_contract import BoaError
from tests.contracts.network import revert_reason

from worknet.protocol.ballots import Pair, Place, without_time
from worknet.protocol.ids import Slot
from worknet.protocol.records import Record
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots, How

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "votings.json").read_text())
EVENT_DRIVEN = {"every": 0, "delay": 0, "max_age": 0}
EVERY_SECOND = {"every": 1, "delay": 0, "max_age": 0}
EVENT, SLOT = b"\x11" * 32, Slot(1, 5).trigger_id
NOT_SIGNED = (27, bytes(31) + b"\x01", bytes(31) + b"\x01")
Given = dict[str, Any]

CANNOT_BE_TOLD: dict[str, tuple[str, str | list[str]]] = {
    "a seal before the opening": ("a ballot that names attempt 1 opens it", ["Opened", "Sealed"]),
    "a ballot before the opening": ("a ballot that names attempt 1 opens it", ["Opened", "Cast"]),
    "opened twice": (
        "nothing opens without a ballot, so the second opening is the first",
        ["Opened", "Sealed"],
    ),
    "the first attempt again": (
        "a ballot for the last attempt opens none, it comes late",
        "votings: not casting",
    ),
    "the fourth attempt again": (
        "a ballot for the last attempt opens none, it comes late",
        "votings: not casting",
    ),
    "a report before the opening": (
        "a report that names attempt 1 opens it",
        ["Opened", "Reported", "Recorded", "Closed"],
    ),
    "a reveal of one with and one without": ("who does not fit is skipped", ["Skipped", "Revealed"]),
    "a reveal of one who took part and one who did not": (
        "who does not fit is skipped",
        ["Skipped", "Revealed", "Closed"],
    ),
}
"""Bad cases whose last fact the contract never tells: why, and what it does instead with the same call."""


def data(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def pair_of(given: Given) -> Pair:
    return Pair(data(given["input_root"]), data(given["result_root"]))


def indices(bitmap: int | str) -> list[int]:
    return [index for index in range(120) if int(bitmap) >> index & 1]


class Replay:
    """A history on a network of its own."""

    def __init__(self, network: Any, given: Given) -> None:
        self.network = network
        self.facts: list[Given] = given["facts"]
        self.told: list[Given] = []
        self.policies: dict[int, Any] = {}
        self.offered: list[Given] = given["policies"]
        is_slot = bool(self.facts) and self.facts[0]["fact"] == "reopened"
        network.trigger, self.kind = (SLOT, EVERY_SECOND) if is_slot else (EVENT, EVENT_DRIVEN)
        boa.env.timestamp = (self.facts[0]["time"] if self.facts else given["now"]) - 1
        self.announce(1, start=0)

    def announce(self, version: int, start: int) -> None:
        """Announces the versions up to this one, as far as there are any."""
        for number in range(len(self.policies) + 1, min(version, len(self.offered)) + 1):
            about = {**self.kind, **self.offered[number - 1], "start": start}
            self.policies[number] = self.network.announce(**about)

    def replay(self, count: int) -> None:
        """The first so many facts, all lawful."""
        for position in range(count):
            if self.facts[position]["fact"] != "opened" or position == len(self.facts) - 1:
                self.call(position)

    def call(self, position: int) -> list[str]:
        """Makes the call that a fact tells of; the names of the events."""
        fact = self.facts[position]
        boa.env.timestamp = fact["time"]
        openings = [earlier for earlier in self.facts[: position + 1] if earlier["fact"] == "opened"]
        version = openings[-1]["policy_version"] if openings else 1
        if openings and openings[-1] in self.facts[max(0, position - 1) : position + 1]:
            self.announce(version, start=fact["time"])
            self.make_members(openings[-1], openings[0])
        elif not openings:
            self.make_active(0b111, 0)
        place = Place(fact.get("attempt", 0), version, fact.get("worker", 0)).word()
        told = self.network.call(*self.arguments(fact, place), sender=self.sender(fact))
        self.told += facts_of(told, fact["time"])
        return [name for name, _ in told]

    def arguments(self, fact: Given, place: int) -> tuple[Any, ...]:
        voting = (self.network.workflow, self.network.trigger)
        match fact["fact"]:
            case "revealed":
                workers = int(fact["workers"])
                salts = [self.network.salt(worker, fact["attempt"]) for worker in indices(workers)]
                return ("reveal", *voting, place, *astuple(pair_of(fact)), workers, salts)
            case "reported":
                return ("report", *voting, place, *astuple(pair_of(fact)), *self.signed(fact, place))
            case "settled":
                return ("settle", *voting, *astuple(pair_of(fact)))
            case "reopened":
                return ("reopen", *voting)
        if fact["fact"] == "sealed" or (fact["fact"] == "opened" and self.is_sealed(place)):
            return ("seal", *voting, place, self.seal_of(fact))
        pair = pair_of(fact) if fact["fact"] == "cast" else self.network.pair("any")
        return ("cast", *voting, place, *astuple(pair))

    def is_sealed(self, place: int) -> bool:
        version = min(Place.of_word(place).policy_version, len(self.policies))
        return self.policies[version].ballots == Ballots.SEALED

    def signed(self, fact: Given, place: int) -> tuple[Any, ...]:
        """Participants, voters and signers of a report, and what these sign; strangers sign nothing."""
        participants, voters, signers = (int(fact[key]) for key in ("participants", "voters", "signers"))
        able = [worker for worker in indices(signers) if worker in self.network.secrets]
        version = Place.of_word(place).policy_version
        about = (pair_of(fact), able, participants, voters, fact["attempt"], version)
        signatures = {worker: rest for worker, *rest in self.network.signed_report(*about)}
        signed = [signatures.get(worker, NOT_SIGNED) for worker in indices(signers)]
        odd = sum(1 << worker for worker, (v, _, _) in signatures.items() if v == 28)
        return participants, voters, signers, odd, [(r, s) for _, r, s in signed]

    def seal_of(self, fact: Given) -> bytes:
        """A seal of the pair that the worker reveals in this attempt, of some other if it never does."""
        worker = fact.get("worker", 0)
        reveals = [
            later
            for later in self.facts
            if later["fact"] == "revealed"
            and later["attempt"] == fact["attempt"]
            and worker in indices(later["workers"])
        ]
        pair = pair_of(reveals[0]) if reveals else self.network.pair("any")
        return bytes(self.network.seal_for(worker, pair, fact["attempt"]))

    def sender(self, fact: Given) -> Any:
        if fact["fact"] in {"cast", "sealed", "opened"}:
            return self.network.keys.get(fact.get("worker", 0))
        return None

    def make_members(self, opening: Given, first: Given) -> None:
        """Enrols and removes until an attempt that opens now has the vector's members."""
        members = int(opening["members"])
        if opening["attempt"] not in {2, 3} or first is opening:
            self.make_active(members, int(opening.get("standbys", 0)))
            return
        enrolled = self.network.contract.active() | self.network.contract.standby()
        others = int(first["members"]) | (int(first.get("standbys", 0)) if opening["attempt"] == 3 else 0)
        for index in indices(enrolled & others & ~members):
            self.network.call("remove", index)
        for index in indices(members & others & ~enrolled):
            self.network.enrol_again(index)

    def make_active(self, active: int, standby: int) -> None:
        """Enrols and removes until exactly these are active, and these standbys."""
        network = self.network
        for index in range(network.contract.member_count(), (active | standby).bit_length()):
            network.enrol(1, role=1 if active >> index & 1 else 2)
        for index in indices(network.contract.active() & ~active | network.contract.standby() & ~standby):
            network.call("remove", index)
        for index in indices((active & ~network.contract.active()) | (standby & ~network.contract.standby())):
            network.enrol_again(index, role=1 if active >> index & 1 else 2)

    def expected(self) -> list[Given]:
        """The facts as they should be told: with seals that were made to fit, without the standbys."""
        seals = {"sealed": lambda fact: {"seal": "0x" + self.seal_of(fact).hex()}}
        facts = [fact | seals.get(fact["fact"], lambda _: {})(fact) for fact in self.facts]
        return [{key: value for key, value in fact.items() if key != "standbys"} for fact in facts]

    def check(self, gives: Given) -> None:
        """Holds what the contract shows against what the vector gives."""
        there = self.network.voting()
        self.check_record(gives)
        assert self.openable() == ([gives["next_attempt"]] if gives["next_attempt"] else [])
        if self.is_record_only(gives):
            assert not any(there)
            return
        assert (State(there.state).name, there.closed) == (gives["state"], gives["closed"])
        attempt = gives["attempt"]
        deadlines = {
            "NONE": 0,
            "CASTING": attempt and attempt["cast_end"],
            "REVEALING": attempt and attempt["end"],
            "PENDING": gives["stalls"],
            "SETTLING": gives["ended"],
            "UNRESOLVED": gives["ended"],
            "CONSENSUS": attempt and attempt["end"],
            "SETTLED": attempt and gives["recorded"] and gives["recorded"]["time"],
        }
        assert there.deadline == deadlines[gives["state"]]
        if attempt is None:
            assert (there.attempt, there.members, there.n, there.needed) == (0, 0, 0, 0)
            return
        assert (there.attempt, there.n, there.needed) == (attempt["number"], attempt["n"], attempt["needed"])
        assert there.members == int(attempt["members"])
        self.check_ballots(there, attempt, gives["recorded"])

    def is_record_only(self, gives: Given) -> bool:
        """Whether one report opened and closed the voting: then the contract keeps its record alone."""
        recorded = gives["recorded"]
        return bool(recorded) and (recorded["how"], recorded["attempt"], recorded["time"], True) == (
            How.REPORT,
            1,
            self.facts[0]["time"],
            self.facts[1]["fact"] == "reported",
        )

    def openable(self) -> list[int]:
        """The attempts that a ballot of some worker would open now; the vectors go up to five."""
        return [attempt for attempt in range(1, 7) if self.opens(attempt)]

    def opens(self, attempt: int) -> bool:
        with boa.env.anchor():
            if self.network.contract.active().bit_count() < 2:
                self.make_active(0b11, 0)
            there = self.network.voting()
            version = there.policy_version or 1
            if attempt > 3:
                version = self.network.contract.policy_version_at(self.network.workflow, self.network.now)
            pair = self.network.pair("any")
            bring = self.network.seal if self.policies[version].ballots else self.network.cast
            enrolled = self.network.contract.active() | self.network.contract.standby()
            for worker in indices(enrolled):
                try:
                    told = bring(worker, pair, attempt, version=version)
                except BoaError as error:
                    if revert_reason(error) == "votings: not a member":
                        continue
                    return False
                return bool(told) and "Opened" in {name for name, _ in told}
            return False

    def check_ballots(self, there: Any, attempt: Given, recorded: Given | None) -> None:
        number, participants = attempt["number"], int(attempt["participants"])
        voters = {pair_of(one): int(one["voters"]) for one in attempt["tally"]}
        counted, sealed = sum(voters.values()), int(attempt["sealed"])
        assert there.members & ~counted & ~participants == int(attempt["missing"])
        for worker in indices(there.members):
            seal = self.network.contract.seal_of(self.network.voting_id(), number, worker)
            assert (seal != bytes(32)) == bool(sealed >> worker & 1)
        if participants:
            self.check_reported(there, voters, recorded)
            return
        for pair, bitmap in voters.items():
            assert self.network.voters(pair, number) == bitmap
        counts = sorted((bitmap.bit_count() for bitmap in voters.values()), reverse=True) or [0]
        assert (there.highest, there.shared) == (counts[0], counts[1:2] == counts[:1])
        assert there.cast == (sealed if there.sealed else counted).bit_count()
        casting_sealed = there.sealed and there.state == State.CASTING
        assert there.ballots == (sealed if casting_sealed else counted)

    def check_reported(self, there: Any, voters: dict[Pair, int], recorded: Given | None) -> None:
        """A report's voters are among those of its pair; those who took part in it are done."""
        assert recorded is not None
        [report] = [fact for fact in self.facts if fact["fact"] == "reported"]
        for pair, bitmap in voters.items():
            reported = int(report["voters"]) if pair == pair_of(report) else 0
            assert self.network.voters(pair, there.attempt) == bitmap | reported
        if int(report["participants"]) != there.members:
            assert there.ballots == sum(voters.values()) | int(report["participants"])

    def check_record(self, gives: Given) -> None:
        kept, recorded = self.network.contract.record(self.network.voting_id()), gives["recorded"]
        if recorded is None:
            assert kept == bytes(32)
            return
        [version] = [
            fact["policy_version"]
            for fact in self.facts
            if fact["fact"] == "opened" and fact["attempt"] == recorded["attempt"]
        ]
        record = Record(
            chain_id=self.network.chain_id,
            contract=self.network.address,
            workflow_id=self.network.workflow,
            voting_id=self.network.voting_id(),
            trigger_id=self.network.trigger,
            attempt=recorded["attempt"],
            policy_hash=self.policies[version].hash(),
            input_root=data(recorded["input_root"]),
            result_root=data(recorded["result_root"]),
            members=int(gives["attempt"]["members"]),
            n=gives["attempt"]["n"],
            needed=gives["attempt"]["needed"],
            voters=int(recorded["voters"]),
            how=How(recorded["how"]),
            time=recorded["time"],
        )
        assert kept == record.leaf_hash()

    def advance(self, before: Any, recorded: Given | None) -> None:
        """Advances, if there is anything to: a stored phase that time has ended, a closing to book."""
        there = self.network.voting()
        pair = pair_of(recorded) if recorded else None
        if not any(there):
            with self.network.refuses("votings: not open"):
                self.network.advance(pair)
        elif (there.state, there.deadline) != (before.state, before.deadline) or there.closed > there.booked:
            self.network.advance(pair)
        else:
            with self.network.refuses("votings: nothing to advance"):
                self.network.advance(pair)


def facts_of(told: list[tuple[str, dict[str, Any]]], time: int) -> list[Given]:
    """What a transaction told, as the vectors write it; a report's pair stands in the record behind it."""
    facts: list[Given] = []
    for name, fields in told:
        if name in {"Opened", "Cast", "Sealed", "Revealed", "Reported", "Reopened"}:
            facts.append(as_fact(name, fields, time))
        elif name == "Recorded":
            roots = {root: written(fields[root]) for root in ("input_root", "result_root")}
            if fields["how"] == How.REPORT:
                facts[-1] |= roots
            elif fields["how"] == How.PLURALITY:
                facts.append({"fact": "settled", "time": time, **roots})
    return facts


def as_fact(name: str, fields: dict[str, Any], time: int) -> Given:
    """An event as the vectors write it."""
    about = {
        key: value for key, value in fields.items() if key not in {"voting_id", "workflow_id", "trigger_id"}
    }
    if "place" in about:
        place = Place.of_word(about.pop("place"))
        about["attempt"] = place.attempt
        if name in {"Cast", "Sealed"}:
            about["worker"] = place.worker
    if name == "Sealed":
        about["seal"] = without_time(fields["seal"])
    return {"fact": name.lower(), "time": time} | {key: written(value) for key, value in about.items()}


def written(value: int | bytes) -> int | str:
    """A value as the vectors write it."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return value if value < 2**53 else str(value)


def cases(quality: str) -> list[Any]:
    """The cases, but for the facts that no call makes a contract tell."""
    told = [case for case in VECTORS[quality] if case.get("error") != "FactError"]
    return [pytest.param(case, id=case["name"]) for case in told]


@pytest.mark.parametrize("case", cases("good"))
def test_a_history_ends_on_the_contract_as_the_vector_says(bare, case):
    replay = Replay(bare, case["given"])
    replay.replay(len(replay.facts))
    assert replay.told == replay.expected()
    stored = bare.voting()
    boa.env.timestamp = case["given"]["now"]
    replay.check(case["gives"])
    if replay.facts:
        replay.advance(stored, case["gives"]["recorded"])
        replay.check(case["gives"])


@pytest.mark.parametrize("case", cases("bad"))
def test_the_last_fact_is_refused_by_the_contract_for_the_vectors_rule(bare, case):
    replay = Replay(bare, case["given"])
    last = len(replay.facts) - 1
    replay.replay(last)
    instead = CANNOT_BE_TOLD.get(case["name"], ("", case["rule"]))[1]
    if isinstance(instead, list):
        assert replay.call(last) == instead
        return
    with bare.refuses(instead):
        replay.call(last)


def test_what_the_contract_never_tells_is_among_the_bad_cases():
    assert CANNOT_BE_TOLD.keys() <= {case["name"] for case in VECTORS["bad"]}
    assert all(case["does"] == "fold" for quality in ("good", "bad") for case in VECTORS[quality])

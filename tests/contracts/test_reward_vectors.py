"""`vectors/rewards.json` on the pool: what votings and periods earn, and whole histories of rewards.

The pool is the shipped one. Its network is `ToldNetwork.vy`, which is told of votings, since those of the
vectors have chosen ids; members, periods and the counting of a closing are the network's own modules. A
network tells votings apart by their triggers, so each has its own id for one.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.contracts.abi.abi_contract import ABIContractFactory
from boa.contracts.base_evm_contract import BoaError
from eth_abi.abi import encode
from tests.contracts.network import ENCRYPTION_KEY, Network, deploy, revert_reason
from vyper.cli.vyper_compile import compile_files

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
VECTORS = json.loads((ROOT / "vectors" / "rewards.json").read_text())
BY_QUORUM, BY_REPORT = 1, 3
Given = dict[str, Any]

CANNOT_BE_TOLD = {
    "a negative base": "the ABI's integers are not negative",
    "a negative consistency": "the ABI's integers are not negative",
}
"""Bad cases that no call can make, beside the facts that no contract tells; each with its reason."""


def data(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def indices(bitmap: int | str) -> list[int]:
    return [index for index in range(120) if int(bitmap) >> index & 1]


def words(record: Given) -> tuple[Any, ...]:
    """A record as the contracts take it."""
    values = dict(record, trigger_id=record["voting_id"])
    return tuple(data(value) if str(value)[:2] == "0x" else int(value) for value in values.values())[2:]


class Replay:
    """A told network and its pool, with reward periods of this length."""

    def __init__(self, built: Given, length: int) -> None:
        boa.env.timestamp = 1
        code = data(built["bytecode"]) + encode(["uint256"], [length])
        address, _ = boa.env.deploy_code(bytecode=code)
        self.network = ABIContractFactory("ToldNetwork", built["abi"]).at(address)
        self.pool = deploy("Rewards", ["address"], self.network.address)
        self.operators: dict[int, Any] = {}
        self.keys: dict[int, Any] = {}
        self.payments: list[Given] = []
        self.length, self.funded = length, 0

    def apply(self, fact: Given, votings: Given) -> None:
        voting = votings.get(fact.get("voting"))
        boa.env.timestamp = fact.get("time") or voting["record"]["time"]
        match fact["fact"]:
            case "enrolled":
                self.enrol(fact["worker"])
            case "removed":
                self.network.remove(fact["worker"])
            case "checked in":
                known = fact["worker"] < self.network.member_count()
                key = self.network.member(fact["worker"])[1] if known else boa.env.eoa
                self.network.check_in(fact["worker"], sender=key)
            case "rewards set":
                self.pool.set_rewards(int(fact["base"]), int(fact["consistency"]))
            case "recorded":
                self.tell(voting)
            case "closed":
                self.network.close(data(voting["record"]["voting_id"]))
            case "closing booked":
                self.book(voting)
            case "funded":
                self.fund(int(fact["amount"]))
            case "claimed":
                records = [votings[name]["record"] for name in fact["votings"]]
                self.payments.append(self.claim(fact["worker"], records, fact["periods"]))
            case unknown:
                raise AssertionError(unknown)

    def enrol(self, worker: int) -> None:
        """Enrols this index; those below that were never given are taken by others, who leave at once."""
        for index in range(self.network.member_count(), worker + 1):
            self.operators[index], self.keys[index] = boa.env.generate_address(), boa.env.generate_address()
            if index < worker:
                self.network.enrol(self.operators[index], self.keys[index], 1, ENCRYPTION_KEY)
                self.network.remove(index)
        self.network.enrol(self.operators[worker], self.keys[worker], 1, ENCRYPTION_KEY)

    def tell(self, voting: Given) -> None:
        amounts = int(voting["policy"]["accuracy"]) | int(voting["policy"]["speed"]) << 128
        seals = {int(worker): data(seal) for worker, seal in voting["seals"].items()}
        about = (words(voting["record"]), amounts, int(voting["accurate"]))
        self.network.tell(*about, list(seals), list(seals.values()))

    def book(self, voting: Given) -> None:
        record = voting["record"]
        self.network.close(data(record["voting_id"]))
        if record["how"] == BY_REPORT or (record["how"] == BY_QUORUM and voting["policy"]["ballots"]):
            self.network.book(int(voting["accurate"]), int(record["members"]))

    def fund(self, amount: int) -> None:
        boa.env.set_balance(boa.env.eoa, amount)
        self.pool.fund(value=amount)
        self.funded += amount

    def claim(self, worker: int, records: list[Given], periods: list[int]) -> Given:
        self.pool.claim(worker, [words(record) for record in records], periods)
        [told] = self.pool.get_logs()
        assert (told.index, told.operator) == (worker, self.operators[worker])
        return {"earned": told.earned, "paid": told.paid}

    def earned(self, worker: int, records: list[Given], periods: list[int]) -> int:
        """What a claim of these items would earn; 0 if it is refused for earning nothing."""
        with boa.env.anchor():
            try:
                return int(self.claim(worker, records, periods)["earned"])
            except BoaError as error:
                if revert_reason(error) != "rewards: nothing to claim":
                    raise
                return 0

    def check(self, gives: Given, votings: Given) -> None:
        paid = sum(payment["paid"] for payment in self.payments)
        assert (self.funded, paid) == (int(gives["funded"]), int(gives["paid"]))
        assert self.payments == [{key: int(value) for key, value in one.items()} for one in gives["payments"]]
        assert boa.env.get_balance(self.pool.address) == self.funded - paid
        assert sum(boa.env.get_balance(operator) for operator in self.operators.values()) == paid
        owed = {one["worker"]: int(one["amount"]) for one in gives["owed"]}
        assert all(self.pool.owed(worker) == owed.get(worker, 0) for worker in range(120))
        for period in gives["periods"]:
            names = ("eligible", "checked_in", "taken", "missed")
            assert tuple(self.network.period(period["number"])) == tuple(int(period[key]) for key in names)
            amounts = int(period["base"]), int(period["consistency"])
            assert self.pool.amounts_in(period["number"]) == amounts
            assert self.pool.claimed_of_period(period["number"]) == int(period["claimed"])
        claimed = {one["voting"]: int(one["workers"]) for one in gives["claimed"]}
        for name, voting in votings.items():
            voting_id = data(voting["record"]["voting_id"])
            assert self.pool.claimed_of_voting(voting_id) == claimed.get(name, 0)


@pytest.fixture(scope="module")
def told_network() -> Any:
    source, sources = Path(__file__).parent / "ToldNetwork.vy", ROOT / "src" / "worknet" / "contracts"
    [built] = compile_files([source], ["abi", "bytecode"], paths=[str(sources)]).values()
    return built


@pytest.fixture
def replay(told_network: Any) -> Iterator[Any]:
    with boa.env.anchor():
        yield lambda length=1000: Replay(told_network, length)


def cases(quality: str, does: str) -> list[Any]:
    """The cases of an operation, but for those that no contract can be told of."""
    told = [
        case
        for case in VECTORS[quality]
        if case["does"] == does and case.get("error") != "FactError" and case["name"] not in CANNOT_BE_TOLD
    ]
    return [pytest.param(case, id=case["name"]) for case in told]


def fastest(made: Replay, given: Given) -> int | None:
    """Who earns the speed of a voting with these seals."""
    some = next(case["given"]["voting"] for case in VECTORS["good"] if case["does"] == "of_voting")
    record = dict(some["record"], voting_id=given["voting_id"], voters=given["accurate"], how=BY_QUORUM)
    policy = dict(some["policy"], accuracy=0, speed=1)
    voting = {"record": record, "policy": policy, "accurate": given["accurate"], "seals": given["seals"]}
    for worker in sorted({0, 1, *indices(given["accurate"])}):
        made.enrol(worker)
    made.tell(voting)
    made.network.close(data(record["voting_id"]))
    paid = [worker for worker in made.operators if made.earned(worker, [record], [])]
    assert len(paid) <= 1
    return paid[0] if paid else None


@pytest.mark.parametrize("case", cases("good", "fastest"))
def test_the_fastest_earns_the_speed_and_nobody_else(replay, case):
    assert fastest(replay(), case["given"]) == case["gives"]


@pytest.mark.parametrize("case", cases("bad", "fastest"))
def test_who_only_claims_to_be_the_fastest_earns_no_speed(replay, case):
    assert fastest(replay(), case["given"]) != case["given"]["claimed"]


def of_voting(made: Replay, given: Given) -> int:
    """What a worker earns of a closed voting."""
    for worker in range(int(given["voting"]["record"]["members"]).bit_length()):
        made.enrol(worker)
    made.tell(given["voting"])
    made.network.close(data(given["voting"]["record"]["voting_id"]))
    return made.earned(given["worker"], [given["voting"]["record"]], [])


@pytest.mark.parametrize("case", cases("good", "of_voting"))
def test_what_a_voting_earns(replay, case):
    assert of_voting(replay(), case["given"]) == case["gives"]


@pytest.mark.parametrize("case", cases("bad", "of_voting"))
def test_what_a_voting_does_not_earn(replay, case):
    assert of_voting(replay(), case["given"]) != case["given"]["claimed"]


def of_period(made: Replay, given: Given) -> int:
    """What a worker earns of an ended period."""
    for worker in range(given["worker"] + 1):
        made.enrol(worker)
    made.pool.set_rewards(*(int(given["amounts"][key]) for key in ("base", "consistency")))
    words = (int(given["period"][key]) for key in ("eligible", "checked_in", "taken", "missed"))
    made.network.tell_period(1, *words)
    boa.env.timestamp = 2 * made.length
    return made.earned(given["worker"], [], [1])


@pytest.mark.parametrize("case", cases("good", "of_period"))
def test_what_a_period_earns(replay, case):
    assert of_period(replay(), case["given"]) == case["gives"]


@pytest.mark.parametrize("case", cases("bad", "of_period"))
def test_what_a_period_does_not_earn(replay, case):
    assert of_period(replay(), case["given"]) != case["given"]["claimed"]


@pytest.mark.parametrize("case", cases("good", "rewards"))
def test_a_history_of_rewards_ends_as_the_vector_says(replay, case):
    given = case["given"]
    made = replay(given["length"])
    for fact in given["facts"]:
        made.apply(fact, given["votings"])
    made.check(case["gives"], given["votings"])


@pytest.mark.parametrize("case", cases("bad", "rewards"))
def test_the_last_fact_is_refused_for_the_vectors_rule(replay, case):
    given = case["given"]
    made = replay(given["length"])
    for fact in given["facts"][:-1]:
        made.apply(fact, given["votings"])
    with Network.refuses(case["rule"]):
        made.apply(given["facts"][-1], given["votings"])


def test_every_case_is_replayed_or_stands_in_the_table():
    assert CANNOT_BE_TOLD.keys() <= {case["name"] for case in VECTORS["bad"]}
    does = {case["does"] for quality in ("good", "bad") for case in VECTORS[quality]}
    assert does == {"fastest", "of_voting", "of_period", "rewards"}

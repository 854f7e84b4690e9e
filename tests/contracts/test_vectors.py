"""The vectors on the contracts: ids, slots, seals, policies, thresholds, signatures, records, paths, the log.

The contract itself is asked, deployed on the vector's chain and at its address, or where it shows no such
thing `Harness.vy`, which calls the same modules. Votings are in `test_voting_vectors.py`, rewards in
`test_reward_vectors.py`. Every other case of `vectors/` is replayed here or stands in a table of
`not_replayed.py`, with the reason why it is not.
"""

import json
from collections.abc import Iterator
from dataclasses import astuple, replace
from functools import cache
from pathlib import Path
from typing import Any

import boa
import pytest
from boa.interpret import set_search_paths
from tests.contracts.network import NO_PREDECESSOR
from tests.contracts.not_replayed import CASES_NOT_REPLAYED, FILES_NOT_REPLAYED, OPERATIONS_NOT_REPLAYED

from worknet.protocol import ballots, merkle
from worknet.protocol import words as protocol_words
from worknet.protocol.keccak import keccak256
from worknet.protocol.policy import Policy
from worknet.protocol.words import Ballots, Fallback, tag

ROOT = Path(__file__).parents[2]
EVENT_DRIVEN = {"every": 0, "delay": 0, "start": 0, "max_age": 0}
Given = dict[str, Any]

REPLAYED: set[tuple[str, str, str]] = set()
"""What the tests here replay: file, good or bad, operation."""


@cache
def vectors(file: str) -> Given:
    return json.loads((ROOT / "vectors" / f"{file}.json").read_text())


def replayed(file: str, quality: str, does: str) -> list[Any]:
    """The cases of an operation that the contract can be asked about."""
    REPLAYED.add((file, quality, does))
    return [
        pytest.param(case, id=case["name"])
        for case in vectors(file)[quality]
        if case["does"] == does and (file, quality, case["name"]) not in CASES_NOT_REPLAYED
    ]


def data(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def words(given: Given) -> Given:
    """Bytes and integers instead of their texts."""
    return {key: data(value) if str(value).startswith("0x") else int(value) for key, value in given.items()}


def policy_of(given: Given) -> Policy:
    fields = words(given)
    return Policy(
        **fields | {"ballots": Ballots(fields["ballots"]), "fallback": Fallback(fields["fallback"])}
    )


@pytest.fixture(scope="module")
def harness_code() -> Any:
    set_search_paths([str(ROOT / "src" / "worknet" / "contracts")])
    return boa.load_partial(str(Path(__file__).parent / "Harness.vy"))


@pytest.fixture
def harness(harness_code) -> Iterator[Any]:
    with boa.env.anchor():
        yield harness_code.deploy(NO_PREDECESSOR)


@pytest.fixture
def place_on(new_network) -> Iterator[Any]:
    """Deploys a network on a chain, at an address, with some indices: the first and the last are active."""

    def deploy(given: Given, indices: int = 2) -> Any:
        boa.env.evm.patch.chain_id = int(given["chain_id"])
        made = new_network(given["contract"])
        for index in range(indices):
            made.enrol(1, role=1 if index in {0, indices - 1} else 2)
        return made

    with boa.env.anchor():
        yield deploy


@pytest.mark.parametrize("case", replayed("ids", "good", "voting_id"))
def test_voting_ids(place_on, case):
    made = place_on(case["given"], 0)
    about = data(case["given"]["workflow_id"]), data(case["given"]["trigger_id"])
    assert made.contract.voting_id(*about) == data(case["gives"])


@pytest.mark.parametrize("case", replayed("ids", "good", "slot"))
def test_a_slot_opens_when_the_vector_says_that_it_is_due(bare, case):
    given, gives = words(case["given"]), case["gives"]
    bare.enrol(2)
    bare.announce(every=given["every"], delay=given["delay"], start=0)
    assert bare.contract.policy_version_at(bare.workflow, gives["start"]) == 1
    boa.env.timestamp = gives["due"] - 1
    with bare.refuses("policies: slot not due"):
        bare.cast(0, bare.pair("a"), trigger=data(gives["trigger_id"]))
    boa.env.timestamp = gives["due"]
    bare.cast(0, bare.pair("a"), trigger=data(gives["trigger_id"]))


@pytest.mark.parametrize("case", replayed("ids", "good", "slot_of_trigger"))
def test_triggers_that_name_a_slot(bare, case):
    bare.enrol(2)
    bare.announce(every=case["gives"]["every"], start=0)
    bare.cast(0, bare.pair("a"), trigger=data(case["given"]["trigger_id"]))


@pytest.mark.parametrize("case", replayed("ids", "bad", "slot_of_trigger"))
def test_triggers_that_name_none(bare, case):
    bare.enrol(2)
    bare.announce(start=0)
    with bare.refuses("policies: not a slot"):
        bare.cast(0, bare.pair("a"), trigger=data(case["given"]["trigger_id"]))


def about(given: Given) -> tuple[bytes, bytes]:
    """Workflow and trigger id of the voting that a seal names, from the vectors of ids."""
    [voting] = [
        case["given"]
        for case in vectors("ids")["good"]
        if case["gives"] == given["voting_id"]
        and (case["given"]["chain_id"], case["given"]["contract"]) == (given["chain_id"], given["contract"])
    ]
    return data(voting["workflow_id"]), data(voting["trigger_id"])


def begin_sealed(made: Any, given: Given) -> Any:
    """The voting that a seal names, opened; the seal's attempt is about to open or casting."""
    workflow, trigger = about(given)
    policy = replace(made.policy, **EVENT_DRIVEN, ballots=Ballots.SEALED)
    made.call("announce", workflow, astuple(policy))
    if given["attempt"] == 2:
        other = 1 if given["worker"] == 0 else 0
        made.call("seal", workflow, trigger, 1 << 32 | 1 << 16 | other, bytes(32), sender=made.keys[other])
        made.wait(policy.cast_window + policy.reveal_window)
    return workflow, trigger, given["attempt"] << 32 | 1 << 16


@pytest.mark.parametrize("case", replayed("ballots", "good", "seal"))
def test_a_seal_opens_on_the_contract(place_on, case):
    given = case["given"]
    made = place_on(given, max(2, given["worker"] + 1))
    workflow, trigger, place = begin_sealed(made, given)
    worker, roots = given["worker"], (data(given["input_root"]), data(given["result_root"]))
    made.call("seal", workflow, trigger, place | worker, data(case["gives"]), sender=made.keys[worker])
    made.wait(600)
    told = made.call("reveal", workflow, trigger, place, *roots, 1 << worker, [data(given["salt"])])
    assert (told[0][0], told[0][1]["workers"]) == ("Revealed", 1 << worker)
    voters = made.contract.voters(data(given["voting_id"]), given["attempt"], *roots)
    assert voters == 1 << worker


@pytest.mark.parametrize("case", replayed("ballots", "good", "stored_seal"))
def test_a_seal_is_stored_with_its_seconds(place_on, case):
    [given] = [one["given"] for one in vectors("ballots")["good"] if one["name"] == "a seal"]
    made = place_on(given)
    workflow, trigger, place = begin_sealed(made, given)
    made.call("seal", workflow, trigger, place | 1, bytes(32), sender=made.keys[1])
    made.wait(made.policy.cast_window - case["gives"]["seconds_left"])
    made.call("seal", workflow, trigger, place, data(case["gives"]["sent"]), sender=made.keys[0])
    stored = made.contract.seal_of(data(given["voting_id"]), 1, 0)
    assert stored == data(case["given"]["stored"])


@pytest.mark.parametrize("case", replayed("ballots", "bad", "seal"))
def test_a_ballot_with_a_root_of_zero_is_neither_cast_nor_revealed(place_on, case):
    given = case["given"]
    made = place_on(given)
    workflow, trigger, place = begin_sealed(made, given)
    roots = data(given["input_root"]), data(given["result_root"])
    about = protocol_words.words(tag("seal"), 246, data(given["contract"]), data(given["voting_id"]), 1, 0)
    seal = ballots.without_time(keccak256(about + b"".join(roots) + data(given["salt"])))
    made.call("seal", workflow, trigger, place, seal, sender=made.keys[0])
    made.call("seal", workflow, trigger, place | 1, bytes(32), sender=made.keys[1])
    with made.refuses("votings: zero root"):
        made.call("reveal", workflow, trigger, place, *roots, 1, [data(given["salt"])])
    made.announce(b"\x07" * 32, **EVENT_DRIVEN)
    with made.refuses("votings: zero root"):
        made.call("cast", b"\x07" * 32, trigger, place, *roots, sender=made.keys[0])


@pytest.mark.parametrize("case", replayed("policies", "good", "policy_hash"))
def test_policy_hashes(bare, harness, case):
    policy = policy_of(case["given"])
    assert harness.policy_hash(astuple(policy)) == data(case["gives"])
    bare.call("announce", bare.workflow, astuple(policy))
    assert bare.contract.policy_hash(bare.workflow, 1) == policy.hash()
    assert bare.contract.amounts(policy.hash()) == policy.accuracy | policy.speed << 128


POLICY_RULES = {
    "no denominator": "policies: bad threshold",
    "a threshold above one": "policies: bad threshold",
    "no cast window": "policies: no window",
    "no reveal window": "policies: no window",
    "a delay of 2 to the 32": "policies: number too large",
    "a cast window of 2 to the 32": "policies: number too large",
    "a denominator of 2 to the 32": "policies: number too large",
    "a start of 2 to the 40": "policies: number too large",
    "an epoch of 2 to the 32": "policies: number too large",
    "no bundle": "policies: zero digest",
    "no data key": "policies: zero digest",
    "a reward for open ballots' accuracy": "policies: open ballots earn none",
    "a reward for open ballots' speed": "policies: open ballots earn none",
}


@pytest.mark.parametrize("case", replayed("policies", "bad", "policy_hash"))
def test_policies_that_no_owner_can_announce(bare, case):
    with bare.refuses(POLICY_RULES[case["name"]]):
        bare.call("announce", bare.workflow, tuple(words(case["given"]).values()))


@pytest.mark.parametrize("case", replayed("policies", "good", "needed"))
def test_thresholds(harness, case):
    assert harness.needed(*words(case["given"]).values()) == case["gives"]


def open_slot(made: Any, given: Given) -> None:
    """Opens the slot under the vector's policy."""
    made.enrol(2)
    made.call("announce", made.workflow, astuple(policy_of(given["policy"])))
    boa.env.timestamp = given["now"]
    made.trigger = (given["every"] << 128 | given["number"]).to_bytes(32, "big")
    made.seal(0, made.pair("a"))


@pytest.mark.parametrize("case", replayed("policies", "good", "check_opening"))
def test_openings(bare, case):
    open_slot(bare, case["given"])
    assert bare.voting().attempt == 1


OPENING_RULES = {
    "a slot a second before it is due": "policies: slot not due",
    "a slot a second too old": "policies: slot too old",
    "a slot before the policy's start": "policies: version not in force",
    "a slot of another length": "policies: not a slot",
    "a slot that is yet to come": "policies: slot not due",
    "a slot of other seconds": "policies: not a slot",
    "a slot of other a day": "policies: not a slot",
}


@pytest.mark.parametrize("case", replayed("policies", "bad", "check_opening"))
def test_openings_that_are_refused(bare, case):
    with bare.refuses(OPENING_RULES[case["name"]]):
        open_slot(bare, case["given"])


@pytest.mark.parametrize("case", replayed("records", "good", "record"))
def test_record_leaves(harness_code, case):
    given = words(case["given"])
    with boa.env.anchor():
        boa.env.evm.patch.chain_id = given["chain_id"]
        harness = harness_code.deploy(NO_PREDECESSOR, override_address=case["given"]["contract"])
        harness.make_record(tuple(given.values())[2:])
        assert harness.record(given["voting_id"]) == data(case["gives"]["leaf_hash"])
        assert (harness.size(), harness.root()) == (1, data(case["gives"]["leaf_hash"]))


@pytest.mark.parametrize("case", replayed("records", "good", "moved_leaf"))
def test_the_leaf_of_a_network_that_moved_begins_its_log(new_network, case):
    given = case["given"]
    old = words({key: value for key, value in given.items() if key != "old_contract"})
    with boa.env.anchor():
        boa.env.evm.patch.chain_id = old["chain_id"]
        previous = (old["old_chain_id"], given["old_contract"], old["old_size"], old["old_root"])
        made = new_network(given["contract"], previous=previous)
        leaf_hash = merkle.leaf_hash(data(case["gives"]))
        assert (made.contract.size(), made.contract.root()) == (1, leaf_hash)


def check_log(harness: Any, leaves: list[bytes], heads: dict[int, bytes]) -> None:
    """Appends the leaves; heads and frontier are those of the tree at every size."""
    for size in range(len(leaves) + 1):
        if size:
            assert harness.append(merkle.leaf_hash(leaves[size - 1])) == size - 1
        assert (harness.size(), harness.root()) == (size, heads.get(size, merkle.root(leaves[:size])))
    begin = 0
    for level in reversed(range(len(leaves).bit_length())):
        if len(leaves) >> level & 1:
            assert harness.frontier(level) == merkle.root(leaves[begin : begin + 2**level])
            begin += 2**level


@pytest.mark.parametrize("case", replayed("records", "good", "log_heads"))
def test_heads_of_the_log(harness, case):
    leaves = [data(leaf) for leaf in case["given"]["leaves"]]
    check_log(harness, leaves, dict(enumerate(map(data, case["gives"]))))


@pytest.mark.parametrize("case", replayed("merkle", "good", "root"))
def test_roots_are_heads_of_logs(harness, case):
    leaves = [data(leaf) for leaf in case["given"]["leaves"]]
    check_log(harness, leaves, {len(leaves): data(case["gives"])})


@pytest.mark.parametrize("case", replayed("merkle", "good", "node_hash"))
def test_inner_nodes_of_the_log(harness, case):
    assert harness.node(data(case["given"]["left"]), data(case["given"]["right"])) == data(case["gives"])


@pytest.mark.parametrize("case", replayed("merkle", "good", "verify_inclusion"))
def test_paths_that_lead_to_the_root(harness, case):
    assert root_of_path(harness, case["given"]) == (True, data(case["given"]["root"]))


@pytest.mark.parametrize("case", replayed("merkle", "bad", "verify_inclusion"))
def test_paths_that_prove_nothing(harness, case):
    assert root_of_path(harness, case["given"]) != (True, data(case["given"]["root"]))


def root_of_path(harness: Any, given: Given) -> tuple[bool, bytes]:
    """What a contract that is given a path makes of it."""
    leaf, path = merkle.leaf_hash(data(given["leaf"])), [data(element) for element in given["path"]]
    fits, root = harness.root_of_path(leaf, int(given["index"]), int(given["size"]), path)
    return bool(fits), bytes(root)


@pytest.fixture
def signing(harness_code) -> Iterator[Any]:
    """Deploys the modules on a chain, at an address."""

    def deploy(given: Given) -> Any:
        boa.env.evm.patch.chain_id = int(given["chain_id"])
        return harness_code.deploy(NO_PREDECESSOR, override_address=given["contract"])

    with boa.env.anchor():
        yield deploy


@pytest.mark.parametrize("case", replayed("eip712", "good", "domain_separator"))
def test_domains_of_what_is_signed(signing, case):
    assert signing(case["given"]).domain_separator() == data(case["gives"])


@pytest.mark.parametrize("case", replayed("eip712", "good", "seal_digest"))
def test_what_is_signed_for_a_seal(signing, case):
    _, _, *about = words(case["given"]).values()
    assert signing(case["given"]).seal_digest(*about) == data(case["gives"])


@pytest.mark.parametrize("case", replayed("eip712", "good", "report_digest"))
def test_what_is_signed_under_a_report(signing, case):
    _, _, *about = words(case["given"]).values()
    assert signing(case["given"]).report_digest(*about) == data(case["gives"])


@pytest.mark.parametrize("case", replayed("eip712", "bad", "report_digest"))
def test_a_report_without_roots_is_refused_before_its_signatures(sealed, case):
    given = words(case["given"])
    roots, bitmaps = (given["input_root"], given["result_root"]), (given["participants"], given["voters"])
    with sealed.refuses("votings: zero root"):
        sealed.call("report", sealed.workflow, sealed.trigger, 1 << 32 | 1 << 16, *roots, *bitmaps, 0, 0, [])


@pytest.mark.parametrize("case", replayed("keccak", "good", "tag"))
def test_tags(harness, case):
    names = ("voting", "seal", "policy", "record", "moved")
    tags = dict(zip(names, harness.contract_tags(), strict=True))
    assert tags[case["given"]["tag"]] == data(case["gives"])


def test_every_vector_is_replayed_or_stands_in_a_table_with_its_reason():
    files = {path.stem for path in (ROOT / "vectors").glob("*.json")}
    assert files >= FILES_NOT_REPLAYED.keys()
    operations, cases = set(), set()
    for file in files - FILES_NOT_REPLAYED.keys():
        for quality in ("good", "bad"):
            for case in vectors(file)[quality]:
                operations.add((file, quality, case["does"]))
                if (file, quality, case["does"]) in REPLAYED:
                    cases.add((file, quality, case["name"]))
    assert REPLAYED.isdisjoint(OPERATIONS_NOT_REPLAYED)
    assert operations == REPLAYED | OPERATIONS_NOT_REPLAYED.keys()
    assert cases >= CASES_NOT_REPLAYED.keys()

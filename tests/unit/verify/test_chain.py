"""Level 3: evidence held against the real contract on the built-in chain; each rule has its fault planted.

Faults stand in the evidence, or in what the RPC answers. How an RPC is asked has its tests in `test_jsonrpc`.
"""

from functools import partial

import pytest

pytest.importorskip("worknet.chain.development.evm", reason="needs worknet[local]")

from tests.unit.chain.votings import STANDBY
from tests.unit.verify.proving import Proved, bent, events, hold, read, telling, with_ballot, without

from worknet.protocol import merkle
from worknet.protocol.ballots import Place
from worknet.verify.errors import RefusedError, RpcError
from worknet.verify.form import Head
from worknet.verify.jsonrpc import KINDS

PAIR, OTHER = Proved.PAIR, Proved.OTHER
NEW_KEY = b"\x99" * 20
RECORDED = next(topic for topic, (name, _) in KINDS.items() if name == "Recorded")
SEALS = [topic for topic, (name, _) in KINDS.items() if name in ("Sealed", "SealsBrought")]


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Three records; a ballot that differs came after the first, and a key was replaced after all."""
    network = Proved(tmp_path_factory.mktemp("proved") / "chain")
    place = Place(1, 1)
    for worker in range(4):
        network.bring(0, worker, pair=PAIR if worker < 3 else OTHER, place=place)
    network.open_seals(0, 0, 1, 2, place=place)
    network.open_seals(0, 3, pair=OTHER, place=place)
    network.seal_and_open(1, *[PAIR] * 4)
    network.seal_and_open(2, *[PAIR] * 4)
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    yield network
    network.close()


@pytest.fixture(scope="module")
def evidence(network):
    """Of the first record, against a head that is older than the log."""
    return network.evidence(0, {0: PAIR, 1: PAIR, 2: PAIR, 3: OTHER}, size=2)


@pytest.fixture
def held(network, monkeypatch):
    """Holds evidence against the network's chain, whose answers `bend` may change."""
    return partial(hold, monkeypatch, network)


def refused(held, evidence, field, rule="", bend=None):
    with pytest.raises(RefusedError) as refusal:
        held(evidence, bend)
    assert refusal.value.field == field
    assert rule in refusal.value.rule


def contradicted(held, evidence, bend, message):
    with pytest.raises(RpcError, match=message):
        held(evidence, bend)


def against(evidence, hashes):
    """The evidence against a log of these leaf hashes."""
    return bent(evidence, head=Head(len(hashes), merkle.root_of_hashes(hashes)))


def test_evidence_is_held_against_the_chain(held, evidence):
    sentences = held(evidence)
    assert "keeps this very record" in sentences[0]
    assert "at 2 leaves (now 3)" in sentences[1]
    assert len(sentences) == 6


@pytest.mark.parametrize("size", [1, 3])
def test_the_head_may_be_of_any_size_that_the_log_had(network, held, size):
    assert held(network.evidence(0, {0: PAIR, 1: PAIR, 2: PAIR, 3: OTHER}, size=size))


# The network


def test_an_rpc_of_another_chain_is_refused(held, evidence):
    other = bent(evidence, network=evidence.network | {"chain_id": 1})
    refused(held, other, "network.chain_id", "chain is")


def test_an_address_without_a_contract_is_refused(held, evidence):
    other = bent(evidence, network=evidence.network | {"contract": b"\1" * 20})
    refused(held, other, "network.contract", "no contract")


def test_a_contract_that_refuses_our_questions_is_no_network(held, evidence):
    def reverts(request, answer):
        if request["method"] == "eth_call":
            return {"id": answer["id"], "error": {"code": 3, "message": "execution reverted"}}
        return None

    refused(held, evidence, "network.contract", "is no network: it refuses", reverts)


@pytest.mark.parametrize("result", ["0x", "0x" + "11" * 64])
def test_a_contract_that_answers_otherwise_is_no_network(held, evidence, result):
    def other(request, answer):
        if request["method"] == "eth_call":
            answer["result"] = result

    refused(held, evidence, "network.contract", "is no network", other)


# The log and the record


def test_a_voting_without_a_record_is_refused(held, network, evidence):
    unknown = evidence.record | {"voting_id": network.voting_id(9)}
    refused(held, bent(evidence, record=unknown), "record.voting_id", "has no record")


@pytest.mark.parametrize("word", ["time", "members", "policy_hash"])
def test_a_record_that_the_contract_does_not_keep_is_refused(held, evidence, word):
    was = evidence.record[word]
    other = was + 1 if isinstance(was, int) else b"\1" * 32
    refused(held, bent(evidence, record=evidence.record | {word: other}), "record", "keeps")


def test_a_record_at_another_position_is_refused(held, evidence):
    refused(held, bent(evidence, position=1), "position")


def test_a_record_counts_from_the_confirmations_that_the_network_waits_for(held, evidence):
    depth = int(held(evidence)[0].split(" blocks deep")[0].split()[-1])
    assert held(evidence, read("confirmations()", depth))
    shallow = read("confirmations()", depth + 1)
    refused(held, evidence, "record", f"only {depth} blocks deep", shallow)


def test_a_head_that_the_log_never_had_is_refused(held, evidence):
    refused(held, against(evidence, [b"\1" * 32] * 4), "head.size", "only 3 leaves")
    refused(held, against(evidence, [b"\1" * 32] * 2), "head.root", "another root")


@pytest.mark.parametrize(
    "bend",
    [
        without("Recorded"),
        events(lambda logs: [*logs, *(log for log in logs if log["topics"][0] == RECORDED)]),
        events(lambda logs: [log | {"blockNumber": hex(5000 - int(log["blockNumber"], 16))} for log in logs]),
        telling("Recorded", "position", 7),
        telling("Recorded", "voting_id", 7),
        read("size()", 2),
        read("size()", 2**255),
        read("root()", 7),
        read("record(bytes32)", 7),
    ],
)
def test_events_of_another_log_than_the_contracts_are_no_verdict(held, evidence, bend):
    contradicted(held, evidence, bend, "not those of the log")


def test_an_empty_log_has_no_record(held, evidence):
    def empty(request, answer):
        for bend in (without("Recorded"), read("size()", 0), read("root()", int.from_bytes(merkle.EMPTY))):
            bend(request, answer)

    refused(held, evidence, "record.voting_id", "has no record", empty)


# The events of the attempt


def test_an_attempt_whose_opening_is_hidden_is_refused(held, evidence):
    refused(held, evidence, "record", "attempt's opening", without("Opened"))


@pytest.mark.parametrize("word", ["workflow_id", "trigger_id", "members", "n", "needed"])
def test_an_opening_with_another_word_is_refused(held, evidence, word):
    refused(held, evidence, "record", "attempt's opening", telling("Opened", word, 7))


def test_an_opening_of_another_attempt_is_none(held, evidence):
    refused(held, evidence, "record", "attempt's opening", telling("Opened", "attempt", 2))


@pytest.mark.parametrize("word", ["input_root", "result_root", "voters", "how"])
def test_a_record_whose_event_says_another_word_is_refused(held, evidence, word):
    refused(held, evidence, "record", "event of the record", telling("Recorded", word, 0b11))


def test_a_record_whose_event_is_of_another_attempt_is_refused(held, evidence):
    refused(held, evidence, "record", "event of the record", telling("Recorded", "attempt", 2))


# The ballots


@pytest.mark.parametrize(
    ("number", "words", "field"),
    [
        (3, {"input_root": PAIR.input_root, "result_root": PAIR.result_root}, "ballots[3]"),
        (3, {"input_root": b"\1" * 32}, "ballots[3]"),
        (0, {"key": b"\1" * 20}, "ballots[0].key"),
        (2, {"operator": b"\1" * 20}, "ballots[2].operator"),
        (3, {"worker": 4}, "ballots[3]"),
    ],
)
def test_a_ballot_that_the_contract_does_not_have_is_refused(held, evidence, number, words, field):
    refused(held, with_ballot(evidence, number, **words), field)


def test_a_ballot_that_the_contract_did_not_count_is_refused(held, evidence):
    none = read("voters(bytes32,uint256,bytes32,bytes32)", 0)
    refused(held, evidence, "ballots[3]", "no such ballot", none)


def test_what_the_last_transaction_counted_may_stand_in_the_record_alone(held, network):
    everyone = network.evidence(1, dict.fromkeys(range(4), PAIR))
    assert held(everyone, read("voters(bytes32,uint256,bytes32,bytes32)", everyone.record["voters"] ^ 0b1111))


def test_a_ballot_of_which_no_event_tells_is_refused(held, evidence):
    refused(held, evidence, "ballots[0]", "no such ballot", without("SealsBrought"))


def test_a_ballot_that_the_contract_counted_is_not_left_out(held, network, evidence):
    partial = bent(evidence, ballots=evidence.ballots[:3])
    refused(held, partial, "ballots", "ballot of worker 3")


def test_a_ballot_may_be_left_out_that_came_after_the_head(held, network):
    assert held(network.evidence(0, dict.fromkeys(range(3), PAIR), size=1))


# The members


def test_a_key_that_was_replaced_since_is_that_of_the_old_ballot(held, evidence):
    assert held(evidence)
    refused(held, with_ballot(evidence, 3, key=NEW_KEY), "ballots[3].key", "at that time")


@pytest.mark.parametrize(
    "bend",
    [
        without("Rotated"),
        without("Enrolled"),
        telling("Enrolled", "operator", 7),
        telling("Rotated", "key", 7),
    ],
)
def test_events_that_do_not_lead_to_the_members_of_today_are_no_verdict(held, evidence, bend):
    contradicted(held, evidence, bend, "not lead to the members")


def test_a_worker_that_was_enrolled_after_its_ballot_came_is_refused(held, evidence):
    def later(logs):
        return [log | {"blockNumber": "0x1"} if log["topics"][0] in SEALS else log for log in logs]

    refused(held, evidence, "ballots[0].worker", "was enrolled", events(later))

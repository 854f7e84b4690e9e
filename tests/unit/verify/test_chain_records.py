"""Level 3 of records that came about in every way: reports, pluralities, brought seals, moved networks."""

from functools import partial

import pytest

pytest.importorskip("worknet.chain.development.evm", reason="needs worknet[local]")

from tests.unit.chain.votings import STANDBY
from tests.unit.verify.proving import Proved, events, hold, read, telling, with_ballot, without

from worknet.chain.deployment import Predecessor, deploy
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.policy import Fallback
from worknet.verify.errors import RefusedError, RpcError
from worknet.verify.jsonrpc import KINDS

ALL = 0b1111
PAIR, OTHER = Proved.PAIR, Proved.OTHER
THIRD = Pair(b"\x03" * 32, b"\x02" * 32)
NEW_KEY = b"\x99" * 20
PLACE = Place(1, 1)
TOPICS = {name: topic for topic, (name, _) in KINDS.items()}


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Four votings, of which the first two and the last are reported; worker 3's key changes in the midst."""
    network = Proved(tmp_path_factory.mktemp("records") / "chain")
    network.report(0, (0, 1, 3), participants=ALL)
    network.bring(1, 3, place=PLACE)
    network.bring(2, 0, 1, 2, 3, place=PLACE)
    network.bring(3, 0, 1, 2, 3, place=PLACE)
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    network.report(1, (0, 1, 2), participants=ALL)
    network.open_seals(2, 0, 1, 2, 3, place=PLACE)
    network.open_seals(3, 3, place=PLACE)
    network.report(3, (0, 1, 2), participants=0b0111)
    yield network
    network.close()


@pytest.fixture(scope="module")
def reported(network):
    """A voting of which nothing is on chain but its report, which was signed by three of four."""
    return network.evidence(0, dict.fromkeys((0, 1, 3), PAIR))


@pytest.fixture
def held(network, monkeypatch):
    """Holds evidence against the network's chain, whose answers `bend` may change."""
    return partial(hold, monkeypatch, network)


def refused(held, evidence, field, rule="", bend=None):
    with pytest.raises(RefusedError) as refusal:
        held(evidence, bend)
    assert refusal.value.field == field
    assert rule in refusal.value.rule


# Reports


def test_a_report_is_verified_though_none_of_its_ballots_is_on_chain(held, reported):
    assert any("took it from a signed report" in sentence for sentence in held(reported))


def test_a_reported_ballot_is_that_of_the_key_at_the_report(held, reported):
    assert held(reported)
    refused(held, with_ballot(reported, 2, key=NEW_KEY), "ballots[2].key")


def test_a_seal_that_was_never_opened_is_no_ballot_of_a_report(held, network):
    assert held(network.evidence(1, dict.fromkeys((0, 1, 2), PAIR)))
    refused(held, network.evidence(1, dict.fromkeys((0, 1, 2, 3), PAIR)), "ballots[3]", "no such ballot")


def test_a_report_adds_to_the_ballots_on_chain(held, network):
    everyone = network.evidence(3, dict.fromkeys(range(4), PAIR))
    assert everyone.record["voters"] == ALL
    assert held(everyone)
    none = read("voters(bytes32,uint256,bytes32,bytes32)", 0)
    refused(held, everyone, "record.voters", "ballots on chain", none)


def test_a_ballot_that_was_counted_before_a_report_keeps_the_key_of_its_seal(held, network):
    everyone = network.evidence(3, dict.fromkeys(range(4), PAIR))
    refused(held, with_ballot(everyone, 3, key=NEW_KEY), "ballots[3].key")


def test_a_report_whose_event_is_hidden_is_refused(held, reported):
    refused(held, reported, "record.how", "events of reports", without("Reported"))


def test_a_quorum_of_which_a_report_tells_is_refused(held, network):
    def told(logs):
        return logs + [
            log | {"topics": [TOPICS["Reported"], log["topics"][1]]}
            for log in logs
            if log["topics"][0] == TOPICS["Revealed"]
        ]

    quorum = network.evidence(2, dict.fromkeys(range(4), PAIR))
    refused(held, quorum, "record.how", "events of reports", events(told))


@pytest.mark.parametrize(
    ("word", "bitmap", "rule"),
    [
        ("participants", 0b11111, "no member"),
        ("participants", 0b0001, "all of its voters"),
        ("signers", 0b0111, "did not vote"),
        ("signers", 0b0001, "only 1 signed"),
        ("voters", ALL, "not those of the report"),
    ],
)
def test_a_report_that_does_not_lead_to_its_record_is_refused(held, reported, word, bitmap, rule):
    refused(held, reported, "record.voters", rule, telling("Reported", word, bitmap))


# Further attempts, brought seals and replaced keys


def test_a_further_attempt_is_held_against_its_own_events(tmp_path, monkeypatch):
    network, place = Proved(tmp_path / "chain"), Place(2, 1)
    network.fail(0, 1)
    network.bring(0, 0, 1, 2, 3, place=place)
    network.open_seals(0, 0, 1, 2, 3, place=place)
    evidence = network.evidence(0, dict.fromkeys(range(4), PAIR))
    assert evidence.record["attempt"] == 2
    assert hold(monkeypatch, network, evidence)
    network.close()


def test_a_ballot_is_that_of_the_key_that_signed_its_seal(held, network):
    evidence = network.evidence(2, dict.fromkeys(range(4), PAIR))
    assert held(evidence)
    refused(held, with_ballot(evidence, 3, key=NEW_KEY), "ballots[3].key")


# Plurality


def test_a_plurality_is_held_against_all_its_ballots(tmp_path, monkeypatch):
    rules = {"fallback": Fallback.PLURALITY, "threshold_num": 1, "threshold_den": 1, "stall": 0}
    network = Proved(tmp_path / "chain", **rules)
    network.seal_and_open(0, PAIR, PAIR, OTHER, THIRD)
    network.owner.settle(network.WORKFLOW, network.trigger(0), PAIR)
    evidence = network.evidence(0, {0: PAIR, 1: PAIR, 2: OTHER, 3: THIRD})
    assert hold(monkeypatch, network, evidence)
    fewer = network.evidence(0, {0: PAIR, 1: PAIR, 2: OTHER})
    refused(partial(hold, monkeypatch, network), fewer, "ballots", "worker 3")
    network.close()


# A network that moved


@pytest.fixture
def moved(tmp_path, monkeypatch):
    """A network that continues the log of another one, with a record."""
    previous = Predecessor(246, b"\x09" * 20, 17, b"\x08" * 32)
    monkeypatch.setattr("tests.unit.chain.conftest.deploy", partial(deploy, previous=previous))
    network = Proved(tmp_path / "chain")
    network.seal_and_open(0, *[PAIR] * 4)
    yield network
    network.close()


def test_a_record_is_verified_behind_the_leaf_of_a_move(moved, monkeypatch):
    evidence = moved.evidence(0, dict.fromkeys(range(4), PAIR))
    assert (evidence.position, evidence.head.size) == (1, 2)
    assert hold(monkeypatch, moved, evidence)


@pytest.mark.parametrize(
    "bend", [without("Moved"), telling("Moved", "size", 18), telling("Moved", "contract", 9)]
)
def test_a_log_with_another_leaf_of_its_move_is_no_verdict(moved, monkeypatch, bend):
    evidence = moved.evidence(0, dict.fromkeys(range(4), PAIR))
    with pytest.raises(RpcError, match="not those of the log"):
        hold(monkeypatch, moved, evidence, bend)

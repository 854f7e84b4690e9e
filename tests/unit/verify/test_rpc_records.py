"""Level 3 of records that came about in every way: reports, pluralities, brought seals, moved networks."""

import json
from dataclasses import replace
from functools import partial

import pytest

pytest.importorskip("worknet.chain.development.evm", reason="needs worknet[local]")

from tests.unit.chain.votings import STANDBY, Votings

from worknet.chain.deployment import Predecessor, deploy
from worknet.chain.development.wire import RpcFaultError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.chain.signers import signer_from_key
from worknet.protocol import merkle, trees
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot, workflow_id
from worknet.protocol.words import Fallback, How
from worknet.verify import Ballot, Head, Network, RefusedError, RpcError, verify
from worknet.verify.command import VERIFIED, run
from worknet.verify.contract import MOVED, OPENED, REPORTED
from worknet.verify.rpc import read_chain
from worknet.verify.transport import Transport

ALL = 0b1111
OTHER, THIRD = Pair(b"\x01" * 32, b"\x02" * 32), Pair(b"\x03" * 32, b"\x02" * 32)
NEW_KEY = signer_from_key(b"\x44" * 32, DEVELOPMENT_CHAIN_ID).address
URL = "http://127.0.0.1:1"


class Proved(Votings):
    """A network whose worker 3 is active too, about whose first slot evidence is made."""

    WORKFLOW = workflow_id("matching_24_7")

    def __init__(self, folder, make, **policy):
        self.make = partial(make, policy={"start": 0, "max_age": 0, "accuracy": 0, **policy})
        super().__init__(folder)
        self.owner.remove(STANDBY)
        account = self.signers[3].address
        self.owner.enrol(account, self.voters[STANDBY].address, Role.ACTIVE, b"\xe4" * 32)
        slot = Slot.of_trigger(self.trigger(0))
        self.draft = self.make(
            network=Network(DEVELOPMENT_CHAIN_ID, self.deployment.contract),
            trigger_id=slot.trigger_id,
            manifest={"window": slot.window},
        )
        self.PAIR = self.draft.record.pair

    def policy(self, **changes):
        return self.make().policy

    def evidence(self, folder, pairs):
        """Evidence of the record by now, with these ballots by worker and the keys of the enrolment."""
        self.rpc.request("evm_mine", 3)
        index = NetworkIndex(folder / "index.sqlite", self.owner)
        index.sync()
        found, leaves = index.record_of(self.voting_id(0)), index.leaves()
        members = index.members()
        index.close()
        return replace(
            self.draft,
            record=found.record,
            position=found.position,
            path=tuple(trees.inclusion(leaves, found.position)),
            head=Head(len(leaves), merkle.root(leaves)),
            ballots=tuple(
                Ballot(worker, self.voters[worker].address, members[worker].operator, pair)
                for worker, pair in sorted(pairs.items())
            ),
        )

    def seal_and_open(self, *votes):
        """All four seal a ballot of their own, and all are opened, each pair at once."""
        place = Place(1, 1)
        for worker, pair in enumerate(votes):
            self.bring(0, worker, pair=pair, place=place)
        for pair in dict.fromkeys(votes):
            workers = [worker for worker, vote in enumerate(votes) if vote == pair]
            self.open_seals(0, *workers, pair=pair, place=place)


@pytest.fixture
def proved(tmp_path, make, monkeypatch):
    """Makes the network, and lets the verifier ask its chain; `without` hides events of a kind."""
    made = []

    def begin(without=(), **policy):
        network = Proved(tmp_path / "chain", make, **policy)
        made.append(network)
        monkeypatch.setattr(Transport, "_post", lambda _, body: answered(network, body, without))
        return network

    yield begin
    for network in made:
        network.store.close()


def answered(network, body, without):
    def one(request):
        try:
            result = network.rpc.methods.answer(request["method"], request["params"])
        except RpcFaultError as fault:
            return {"id": request["id"], "error": {"code": fault.code, "message": fault.message}}
        if request["method"] == "eth_getLogs":
            result = [log for log in result if log["topics"][0] not in [to_hex(kind) for kind in without]]
        return {"id": request["id"], "result": result}

    asked = json.loads(body)
    return json.dumps([one(each) for each in asked] if isinstance(asked, list) else one(asked)).encode()


def level_3(evidence):
    return verify(evidence, evidence.head, read_chain(URL, evidence))


# Reports


def test_a_report_is_verified_though_none_of_its_ballots_is_on_chain(proved, tmp_path):
    network = proved()
    network.report(0, (0, 1, 3), participants=ALL)
    evidence = network.evidence(tmp_path, dict.fromkeys((0, 1, 3), network.PAIR))
    verdict = level_3(evidence)
    assert (verdict.level, verdict.how) == (3, How.REPORT)
    assert any("3 signatures the contract checked" in sentence for sentence in verdict.checked)


def test_a_reported_ballot_is_that_of_the_key_at_the_report(proved, tmp_path):
    network = proved()
    network.report(0, (0, 1, 3), participants=ALL)
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    evidence = network.evidence(tmp_path, dict.fromkeys((0, 1, 3), network.PAIR))
    assert level_3(evidence).level == 3
    *others, last = evidence.ballots
    with pytest.raises(RefusedError, match=r"ballots\[2\].key"):
        level_3(replace(evidence, ballots=(*others, replace(last, key=NEW_KEY))))


def test_a_key_that_came_between_a_seal_and_the_report_is_the_reports(proved, tmp_path):
    network = proved()
    network.bring(0, 3, pair=network.PAIR, place=Place(1, 1))
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    network.report(0, (0, 1, 2), participants=ALL)
    evidence = network.evidence(tmp_path, dict.fromkeys((0, 1, 2), network.PAIR))
    assert level_3(evidence).level == 3


def test_a_report_whose_event_is_hidden_is_refused(proved, tmp_path):
    network = proved(without=[REPORTED])
    network.report(0, (0, 1, 3), participants=ALL)
    evidence = network.evidence(tmp_path, dict.fromkeys((0, 1, 3), network.PAIR))
    with pytest.raises(RefusedError) as refusal:
        level_3(evidence)
    assert refusal.value.field == "record.how"


def test_an_attempt_whose_opening_is_hidden_is_refused(proved, tmp_path):
    network = proved(without=[OPENED])
    network.report(0, (0, 1, 3), participants=ALL)
    with pytest.raises(RefusedError, match="opening"):
        level_3(network.evidence(tmp_path, dict.fromkeys((0, 1, 3), network.PAIR)))


# Plurality


def test_a_plurality_is_verified_and_said_loudly(proved, tmp_path, files, capsys):
    network = proved(fallback=Fallback.PLURALITY, threshold_num=1, threshold_den=1, stall=0)
    pair = network.PAIR
    network.seal_and_open(pair, pair, OTHER, THIRD)
    network.owner.settle(network.WORKFLOW, network.trigger(0), pair)
    evidence = network.evidence(tmp_path, {0: pair, 1: pair, 2: OTHER, 3: THIRD})
    assert level_3(evidence).how is How.PLURALITY
    assert run(files(evidence), rpc=URL) == VERIFIED
    assert "RECORDED BY PLURALITY" in capsys.readouterr().out.splitlines()[1]


# Brought seals and rotated keys


def test_a_ballot_is_that_of_the_key_that_signed_its_seal(proved, tmp_path):
    network = proved()
    place, pair = Place(1, 1), network.PAIR
    network.bring(0, 0, 1, 2, 3, pair=pair, place=place)
    network.owner.rotate(STANDBY, NEW_KEY, b"\x55" * 32)
    network.open_seals(0, 0, 1, 2, 3, pair=pair, place=place)
    evidence = network.evidence(tmp_path, dict.fromkeys(range(4), pair))
    assert level_3(evidence).level == 3
    *others, last = evidence.ballots
    with pytest.raises(RefusedError, match=r"ballots\[3\].key"):
        level_3(replace(evidence, ballots=(*others, replace(last, key=NEW_KEY))))


# A network that moved


@pytest.fixture
def moving(monkeypatch):
    """Networks that are made from now on continue the log of another one."""
    previous = Predecessor(246, b"\x09" * 20, 17, b"\x08" * 32)
    monkeypatch.setattr("tests.unit.chain.conftest.deploy", partial(deploy, previous=previous))


@pytest.mark.usefixtures("moving")
def test_a_record_is_verified_behind_the_leaf_of_a_move(proved, tmp_path):
    network = proved()
    network.seal_and_open(*[network.PAIR] * 4)
    evidence = network.evidence(tmp_path, dict.fromkeys(range(4), network.PAIR))
    assert (evidence.position, evidence.head.size) == (1, 2)
    assert level_3(evidence).level == 3


@pytest.mark.usefixtures("moving")
def test_a_log_without_the_leaf_of_its_move_is_no_verdict(proved, tmp_path):
    network = proved(without=[MOVED])
    network.seal_and_open(*[network.PAIR] * 4)
    evidence = network.evidence(tmp_path, dict.fromkeys(range(4), network.PAIR))
    with pytest.raises(RpcError, match="not those of the log"):
        level_3(evidence)

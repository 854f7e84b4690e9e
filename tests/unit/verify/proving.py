"""A network on the built-in chain, and evidence about records of it, for the tests of level 3.

`Proved` makes votings of every way, `evidence` is what a prover would write about one of them, and `check`
holds it against the chain; both the evidence and what the chain answers can be bent before.
"""

import json

from tests.unit.chain.votings import STANDBY, Votings

from worknet.chain.development.wire import RpcFaultError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID
from worknet.protocol import merkle
from worknet.protocol.ballots import Place
from worknet.protocol.canonical import to_hex
from worknet.protocol.keccak import keccak256
from worknet.protocol.words import words
from worknet.verify.chain import check
from worknet.verify.form import Evidence, Head
from worknet.verify.jsonrpc import KINDS, Contract


class Proved(Votings):
    """Worker 3 is active too, with the owner's account as operator."""

    def __init__(self, folder, **policy):
        super().__init__(folder, **policy)
        self.owner.remove(STANDBY)
        account = self.signers[3].address
        self.owner.enrol(account, self.voters[STANDBY].address, Role.ACTIVE, b"\xe4" * 32)
        self.index = NetworkIndex(folder / "index.sqlite", self.owner)

    def close(self):
        self.index.close()
        self.store.close()

    def seal_and_open(self, slot, *votes):
        """All four seal a ballot of their own, and all are opened, each pair at once."""
        place = Place(1, 1)
        for worker, pair in enumerate(votes):
            self.bring(slot, worker, pair=pair, place=place)
        for pair in dict.fromkeys(votes):
            workers = [worker for worker, vote in enumerate(votes) if vote == pair]
            self.open_seals(slot, *workers, pair=pair, place=place)

    def evidence(self, slot, pairs, size=None, mined=3):
        """Evidence against the head of `size` leaves (the newest), with these ballots by worker."""
        self.rpc.request("evm_mine", mined)
        self.index.sync()
        found, leaves = self.index.record_of(self.voting_id(slot)), self.index.leaves()[:size]
        members = self.index.members()
        return Evidence(
            document={},
            network={"chain_id": DEVELOPMENT_CHAIN_ID, "contract": self.deployment.contract},
            record=vars(found.record),
            position=found.position,
            path=[],
            head=Head(len(leaves), merkle.root(leaves)),
            ballots=[
                {
                    "worker": worker,
                    "key": self.voters[worker].address,
                    "operator": members[worker].operator,
                    "input_root": pair.input_root,
                    "result_root": pair.result_root,
                }
                for worker, pair in sorted(pairs.items())
            ],
            policy={},
            manifest=None,
            disclosure=None,
        )

    def answer(self, request, bend=None):
        """What the chain answers to one request; `bend(request, answer)` may change it or give another."""
        try:
            answer = {"result": self.rpc.methods.answer(request["method"], request["params"])}
        except RpcFaultError as fault:
            answer = {"error": {"code": fault.code, "message": fault.message}}
        answer = json.loads(json.dumps(answer)) | {"id": request["id"]}
        return answer if bend is None else bend(request, answer) or answer


def hold(monkeypatch, network, evidence, bend=None):
    """What `check` says of the evidence, asking the network's chain in this process."""

    def post(_, method, body):
        said = (
            [network.answer(one, bend) for one in body]
            if isinstance(body, list)
            else network.answer(body, bend)
        )
        return 200, json.dumps(said).encode()

    monkeypatch.setattr(Contract, "_post", post)
    return check("http://127.0.0.1:1", evidence)


def bent(evidence, **changes):
    """The evidence with other members."""
    return Evidence(**{name: getattr(evidence, name) for name in Evidence.__annotations__} | changes)


def with_ballot(evidence, number, **words):
    """The evidence with other words in one ballot."""
    ballots = list(evidence.ballots)
    ballots[number] = ballots[number] | words
    return bent(evidence, ballots=ballots)


def read(function, number):
    """Bends the chain: a function of the contract answers this number."""
    selector = to_hex(keccak256(function.encode())[:4])

    def bend(request, answer):
        if request["method"] == "eth_call" and request["params"][0]["data"].startswith(selector):
            answer["result"] = to_hex(words(number))

    return bend


def events(change):
    """Bends the chain: `change` makes other logs of those that it gives."""

    def bend(request, answer):
        if request["method"] == "eth_getLogs":
            answer["result"] = change(answer["result"])

    return bend


def without(name):
    """Bends the chain: it hides the events of this name."""
    return events(lambda logs: [log for log in logs if KINDS[log["topics"][0]][0] != name])


def telling(name, word, number):
    """Bends the chain: the first event of this name that is asked for has another word."""

    def change(logs):
        for log in logs:
            kind, names = KINDS[log["topics"][0]]
            if kind == name:
                at, topics = names.index(word), log["topics"]
                told = to_hex(words(number))[2:]
                if at < len(topics) - 1:
                    topics[at + 1] = "0x" + told
                else:
                    start = 2 + 64 * (at - len(topics) + 1)
                    log["data"] = log["data"][:start] + told + log["data"][start + 64 :]
                break
        return logs

    return events(change)

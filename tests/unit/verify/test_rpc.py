"""Level 3: the real contract on the built-in chain behind a real HTTP server, and servers that misbehave."""

import contextlib
import json
import threading
import time
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from worknet.protocol import abi, ids, merkle, trees
from worknet.protocol.ballots import Pair, seal
from worknet.protocol.canonical import to_hex
from worknet.protocol.keccak import keccak256
from worknet.protocol.words import Fallback
from worknet.verify import Ballot, Head, Network, RefusedError, RpcError, VerifyError, verify
from worknet.verify import transport as transport_module
from worknet.verify.command import REFUSED, UNUSABLE, VERIFIED, run
from worknet.verify.rpc import read_chain
from worknet.verify.transport import Transport

CHAIN_ID = 73799
EVERY = 3600
FIRST = 490_000
POLICY = {"fallback": Fallback.ALERT, "accuracy": 0, "max_age": 0, "start": FIRST * EVERY}
OTHER = Pair(b"\x01" * 32, b"\x02" * 32)
SALT = b"\x5a" * 32
GAS = 8_000_000
NEW_KEY = b"\x99" * 20


class Server:
    """An HTTP server on a free port that answers each request's body with what `answer` makes of it."""

    def __init__(self, answer):
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # the name that http.server calls
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with contextlib.suppress(ConnectionError):
                    outer.answer(self, body)

            def log_message(self, *_):
                pass

        self.answer = answer
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/token-in-the-path"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve():
    servers = []

    def start(answer):
        servers.append(Server(answer))
        return servers[-1].url

    yield start
    for server in servers:
        server.close()


def reply(handler, body, status=200, **headers):
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def selector(function):
    return keccak256(function.encode())[:4]


class Chain:
    """The built-in chain with a contract, three workers, an operator, and votings about a few slots."""

    def __init__(self, folder):
        evm = pytest.importorskip("worknet.chain.development.evm", reason="needs worknet[local]")
        from worknet.chain.development.ledger import Ledger
        from worknet.chain.development.methods import Methods
        from worknet.chain.development.store import BlockStore, StoredGenesis
        from worknet.chain.signers import signer_from_key
        from worknet.contracts import artifact

        self.call_class = evm.Call
        self.workers = [signer_from_key(bytes([number]) * 32, CHAIN_ID) for number in range(1, 5)]
        self.now = (FIRST + 24) * EVERY
        funds = {worker.address: 10**21 for worker in self.workers}
        self.ledger = Ledger(BlockStore(folder), StoredGenesis(CHAIN_ID, self.now, funds), lambda: self.now)
        self.methods = Methods(self.ledger, "test", lambda: None)
        self.contract = self.send(0, None, artifact().bytecode + abi.words(2, 86_400, 0, 0, 0, 0)).created

    def send(self, worker, to, data):
        signer = self.workers[worker]
        signed = signer.sign(
            {
                "chainId": CHAIN_ID,
                "nonce": self.ledger.evm.nonce(signer.address),
                "gas": GAS,
                "gasPrice": 10 * 10**9,
                "value": 0,
                "data": data,
            }
            | ({} if to is None else {"to": to})
        )
        self.ledger.submit(signed.raw)
        self.now += 5
        execution = self.ledger.mine().executions[-1]
        assert execution.succeeded
        return execution

    def transact(self, worker, function, *words, tail=b""):
        return self.send(worker, self.contract, selector(function) + abi.words(*words) + tail)

    @property
    def time(self):
        return self.ledger.evm.head.header.timestamp

    def answer(self, handler, body):
        from worknet.chain.development.wire import RpcFaultError

        def one(request):
            try:
                outcome = {"result": self.methods.answer(request["method"], request["params"])}
            except RpcFaultError as fault:
                outcome = {"error": {"code": fault.code, "message": fault.message}}
            return {"jsonrpc": "2.0", "id": request["id"], **outcome}

        asked = json.loads(body)
        # Answers to a batch may come in any order.
        said = [one(request) for request in reversed(asked)] if isinstance(asked, list) else one(asked)
        reply(handler, json.dumps(said).encode())


def policy_words(policy):
    return (
        policy.bundle_digest,
        policy.data_key_epoch,
        policy.data_key_commitment,
        policy.every,
        policy.delay,
        policy.start,
        policy.max_age,
        policy.threshold_num,
        policy.threshold_den,
        int(policy.ballots),
        policy.cast_window,
        policy.reveal_window,
        policy.stall,
        int(policy.fallback),
        policy.accuracy,
        policy.speed,
    )


class Recorded:
    """What a prover has collected: evidence of slot FIRST + 1 against a head that is older than the log."""

    def __init__(self, chain, make):
        self.chain = chain
        self.network = Network(CHAIN_ID, chain.contract)
        self.operators = [b"\xe0" * 20, chain.workers[3].address, b"\xe2" * 20]
        for number, operator in enumerate(self.operators):
            self._enrol(operator, number)
        sealed = make(policy=POLICY).policy
        self.workflow_id = ids.workflow_id("matching_24_7")
        chain.transact(
            0, "announce(bytes32,(" + ",".join(TYPES) + "))", self.workflow_id, *policy_words(sealed)
        )
        self.blocks = []
        self.records = [self._voting(make, FIRST + number) for number in range(5)]
        # Afterwards worker 1 gets another key: its old ballots stay those of the old key.
        chain.transact(3, "rotate(uint256,address,bytes32)", 1, NEW_KEY, b"\x77" * 32)
        chain.now += 60
        chain.ledger.mine()
        hashes = [record.leaf_hash() for record, _ in self.records]
        size, position = 4, 1
        record, evidence = self.records[position]
        self.evidence = replace(
            evidence,
            record=record,
            position=position,
            path=tuple(trees.Tree(hashes[:size]).inclusion(position)),
            head=Head(size, merkle.root_of_hashes(hashes[:size])),
            ballots=tuple(
                Ballot(worker, chain.workers[worker].address, self.operators[worker], pair)
                for worker, pair in ((0, record.pair), (1, record.pair), (2, OTHER))
            ),
        )

    def _enrol(self, operator, key):
        number = self.chain.workers[key].address
        self.chain.transact(0, "enrol(address,address,uint256,bytes32)", operator, number, 1, b"\x77" * 32)

    def _voting(self, make, number):
        """Three sealed ballots, of which two agree; the record as any observer can compute it."""
        slot = ids.Slot(EVERY, number)
        evidence = make(
            network=self.network,
            policy=POLICY,
            trigger_id=slot.trigger_id,
            manifest={"window": slot.window},
            record={"members": 0b111, "voters": 0b011, "time": 0},
        )
        record = evidence.record
        trigger = (self.workflow_id, slot.trigger_id)
        place = 1 << 32 | 1 << 16
        votes = [record.pair, record.pair, OTHER]
        for worker, pair in enumerate(votes):
            hidden = seal(
                CHAIN_ID, self.chain.contract, record.voting_id, 1, worker, pair, SALT, keccak=keccak256
            )
            function = "seal(bytes32,bytes32,uint256,bytes32)"
            self.chain.transact(worker, function, *trigger, place | worker, hidden)
        self._reveal(trigger, place, record.pair, [0, 1])
        recorded = self.chain.time
        self.blocks.append(self.chain.ledger.evm.head.header.block_number)
        self._reveal(trigger, place, OTHER, [2])
        return replace(record, time=recorded), evidence

    def _reveal(self, trigger, place, pair, workers):
        function = "reveal(bytes32,bytes32,uint256,bytes32,bytes32,uint256,bytes32[])"
        bitmap = sum(1 << worker for worker in workers)
        words = (*trigger, place, pair.input_root, pair.result_root, bitmap)
        salts = abi.words(7 * 32, len(workers), *[SALT] * len(workers))
        self.chain.transact(3, function, *words, tail=salts)


TYPES = ["bytes32", "uint256", "bytes32", *["uint256"] * 13]


@pytest.fixture(scope="module")
def recorded(make, tmp_path_factory):
    return Recorded(Chain(tmp_path_factory.mktemp("chain")), make)


@pytest.fixture(scope="module")
def url(recorded):
    server = Server(recorded.chain.answer)
    yield server.url
    server.close()


def test_a_result_is_verified_against_the_chain(recorded, url, files, capsys):
    evidence = recorded.evidence
    view = read_chain(url, evidence)
    assert view.head.size == 5
    assert view.head_then == evidence.head
    assert verify(evidence, evidence.head, view).level == 3
    contract = to_hex(evidence.network.contract)
    assert run(files(evidence), str(evidence.head), url, contract) == VERIFIED
    assert "VERIFIED, level 3" in capsys.readouterr().out


def test_a_record_is_as_deep_as_there_are_blocks_above_its_own(recorded, url):
    block = recorded.blocks[recorded.evidence.position]
    view = read_chain(url, recorded.evidence)
    assert view.depth == view.block - block
    for depth, confirmed in ((1, False), (2, True)):
        given = replace(view, confirmations=2, depth=depth)
        if confirmed:
            assert verify(recorded.evidence, None, given).level == 3
        else:
            with pytest.raises(RefusedError, match="only 1 blocks deep"):
                verify(recorded.evidence, None, given)


def test_a_dissenting_ballot_must_not_be_left_out(recorded, url, files, capsys):
    evidence = replace(recorded.evidence, ballots=recorded.evidence.ballots[:2])
    assert verify(evidence, evidence.head).level == 1
    with pytest.raises(RefusedError, match="ballot of worker 2") as refusal:
        verify(evidence, None, read_chain(url, evidence))
    assert refusal.value.field == "ballots"
    assert run(files(evidence), rpc=url) == REFUSED
    # It was revealed after the record: evidence against the head of that moment cannot have it.
    hashes = [record.leaf_hash() for record, _ in recorded.records[:2]]
    early = with_log(evidence, hashes)
    assert verify(early, None, read_chain(url, early)).level == 3
    whole = with_log(recorded.evidence, hashes)
    assert verify(whole, None, read_chain(url, whole)).level == 3


def test_the_head_may_be_the_newest(recorded, url):
    hashes = [record.leaf_hash() for record, _ in recorded.records]
    evidence = replace(
        recorded.evidence,
        path=tuple(trees.Tree(hashes).inclusion(1)),
        head=Head(5, merkle.root_of_hashes(hashes)),
    )
    assert verify(evidence, None, read_chain(url, evidence)).level == 3


def test_a_key_that_was_replaced_since_is_that_of_the_old_ballot(recorded, url):
    evidence = recorded.evidence
    first, second, third = evidence.ballots
    assert read_chain(url, evidence).members[1].key == recorded.chain.workers[1].address
    newer = replace(second, key=NEW_KEY)
    changed = replace(evidence, ballots=(first, newer, third))
    with pytest.raises(RefusedError, match=r"ballots\[1\].key"):
        verify(changed, None, read_chain(url, changed))


def test_what_the_contract_does_not_say_is_refused(recorded, url, files):
    evidence = recorded.evidence
    first, second, third = evidence.ballots
    hashes = [record.leaf_hash() for record, _ in recorded.records]
    forged = replace(evidence.record, time=evidence.record.time + 1)
    others = [hashes[0], forged.leaf_hash(), *hashes[2:4]]
    longer = [*hashes, b"\x01" * 32, b"\x02" * 32]
    for changed, field in (
        (replace(evidence, ballots=(first, second, replace(third, pair=evidence.record.pair))), "ballots[2]"),
        (
            replace(evidence, ballots=(first, second, replace(third, operator=b"\1" * 20))),
            "ballots[2].operator",
        ),
        (replace(evidence, ballots=(replace(first, key=b"\1" * 20), second, third)), "ballots[0].key"),
        (with_log(replace(evidence, record=forged), others), "record"),
        (with_log(evidence, longer), "head.size"),
        (with_log(evidence, [hashes[0], hashes[1], hashes[3]]), "head.root"),
        (replace(with_log(evidence, [hashes[1]]), position=0), "position"),
    ):
        with pytest.raises(RefusedError) as refusal:
            verify(changed, None, read_chain(url, changed))
        assert refusal.value.field == field
        assert run(files(changed), rpc=url) == REFUSED


def with_log(evidence, hashes):
    position = hashes.index(evidence.record.leaf_hash())
    return replace(
        evidence,
        path=tuple(trees.Tree(hashes).inclusion(position)),
        head=Head(len(hashes), merkle.root_of_hashes(hashes)),
    )


def test_a_voting_without_a_record_is_refused(recorded, url, make):
    slot = ids.Slot(EVERY, FIRST + 10)
    evidence = make(
        network=recorded.network,
        policy=POLICY,
        trigger_id=slot.trigger_id,
        manifest={"window": slot.window},
        record={"members": 0b111, "time": slot.due(600)},
        votes={0: True, 1: True},
    )
    with pytest.raises(RefusedError, match="has no record"):
        verify(evidence, None, read_chain(url, evidence))


def test_an_rpc_of_another_chain_and_an_address_without_contract_are_refused(recorded, url):
    evidence = recorded.evidence
    for network, field in (
        (Network(1, evidence.network.contract), "network.chain_id"),
        (Network(CHAIN_ID, b"\1" * 20), "network.contract"),
    ):
        with pytest.raises(RefusedError) as refusal:
            read_chain(url, replace(evidence, network=network))
        assert refusal.value.field == field


def bending(recorded, bend):
    """The chain's answers, of which `bend(request, answer)` changes what it likes."""

    class Caught:
        def __init__(self):
            self.wfile, self.body = self, b""

        def write(self, body):
            self.body += body

        def send_response(self, *_): ...

        def send_header(self, *_): ...

        def end_headers(self): ...

    def answer(handler, body):
        if isinstance(json.loads(body), list):
            return reply(handler, b'{"id":null,"error":{"code":-32600,"message":"no batches here"}}')
        caught = Caught()
        recorded.chain.answer(caught, body)
        request, honest = json.loads(body), json.loads(caught.body)
        return reply(handler, json.dumps(bend(request, honest) or honest).encode())

    return answer


def test_a_provider_with_short_ranges_is_asked_in_parts(recorded, serve):
    ranges = []

    def short(request, answer):
        if request["method"] == "eth_getLogs":
            asked = request["params"][0]
            ranges.append(int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) + 1)
            if ranges[-1] > 8:
                return {"id": answer["id"], "error": {"code": -32005, "message": "range too long"}}
        return None

    view = read_chain(serve(bending(recorded, short)), recorded.evidence)
    assert verify(recorded.evidence, None, view).level == 3
    assert ranges[-1] <= 8


def test_a_provider_that_refuses_every_range_is_no_verdict(recorded, serve):
    def never(request, answer):
        if request["method"] == "eth_getLogs":
            return {"id": answer["id"], "error": {"code": -32005, "message": "no"}}
        return None

    with pytest.raises(RpcError, match="refused eth_getLogs"):
        read_chain(serve(bending(recorded, never)), recorded.evidence)


def test_a_contract_that_refuses_our_questions_is_no_network(recorded, serve):
    def reverts(request, answer):
        if request["method"] == "eth_call":
            return {"id": answer["id"], "error": {"code": 3, "message": "execution reverted"}}
        return None

    def empty(request, answer):
        if request["method"] == "eth_call":
            answer["result"] = "0x"

    for bend in (reverts, empty):
        with pytest.raises(RefusedError, match="is no network"):
            read_chain(serve(bending(recorded, bend)), recorded.evidence)


def first_log(change):
    def bend(request, answer):
        if request["method"] == "eth_getLogs":
            change(answer["result"])

    return bend


@pytest.mark.parametrize(
    "change",
    [
        lambda logs: logs.pop(),
        lambda logs: logs.pop(0),
        lambda logs: logs[-1].pop("data"),
        lambda logs: logs[-1].update(data="0x"),
        lambda logs: logs[-1].update(data="nonsense"),
        lambda logs: logs[-1].update(topics=[]),
        lambda logs: logs[-1].update(topics=None),
        lambda logs: logs[-1]["topics"].__setitem__(0, "0x" + "11" * 32),
        lambda logs: logs[-1].update(address="0x" + "11" * 20),
        lambda logs: logs[-1].update(removed=True),
        lambda logs: logs[-1].update(blockNumber=None),
        lambda logs: logs[-1].update(logIndex="x"),
        lambda logs: logs.append(1),
        lambda logs: logs.append(None),
    ],
)
def test_events_that_contradict_the_contract_or_have_no_form_are_no_verdict(recorded, serve, change):
    with pytest.raises(VerifyError):
        verify(
            recorded.evidence,
            None,
            read_chain(serve(bending(recorded, first_log(change))), recorded.evidence),
        )


@pytest.mark.parametrize("result", [None, 1, "x", "0x", "0xzz", [], {}, "0x" + "1" * 65, True])
def test_results_of_another_type_are_no_verdict(recorded, serve, result):
    for method in ("eth_chainId", "eth_blockNumber", "eth_getCode", "eth_call", "eth_getLogs"):

        def bend(request, answer, method=method):
            if request["method"] == method:
                answer["result"] = result

        with pytest.raises(VerifyError):
            read_chain(serve(bending(recorded, bend)), recorded.evidence)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"1",
        b"{}",
        b'{"id":1}',
        b'{"id":2,"result":"0x1"}',
        b"[" * 500 + b"]" * 500,
        b'{"id":1,"error":"no"}',
        b'{"id":1,"error":{}}',
        b'{"id":1,"result":' + b"1" * 5000 + b"}",
    ],
)
def test_answers_that_are_none_say_so(evidence, files, serve, body, capsys):
    url = serve(lambda handler, _: reply(handler, body))
    assert run(files(evidence), str(evidence.head), url) == UNUSABLE
    said = capsys.readouterr().out
    assert "not verified" in said
    assert "token-in-the-path" not in said


def test_http_errors_redirects_and_closed_doors_say_so(evidence, files, serve, capsys):
    elsewhere = serve(lambda handler, _: reply(handler, b'{"id":1,"result":"0x12047"}'))
    for answer, said in (
        (lambda handler, _: reply(handler, b"busy", 503), "HTTP status 503"),
        (lambda handler, _: reply(handler, b'{"id":1,"error":{"message":"no key"}}', 401), "no key"),
        (lambda handler, _: reply(handler, b"", 302, Location=elsewhere), "HTTP status 302"),
        (lambda handler, _: handler.connection.close(), "cannot be asked"),
        (lambda handler, _: handler.wfile.write(b"no http\r\n\r\n"), "cannot be asked"),
    ):
        assert run(files(evidence), rpc=serve(answer)) == UNUSABLE
        assert said in capsys.readouterr().out
    assert run(files(evidence), rpc="http://127.0.0.1:1/") == UNUSABLE
    assert "cannot be asked" in capsys.readouterr().out


def test_an_endless_answer_ends_at_the_limit(serve, monkeypatch):
    monkeypatch.setattr(transport_module, "MAX_ANSWER_BYTES", 1000)
    url = serve(lambda handler, _: reply(handler, b" " * 2000))
    with pytest.raises(RpcError, match="more than 1000 bytes"):
        Transport(url).ask("eth_chainId")


def test_an_answer_that_drips_ends_at_the_deadline(serve):
    def drip(handler, _):
        reply(handler, b"")
        for _ in range(50):
            handler.wfile.write(b" ")
            time.sleep(0.05)

    began = time.monotonic()
    with pytest.raises(RpcError, match="longer than"):
        Transport(serve(drip), timeout=0.3).ask("eth_chainId")
    assert time.monotonic() - began < 2


def test_a_silent_server_ends_at_the_timeout(serve):
    with pytest.raises(RpcError, match="cannot be asked"):
        Transport(serve(lambda *_: time.sleep(1)), timeout=0.2).ask("eth_chainId")


@pytest.mark.parametrize(
    "url",
    ["", "x", "file:///etc/passwd", "ftp://host/", "http://", "http://[", "http://host:99999999/",
     "http://user:secret@host/", "http://höst/", "localhost:8545", "http://ho st/"],
)  # fmt: skip
def test_what_is_no_url_of_an_rpc_says_so(evidence, files, url, capsys):
    assert run(files(evidence), rpc=url) == UNUSABLE
    said = capsys.readouterr().out
    assert "RPC" in said or "cannot be asked" in said
    assert "secret" not in said

"""How a contract is asked over JSON-RPC: of servers that are slow, limited or none at all, on loopback."""

import contextlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from worknet.protocol.canonical import to_hex
from worknet.verify import jsonrpc
from worknet.verify.errors import RefusedError, RpcError
from worknet.verify.jsonrpc import KINDS, Contract

CHAIN_ID, BLOCK, ADDRESS = 73799, 1000, b"\xc0" * 20
TOPICS = {name: topic for topic, (name, _) in KINDS.items()}
TOKEN = "token-in-the-path"


class Server:
    """An HTTP server on a free port that answers each request's body with what `answer` makes of it."""

    def __init__(self, answer):
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):  # the name that http.server calls
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with contextlib.suppress(ConnectionError):
                    answer(self, json.loads(body))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/{TOKEN}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def serve():
    """Starts servers, and gives their URLs."""
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


class Chain:
    """Answers as a chain does whose contract has given one event, `Sealed` in block 700; tests change it."""

    def __init__(self):
        self.asked = []
        self.events = [event("Sealed", 700, [7, 1 << 32 | 3, 9])]
        self.longest = BLOCK + 1
        self.born = 0
        self.takes_batches = True
        self.changes = {}

    def answer(self, handler, body):
        if isinstance(body, list) and not self.takes_batches:
            return reply(handler, b'{"id":null,"error":{"code":-32600,"message":"no batches here"}}')
        # Answers to a batch may come in any order.
        said = [self.one(each) for each in reversed(body)] if isinstance(body, list) else self.one(body)
        return reply(handler, json.dumps(said).encode())

    def one(self, request):
        method, params = request["method"], request["params"]
        self.asked.append((method, params))
        answer = {"jsonrpc": "2.0", "id": request["id"]}
        if method in self.changes:
            return answer | self.changes[method]
        if method == "eth_getLogs":
            first, last = (int(params[0][word], 16) for word in ("fromBlock", "toBlock"))
            if last - first + 1 > self.longest:
                return answer | {"error": {"code": -32005, "message": "range too long"}}
            return answer | {
                "result": [log for log in self.events if first <= int(log["blockNumber"], 16) <= last]
            }
        results = {
            "eth_chainId": hex(CHAIN_ID),
            "eth_blockNumber": hex(BLOCK),
            "eth_getCode": self.code(*params) if method == "eth_getCode" else None,
            "eth_call": "0x" + params[0]["data"][-64:] if method == "eth_call" else None,
        }
        return answer | {"result": results[method]}

    def code(self, _, block):
        return "0x60" if int(block, 16) >= self.born else "0x"


def event(name, block, words, number=0):
    """The log of an event whose only indexed word is the first."""
    first, *others = (f"{word:064x}" for word in words)
    return {
        "address": to_hex(ADDRESS),
        "topics": [TOPICS[name], "0x" + first],
        "data": "0x" + "".join(others),
        "blockNumber": hex(block),
        "logIndex": hex(number),
    }


@pytest.fixture
def chain():
    return Chain()


@pytest.fixture
def contract(chain, serve):
    return Contract(serve(chain.answer), CHAIN_ID, ADDRESS)


def unusable(serve, answer, message):
    with pytest.raises(RpcError, match=message) as error:
        Contract(serve(answer), CHAIN_ID, ADDRESS)
    assert TOKEN not in str(error.value) + error.value.hint


# Calls


def test_many_calls_go_in_batches_and_come_back_in_their_order(contract, chain):
    answers = contract.calls("double(uint256)", *((number,) for number in range(250)))
    assert answers == [[number] for number in range(250)]
    assert {params[1] for method, params in chain.asked if method == "eth_call"} == {hex(BLOCK)}


def test_an_rpc_without_batches_is_asked_one_by_one(contract, chain):
    chain.takes_batches = False
    assert contract.calls("double(uint256)", (1,), (2,), (3,)) == [[1], [2], [3]]


def test_a_batch_that_is_answered_in_part_is_asked_one_by_one(chain, serve):
    def part(handler, body):
        if isinstance(body, list):
            return reply(handler, json.dumps([chain.one(body[0])]).encode())
        return chain.answer(handler, body)

    contract = Contract(serve(part), CHAIN_ID, ADDRESS)
    assert contract.calls("double(uint256)", (1,), (2,)) == [[1], [2]]


def test_an_rpc_that_refuses_batches_in_plain_text_is_asked_one_by_one(chain, serve):
    def no_batches(handler, body):
        if isinstance(body, list):
            return reply(handler, b"batches are not supported", 400)
        return chain.answer(handler, body)

    contract = Contract(serve(no_batches), CHAIN_ID, ADDRESS)
    assert contract.calls("double(uint256)", (1,), (2,)) == [[1], [2]]


def test_a_call_that_reverts_refuses_the_contract(contract, chain):
    chain.changes["eth_call"] = {"error": {"code": 3, "message": "execution Reverted"}}
    with pytest.raises(RefusedError) as refusal:
        contract.calls("size()", ())
    assert refusal.value.field == "network.contract"


def test_a_call_that_the_rpc_refuses_for_another_reason_is_no_verdict(contract, chain):
    chain.changes["eth_call"] = {"error": {"code": -32000, "message": "header not found"}}
    with pytest.raises(RpcError, match=r"refused eth_call.*header not found"):
        contract.calls("size()", ())


# Events


def test_events_are_read_in_words_by_name(contract):
    [sealed] = contract.events(["Sealed"], 7)
    assert sealed == {
        "name": "Sealed",
        "moment": (700, 0),
        "voting_id": 7,
        "place": 1 << 32 | 3,
        "seal": 9,
        "attempt": 1,
        "workers": {3},
    }


def test_the_seals_that_an_event_lists_are_passed_over(contract, chain):
    chain.events = [event("SealsBrought", 1, [7, 2 << 32, 0b101, 96, 2, 11, 12])]
    [brought] = contract.events(["SealsBrought"])
    assert (brought["attempt"], brought["workers"]) == (2, {0, 2})


def test_events_come_in_the_order_of_the_chain(contract, chain):
    chain.events = [event("Sealed", block, [7, 1, 9], number) for block, number in ((5, 2), (5, 1), (4, 9))]
    assert [found["moment"] for found in contract.events(["Sealed"])] == [(4, 9), (5, 1), (5, 2)]


def test_only_what_is_meant_is_asked_for(contract, chain):
    contract.events(["Cast", "Sealed"], 7)
    _, [asked] = chain.asked[-1]
    assert asked["topics"] == [[TOPICS["Cast"], TOPICS["Sealed"]], "0x" + "0" * 63 + "7"]
    assert (asked["address"], asked["fromBlock"], asked["toBlock"]) == (to_hex(ADDRESS), "0x0", hex(BLOCK))


def test_an_rpc_with_short_ranges_is_asked_in_parts_that_leave_out_no_block(contract, chain):
    chain.longest = 70
    chain.events = [event("Sealed", block, [7, 1, 9]) for block in range(0, BLOCK + 1, 5)]
    assert [found["moment"][0] for found in contract.events(["Sealed"])] == list(range(0, BLOCK + 1, 5))
    refused = len(chain.asked)
    contract.events(["Sealed"])
    assert len(chain.asked) - refused <= BLOCK // 31 + 1


def test_a_range_that_was_taken_is_kept_for_all_further_questions(contract, chain):
    chain.longest, chain.events = 70, []
    contract.events(["Sealed"])
    asked = len(chain.asked)
    contract.events(["Cast"])
    assert len(chain.asked) - asked == BLOCK // 62 + 1


def test_blocks_before_the_contract_are_not_asked_for_where_ranges_are_short(contract, chain):
    chain.longest, chain.born = 70, 900
    chain.events = [event("Sealed", block, [7, 1, 9]) for block in (900, 950)]
    assert [found["moment"][0] for found in contract.events(["Sealed"])] == [900, 950]
    firsts = [int(params[0]["fromBlock"], 16) for method, params in chain.asked if method == "eth_getLogs"]
    assert [first for first in firsts[1:] if first < 900] == []


def test_an_rpc_that_forgets_old_states_is_asked_for_all_blocks(contract, chain):
    chain.longest = 70
    chain.changes["eth_getCode"] = {"error": {"code": -32000, "message": "missing trie node"}}
    chain.events = [event("Sealed", block, [7, 1, 9]) for block in (0, 950)]
    assert [found["moment"][0] for found in contract.events(["Sealed"])] == [0, 950]


def test_an_rpc_that_refuses_every_range_is_no_verdict(contract, chain):
    chain.longest = 0
    with pytest.raises(RpcError, match="refused eth_getLogs"):
        contract.events(["Sealed"])


def test_an_answer_of_too_many_events_is_asked_for_in_parts(contract, chain, monkeypatch):
    monkeypatch.setattr(jsonrpc, "MAX_ANSWER_BYTES", 20_000)
    chain.events = [event("Sealed", block, [7, 1, 9]) for block in range(0, BLOCK, 5)]
    assert len(contract.events(["Sealed"])) == 200


@pytest.mark.parametrize(
    "change",
    [
        {"data": None},
        {"data": "0x"},
        {"data": "nonsense"},
        {"data": "0x" + "11" * 63},
        {"data": "0x" + "11" * 65},
        {"topics": []},
        {"topics": None},
        {"topics": [None]},
        {"topics": [1, 2]},
        {"topics": ["0x" + "11" * 32] * 2},
        {"topics": [TOPICS["Sealed"]]},
        {"topics": [TOPICS["Sealed"], "7"]},
        {"topics": [TOPICS["Cast"], "0x" + "0" * 63 + "7"]},
        {"topics": [TOPICS["Sealed"], "0x" + "0" * 63 + "8"]},
        {"address": "0x" + "11" * 20},
        {"address": None},
        {"removed": True},
        {"blockNumber": None},
        {"blockNumber": "latest"},
        {"blockNumber": "-0x1"},
        {"logIndex": "x"},
        {"logIndex": 1},
    ],
)
def test_an_event_of_another_form_or_one_that_was_not_asked_for_is_no_verdict(contract, chain, change):
    chain.events[0] |= change
    chain.changes["eth_getLogs"] = {"result": chain.events}
    with pytest.raises(RpcError, match=r"eth_getLogs: .*form"):
        contract.events(["Sealed"], 7)


# Answers


@pytest.mark.parametrize(
    "method", ["eth_chainId", "eth_blockNumber", "eth_getCode", "eth_call", "eth_getLogs"]
)
@pytest.mark.parametrize("result", [None, 1, "x", "0xzz", {"x": 1}, [1], [None], True, "0x" + "1" * 65])
def test_results_of_another_type_are_no_verdict(chain, serve, method, result):
    chain.changes[method] = {"result": result}
    with pytest.raises((RpcError, RefusedError)):  # noqa: PT012  # whichever asks this method
        contract = Contract(serve(chain.answer), CHAIN_ID, ADDRESS)
        contract.calls("size()", ())
        contract.events(["Sealed"])
        # What is no code at all only shows in what the contract answers.
        assert method == "eth_getCode"
        raise RpcError("")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"\xff\xfe",
        b"[]",
        b"1",
        b"null",
        b"{}",
        b'{"id":0}',
        b'{"id":1,"result":"0x1"}',
        b'{"id":[],"result":"0x1"}',
        b'[{"id":0,"result":"0x1"}]',
        b"[" * 5000 + b"]" * 5000,
        b'{"id":0,"error":{}}',
        b'{"id":0,"result":' + b"1" * 5000 + b"}",
    ],
)
def test_what_is_no_answer_says_so(serve, body):
    unusable(serve, lambda handler, _: reply(handler, body), "eth_chainId: .*form")


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_an_error_of_the_rpc_is_told_whatever_its_status(serve, status):
    body = b'{"id":null,"error":{"message":"no key"}}'
    unusable(serve, lambda handler, _: reply(handler, body, status), "refused eth_chainId: .*no key")


def test_an_http_error_is_told_by_its_status(serve):
    unusable(serve, lambda handler, _: reply(handler, b"busy", 503), "HTTP status 503")


@pytest.mark.parametrize(("status", "hint"), [(404, "JSON-RPC?"), (429, "try again"), (503, "try again")])
def test_the_url_of_an_rpc_that_is_busy_or_down_is_not_doubted(serve, status, hint):
    with pytest.raises(RpcError) as caught:
        Contract(serve(lambda handler, _: reply(handler, b"no", status)), CHAIN_ID, ADDRESS)
    assert hint in caught.value.hint


def test_a_redirect_is_not_followed(chain, serve):
    elsewhere = serve(chain.answer)
    unusable(serve, lambda handler, _: reply(handler, b"", 302, Location=elsewhere), "HTTP status 302")
    unusable(serve, lambda handler, _: reply(handler, b"", 307, Location=elsewhere), "HTTP status 307")
    assert not chain.asked


def test_what_a_server_says_steers_no_terminal_and_repeats_no_token(serve):
    said = json.dumps({"error": {"message": f"no \x1b[31m \u202e such {TOKEN}"}}).encode()
    with pytest.raises(RpcError) as error:
        Contract(serve(lambda handler, _: reply(handler, said)), CHAIN_ID, ADDRESS)
    assert "such ..." in str(error.value)
    assert str(error.value).isprintable()
    assert str(error.value).isascii()


def test_a_url_without_secrets_leaves_the_words_of_an_rpc_as_they_are(monkeypatch):
    monkeypatch.setattr(Contract, "_post", lambda *_: (200, b'{"error":{"message":"no key"}}'))
    with pytest.raises(RpcError, match="no key"):
        Contract("http://a/", CHAIN_ID, ADDRESS)


def test_connections_that_break_say_so(serve):
    unusable(serve, lambda handler, _: handler.connection.close(), "cannot be asked")
    unusable(serve, lambda handler, _: handler.wfile.write(b"no http\r\n\r\n"), "cannot be asked")


def test_a_closed_door_says_so():
    with pytest.raises(RpcError, match="cannot be asked"):
        Contract("http://127.0.0.1:1/", CHAIN_ID, ADDRESS)


def test_an_endless_answer_ends_at_the_limit(serve, monkeypatch):
    monkeypatch.setattr(jsonrpc, "MAX_ANSWER_BYTES", 1000)
    unusable(serve, lambda handler, _: reply(handler, b" " * 2000), "more than 1000 bytes")


def test_an_answer_that_drips_ends_at_the_deadline(serve, monkeypatch):
    def drip(handler, _):
        reply(handler, b"")
        for _ in range(100):
            handler.wfile.write(b" ")
            time.sleep(0.02)

    monkeypatch.setattr(jsonrpc, "TIMEOUT_SECONDS", 0.1)
    unusable(serve, drip, "longer than")


def test_a_silent_server_ends_at_the_deadline(serve, monkeypatch):
    monkeypatch.setattr(jsonrpc, "TIMEOUT_SECONDS", 0.1)
    unusable(serve, lambda *_: time.sleep(0.5), "cannot be asked")


@pytest.mark.parametrize(
    "url",
    ["", "x", "file:///etc/passwd", "ftp://host/", "http://", "http://[", "http://host:99999999/",
     "http://user:secret@host/", "http://user@host/", "http://höst/", "localhost:8545", "http://ho st/",
     "http://host/\r\n", "http:///path"],
)  # fmt: skip
def test_what_is_no_url_of_an_rpc_says_so(url):
    with pytest.raises(RpcError, match=r"URL|cannot be asked") as error:
        Contract(url, CHAIN_ID, ADDRESS)
    assert "secret" not in str(error.value)

"""Chain's nodes that tests put behind endpoints: each has its own blocks, faults and opinion of the world."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any

from worknet.chain.endpoint import Endpoint, EndpointFault
from worknet.chain.endpoints import Endpoints
from worknet.testing.clock import Clock

CHAIN_ID = 246
FIRST_TIME = 1_000_000
BLOCK_SECONDS = 5


class Node(Endpoint):
    """An endpoint with a node of blocks 0 to `head`; those above `forks_at` have hashes of the node's own.

    `fault` is raised instead of an answer, `answers` replaces those of a method, `takes` lets time pass.
    """

    def __init__(self, name: str, clock: Clock, head: int = 100) -> None:
        super().__init__(f"http://{name}.example/secret", timeout=5, clock=clock, wall=self.wall)
        self.name, self.time = name, clock
        self.number = head
        self.forks_at: int | None = None
        self.chain_id = CHAIN_ID
        self.down: EndpointFault | None = None
        self.answers: dict[str, Callable[[Sequence[Any]], Any]] = {}
        self.takes = 0.0
        self.asked: Counter[str] = Counter()
        self.sent: list[str] = []

    def wall(self) -> float:
        return FIRST_TIME + BLOCK_SECONDS * 100 + self.time.now - 100.0

    def _post(self, body: Any) -> object:
        method, params = body["method"], body["params"]
        self.asked[method] += 1
        self.time.now += self.takes
        if self.down is not None:
            raise self.down
        if method in self.answers:
            return self.answers[method](params)
        return {"result": self._result(method, params)}

    def _result(self, method: str, params: Sequence[Any]) -> Any:
        if method == "eth_chainId":
            return hex(self.chain_id)
        if method == "eth_blockNumber":
            return hex(self.number)
        if method == "eth_getBlockByNumber":
            return self.block(self.number if params[0] == "latest" else int(params[0], 16))
        if method == "eth_sendRawTransaction":
            self.sent.append(params[0])
            return "0x" + "11" * 32
        if method == "eth_getLogs":
            return []
        return f"0x{ord(self.name[0]):x}"

    def block(self, number: int) -> dict[str, str] | None:
        if number > self.number:
            return None
        return {
            "number": hex(number),
            "hash": self._hash(number),
            "parentHash": self._hash(max(number - 1, 0)),
            "timestamp": hex(FIRST_TIME + BLOCK_SECONDS * number),
        }

    def _hash(self, number: int) -> str:
        own = self.forks_at is not None and number > self.forks_at
        return "0x" + bytes([ord(self.name[0]) if own else 0]).hex() + number.to_bytes(31, "big").hex()


class Inline(Executor):
    """Runs everything at once, in the order of submission."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def refusing(text: str) -> Callable[[Sequence[Any]], Any]:
    """An answer that is a JSON-RPC error."""
    return lambda _: {"error": {"code": -32000, "message": text}}


class Crowd:
    """Several nodes called a, b, c ... behind one `Endpoints`."""

    def __init__(self, *heads: int, quorum: int = 1, retries: int = 2) -> None:
        self.clock = Clock()
        self.nodes = [Node("abcdefg"[n], self.clock, head) for n, head in enumerate(heads)]
        self.endpoints = Endpoints(
            self.nodes,
            CHAIN_ID,
            quorum=quorum,
            timeout=5,
            stale_after=300,
            retries=retries,
            pause=0.5,
            sleep=self.clock.sleep,
            clock=self.clock,
            executor=Inline(),
        )

    def head(self) -> int:
        return int(self.endpoints.request("eth_blockNumber", ()), 16)

    def read(self) -> str:
        """The name of the node that answers a plain read."""
        return chr(int(self.endpoints.request("eth_gasPrice", ()), 16))

    def faults(self) -> dict[str, str]:
        """The fault of each node that has one, by its name."""
        states = zip(self.nodes, self.endpoints.states(), strict=True)
        return {node.name: state.fault for node, state in states if state.fault}

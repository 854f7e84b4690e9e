"""Requests to a chain through one endpoint or several: patience, failover, quorums of answers.

Reads stick to one endpoint, so that one step of a worker reads one chain; another is taken when the heads are
compared (`heads`), or when the present one fails and the other has the block that the step goes by. With a
quorum, heads, blocks and logs count only as far as so many endpoints agree. Transactions go to all.
"""

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor, as_completed
from concurrent.futures import wait as wait_for
from typing import Any

import structlog

from worknet.chain import answers
from worknet.chain.answers import Header
from worknet.chain.endpoint import Endpoint, EndpointFault, EndpointState
from worknet.chain.errors import RpcRefusedError, RpcUnavailableError, WrongChainError
from worknet.chain.heads import agreed, believed, names
from worknet.chain.presets import DEVELOPMENT_CHAIN_ID

LOOK_SECONDS = 5.0
"""How often the heads of all endpoints are compared; with a quorum they are at every look at the head."""

SLOW_SECONDS = 3.0
"""How long an endpoint may take to tell its head, where there are others."""

_LONGEST_PAUSE_SECONDS = 10.0
_SLOW = f"slow: more than {SLOW_SECONDS:.0f} s for its newest block"
_SEND = "eth_sendRawTransaction"
_BLOCK = "eth_getBlockByNumber"
_LATEST = ("latest", False)
# What nodes say that have lost, or do not have yet, the state or block that is asked for.
_WITHOUT_STATE = ("missing trie node", "header not found", "unknown block", "not available", "pruned")
_ALREADY = ("already", "known")

log = structlog.get_logger()


class Endpoints:
    """One chain through its endpoints, in the order of preference; safe to use from several threads.

    `quorum`: how many must agree on heads, blocks and logs. `stale_after`: seconds after which a head that
    stands still is told. `executor` runs what goes to several at once (default: threads of its own).
    """

    def __init__(
        self,
        endpoints: Sequence[Endpoint],
        chain_id: int,
        *,
        quorum: int,
        timeout: float,
        stale_after: float,
        retries: int,
        pause: float,
        sleep: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
        executor: Executor | None = None,
    ) -> None:
        self._all = list(endpoints)
        self._chain_id = chain_id
        self._quorum = quorum
        self._timeout = timeout
        self._stale_after = stale_after
        self._retries = retries
        self._pause = pause
        self._sleep = sleep
        self._clock = clock
        self._executor = executor
        self._lock = threading.Lock()
        self._current = self._all[0]
        self._looked_at: float | None = None
        self._reached = 0
        self._has_started = False
        self._noted = ""

    @property
    def shown_url(self) -> str:
        """Server of the endpoint that is read now."""
        return self._current.shown_url

    def states(self) -> list[EndpointState]:
        """What is known of each endpoint; nothing is asked."""
        return [each.state(self._stale_after, is_read=each is self._current) for each in self._all]

    def check_chain(self) -> None:
        """Raise WrongChainError for an endpoint of another chain, by name; one that is down is passed over.

        Once this has passed, one that comes to serve another chain is left aside like one that is down.
        """
        if not self._has_started or not any(endpoint.is_checked for endpoint in self._all):
            self._repeated("eth_chainId", self._check_all)
            self._has_started = True
        self._tell_note()

    def request(self, method: str, params: Sequence[Any]) -> Any:
        """The result of one request, as JSON; RpcUnavailableError after all retries, RpcRefusedError."""
        if len(self._all) > 1:
            if method == _SEND:
                return self._repeated(method, lambda: self._hand_to_all(params))
            if method == "eth_blockNumber":
                return hex(self._repeated(method, self._look)[0].number)
            if method == _BLOCK and tuple(params) == _LATEST:
                head, answer = self._repeated(method, self._look)
                return answer or self.request(method, (hex(head.number), False))
            if self._quorum > 1 and method == _BLOCK:
                return self._repeated(method, lambda: self._agreed(method, params, _same_block))
            if self._quorum > 1 and method == "eth_getLogs":
                return self._repeated(method, lambda: self._agreed(method, params, _same_logs))
        return self._repeated(method, lambda: self._read(method, params))

    def batch(self, method: str, params: Sequence[list[Any]]) -> list[Any] | None:
        """The results of a batch, None where it is not answered whole, or each needs a quorum of its own."""
        return self._current.ask_many(method, params) if self._quorum == 1 else None

    # Asking

    def _repeated(self, method: str, ask: Callable[[], Any]) -> Any:
        """What `ask` gives, tried again after pauses that double while its faults may pass."""
        attempt = 0
        while True:
            try:
                return ask()
            except EndpointFault as fault:
                pause = max(self._pause * 2**attempt, fault.rest)
                if not fault.may_pass or attempt >= self._retries or fault.rest > _LONGEST_PAUSE_SECONDS:
                    raise RpcUnavailableError(
                        f"the RPC at {names(self._all)} gave no answer to {method}: {fault.cause}",
                        hint=fault.hint or "check the RPC URL and whether the chain is up",
                    ) from None
            self._sleep(min(pause, _LONGEST_PAUSE_SECONDS))
            attempt += 1

    def _ask(self, endpoint: Endpoint, method: str, params: Sequence[Any]) -> Any:
        """One request to one endpoint, and what that tells of its health."""
        try:
            if len(self._all) > 1:
                self._check(endpoint)
            began = self._clock()
            answer = endpoint.ask(method, params)
        except WrongChainError as error:
            fault = EndpointFault(f"it is for chain id {error.actual}", error.hint, may_pass=False)
            endpoint.failed(fault)
            raise fault from None
        except EndpointFault as fault:
            endpoint.failed(fault)
            raise
        except RpcRefusedError:
            endpoint.answered()
            raise
        if tuple(params) == _LATEST and len(self._all) > 1 and self._clock() - began > SLOW_SECONDS:
            endpoint.failed(EndpointFault(_SLOW))
        else:
            endpoint.answered()
        return answer

    def _ask_all(
        self, endpoints: Sequence[Endpoint], method: str, params: Sequence[Any], patience: float
    ) -> list[tuple[Endpoint, Any]]:
        """Each endpoint's answer, or its RpcRefusedError, in their order; without those that failed or had
        not answered after `patience` seconds."""
        futures: dict[Endpoint, Future[Any]] = {
            endpoint: self._threads().submit(self._ask, endpoint, method, params) for endpoint in endpoints
        }
        wait_for(futures.values(), timeout=patience)
        found: list[tuple[Endpoint, Any]] = []
        for endpoint, future in futures.items():
            if not future.done():
                endpoint.failed(EndpointFault(_SLOW))
                continue
            error = future.exception()
            if error is None or isinstance(error, RpcRefusedError):
                found.append((endpoint, error or future.result()))
            elif not isinstance(error, EndpointFault):
                raise error
        return found

    def _read(self, method: str, params: Sequence[Any]) -> Any:
        """The answer of the endpoint that is read now, or of the next one that can stand in for it."""
        last: EndpointFault | RpcRefusedError | None = None
        for endpoint in self._candidates():
            try:
                if endpoint is not self._current:
                    self._check_reach(endpoint)
                answer = self._ask(endpoint, method, params)
            except EndpointFault as fault:
                last = last if isinstance(last, RpcRefusedError) else fault
                continue
            except RpcRefusedError as refused:
                if len(self._all) == 1 or not _says(refused, _WITHOUT_STATE):
                    raise
                last = refused
                continue
            self._current = endpoint
            return answer
        raise last or self._resting()

    def _agreed(self, method: str, params: Sequence[Any], reading: Callable[[object], Any]) -> Any:
        """An answer that as many endpoints as the quorum give, compared by what it means."""
        groups: dict[Hashable, list[tuple[Endpoint, Any]]] = {}
        refused: RpcRefusedError | None = None
        order = sorted(self._usable(), key=lambda each: (each.doubted, each is not self._current))
        for asked in (order[: self._quorum], order[self._quorum :]):
            for endpoint, answer in self._ask_all(asked, method, params, self._timeout):
                if isinstance(answer, RpcRefusedError):
                    refused = answer
                    continue
                try:
                    groups.setdefault(reading(answer), []).append((endpoint, answer))
                except RpcUnavailableError as error:
                    endpoint.failed(EndpointFault(str(error)))
            best = max(groups.values(), key=len, default=[])
            if len(best) >= self._quorum:
                agreeing = [endpoint for endpoint, _ in best]
                for endpoint in [each for group in groups.values() for each, _ in group]:
                    if endpoint not in agreeing:
                        endpoint.doubt(f"answers {method} otherwise than {names(agreeing)}")
                return best[0][1]
        if refused is not None:
            raise refused
        told = [endpoint for group in groups.values() for endpoint, _ in group]
        if len(groups) > 1:
            for endpoint in told:
                endpoint.doubt(f"{names(told)} answer {method} differently")
            raise EndpointFault(f"{names(told)} answer differently, and the quorum is {self._quorum}")
        raise EndpointFault(f"{len(told)} answered, and the quorum is {self._quorum}")

    def _hand_to_all(self, params: Sequence[Any]) -> Any:
        """Hands a transaction to every endpoint; done with the first that takes it.

        Only that all refuse it is a refusal: one that did not answer may have taken it.
        """
        now = self._clock()
        willing = [each for each in self._all if each.asked_to_rest_until <= now]
        asked = [self._threads().submit(self._ask, endpoint, _SEND, params) for endpoint in willing]
        refused: RpcRefusedError | None = None
        fault: EndpointFault | None = None
        for future in as_completed(asked):
            error = future.exception()
            if error is None:
                return future.result()
            if isinstance(error, RpcRefusedError):
                # Of several refusals the one that says it is there already tells the most.
                refused = error if refused is None or _says(error, _ALREADY) else refused
            elif isinstance(error, EndpointFault):
                fault = error
            else:
                raise error
        if refused is not None and (fault is None or _says(refused, _ALREADY)):
            raise refused
        raise fault or self._resting()

    # Whom to ask

    def _look(self) -> tuple[Header, Any]:
        """The newest block that is believed, with its JSON if that is at hand; now and then all heads are
        compared, and who is read chosen."""
        now = self._clock()
        is_due = self._looked_at is None or now - self._looked_at >= LOOK_SECONDS
        if not is_due and self._quorum == 1 and self._current.is_well():
            answer = self._answer_of(self._current, "latest")
            if answer is not None:
                head = answers.header(answer)
                self._reached = head.number
                return head, answer
        self._looked_at = now
        told = {
            endpoint: answer
            for endpoint, answer in self._ask_all(self._usable(), _BLOCK, _LATEST, SLOW_SECONDS)
            if answer is not None and not isinstance(answer, RpcRefusedError)
        }
        heads = {endpoint: answers.header(answer) for endpoint, answer in told.items()}
        if not heads:
            raise self._resting()
        if self._quorum > 1:
            head, fitting = agreed(heads, self._quorum, self._block)
            self._take_one_of([each for each in self._all if each in fitting])
        else:
            self._take_one_of(believed(heads, self._current, self._block, self._is_stale))
            head = heads[self._current]
        self._reached = head.number
        return head, told[self._current] if head == heads[self._current] else None

    def _take_one_of(self, fitting: list[Endpoint]) -> None:
        if not fitting:
            raise EndpointFault(f"none is believed: {self._current.fault_now()}")
        if self._current not in fitting:
            self._current = fitting[0]

    def _block(self, endpoint: Endpoint, number: int | str) -> Header | None:
        """A block as one endpoint has it; None where it has none or does not answer."""
        answer = self._answer_of(endpoint, hex(number) if isinstance(number, int) else number)
        return None if answer is None else answers.header(answer)

    def _answer_of(self, endpoint: Endpoint, tag: str) -> Any:
        """The JSON of a block as one endpoint has it; None where it has none or does not answer."""
        try:
            return self._ask(endpoint, _BLOCK, (tag, False))
        except (EndpointFault, RpcRefusedError):
            return None

    def _is_stale(self, head: Header) -> bool:
        return self._current.age(head.time) > self._stale_after

    def _check_all(self) -> None:
        fault: EndpointFault | None = None
        for endpoint in self._all:
            try:
                self._check(endpoint)
            except EndpointFault as error:
                endpoint.failed(error)
                fault = error
            except WrongChainError:
                if not self._has_started:
                    raise
        if not any(endpoint.is_checked for endpoint in self._all):
            raise fault or EndpointFault(f"none is for chain id {self._chain_id}", may_pass=False)

    def _check(self, endpoint: Endpoint) -> None:
        """Raises WrongChainError if the endpoint serves another chain than the configured one; asked once per
        connection."""
        if endpoint.is_checked:
            return
        actual = answers.integer(endpoint.ask("eth_chainId", ()))
        if actual != self._chain_id:
            raise WrongChainError(self._chain_id, actual, f"the RPC at {endpoint.shown_url}")
        endpoint.is_checked = True

    def _check_reach(self, endpoint: Endpoint) -> None:
        """Raises EndpointFault for a stand-in that does not have the block that the present step goes by.

        It would leave out the events of blocks that it lacks, without a word.
        """
        head = self._block(endpoint, "latest")
        if head is None or head.number < self._reached:
            raise EndpointFault(f"{endpoint.shown_url} does not reach block {self._reached}")

    def _usable(self) -> list[Endpoint]:
        """Those that may be asked: all that do not rest; if all rest, those that have not asked for it."""
        now = self._clock()
        awake = [each for each in self._all if each.rests_until <= now]
        return awake or [each for each in self._all if each.asked_to_rest_until <= now]

    def _candidates(self) -> list[Endpoint]:
        """Whom to read from, in this order: the present one first; those in doubt if there are no others."""
        usable = self._usable()
        trusted = [each for each in usable if not each.doubted] or usable
        return sorted(trusted, key=lambda each: each is not self._current)

    def _resting(self) -> EndpointFault:
        """Why nobody could be asked, or none gave an answer."""
        now = self._clock()
        rest = max(0.0, min(each.asked_to_rest_until for each in self._all) - now)
        return EndpointFault(self._current.fault_now() or "it asks to be left alone", rest=rest)

    def _tell_note(self) -> None:
        """Logs that the chain's time is strange, and that it is no longer: once each. That of a development
        chain is whatever its user made it."""
        note = "" if self._chain_id == DEVELOPMENT_CHAIN_ID else self._current.note(self._stale_after)
        if bool(note) == bool(self._noted):
            return
        self._noted = note
        if note:
            log.warning("chain.strange_time", endpoint=self._current.shown_url, cause=note)
        else:
            log.info("chain.usual_time", endpoint=self._current.shown_url)

    def _threads(self) -> Executor:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(2 * len(self._all), "rpc")
            return self._executor


def _same_block(answer: object) -> Hashable:
    return None if answer is None else answers.header(answer)


def _same_logs(answer: object) -> Hashable:
    return tuple(answers.logs(answer))


def _says(refused: RpcRefusedError, phrases: tuple[str, ...]) -> bool:
    return any(phrase in refused.text.lower() for phrase in phrases)

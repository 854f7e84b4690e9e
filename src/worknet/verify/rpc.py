"""What a chain says about one piece of evidence, read over JSON-RPC into a `ChainView` (level 3).

All is read as of one block. The contract keeps each record's leaf hash and the log's root, the events give
the order of the records: so the head of any earlier size is made anew, after the whole was held against the
contract's own root. Judging is the business of `verdict`. Interface: `docs/reference/contract.md`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from worknet.protocol import merkle
from worknet.protocol.abi import ADDRESS_BYTES, WORD_BYTES, words
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.canonical import to_hex
from worknet.protocol.keccak import keccak256
from worknet.verify.errors import RefusedError, RpcError, require
from worknet.verify.evidence import Evidence, Head
from worknet.verify.transport import AnsweredError, Transport
from worknet.verify.verdict import ChainView, Member

_RECORDED = keccak256(b"Recorded(bytes32,uint256,uint256,bytes32,bytes32,uint256,uint256)")
_ENROLLED = keccak256(b"Enrolled(uint256,address,address,uint256,bytes32)")
_CAST = keccak256(b"Cast(bytes32,uint256,bytes32,bytes32)")
_SEALED = keccak256(b"Sealed(bytes32,uint256,bytes32)")
_REVEALED = keccak256(b"Revealed(bytes32,uint256,bytes32,bytes32,uint256)")

Moment = tuple[int, int]
"""When something happened: block, and number of the event in it."""


@dataclass(frozen=True)
class _Event:
    topics: tuple[bytes, ...]
    data: tuple[bytes, ...]
    moment: Moment


def read_chain(url: str, evidence: Evidence) -> ChainView:
    """What the chain behind the URL says about the evidence.

    `RpcError` if it cannot be asked or contradicts itself; `RefusedError` if it is another chain, or has no
    network at the contract's address.
    """
    rpc = Transport(url)
    network, record = evidence.network, evidence.record
    chain_id = rpc.quantity("eth_chainId")
    require(chain_id == network.chain_id, "network.chain_id", f"the RPC's chain is {chain_id}")
    contract = _Contract(rpc, network.contract, rpc.quantity("eth_blockNumber"))
    require(contract.exists(), "network.contract", f"there is no contract in block {contract.block}")
    leaf_hash = contract.word("record(bytes32)", record.voting_id)
    head = Head(contract.number("size()"), contract.word("root()"))
    recorded, enrolled = _history(contract)
    hashes = _log(contract, recorded, head)
    position, moment = _record(recorded, record.voting_id)
    ballots = [] if moment is None else _ballots(contract, evidence)
    due = 0 if moment is None else _block_of(evidence.head, recorded, moment)
    return ChainView(
        network=network,
        block=contract.block,
        leaf_hash=leaf_hash if any(leaf_hash) else None,
        position=position,
        depth=0 if moment is None else contract.block - moment[0],
        confirmations=contract.number("confirmations()"),
        head=head,
        head_then=_head_of(hashes, evidence.head.size),
        voters={
            pair: contract.voters(evidence, pair) for pair in {ballot.pair for ballot in evidence.ballots}
        },
        counted=_counted(ballots, due),
        members={} if moment is None else _members(contract, evidence, enrolled, ballots, moment),
    )


class _Contract:
    """The network's contract as of one block."""

    def __init__(self, rpc: Transport, address: bytes, block: int) -> None:
        self.block = block
        self._rpc = rpc
        self._address = to_hex(address)
        self._span: int | None = None
        self._born = 0

    def exists(self, block: int | None = None) -> bool:
        return bool(self._rpc.data("eth_getCode", self._address, hex(self.block if block is None else block)))

    def call(self, function: str, *arguments: int | bytes) -> bytes:
        return self.calls(function, [arguments])[0]

    def calls(self, function: str, many: Sequence[Sequence[int | bytes]]) -> list[bytes]:
        """What a function answers to each list of arguments."""
        selector = keccak256(function.encode())[:4]
        data = [to_hex(selector + words(*arguments)) for arguments in many]
        asked = [({"to": self._address, "data": call}, hex(self.block)) for call in data]
        try:
            answers = self._rpc.ask_all("eth_call", asked)
            return [self._rpc.bytes_of("eth_call", answer) for answer in answers]
        except AnsweredError as error:
            if not error.reverted:
                raise
            raise RefusedError("network.contract", f"is no network: it refuses {function}") from error

    def word(self, function: str, *arguments: int | bytes) -> bytes:
        answer = self.call(function, *arguments)
        require(len(answer) == WORD_BYTES, "network.contract", f"is no network: {function} gives no word")
        return answer

    def number(self, function: str, *arguments: int | bytes) -> int:
        return int.from_bytes(self.word(function, *arguments), "big")

    def voters(self, evidence: Evidence, pair: Pair) -> int:
        """Bitmap of those whose counted ballot in the recorded attempt is the pair."""
        record = evidence.record
        return self.number(
            "voters(bytes32,uint256,bytes32,bytes32)",
            record.voting_id,
            record.attempt,
            pair.input_root,
            pair.result_root,
        )

    def member(self, index: int) -> Member:
        """The worker of an index as it is now."""
        answer = self.call("member(uint256)", index)
        require(
            len(answer) == 3 * WORD_BYTES, "network.contract", "is no network: member(uint256) is another"
        )
        return Member(
            operator=answer[WORD_BYTES - ADDRESS_BYTES : WORD_BYTES],
            key=answer[2 * WORD_BYTES - ADDRESS_BYTES : 2 * WORD_BYTES],
        )

    def events(self, kinds: Sequence[bytes], about: bytes | None = None) -> Iterator[_Event]:
        """All events of these kinds, in their order; `about` is their first indexed word.

        Providers answer for a limited number of blocks or events: on a refusal fewer blocks are asked for.
        """
        topics: list[Any] = [[to_hex(kind) for kind in kinds]]
        topics += [] if about is None else [to_hex(about)]
        first = self._born
        span = self._span or self.block + 1
        while first <= self.block:
            last = min(first + span - 1, self.block)
            asked = {
                "address": self._address,
                "fromBlock": hex(first),
                "toBlock": hex(last),
                "topics": topics,
            }
            try:
                answer = self._rpc.ask("eth_getLogs", asked)
            except AnsweredError:
                if span == 1:
                    raise
                if self._span is None:
                    self._born = first = self._birth()
                self._span = span = span // 2
                continue
            yield from self._parsed(answer, kinds, about)
            first = last + 1

    def _birth(self) -> int:
        """The first block in which the contract exists; 0 where the RPC does not know such old states."""
        low, high = 0, self.block
        try:
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if self.exists(middle) else (middle + 1, high)
        except AnsweredError:
            return 0
        return low

    def _parsed(self, answer: Any, kinds: Sequence[bytes], about: bytes | None) -> list[_Event]:
        if not isinstance(answer, list):
            raise RpcError(f"{self._rpc.shown}, eth_getLogs: a list is due")
        events = [self._event(log) for log in answer]
        for event in events:
            if event.topics[0] not in kinds or (about is not None and event.topics[1] != about):
                raise RpcError(f"{self._rpc.shown}, eth_getLogs: an event that was not asked for")
        return sorted(events, key=lambda event: event.moment)

    def _event(self, log: Any) -> _Event:
        method = "eth_getLogs"
        try:
            topics = tuple(self._rpc.bytes_of(method, topic) for topic in log["topics"])
            data = self._rpc.bytes_of(method, log["data"])
            moment = (int(log["blockNumber"], 16), int(log["logIndex"], 16))
            ours = str(log["address"]).lower() == self._address and not log.get("removed")
            form = _FORMS[topics[0]]
        except (TypeError, LookupError, ValueError, AttributeError) as error:
            raise RpcError(f"{self._rpc.shown}, {method}: an event of another form") from error
        whole = len(data) % WORD_BYTES == 0 and all(len(topic) == WORD_BYTES for topic in topics)
        if not ours or not whole or (len(topics), len(data) // WORD_BYTES) != form:
            raise RpcError(f"{self._rpc.shown}, {method}: an event of another form")
        parts = tuple(data[at : at + WORD_BYTES] for at in range(0, len(data), WORD_BYTES))
        return _Event(topics, parts, moment)


# Per event: how many topics it has, and how many words of data.
_FORMS = {_RECORDED: (2, 6), _ENROLLED: (4, 2), _CAST: (2, 3), _SEALED: (2, 2), _REVEALED: (2, 4)}


def _history(contract: _Contract) -> tuple[list[_Event], list[_Event]]:
    """All records and all enrolments of the network."""
    events = list(contract.events([_RECORDED, _ENROLLED]))
    recorded = [event for event in events if event.topics[0] == _RECORDED]
    return recorded, [event for event in events if event.topics[0] == _ENROLLED]


def _log(contract: _Contract, recorded: Sequence[_Event], head: Head) -> list[bytes]:
    """The leaf hashes of the log, which must give the contract's own head."""
    positions = [_number(event.data[0]) for event in recorded]
    hashes: list[bytes] = []
    if positions == list(range(head.size)):
        hashes = contract.calls("record(bytes32)", [[event.topics[1]] for event in recorded])
    if len(hashes) != head.size or merkle.root_of_hashes(hashes) != head.root:
        message = "the events that the RPC gives are not those of the log that the contract has"
        raise RpcError(message, "ask an RPC that keeps all events of the contract")
    return hashes


def _head_of(hashes: Sequence[bytes], size: int) -> Head | None:
    """The head that the log had when it had `size` records."""
    return Head(size, merkle.root_of_hashes(hashes[:size])) if size <= len(hashes) else None


def _record(recorded: Sequence[_Event], voting_id: bytes) -> tuple[int | None, Moment | None]:
    """Position and moment of a voting's record."""
    for event in recorded:
        if event.topics[1] == voting_id:
            return _number(event.data[0]), event.moment
    return None, None


def _members(
    contract: _Contract,
    evidence: Evidence,
    enrolled: Sequence[_Event],
    ballots: Sequence[_Event],
    recorded: Moment,
) -> dict[int, Member]:
    """The workers of the listed ballots as they were when their ballots came.

    A ballot is accepted from the key that its index has at that moment, be it open or a seal; the newest
    enrolment before it says which. A ballot without an event of its own counts as of the record's.
    """
    came = [event for event in ballots if event.topics[0] != _REVEALED]
    moments = {_place(event).worker: event.moment for event in came}
    members = {}
    for index in (ballot.worker for ballot in evidence.ballots):
        changes = [(event.moment, _member(event)) for event in enrolled if _number(event.topics[1]) == index]
        before = [member for moment, member in changes if moment < moments.get(index, recorded)]
        if before:
            members[index] = before[-1]
        if changes and changes[-1][1] != contract.member(index):
            message = "the contract's events of enrolment do not lead to the workers that it has now"
            raise RpcError(message, "this version of the verifier knows no other way in which a key changes")
    return members


def _ballots(contract: _Contract, evidence: Evidence) -> list[_Event]:
    """All events about ballots of the recorded attempt: cast, sealed, revealed."""
    events = contract.events([_CAST, _SEALED, _REVEALED], evidence.record.voting_id)
    return [event for event in events if _place(event).attempt == evidence.record.attempt]


def _block_of(head: Head, recorded: Sequence[_Event], own: Moment) -> int:
    """The block of the head's last record: evidence against that head was made then or later."""
    last = recorded[min(head.size, len(recorded)) - 1]
    return max(own, last.moment)[0]


def _counted(ballots: Sequence[_Event], last: int) -> int:
    """Bitmap of the workers whose ballots were counted in blocks up to `last`."""
    workers = 0
    for event in ballots:
        if event.moment[0] <= last and event.topics[0] == _CAST:
            workers |= 1 << _place(event).worker
        elif event.moment[0] <= last and event.topics[0] == _REVEALED:
            workers |= _number(event.data[3])
    return workers


def _place(ballot: _Event) -> Place:
    return Place.of_word(_number(ballot.data[0]))


def _member(enrolled: _Event) -> Member:
    return Member(operator=enrolled.topics[2][-ADDRESS_BYTES:], key=enrolled.topics[3][-ADDRESS_BYTES:])


def _number(word: bytes) -> int:
    return int.from_bytes(word, "big")

"""What a chain says about one piece of evidence, read over JSON-RPC into a `ChainView` (level 3).

All is read as of one block. The contract keeps each record's leaf hash and the log's root, the events give
the order of the leaves: so the head of any earlier size is made anew, after the whole was held against the
contract's own root. Judging is the business of `verdict`.
"""

from collections.abc import Sequence

from worknet.protocol import merkle
from worknet.protocol.abi import ADDRESS_BYTES, WORD_BYTES
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.errors import ProtocolError
from worknet.protocol.words import How, moved_leaf
from worknet.verify.contract import (
    CAST,
    ENROLLED,
    MOVED,
    OPENED,
    RECORDED,
    REPORTED,
    REVEALED,
    ROTATED,
    SEALED,
    SEALS_BROUGHT,
    Contract,
    Event,
    Moment,
    number,
)
from worknet.verify.errors import RpcError, require
from worknet.verify.evidence import Evidence, Head, Network
from worknet.verify.transport import Transport
from worknet.verify.verdict import ChainView, Member, Opening, Outcome, Report


def read_chain(url: str, evidence: Evidence) -> ChainView:
    """What the chain behind the URL says about the evidence.

    `RpcError` if it cannot be asked or contradicts itself; `RefusedError` if it is another chain, or has no
    network at the contract's address.
    """
    rpc = Transport(url)
    network, record = evidence.network, evidence.record
    chain_id = rpc.quantity("eth_chainId")
    require(chain_id == network.chain_id, "network.chain_id", f"the RPC's chain is {chain_id}")
    contract = Contract(rpc, network.contract, rpc.quantity("eth_blockNumber"))
    require(contract.exists(), "network.contract", f"there is no contract in block {contract.block}")
    leaf_hash = contract.word("record(bytes32)", record.voting_id)
    head = Head(contract.number("size()"), contract.word("root()"))
    history = list(contract.events([MOVED, RECORDED, ENROLLED, ROTATED]))
    logged = [event for event in history if event.kind in (MOVED, RECORDED)]
    hashes = _log(contract, network, logged, head)
    position, recorded = _record(logged, record.voting_id)
    events = [] if recorded is None else _events(contract, evidence)
    due = 0 if recorded is None else _block_of(evidence.head, logged, recorded.moment)
    return ChainView(
        network=network,
        block=contract.block,
        leaf_hash=leaf_hash if any(leaf_hash) else None,
        position=position,
        depth=0 if recorded is None else contract.block - recorded.moment[0],
        confirmations=contract.number("confirmations()"),
        head=head,
        head_then=_head_of(hashes, evidence.head.size),
        opening=next((_opening(event) for event in events if event.kind == OPENED), None),
        report=next((_report(event) for event in events if event.kind == REPORTED), None),
        outcome=None if recorded is None else _outcome(recorded),
        voters={
            pair: _voters(contract, evidence, pair) for pair in {ballot.pair for ballot in evidence.ballots}
        },
        counted=_counted(events, due),
        members={} if recorded is None else _members(contract, evidence, history, events, recorded.moment),
    )


def _log(contract: Contract, network: Network, logged: Sequence[Event], head: Head) -> list[bytes]:
    """The leaf hashes of the log, which must give the contract's own head."""
    hashes: list[bytes] = []
    if [_position(event) for event in logged] == list(range(head.size)):
        moved = [_moved_hash(network, event) for event in logged if event.kind == MOVED]
        voting_ids = [event.topics[1] for event in logged if event.kind == RECORDED]
        hashes = moved + contract.calls("record(bytes32)", [[voting_id] for voting_id in voting_ids])
    if len(hashes) != head.size or merkle.root_of_hashes(hashes) != head.root:
        message = "the events that the RPC gives are not those of the log that the contract has"
        raise RpcError(message, "ask an RPC that keeps all events of the contract")
    return hashes


def _position(logged: Event) -> int:
    """Where the leaf of an event stands in the log; that of a move stands first."""
    return 0 if logged.kind == MOVED else logged.number(0)


def _moved_hash(network: Network, moved: Event) -> bytes:
    old = (moved.number(0), moved.address(1), moved.number(1), moved.data[2])
    return merkle.leaf_hash(moved_leaf(network.chain_id, network.contract, *old))


def _head_of(hashes: Sequence[bytes], size: int) -> Head | None:
    """The head that the log had when it had `size` leaves."""
    return Head(size, merkle.root_of_hashes(hashes[:size])) if size <= len(hashes) else None


def _record(logged: Sequence[Event], voting_id: bytes) -> tuple[int | None, Event | None]:
    """Position and event of a voting's record."""
    for event in logged:
        if event.kind == RECORDED and event.topics[1] == voting_id:
            return _position(event), event
    return None, None


def _voters(contract: Contract, evidence: Evidence, pair: Pair) -> int:
    """Bitmap of those whose counted ballot in the recorded attempt is the pair."""
    record = evidence.record
    arguments = (record.voting_id, record.attempt, pair.input_root, pair.result_root)
    return contract.number("voters(bytes32,uint256,bytes32,bytes32)", *arguments)


def _events(contract: Contract, evidence: Evidence) -> list[Event]:
    """All events about the recorded attempt: its opening, its ballots, and the report, if there is one."""
    kinds = [OPENED, CAST, SEALED, SEALS_BROUGHT, REVEALED, REPORTED]
    events = contract.events(kinds, evidence.record.voting_id)
    return [event for event in events if _attempt(event) == evidence.record.attempt]


def _attempt(event: Event) -> int:
    return event.number(1) if event.kind == OPENED else _place(event).attempt


def _opening(opened: Event) -> Opening:
    members, n, needed = (opened.number(word) for word in (3, 4, 5))
    return Opening(opened.topics[2], opened.data[0], members, n, needed)


def _report(reported: Event) -> Report:
    return Report(*(reported.number(word) for word in (1, 2, 3)))


def _outcome(recorded: Event) -> Outcome:
    """The words of a record that its event tells."""
    try:
        pair, how = Pair(recorded.data[2], recorded.data[3]), How(recorded.number(5))
    except (ProtocolError, ValueError) as error:
        raise RpcError("the event of the record is none that the contract can make") from error
    return Outcome(recorded.number(1), pair, recorded.number(4), how)


def _members(
    contract: Contract,
    evidence: Evidence,
    history: Sequence[Event],
    events: Sequence[Event],
    recorded: Moment,
) -> dict[int, Member]:
    """The workers of the listed ballots as they were when their ballots came.

    A ballot is accepted from the key that its index has at that moment; the newest enrolment or rotation
    before it says which.
    """
    changed = [event for event in history if event.kind in (ENROLLED, ROTATED)]
    moments = _moments(events)
    members = {}
    for index in (ballot.worker for ballot in evidence.ballots):
        changes = [(event.moment, _member(event)) for event in changed if number(event.topics[1]) == index]
        before = [member for moment, member in changes if moment < moments.get(index, recorded)]
        if before:
            members[index] = before[-1]
        if changes and changes[-1][1] != _member_now(contract, index):
            message = "the contract's events of its members do not lead to the workers that it has now"
            raise RpcError(message, "this version of the verifier knows no other way in which a key changes")
    return members


def _moments(events: Sequence[Event]) -> dict[int, Moment]:
    """When each worker's ballot came, open or sealed.

    A ballot of which only a report tells came with the report: one that it counts, and that was never
    opened on chain.
    """
    came: dict[int, Moment] = {}
    counted = _counted(events)
    for event in events:
        if event.kind in (CAST, SEALED):
            came[_place(event).worker] = event.moment
        elif event.kind == SEALS_BROUGHT:
            came |= dict.fromkeys(_indices(event.number(1)), event.moment)
    for event in events:
        if event.kind == REPORTED:
            came |= dict.fromkeys(_indices(event.number(2) & ~counted), event.moment)
    return came


def _block_of(head: Head, logged: Sequence[Event], own: Moment) -> int:
    """The block of the head's last leaf: evidence against that head was made then or later."""
    last = logged[min(head.size, len(logged)) - 1]
    return max(own, last.moment)[0]


def _counted(events: Sequence[Event], last: int | None = None) -> int:
    """Bitmap of the workers whose ballots were counted on chain, in blocks up to `last`."""
    workers = 0
    for event in events:
        if last is not None and event.moment[0] > last:
            continue
        if event.kind == CAST:
            workers |= 1 << _place(event).worker
        elif event.kind == REVEALED:
            workers |= event.number(3)
    return workers


def _place(ballot: Event) -> Place:
    return Place.of_word(ballot.number(0))


def _member(changed: Event) -> Member:
    return Member(operator=changed.address(2), key=changed.address(3))


def _member_now(contract: Contract, index: int) -> Member:
    """The worker of an index as the contract has it."""
    answer = contract.call("member(uint256)", index)
    is_member = len(answer) == 3 * WORD_BYTES
    require(is_member, "network.contract", "is no network: member(uint256) is another")
    return Member(
        operator=answer[WORD_BYTES - ADDRESS_BYTES : WORD_BYTES],
        key=answer[2 * WORD_BYTES - ADDRESS_BYTES : 2 * WORD_BYTES],
    )


def _indices(workers: int) -> list[int]:
    return [index for index in range(workers.bit_length()) if workers >> index & 1]

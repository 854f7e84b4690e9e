"""Whose head is believed: the heads of several endpoints compared, with or without a quorum.

Only endpoints' answers are looked at here; who is asked what, and what follows, is `endpoints`' business.
"""

from collections.abc import Callable, Mapping, Sequence

from worknet.chain.answers import Header
from worknet.chain.endpoint import Endpoint, EndpointFault

LAG = 5
"""Blocks that an endpoint may be behind the best believed head before another is read, or ahead of its peers
before it has to show their block."""

DEPTH = 12
"""How deep below the lowest head the block lies whose hash all endpoints should share."""

LINKS = 64
"""How many blocks are followed from a head down to that of a peer that is behind."""

# How far the agreement of a quorum is looked for below the head: a short fork, not a chain of its own.
_STEPS_BACK = (0, 1, 2, 4, 8, 16, 32, 64)

Block = Callable[[Endpoint, int], Header | None]
"""The block of a number as an endpoint has it, None where it has none or does not answer."""


def names(endpoints: Sequence[Endpoint]) -> str:
    """The endpoints' servers, for a message."""
    return ", ".join(dict.fromkeys(each.shown_url for each in endpoints))


def believed(
    heads: Mapping[Endpoint, Header], current: Endpoint, block: Block, is_stale: Callable[[Header], bool]
) -> list[Endpoint]:
    """The endpoints that may be read, in their order; doubts those that are found out.

    A head far ahead of its peers' is believed if its ancestors lead to the newest block of theirs; where that
    is too far, if their block is stale. Of several chains below the heads that of the most is believed; of
    two, the one being read.
    """
    for endpoint, head in heads.items():
        peers = [peer for other, peer in heads.items() if other is not endpoint]
        newest = max(peers, key=lambda peer: peer.number, default=head)
        if head.number > newest.number + LAG and not _descends(endpoint, head, newest, block, is_stale):
            endpoint.doubt(f"its head {head.number} is far ahead of its peers', and not shown to follow them")
    left = [each for each in heads if not each.doubted]
    if len({(heads[each].number, heads[each].hash) for each in left}) > 1:
        number = max(0, min(heads[each].number for each in left) - DEPTH)
        hashes = {each: _hash(block(each, number)) for each in left}
        count = [*hashes.values()].count
        most = max(hashes, key=lambda each: (count(hashes[each]), each is current))
        for each in left:
            if hashes[each] != hashes[most] and not each.fault:
                each.doubt(f"its block {number} is not that of {most.shown_url}")
        left = [each for each in left if not each.doubted]
    best = max((heads[each].number for each in left), default=0)
    return [each for each in left if heads[each].number >= best - LAG]


def agreed(heads: Mapping[Endpoint, Header], quorum: int, block: Block) -> tuple[Header, list[Endpoint]]:
    """The newest block that as many endpoints as the quorum have with the same hash, and these endpoints.

    Doubts those that have another block of that number. Raises EndpointFault where there is none.
    """
    numbers = sorted((head.number for head in heads.values()), reverse=True)
    if len(numbers) < quorum:
        raise EndpointFault(f"{len(numbers)} answered, and the quorum is {quorum}")
    candidate = numbers[quorum - 1]
    for number in [candidate - back for back in _STEPS_BACK if back <= candidate]:
        groups: dict[bytes, list[Endpoint]] = {}
        found: dict[bytes, Header] = {}
        having = [endpoint for endpoint, head in heads.items() if head.number >= number]
        for endpoint in having:
            head = heads[endpoint]
            header = head if head.number == number else block(endpoint, number)
            if header is not None:
                groups.setdefault(header.hash, []).append(endpoint)
                found[header.hash] = header
        digest = max(groups, key=lambda each: len(groups[each]), default=b"")
        agreeing = groups.get(digest, [])
        if len(agreeing) >= quorum:
            for endpoint in having:
                if endpoint not in agreeing and not endpoint.fault:
                    endpoint.doubt(f"its block {number} is not that of {names(agreeing)}")
            return found[digest], agreeing
    cause = f"no {quorum} agree on block {candidate} and those before it"
    for endpoint in heads:
        endpoint.doubt(cause)
    raise EndpointFault(f"{names(list(heads))}: {cause}")


def _descends(
    endpoint: Endpoint, head: Header, peer: Header, block: Block, is_stale: Callable[[Header], bool]
) -> bool:
    """Whether an endpoint's head has a peer's newest block below it, as far as that can be looked up."""
    if head.number - peer.number > LINKS:
        return is_stale(peer) and _hash(block(endpoint, peer.number)) == peer.hash
    child = head
    for number in range(head.number - 1, peer.number - 1, -1):
        parent = block(endpoint, number)
        if parent is None or parent.hash != child.parent:
            return False
        child = parent
    return child.hash == peer.hash


def _hash(header: Header | None) -> bytes | None:
    return None if header is None else header.hash

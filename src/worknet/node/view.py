"""The chain as a worker sees it at one moment: its head, what is confirmed, and who the worker is in it."""

from dataclasses import dataclass

import structlog

from worknet.chain.client import NetworkClient
from worknet.chain.errors import ChainError
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex

log = structlog.get_logger()


@dataclass(frozen=True)
class View:
    """The newest block that is indexed and its time, and the block as deep as the confirmations.

    `me` is this worker's index (of a key that was rotated out, its old one), None if it never had one.
    `role` is what it may do now, `enrolled_since` since when it has one without a break (0 if it has none),
    `is_paused` whether attempt 1 may not open.
    """

    head: int
    now: int
    settled: int
    settled_time: int
    me: int | None
    role: Role
    holds_key: bool
    is_paused: bool
    enrolled_since: int


def confirmed_block(client: NetworkClient, confirmations: int, head: int) -> tuple[int, int]:
    """The block that is so deep below the head, and its time. Raises ChainError."""
    settled = max(0, head - confirmations)
    header = client.rpc.header(settled)
    if header is None:
        # Without it nothing may be taken as confirmed.
        raise ChainError(f"the RPC does not have block {settled}, though it has block {head}")
    return settled, header.time


class Look:
    """Looks at the chain through the index, and tells when this worker's standing has changed."""

    def __init__(self, client: NetworkClient, index: NetworkIndex) -> None:
        self._client = client
        self._index = index
        self._confirmations = client.confirmations()
        self._key = client.signer.address if client.signer else b""
        self._standing: tuple[Role, bool] | None = None

    def __call__(self) -> View:
        """The chain at this moment; catches the index up with it. Raises ChainError."""
        head = self._index.sync()
        settled, settled_time = head.block, head.time
        if self._confirmations:
            settled, settled_time = confirmed_block(self._client, self._confirmations, head.block)
        me = self._index.index_of(self._key)
        mine = next((member for member in self._index.members() if member.index == me), None)
        holds_key = mine is not None and mine.worker == self._key
        role = mine.role if mine is not None and holds_key else Role.NONE
        if (role, holds_key) != self._standing:
            self._standing = role, holds_key
            rotated = me is not None and not holds_key
            event = "worker.not_enrolled" if role is Role.NONE else "worker.enrolled"
            log.info("worker.key_rotated" if rotated else event, worker=me, role=role.name.lower())
        is_paused = self._index.opening_paused()
        since = mine.since if mine is not None else 0
        return View(head.block, head.time, settled, settled_time, me, role, holds_key, is_paused, since)

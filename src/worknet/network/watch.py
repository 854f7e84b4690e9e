"""A network as anyone sees it who has only network.toml and the chain: its votings as they go, and its log.

Votings of workflows that network.toml does not name are nobody's business here.
"""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from worknet.chain.client import NetworkClient
from worknet.chain.index import NetworkIndex
from worknet.chain.rpc import Rpc
from worknet.config.network import NetworkConfig
from worknet.protocol import merkle
from worknet.protocol.ids import Window, workflow_id
from worknet.protocol.voting import State

_BEFORE_ALL = Window(0, 1)


@dataclass(frozen=True)
class WatchedVoting:
    """A voting from outside. `sealed` counts the seals, `ballots` those that could be read and counted.

    `has_ended`: its ballots are final, and the contract has said so.
    """

    voting_id: bytes
    window: Window | None
    state: State
    attempt: int
    sealed: int
    ballots: int
    n: int
    position: int | None
    has_ended: bool


class Watch:
    """Follows one network with an index of its own, in the file given; use it in a `with`."""

    def __init__(self, network: NetworkConfig, url: str, file: Path) -> None:
        contract, block = network.deployed()
        self._workflows = [workflow_id(name) for name in network.workflows]
        self._client = NetworkClient(Rpc(url, network.network.chain_id), contract)
        self._index = NetworkIndex(file, self._client, block)
        self._client.check()

    def votings(self) -> list[WatchedVoting]:
        """All votings of the network's workflows so far, by the time that they are about; events first."""
        now = self._index.sync().time
        found = [
            WatchedVoting(
                voting_id=entry.voting_id,
                window=entry.trigger.window,
                state=entry.voting.state,
                attempt=entry.voting.current.number,
                sealed=len(entry.voting.current.seals),
                ballots=len(entry.voting.current.ballots),
                n=entry.voting.current.n,
                position=entry.position,
                has_ended=self._index.has_ended(entry.voting_id),
            )
            for entry in self._index.votings(now=now, workflow_ids=self._workflows, limit=-1)
        ]
        return sorted(found, key=lambda voting: voting.window or _BEFORE_ALL)

    def head(self) -> tuple[int, bytes]:
        """The log's size and tree head, rebuilt from the events and held against the contract's own."""
        self._index.check_log()
        leaves = self._index.leaves()
        return len(leaves), merkle.root(leaves)

    def close(self) -> None:
        """Closes the index."""
        self._index.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

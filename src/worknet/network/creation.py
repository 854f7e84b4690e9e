"""Creates a contract once, whatever interrupts it: what is about to be sent is noted beside network.toml.

The note tells the account and its nonce, and these two the contract's address, so another run finds it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

from worknet.chain.deployment import Deployment, created_at
from worknet.chain.rpc import Rpc
from worknet.network.errors import NetworkError
from worknet.protocol.canonical import to_hex

What: TypeAlias = Literal["network", "pool"]


@dataclass(frozen=True)
class Creation:
    """What is created for which file, and who signs."""

    file: Path
    what: What
    rpc: Rpc
    creator: bytes

    @property
    def note(self) -> Path:
        """Where it is noted until `done`."""
        return self.file.with_name(f"{self.file.name}.deploying")

    def once(self, create: Callable[[], Deployment]) -> tuple[bytes, int]:
        """The contract, created unless an interrupted run did so, and a block before it.

        Raises NetworkError while that earlier creation waits for its block, or if it was another account's.
        """
        begun = self._begun()
        if begun is not None:
            return begun
        block = self.rpc.block_number()
        nonce = self.rpc.nonce(self.creator)
        self._write({**self._whose(), "what": self.what, "nonce": nonce, "block": block})
        return create().contract, block

    def done(self) -> None:
        """Removes the note: the file has the contract now."""
        self.note.unlink(missing_ok=True)

    def _begun(self) -> tuple[bytes, int] | None:
        """The contract that an interrupted run created, and a block before it; None if there is none."""
        noted = self._noted()
        if noted is None or noted["what"] != self.what:
            return None
        if {key: noted[key] for key in ("chain_id", "owner")} != self._whose():
            raise NetworkError(
                f"{self.note} tells of a deployment by {noted['owner']} on chain id {noted['chain_id']}",
                hint="finish it with that key, or remove the file",
            )
        contract = created_at(self.creator, noted["nonce"])
        if self.rpc.code(contract):
            return contract, noted["block"]
        if self.rpc.nonce(self.creator, "latest") <= noted["nonce"] < self.rpc.nonce(self.creator):
            raise NetworkError(
                "a deployment that was sent before is in no block yet",
                hint="wait for it, then run this again",
            )
        return None

    def _noted(self) -> dict[str, Any] | None:
        try:
            document = json.loads(self.note.read_text())
            noted = {key: document[key] for key in ("chain_id", "owner", "nonce", "block")}
            return {**noted, "what": document.get("what", "network")}
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise NetworkError(
                f"{self.note} is damaged", hint="remove it; then a contract is deployed"
            ) from None

    def _whose(self) -> dict[str, object]:
        return {"chain_id": self.rpc.chain_id, "owner": to_hex(self.creator)}

    def _write(self, document: dict[str, object]) -> None:
        replacement = self.note.with_name(f"{self.note.name}.new")
        replacement.write_text(json.dumps(document) + "\n")
        replacement.replace(self.note)

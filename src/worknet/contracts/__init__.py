"""The smart contract of a network: its Vyper sources, and the artifact built from them that is shipped.

This module only loads the artifact; deploying and calling are `worknet.chain`'s. `tools/build_contracts.py`
builds it.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["Artifact", "artifact"]


@dataclass(frozen=True)
class Artifact:
    """A built contract.

    `bytecode` creates it (the constructor's arguments are appended to it); `runtime_size` is the number of
    bytes of code that the chain then keeps; `compiler` names compiler, version and settings.
    """

    contract: str
    abi: list[dict[str, Any]]
    bytecode: bytes
    runtime_size: int
    compiler: dict[str, Any]


@cache
def artifact() -> Artifact:
    """The contract `WorkerNetwork`, the one contract of a network."""
    text = resources.files(__name__).joinpath("artifacts", "WorkerNetwork.json").read_text("utf-8")
    built = json.loads(text)
    return Artifact(
        contract=built["contract"],
        abi=built["abi"],
        bytecode=bytes.fromhex(built["bytecode"].removeprefix("0x")),
        runtime_size=built["runtime_size"],
        compiler=built["compiler"],
    )

"""The smart contracts: their Vyper sources, and the artifacts built from them that are shipped.

This module only loads the artifacts; deploying and calling are `worknet.chain`'s. `tools/build_contracts.py`
builds them.
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
def artifact(name: str = "WorkerNetwork") -> Artifact:
    """A contract: `WorkerNetwork`, a network's own; `Rewards`, its pool; `RowProofs`, for other contracts."""
    text = resources.files(__name__).joinpath("artifacts", f"{name}.json").read_text("utf-8")
    built = json.loads(text)
    return Artifact(
        contract=built["contract"],
        abi=built["abi"],
        bytecode=bytes.fromhex(built["bytecode"].removeprefix("0x")),
        runtime_size=built["runtime_size"],
        compiler=built["compiler"],
    )

"""Builds the contracts' artifacts from their Vyper sources, or compares the two.

`python tools/build_contracts.py` writes `src/worknet/contracts/artifacts/*.json`; with `--check` it writes
nothing and exits 1 if what is there is not what the sources and the compiler of the lock file give. Users
need no compiler: the artifacts are shipped. It deploys nothing.
"""

import json
import sys
from pathlib import Path
from typing import Any

import vyper  # type: ignore[import-untyped]  # Vyper ships no types
from vyper.cli.vyper_compile import compile_files  # type: ignore[import-untyped]  # as above

CONTRACTS = Path(__file__).resolve().parent.parent / "src" / "worknet" / "contracts"
NAMES = ("WorkerNetwork", "Rewards", "RowProofs")
ARTIFACTS = CONTRACTS / "artifacts"
SIZE_LIMIT = 24_576
"""Bytes of code that a contract may have at most (EIP-170)."""


def build(name: str) -> dict[str, Any]:
    """Compiles a contract; what it gives depends on the sources and the compiler alone."""
    source = CONTRACTS / f"{name}.vy"
    formats = ["abi", "bytecode", "bytecode_runtime", "layout", "settings_dict"]
    outputs = next(iter(compile_files([source], formats, paths=[str(CONTRACTS)]).values()))
    code = bytes.fromhex(outputs["bytecode_runtime"].removeprefix("0x"))
    return {
        "contract": name,
        "compiler": {"name": "vyper", "version": vyper.__version__, "settings": outputs["settings_dict"]},
        "runtime_size": len(code) + _size_of(outputs["layout"].get("code_layout", {})),
        "abi": outputs["abi"],
        "bytecode": outputs["bytecode"],
    }


def _size_of(layout: dict[str, Any]) -> int:
    """Bytes that the immutables of a contract and its modules take behind its code."""
    return sum(entry["length"] if "offset" in entry else _size_of(entry) for entry in layout.values())


def render(artifact: dict[str, Any]) -> str:
    """The artifact as its file holds it: one line per ABI entry, so that a diff shows a changed interface."""
    head = {key: value for key, value in artifact.items() if key != "abi"}
    entries = ",\n".join(f"    {json.dumps(entry)}" for entry in artifact["abi"])
    return json.dumps(head, indent=2).removesuffix("\n}") + f',\n  "abi": [\n{entries}\n  ]\n}}\n'


def main(arguments: list[str]) -> int:
    """Writes the artifacts, or with `--check` compares them. Returns the exit code."""
    if arguments not in ([], ["--check"]):
        print("usage: python tools/build_contracts.py [--check]", file=sys.stderr)
        return 2
    is_check = arguments == ["--check"]
    return max([_write_or_compare(name, is_check) for name in NAMES])


def _write_or_compare(name: str, is_check: bool) -> int:
    artifact, file = build(name), ARTIFACTS / f"{name}.json"
    size = artifact["runtime_size"]
    if size > SIZE_LIMIT:
        print(f"{name} has {size} bytes of code; a chain takes {SIZE_LIMIT} at most", file=sys.stderr)
        return 1
    text = render(artifact)
    if is_check and (not file.exists() or file.read_text() != text):
        print(
            f"{file.name} is not what the sources give: run `make contracts` and commit it", file=sys.stderr
        )
        return 1
    if not is_check:
        ARTIFACTS.mkdir(exist_ok=True)
        file.write_text(text)
    print(f"{file.name} {'is what the sources give' if is_check else 'written'} ({size} bytes of code)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

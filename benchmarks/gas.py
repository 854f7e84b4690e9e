"""What the contracts cost: gas of each named action, and bytes of code, in `gas.json` beside this file.

    python -m benchmarks.gas            prints the figures
    python -m benchmarks.gas --write    writes gas.json and the table of docs/reference/gas.md (`make gas`)
    python -m benchmarks.gas --check    exits 1 if one of them is not what is measured, or a limit is broken

A consensus is the whole gas of all its transactions, closing included: simple majority, every ballot for one
pair and counted, mean of votings 9 to 24 of a network. Real signed transactions on the built-in chain's EVM;
the figures do not depend on the machine. `network.py` drives the contracts.
"""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import astuple
from pathlib import Path
from typing import Any

import vyper  # type: ignore[import-untyped]  # Vyper ships no types
from benchmarks.network import CHAIN_ID, DAY, HOUR, PLACE, WORKFLOW, Network, policy, some
from vyper.cli.vyper_compile import compile_files  # type: ignore[import-untyped]  # as above

from worknet.contracts import artifact
from worknet.protocol.records import Record
from worknet.protocol.words import Ballots, Fallback, How

FILE = Path(__file__).with_name("gas.json")
PROJECT = Path(__file__).resolve().parent.parent
SOURCES = PROJECT / "src" / "worknet" / "contracts"
PAGE = PROJECT / "docs" / "reference" / "gas.md"
TABLE_BEGIN, TABLE_END = "<!-- from gas.json: make gas -->\n", "<!-- end -->\n"
CODE_LIMIT = 24_576
"""Bytes of code that a contract may have at most (EIP-170)."""
LIMITS = {
    "open.7": 375_000,
    "open.31": 1_360_000,
    "sealed.7": 560_000,
    "sealed_relayed.7": 400_000,
    "report.7": 118_000,
    "report.31": 198_000,
    "log_append": 16_000,
}
"""What a consensus may cost at most; a dearer contract does not pass the checks."""

VOTINGS = range(1, 25)
COUNTED = range(9, 25)
"""The votings of the mean: the first eight write parts of the log for the first time."""


def measure() -> dict[str, int]:
    """Gas, rounded up, or bytes of code, by the name of the action."""
    return dict(sorted([*_consensus(), *_single_actions(), *_rewards(), ("log_append", _append()), *_code()]))


def _consensus() -> Iterator[tuple[str, int]]:
    kinds: tuple[tuple[str, Ballots, int, Callable[[Network, int], list[int]]], ...] = (
        ("open.7", Ballots.OPEN, 7, Network.open),
        ("open.31", Ballots.OPEN, 31, Network.open),
        ("sealed.7", Ballots.SEALED, 7, Network.sealed),
        ("sealed_relayed.7", Ballots.SEALED, 7, Network.sealed_relayed),
        ("report.7", Ballots.SEALED, 7, Network.report),
        ("report.31", Ballots.SEALED, 31, Network.report),
    )
    for name, ballots, workers, hold in kinds:
        network = Network(ballots, workers)
        gas = {number: hold(network, number) for number in VOTINGS}
        yield name, _mean([sum(gas[number]) for number in COUNTED])
        if name == "open.7":
            yield "cast.first", _mean([gas[number][0] for number in COUNTED])
            yield "cast.further", _mean([gas[number][1] for number in COUNTED])
            yield "cast.deciding", _mean([gas[number][3] for number in COUNTED])
        if name == "sealed.7":
            yield "seal.further", _mean([gas[number][1] for number in COUNTED])
            yield "reveal.batch_of_7", _mean([gas[number][7] for number in COUNTED])
        if name == "sealed_relayed.7":
            yield "bring_seals.batch_of_7", _mean([gas[number][0] for number in COUNTED])


def _single_actions() -> Iterator[tuple[str, int]]:
    network = Network(Ballots.OPEN, 7, fallback=Fallback.PLURALITY, cast_window=60, stall=60)
    yield "enrol", network.gas_of_enrolment[-1]
    yield "announce.first", network.gas_of_policy
    later = policy(Ballots.OPEN, start=network.time + HOUR)
    yield "announce.further", network.call(network.owner, "announce", WORKFLOW, astuple(later))
    yield "rotate", network.call(network.operators[0], "rotate", 0, network.relayer.address, b"\x01" * 32)
    network.keys[0] = network.relayer
    yield "remove", network.call(network.owner, "remove", 6)
    yield "check_in", network.call(network.keys[1], "check_in", 1)

    about, leading = (WORKFLOW, network.trigger(1)), (some("a"), some("b"))
    for worker, roots in ((0, leading), (1, leading), (2, leading), (3, leading[::-1])):
        network.call(network.keys[worker], "cast", *about, PLACE | worker, *roots)
    network.time += 120
    yield "advance", network.call(network.relayer, "advance", *about, *leading)
    yield "settle", network.call(network.relayer, "settle", *about, *leading)
    network.call(network.keys[0], "cast", WORKFLOW, network.trigger(2), PLACE, *leading)
    network.time += 120
    yield "reopen", network.call(network.owner, "reopen", WORKFLOW, network.trigger(2))


def _rewards() -> Iterator[tuple[str, int]]:
    network = Network(Ballots.SEALED, 7, accuracy=10**15, speed=10**15)
    yield "fund", network.call(network.owner, "fund", on=network.pool, value=10**18)
    yield "set_rewards", network.call(network.owner, "set_rewards", 10**15, 10**15, on=network.pool)
    network.time += DAY
    period = network.time // DAY
    network.sealed_relayed(1)
    records = [_words(_record(network, 1))]
    network.time += DAY
    claims = {"claim.voting": (0, records[:1], []), "claim.period": (0, [], [period])}
    for name, claim in claims.items():
        yield name, network.call(network.relayer, "claim", *claim, on=network.pool)


def _record(network: Network, number: int) -> Record:
    """The record of a voting that the transaction just executed has decided with all ballots."""
    everyone = (1 << len(network.keys)) - 1
    terms = policy(Ballots.SEALED, accuracy=10**15, speed=10**15)
    pair = network.pair(number)
    return Record(
        chain_id=CHAIN_ID,
        contract=network.address,
        workflow_id=WORKFLOW,
        voting_id=network.voting_id(number),
        trigger_id=network.trigger(number),
        attempt=1,
        policy_hash=terms.hash(),
        input_root=pair.input_root,
        result_root=pair.result_root,
        members=everyone,
        n=len(network.keys),
        needed=terms.needed(len(network.keys)),
        voters=everyone,
        how=How.QUORUM,
        time=network.time,
    )


def _words(record: Record) -> tuple[Any, ...]:
    """The words of a record as claims take them: without chain and contract."""
    return astuple(record)[2:]


def _append() -> int:
    """Appending to the log alone, without the digest kept under the voting id: what `append` costs more than
    a function that does nothing with the same input."""
    source = Path(__file__).with_name("LogAppend.vy")
    formats = ["abi", "bytecode"]
    built = next(iter(compile_files([source], formats, paths=[str(SOURCES), str(source.parent)]).values()))
    network = Network(Ballots.OPEN, 2)
    log = network.deployed_from(built["abi"], bytes.fromhex(built["bytecode"].removeprefix("0x")))
    gas = []
    for number in VOTINGS:
        leaf = some(f"leaf{number}")
        appended = network.call(network.relayer, "append", leaf, on=log)
        gas.append(appended - network.call(network.relayer, "ignore", leaf, on=log))
    return _mean(gas[COUNTED.start - 1 :])


def _code() -> Iterator[tuple[str, int]]:
    for name in ("WorkerNetwork", "Rewards", "RowProofs"):
        yield f"code.{name}", artifact(name).runtime_size


def _mean(gas: list[int]) -> int:
    return -(-sum(gas) // len(gas))


def broken_limits(figures: dict[str, int]) -> list[str]:
    """What costs more than it may, in words."""
    limits = LIMITS | {name: CODE_LIMIT for name in figures if name.startswith("code.")}
    return [
        f"{name} is {figures[name]:,}, its limit {limit:,}"
        for name, limit in sorted(limits.items())
        if figures[name] > limit
    ]


def render(figures: dict[str, int]) -> str:
    """The file's text: a line for each action, so that a dearer contract shows in review."""
    document = {"compiler": f"vyper {vyper.__version__}", "limits": LIMITS, "gas": figures}
    return json.dumps(document, indent=2) + "\n"


def page(figures: dict[str, int], text: str) -> str:
    """The page of the documentation with these figures in its table."""
    before, begin, rest = text.partition(TABLE_BEGIN)
    _, end, after = rest.partition(TABLE_END)
    rows = [
        f"| `{name}` | {figure:,} | {f'{LIMITS[name]:,}' if name in LIMITS else ''} |\n"
        for name, figure in figures.items()
        if not name.startswith("code.")
    ]
    table = "| action | gas | limit |\n|---|---|---|\n" + "".join(rows)
    return before + begin + "\n" + table + "\n" + end + after


def main(arguments: list[str]) -> int:
    """Prints, writes or compares. Returns the exit code."""
    if arguments not in ([], ["--write"], ["--check"]):
        print("usage: python -m benchmarks.gas [--write | --check]", file=sys.stderr)
        return 2
    figures = measure()
    text = render(figures)
    documented = page(figures, PAGE.read_text())
    if arguments == ["--write"]:
        FILE.write_text(text)
        PAGE.write_text(documented)
    if arguments == ["--check"]:
        stale = [file.name for file, due in ((FILE, text), (PAGE, documented)) if file.read_text() != due]
        if stale:
            print(f"not what the contracts cost: {', '.join(stale)}; run `make gas`", file=sys.stderr)
            return 1
        print("gas.json is what the contracts cost")
    else:
        for name, figure in figures.items():
            print(f"{name:<26}{figure:>12,}")
    broken = broken_limits(figures)
    for line in broken:
        print(line, file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

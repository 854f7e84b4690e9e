"""What a worker takes: idle, at its start, and over many votings.

    .venv/bin/python -m benchmarks.worker idle [seconds]
    .venv/bin/python -m benchmarks.worker endurance [votings]

A local network of three workers on the built-in chain, whose workflow adds up a file of ten rows. Memory is
the sum of PSS over a worker's process and its runners' (`/proc/PID/smaps_rollup`), in MiB; processor time
that of the same processes. Linux only.
"""

import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from worknet.network.folder import NetworkFolder, create
from worknet.network.local import LocalNetwork
from worknet.network.planning import Wish, plan
from worknet.network.processes import Process
from worknet.protocol.times import parse_time
from worknet.workflow import runtime

EVERY = 3600
START = parse_time("2026-01-01T00:00:00Z")
TICKS = os.sysconf("SC_CLK_TCK")
WARM_UP_SECONDS = 20.0
CODE = f"""
import polars as pl
from worknet.workflow import Column, Context, Dataset, Every, Result, Table, workflow

COLUMNS = [Column("id", "str"), Column("wh", "int")]

@workflow(name="added", trigger=Every({EVERY}), datasets=[Dataset("meters", COLUMNS, ["id"])],
          tables=[Table("out", COLUMNS, ["id"])])
def run(context: Context, meters: pl.DataFrame) -> Result:
    return Result({{"out": meters}}, {{"total": int(meters["wh"].sum())}})
"""


@dataclass(frozen=True)
class Usage:
    """What a process tree has taken: memory now in MiB, processor time so far in seconds."""

    memory: float
    seconds: float
    processes: int


def network_folder(folder: Path, slots: int) -> NetworkFolder:
    """A new local network of which so many slots are due when its chain begins."""
    bundle = folder / "added"
    bundle.mkdir()
    (bundle / "workflow.py").write_text(CODE)
    (bundle / "runtime.json").write_bytes(runtime.lock())
    (folder / "meters.csv").write_text("id,wh\n" + "".join(f"m{n},{n}\n" for n in range(10)))
    wish = Wish(
        workflow=bundle,
        datasets={"meters": str(folder / "meters.csv")},
        workers=3,
        ballots="sealed",
        chain_kind="builtin",
        start=START,
        until=START + slots * EVERY,
        allow_unisolated=True,
    )
    return create(folder / "network", plan(wish))


def usage(pid: int) -> Usage:
    """What the process and its descendants take."""
    pids = _tree(pid)
    memory = seconds = 0.0
    for each in pids:
        try:
            lines = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
            fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # a runner that has just ended
        memory += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
        # Of a process that ended, its parent's count of its children's time speaks.
        seconds += sum(int(fields[place]) for place in (11, 12, 13, 14)) / TICKS
    return Usage(memory, seconds, len(pids))


def idle(seconds: float) -> None:
    """An idle worker: memory, and the share of a core that it takes; and how long it takes to be ready."""
    with tempfile.TemporaryDirectory() as place:
        folder = network_folder(Path(place), 1)
        with LocalNetwork(folder) as network:
            network.start(lambda _: None)
            name, worker = next(iter(network.workers.items()))
            time.sleep(WARM_UP_SECONDS)
            before, begun = usage(worker.child.pid), time.monotonic()
            time.sleep(seconds)
            after, took = usage(worker.child.pid), time.monotonic() - begun
            print(f"memory {after.memory:.0f} MiB (PSS) in {after.processes} processes")
            share = 100 * (after.seconds - before.seconds) / took
            print(f"processor {share:.2f} % of one core over {took:.0f} s")
            _stop(worker)
            starts = [_start(network, folder, name) for _ in range(3)]
            print(f"start to ready {', '.join(f'{start:.2f}' for start in starts)} s")


def endurance(votings: int) -> None:
    """Many votings in one run: memory of each worker over time, and its slope.

    The first worker isolates its runs as ever; the two others run the workflow in their own process, for a
    machine of two cores would else be busy with starting runs.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = network_folder(Path(place), votings)
        samples: dict[str, list[tuple[int, float]]] = {}
        begun = time.monotonic()
        with LocalNetwork(folder) as network:
            network.start(lambda _: None)
            first, *others = network.workers
            for name in others:
                _stop(network.workers[name])
                command = ["-m", "benchmarks.worker", "inline", str(folder.node_file(name))]
                log = folder.node(name) / "node.log"
                network.workers[name] = network._processes.start(name, command, log)
            done = 0
            while done < votings:
                time.sleep(5)
                done = _recorded(folder, first)
                for name, worker in network.workers.items():
                    samples.setdefault(name, []).append((done, usage(worker.child.pid).memory))
                if done % 50 < 5:
                    print(f"{done} votings after {time.monotonic() - begun:.0f} s", file=sys.stderr)
        took = time.monotonic() - begun
        print(f"{votings} votings of 3 workers in {took:.0f} s")
        for name, points in samples.items():
            # The first tenth is warming up: caches fill, allocators grow.
            steady = [point for point in points if point[0] >= votings / 10]
            slope, start = statistics.linear_regression(*zip(*steady, strict=True))
            print(
                f"{name}: {start + slope * votings / 10:.0f} MiB after {votings // 10}, "
                f"{start + slope * votings:.0f} MiB after {votings}: {1024 * slope:+.2f} KiB per voting; "
                f"by tenths {', '.join(_tenths(points, votings))} MiB"
            )


def _tenths(points: list[tuple[int, float]], votings: int) -> list[str]:
    """The mean memory in each tenth of the run, to see whether it levels off."""
    found: dict[int, list[float]] = {}
    for done, memory in points:
        found.setdefault(min(9, 10 * done // votings), []).append(memory)
    return [f"{statistics.mean(found[tenth]):.0f}" for tenth in sorted(found)]


def _start(network: LocalNetwork, folder: NetworkFolder, name: str) -> float:
    """Seconds from starting a worker's process until its log says that it is ready."""
    log = folder.node(name) / "node.log"
    known, begun = _ready(log), time.monotonic()
    network.start_worker(name)
    while _ready(log) == known:
        time.sleep(0.01)
    took = time.monotonic() - begun
    _stop(network.workers[name])
    return took


def _stop(worker: Process) -> None:
    worker.child.terminate()
    worker.child.wait()


def _ready(log: Path) -> int:
    return log.read_text().count('"worker.ready"')


def _recorded(folder: NetworkFolder, name: str) -> int:
    events = (json.loads(line)["event"] for line in (folder.node(name) / "node.log").open())
    return sum(event == "voting.recorded" for event in events)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [each for child in task.read_text().split() for each in _tree(int(child))]
        except OSError:
            continue
    return found


def _run_inline(arguments: list[str]) -> None:
    from tests.chaos import inline

    from worknet.cli import main

    inline.install()
    main.run(["node", "run", *arguments])


if __name__ == "__main__":
    if sys.argv[1] == "inline":
        _run_inline(sys.argv[2:])
    what, number = sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.0
    {"idle": lambda: idle(number or 60.0), "endurance": lambda: endurance(int(number or 1000))}[what]()

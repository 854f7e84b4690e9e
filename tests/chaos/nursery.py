"""Starts workers quickly: `python -m tests.chaos.nursery` imports all of worknet once and forks.

Each line that it reads is a JSON object: `config`, `log`, and for a worker that is to die `point` and
`marker`. With `installed` the worker is the command as it is, with runs in processes of their own. It answers
with the process id, and with `{"ended": pid, "status": code}` when one has ended.
"""

import json
import os
import select
import sys
from pathlib import Path
from typing import Any

# What a worker imports in the course of its life is here before the first is born.
import polars  # noqa: F401 - see above
from tests.chaos import inline
from tests.chaos.crash import Point, arm

import worknet.chain.signers
import worknet.cli.node
import worknet.node.setup  # noqa: F401 - see above
from worknet.cli.main import run
from worknet.node import worker as worker_module

POLL_SECONDS = 0.1
"""How often a worker here looks at the chain, whose blocks are a quarter of a second apart."""


def serve() -> None:
    """Starts what is asked for until its input ends."""
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.02)
        if ready:
            line = sys.stdin.readline()
            if not line:
                return
            _say({"started": _start(json.loads(line))})
        _tell_ended()


def _start(order: dict[str, Any]) -> int:
    child = os.fork()
    if child:
        return child
    status = 0
    try:
        os.setsid()
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        arguments = ["node", "run", order["config"], "--parent", str(os.getppid())]
        if "installed" in order:
            os.execv(sys.executable, [sys.executable, "-m", "worknet", *arguments])
        inline.install()
        worker_module.POLL_SECONDS = POLL_SECONDS
        if "point" in order:
            arm(Point.parse(order["point"]), Path(order["marker"]))
        sys.argv = ["worknet", *arguments]
        run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 0
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        status = 70
    os._exit(status)


def _tell_ended() -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        _say({"ended": pid, "status": os.waitstatus_to_exitcode(status)})


def _say(answer: dict[str, int]) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    serve()

"""`python -m worknet.verify FILE`: the verifier for those who have nothing else installed."""

import argparse
import sys
from pathlib import Path

from worknet.verify.command import run

_EXIT_CODES = (
    "exit codes: 0 verified, and at which level; 1 refused, and why; 2 the command line, the file's name or "
    "the RPC cannot be used; 3 sound in itself, but nothing was given to hold it against"
)

# What shells report for a process that ended by Ctrl-C.
_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Parses the arguments (default: those of the process) and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m worknet.verify",
        description="Checks an evidence file without trusting the party that hands it over.",
        epilog=_EXIT_CODES,
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the evidence file")
    parser.add_argument("--head", metavar="SIZE:ROOT", help="a tree head of the result log that you trust")
    parser.add_argument("--rpc", metavar="URL", help="a JSON-RPC of the network's chain that you trust")
    parser.add_argument("--contract", metavar="ADDRESS", help="the contract of the network that you mean")
    parser.add_argument("--json", action="store_true", dest="as_json", help="print one JSON object")
    given = parser.parse_args(arguments)
    try:
        return run(given.file, given.head, given.rpc, given.contract, given.as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())

"""What `worknet node run` sets right in its process before the worker begins."""

import subprocess
import sys

NESTED = """
import json, sys, threading
import worknet.cli.node as node
from worknet.config import ConfigError

raised = sys.getrecursionlimit()
try:
    node.run_node(node.Path("nowhere/node.toml"))
except ConfigError:
    pass

def decode():
    try:
        json.loads("[" * 200_000)
    except RecursionError:
        print(raised > 10_000, "an error")

decode()
thread = threading.Thread(target=decode)
thread.start()
thread.join()
"""


def test_what_is_nested_without_end_does_not_crash_a_worker() -> None:
    ended = subprocess.run([sys.executable, "-c", NESTED], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (0, "True an error\n" * 2), ended.stderr

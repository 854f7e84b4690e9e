"""Each fault with all that it takes, from a fresh network to the audit: for tests and the table of faults.

A trial that cannot be had on this machine raises pytest's `Skipped`, which says why.
"""

import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.chaos.network import ChaosNetwork
from tests.chaos.outside import Outside
from tests.chaos.postgres import OwnPostgres
from tests.chaos.scenarios import (
    VICTIM,
    Result,
    broker_cut,
    chain_killed,
    journal_away,
    journal_moved,
    killed_at,
    killed_at_random,
    points,
    points_outside,
)
from tests.proxy import TcpProxy
from tests.services import host_and_port, service

from worknet.chain.keyfiles import write_secret
from worknet.node.journal.postgresql import PostgresqlSchema

Trial = Callable[[Path], Result]
Change = Callable[[ChaosNetwork], None]

SEED = 1


def _each_step(path: Path) -> Result:
    with _network(path) as network:
        return killed_at(network, points(times=(1, 2)))


def _each_step_of_arrivals(path: Path) -> Result:
    outside = Outside(service("nats"), _unique())
    with _network(path, outside.add_to) as network, _publishing(outside, network):
        return killed_at(
            network, points_outside(), outside.stop, "worker killed while it journals what arrives"
        )


def _random_moments(path: Path) -> Result:
    with _network(path) as network:
        return killed_at_random(network, SEED, 20)


def _installed(path: Path) -> Result:
    fault = "`worknet node run` with isolated runs killed at a random moment"
    with _network(path, as_installed=True) as network:
        return killed_at_random(network, SEED, 20, 6.0, fault)


def _chain(path: Path) -> Result:
    with _network(path) as network:
        return chain_killed(network, 2)


def _broker(path: Path) -> Result:
    url = service("nats")
    with TcpProxy(*host_and_port(url)) as proxy:
        # What was under way at a cut comes again after half a minute, which is two of the chain's.
        outside = Outside(url, _unique(), f"nats://127.0.0.1:{proxy.port}", keep=1000)
        with _network(path, outside.add_to) as network, _publishing(outside, network):
            return broker_cut(network, proxy, 2, outside.stop)


def _server_killed(path: Path) -> Result:
    with _server() as server, _network(path, _journal_at(server.url)) as network:
        fault = "PostgreSQL with a worker's journal killed and started again"
        return journal_away(network, fault, server.kill, server.start, 2, _journals(server))


def _server_cut(path: Path) -> Result:
    with _server() as server, TcpProxy("127.0.0.1", server.port) as proxy:
        url = server.url.replace(str(server.port), str(proxy.port))
        with _network(path, _journal_at(url)) as network:
            fault = "connection to PostgreSQL with a worker's journal cut"
            return journal_away(network, fault, proxy.cut, proxy.heal, 3, _journals(server))


def _full_disk(path: Path) -> Result:
    disk = path / "chaos" / "net" / "nodes" / VICTIM / "data"

    def small_disk(_: ChaosNetwork) -> None:
        disk.mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(disk)]
        if (
            shutil.which("mount") is None
            or subprocess.run(mount, capture_output=True, check=False).returncode
        ):
            pytest.skip("this user may not mount a small disk")

    def fill() -> None:
        with pytest.raises(OSError, match="No space"):
            (disk / "ballast").write_bytes(bytes(32 << 20))

    with _network(path, small_disk) as network:
        try:
            return journal_away(network, "disk of a worker full", fill, (disk / "ballast").unlink, 2, {})
        finally:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _moved(path: Path) -> Result:
    with _network(path) as network:
        return journal_moved(network, 2)


TRIALS: Mapping[str, Trial] = {
    "each step": _each_step,
    "each step of what arrives": _each_step_of_arrivals,
    "random moments": _random_moments,
    "random moments of the installed command": _installed,
    "chain killed": _chain,
    "broker cut": _broker,
    "journal's server killed": _server_killed,
    "journal's server cut off": _server_cut,
    "disk full": _full_disk,
    "journal moved away": _moved,
}
"""All of them, by what is done."""


@contextmanager
def _network(
    path: Path, change: Change = lambda _: None, *, as_installed: bool = False
) -> Iterator[ChaosNetwork]:
    network = ChaosNetwork(path / "chaos", change, as_installed=as_installed)
    try:
        yield network
    finally:
        network.close()


@contextmanager
def _publishing(outside: Outside, network: ChaosNetwork) -> Iterator[None]:
    outside.start(network)
    try:
        yield
    finally:
        outside.close()


@contextmanager
def _server() -> Iterator[OwnPostgres]:
    server = OwnPostgres()
    try:
        yield server
    finally:
        server.close()


def _journal_at(url: str) -> Change:
    """Has the victim keep its journal at this address."""

    def change(network: ChaosNetwork) -> None:
        write_secret(network.folder.node(VICTIM) / "journal-url", url)
        network.configure(VICTIM, '[journal]\nurl = { file = "journal-url" }')

    return change


def _journals(server: OwnPostgres) -> dict[str, PostgresqlSchema]:
    return {VICTIM: PostgresqlSchema(server.url, f"worknet_{VICTIM}")}


def _unique() -> str:
    return f"t{uuid.uuid4().hex[:12]}"

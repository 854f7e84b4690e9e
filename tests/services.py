"""The servers that integration tests talk to: their addresses, and what happens where one is missing.

Each fixture is the address of a server on its standard local port, or of the one that
`WORKNET_TEST_<NAME>_URL` names. A server that is not there skips the test and is named; where
`WORKNET_REQUIRE_SERVICES=1` is set it fails the test.

Tests share these servers with one another and run side by side: what a test makes there has a `unique` name
and is removed by the test. Who needs to kill a server starts one, and puts a `tests.proxy.TcpProxy` before
one that is only to be cut off.
"""

import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

ADDRESSES = {
    "postgres": "postgresql+pg8000://postgres@127.0.0.1:5432/test",
    "mariadb": "mysql+pymysql://root@127.0.0.1:3306/test",
    "redis": "redis://127.0.0.1:6379/0",
    "rabbitmq": "amqp://guest:guest@127.0.0.1:5672/",
    "mqtt": "mqtt://127.0.0.1:1883",
    "nats": "nats://127.0.0.1:4222",
}


def service(name: str) -> str:
    """The address of the server of that name in ADDRESSES; skips or fails the test if it does not answer."""
    url = os.environ.get(f"WORKNET_TEST_{name.upper()}_URL", ADDRESSES[name])
    host, port = host_and_port(url)
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        message = f"no {name} on {host}:{port}"
        if os.environ.get("WORKNET_REQUIRE_SERVICES") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return url


def host_and_port(url: str) -> tuple[str, int]:
    """The host and port that an address names."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def free_port() -> int:
    """A port on loopback that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def own_certificate(folder: Path) -> tuple[Path, Path]:
    """The files of a certificate for 127.0.0.1 that only itself vouches for, and of its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "server.pem", folder / "server-key.pem"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


class OwnServer:
    """A server process that a test starts itself, to kill it. `command` makes it listen on `port`."""

    def __init__(self, command: Sequence[str], port: int) -> None:
        self._command, self._port = command, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert self._process.poll() is None, "the server has ended"
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the server does not listen")

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """Kill it at once (SIGKILL)."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def unique() -> str:
    """A name that no other test uses: lower-case letters and digits."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def postgres_url() -> str:
    """A PostgreSQL with a database `test`, as SQLAlchemy's URL."""
    return service("postgres")


@pytest.fixture
def mariadb_url() -> str:
    """A MariaDB with a database `test`, as SQLAlchemy's URL."""
    return service("mariadb")


@pytest.fixture
def redis_url() -> str:
    """A Redis."""
    return service("redis")


@pytest.fixture
def rabbitmq_url() -> str:
    """A RabbitMQ."""
    return service("rabbitmq")


@pytest.fixture
def mqtt_url() -> str:
    """A Mosquitto that lets anybody in."""
    return service("mqtt")


@pytest.fixture
def nats_url() -> str:
    """A NATS server with JetStream."""
    return service("nats")

"""A PostgreSQL server of a test's own, which it may kill."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from tests.services import free_port

USER = "postgres"
_START_SECONDS = 30.0


class OwnPostgres:
    """A server in a folder of its own; it must not run as root, so root runs it as `postgres`."""

    def __init__(self) -> None:
        self._bin = _binaries()
        self._folder = Path(tempfile.mkdtemp(prefix="worknet-postgres-"))
        self.port = free_port()
        if os.getuid() == 0:
            owner = pwd.getpwnam(USER)
            os.chown(self._folder, owner.pw_uid, owner.pw_gid)
        data = str(self._folder / "data")
        self._run("initdb", "--pgdata", data, "--auth=trust", f"--username={USER}", "--no-sync")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Its address, as SQLAlchemy's URL."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Starts it, or lets it go on with what is on its disk."""
        options = [
            "-p",
            str(self.port),
            "-h",
            "127.0.0.1",
            "-k",
            str(self._folder),
            "-c",
            "shared_buffers=16MB",
        ]
        self._process = subprocess.Popen(
            [*self._as_user(), str(self._bin / "postgres"), "-D", str(self._folder / "data"), *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        ready = [str(self._bin / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        deadline = time.monotonic() + _START_SECONDS
        try:
            while subprocess.run(ready, check=False).returncode:
                assert time.monotonic() < deadline, "the test's own PostgreSQL does not start"
                time.sleep(0.1)
        except BaseException:
            self.close()
            raise

    def kill(self) -> None:
        """Ends it as a power cut would: what is not on its disk is lost."""
        if self._process is not None:
            # Its children notice by themselves, and end without writing anything.
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """Ends it and removes its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user(), str(self._bin / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd=self._folder)

    def _as_user(self) -> list[str]:
        if os.getuid():
            return []
        return ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]


def _binaries() -> Path:
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not folders or not (folders[-1] / "initdb").exists():
        message = "no PostgreSQL server is installed"
        if os.environ.get("WORKNET_REQUIRE_SERVICES") == "1":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    return folders[-1]

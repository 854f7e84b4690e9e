"""What a run's code does beside computing: calls of clocks, chance, machine, network; files that are opened.

In a run's process only. The interpreter tells of every call (`sys.setprofile`) and of every file, socket and
program (`sys.addaudithook`, PEP 578), whatever name the code had for it. The act is put down to the bundle's
line that led to it; what a library does of itself, as Polars looking at the clock, is nobody's.
"""

import sys
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from worknet.workflow.determinism import names
from worknet.workflow.determinism.findings import Kind
from worknet.workflow.determinism.watch import Watch, full_name

_LIBRARY: Final = str(Path(threading.__file__).parent)
_OURS: Final = str(Path(__file__).parent)
_OF_ITSELF: Final = frozenset(
    {
        "logging", "importlib", "zipimport", "warnings", "traceback", "linecache", "inspect", "_strptime",
        "tokenize", "zoneinfo", "typing", "encodings", "site", "runpy", "codecs", "gzip", "ast", "dis",
    }
)  # fmt: skip
"""Modules of the standard library that look at clock, files or locale for their own purposes."""
_PATHS: Final = ("source", "path", "filename", "self")
"""What functions call the file that they are given."""
_DEPTH: Final = 60
_EVENTS: Final[dict[str, Kind]] = {
    "socket.": Kind.NETWORK,
    "urllib.": Kind.NETWORK,
    "http.": Kind.NETWORK,
    "ftplib.": Kind.NETWORK,
    "smtplib.": Kind.NETWORK,
    "subprocess.": Kind.PROCESS,
    "os.system": Kind.PROCESS,
    "os.exec": Kind.PROCESS,
    "os.fork": Kind.PROCESS,
    "os.posix_spawn": Kind.PROCESS,
    "os.kill": Kind.PROCESS,
    "ctypes.dlopen": Kind.PROCESS,
    "os.putenv": Kind.ENVIRONMENT,
    "_thread.start_new_thread": Kind.THREAD,
    "_thread.start_joinable_thread": Kind.THREAD,
}
_PATH_EVENTS: Final = frozenset({"open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir"})
_LOOKS_AT: Final = frozenset(
    {
        "genericpath.exists", "genericpath.isfile", "genericpath.isdir", "genericpath.getsize",
        "genericpath.getmtime", "pathlib.Path.stat", "pathlib.Path.exists", "pathlib.Path.is_file",
        "pathlib.Path.is_dir",
    }
)  # fmt: skip


class Acts:
    """Watches one thread after the other, from `start` to `stop`."""

    def __init__(self, watch: Watch, bundle: Path) -> None:
        self._watch, self._bundle = watch, bundle
        self._prefix = f"{bundle}/"
        self._on = False
        sys.addaudithook(self._audit)

    def start(self) -> None:
        """From now on."""
        self._on = True
        threading.setprofile(self._profile)
        sys.setprofile(self._profile)

    def stop(self) -> None:
        """No longer."""
        sys.setprofile(None)
        threading.setprofile(None)
        self._on = False

    def _profile(self, frame: FrameType, event: str, argument: Any) -> None:
        if not self._on:
            return
        if event == "c_call":
            name = full_name(argument)
            if name is None or name == "builtins.hash" or name in names.UNLESS_GIVEN:
                return
            kind = names.kind_of(name)
            if kind is Kind.IDENTITY and not frame.f_code.co_filename.startswith((self._prefix, "<", _OURS)):
                return  # the library copies and caches by addresses, and no result shows them
            if kind is not None and not self._is_seeded(getattr(argument, "__self__", None), kind):
                self._put_down(frame, kind, f"calls {name}")
        elif event == "call":
            self._called(frame)

    def _called(self, frame: FrameType) -> None:
        """A function that is written in Python."""
        code, caller = frame.f_code, frame.f_back
        if caller is None or code.co_filename.startswith((self._prefix, _OURS)):
            return
        name, kind = _known(code, str(frame.f_globals.get("__name__", "")))
        if name == "random.Random.__init__":
            if frame.f_locals.get("x") is None and type(frame.f_locals.get("self")).__name__ == "Random":
                self._put_down(caller, Kind.RANDOM, "makes a random.Random without a seed")
        elif kind is not None:
            if kind is not Kind.IDENTITY and not self._is_seeded(frame.f_locals.get("self"), kind):
                self._put_down(caller, kind, f"calls {name}")
        elif name in _LOOKS_AT or (
            name.startswith("polars.io") and code.co_name.startswith(("read_", "scan_"))
        ):
            given = frame.f_locals
            path = next((given[name] for name in _PATHS if name in given), None)
            self._at_path(caller, path, f"calls {code.co_name}()", through_polars=True)

    def _is_seeded(self, owner: object, kind: Kind) -> bool:
        """Whether numbers are drawn from a generator of the workflow's own, which was made with a seed."""
        if kind is not Kind.RANDOM or owner is None:
            return False
        random = sys.modules.get("random")
        return random is not None and type(owner) is random.Random and owner is not random._inst

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._on:
            return
        if event in _PATH_EVENTS:
            self._at_path(sys._getframe(1), arguments[0] if arguments else None, f"{event} of a file")
            return
        for start, kind in _EVENTS.items():
            if event.startswith(start):
                self._put_down(sys._getframe(1), kind, f"{event}")
                return

    def _at_path(self, frame: FrameType, path: object, what: str, *, through_polars: bool = False) -> None:
        """A file that is looked at; the bundle's own may be."""
        if isinstance(path, bytes):
            path = path.decode(errors="replace")
        if path is None and what.startswith("os."):
            path = "."
        if not isinstance(path, str | Path) or str(path) == "/dev/null":
            return
        on, self._on = self._on, False  # what finds the path out is no act of the workflow
        try:
            inside = Path(path).resolve().is_relative_to(self._bundle)
        except (OSError, RuntimeError, ValueError):
            inside = False
        finally:
            self._on = on
        if not inside:
            self._put_down(frame, Kind.FILES, f"{what} outside the bundle", through_polars=through_polars)

    def _put_down(
        self, frame: FrameType | None, kind: Kind, what: str, *, through_polars: bool = False
    ) -> None:
        """Notes the act at the bundle's line that led to it, if one did."""
        at = led_by(frame, self._prefix, through_polars=through_polars)
        if at is not None:
            file, line = at
            self._watch.add(file, line, 1, kind, what)


@cache
def _known(code: CodeType, module: str) -> tuple[str, Kind | None]:
    """The full name of a function that is written in Python, and what it is."""
    name = f"{module}.{code.co_qualname}".replace("posixpath.", "os.path.")
    return name, None if name in names.UNLESS_GIVEN else names.kind_of(name)


def _is_act(code: CodeType, scope: Mapping[str, Any]) -> bool:
    """Whether a function of the library is itself noted: what it does within is the same act."""
    return _known(code, str(scope.get("__name__", "")))[1] is not None


def led_by(frame: FrameType | None, prefix: str, *, through_polars: bool = False) -> tuple[str, int] | None:
    """File and line of the bundle that led to this frame, through the standard library at most (and Polars,
    if the act is one that Polars was asked for); None where something else acts of itself."""
    for _ in range(_DEPTH):
        if frame is None:
            return None
        file = frame.f_code.co_filename
        if file.startswith(prefix):
            return file[len(prefix) :], frame.f_lineno
        module = str(frame.f_globals.get("__name__", "")).split(".", 1)[0]
        is_polars = module == "polars"
        is_library = file.startswith(_LIBRARY) and "-packages" not in file
        if module in _OF_ITSELF or _is_act(frame.f_code, frame.f_globals):
            return None
        if frame.f_code.co_name == "<module>" and not file.startswith("<"):
            return None  # a module of the library, as it is loaded
        if not (file.startswith(("<", _OURS)) or is_library or (is_polars and through_polars)):
            return None
        frame = frame.f_back
    return None

"""A workflow run in this process, behind the runner's interface: fast, and open to a debugger.

What the workflow gives back is checked as the runner checks it. Nothing else of the runner's isolation is
here: it is for a desk, and for simulations, never for a worker.
"""

import importlib
import sys
import tempfile
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any, Self

import polars as pl

from worknet.protocol.ids import Window
from worknet.protocol.tables import Schema
from worknet.workflow.child import declared_in, description, perform
from worknet.workflow.declare import Workflow
from worknet.workflow.folder import Bundle
from worknet.workflow.process import Limits
from worknet.workflow.runner import Outcome, Runner, run_job, summary_of
from worknet.workflow.wire import Answer

_ENTRY_MODULE = "workflow"
_MOST_STDERR = 64 << 10


class InlineRunner(Runner):
    """Runs one bundle in this process, one run at a time; its limits and `within` cut nothing off."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.limits = Limits()
        self.watched = []
        self._loaded = _loaded(bundle)

    def run(
        self, datasets: Mapping[str, pl.DataFrame], window: Window | None, within: float | None = None
    ) -> Outcome:
        """One run on datasets that are validated, as sources and desks give them; raises as the runner."""
        job = run_job(self.bundle, window)
        answer, tables, stderr = self._answer(job, datasets, {})
        return Outcome(tables, summary_of(answer, stderr), stderr)

    def keep_waiting(self, processes: int) -> None:
        """There are none."""

    def close(self) -> None:
        """Nothing is under way."""

    def __enter__(self) -> Self:
        return self

    def _answer(
        self,
        job: Mapping[str, Any],
        frames: Mapping[str, pl.DataFrame],
        schemas: Mapping[str, Schema],
        within: float | None = None,
    ) -> tuple[Answer, dict[str, pl.DataFrame], str]:
        printed = StringIO()
        with redirect_stdout(printed), redirect_stderr(printed), self._loaded.at_hand():
            try:
                answer, tables = perform(self._loaded.workflow(), job, frames)
            except Exception as error:  # noqa: BLE001 - whatever an author's code raises is told as the runner does
                traceback.print_exc()
                answer, tables = description(error), {}
        stderr = printed.getvalue()[-_MOST_STDERR:]
        if answer.error:
            raise self._refusal(answer, schemas, stderr)
        return answer, tables, stderr


class _Loaded:
    """The modules of one bundle, which are only known to Python while it runs."""

    def __init__(self, bundle: Bundle) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="worknet-inline-")
        self._root = Path(self._folder.name).resolve() / "bundle"
        for path, content in bundle.files.items():
            file = self._root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        self._names = {path.partition("/")[0].removesuffix(".py") for path in bundle.files}
        self._modules: dict[str, ModuleType] = {}
        self._workflow: Workflow | None = None

    def workflow(self) -> Workflow:
        """The one workflow of the bundle; to be asked for while it is at hand."""
        if self._workflow is None:
            self._workflow = declared_in(importlib.import_module(_ENTRY_MODULE))
        return self._workflow

    @contextmanager
    def at_hand(self) -> Iterator[None]:
        """Inside, the bundle's modules can be imported, and hide others of their names."""
        hidden = {name: sys.modules.pop(name) for name in self._names if name in sys.modules}
        before = set(sys.modules)
        sys.modules.update(self._modules)
        sys.path.insert(0, str(self._root))
        try:
            yield
        finally:
            sys.path.remove(str(self._root))
            for name in sys.modules.keys() - before:
                if self._is_own(sys.modules[name]):
                    self._modules[name] = sys.modules.pop(name)
            sys.modules.update(hidden)

    def _is_own(self, module: ModuleType) -> bool:
        file = getattr(module, "__file__", None)
        return isinstance(file, str) and file.startswith(f"{self._root}/")


_LOADED: dict[bytes, _Loaded] = {}


def _loaded(bundle: Bundle) -> _Loaded:
    """Each bundle is loaded once in a process."""
    if bundle.digest not in _LOADED:
        _LOADED[bundle.digest] = _Loaded(bundle)
    return _LOADED[bundle.digest]

"""A new workflow folder: a small workflow, its parameters, sample data and tests, from a template.

A template is a workflow folder that runs as it stands; what is replaced are its name and its trigger.
"""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from worknet.protocol.canonical import check_name
from worknet.protocol.errors import ProtocolError
from worknet.workflow import Every, WorkflowError, runtime
from worknet.workflow.errors import FolderError
from worknet.workflow.folder import RUNTIME

TEMPLATE_NAME = "new_workflow"
_TEMPLATE_TRIGGER = "Every(3600, delay=60)"


def new_folder(folder: Path, name: str, trigger: Every | None) -> tuple[str, ...]:
    """Makes the folder of a workflow called `name`, and locks its runtime; gives the paths of its files.

    Without a trigger in time it votes on events, messages of a broker. Raises `FolderError` if there is
    something in the folder already, or if it cannot be written, and `WorkflowError` for a name that no
    workflow may have.
    """
    try:
        check_name(name, "workflow")
    except ProtocolError as error:
        raise WorkflowError(f"{name!r} is no name of a workflow", error.hint) from None
    template = files("worknet.testing") / "templates" / ("interval" if trigger else "event")
    contents = {path: _filled(content, name, trigger) for path, content in _files(template, "")}
    contents[RUNTIME] = runtime.lock()
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise FolderError(f"{folder}: there is something already", "name a folder that is not there yet")
        for path, content in contents.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise FolderError(f"{error.filename or folder}: cannot be written: {reason}") from None
    return tuple(sorted(contents))


def _filled(content: bytes, name: str, trigger: Every | None) -> bytes:
    text = content.decode().replace(TEMPLATE_NAME, name)
    if trigger:
        text = text.replace(_TEMPLATE_TRIGGER, f"Every({trigger.seconds}, delay={trigger.delay})")
    return text.encode()


def _files(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_file():
            yield prefix + entry.name, entry.read_bytes()
        elif entry.name != "__pycache__":
            yield from _files(entry, f"{prefix}{entry.name}/")

"""The process in which a bundle runs: `python -m worknet.workflow.child MEMORY_BYTES PARENT_PID`.

It isolates itself, imports Polars, says that it is ready, waits for one job on its input, does it, answers
and ends. Only `Runner` starts it. What the workflow prints goes to stderr.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import IO, Any

from worknet.workflow import isolation

BUNDLE_FOLDER = "bundle"
_MOST_MESSAGE = 64 << 10


def main() -> None:
    """One life of a runner's process."""
    memory, parent = int(sys.argv[1]), int(sys.argv[2])
    network = isolation.isolate()
    isolation.die_with(parent)
    if not network:
        isolation.go_below()
    isolation.limit_memory(memory)
    jobs, answers = _own_pipes()

    import polars  # noqa: F401 - imported ahead, while no job is waiting

    import worknet.tables  # noqa: F401 - likewise
    from worknet.workflow import wire

    wire.send_answer(answers, wire.Answer(network=network), {})
    try:
        head, frames = wire.receive(jobs)
    except wire.WireError:
        return  # the parent needs this process no longer
    threading.Thread(target=_end_with_input, args=(jobs,), daemon=True).start()
    isolation.limit_cpu(head["cpu_seconds"])
    frames, told = _surrounded(head, frames)
    try:
        answer, tables = perform(_load(), head, frames)
        sys.stdout.flush()
    except MemoryError:
        answer, tables = wire.Answer(error="memory"), {}
    except BaseException as error:  # noqa: BLE001 - Polars panics are no Exceptions, and SystemExit is none
        traceback.print_exc()
        answer, tables = description(error), {}
    answer.watched = told()
    wire.send_answer(answers, answer, tables)
    # Not even a thread or exit handler of the workflow gets to run after the answer.
    os._exit(0)


def _own_pipes() -> tuple[IO[bytes], IO[bytes]]:
    """The pipes to the parent, moved where the workflow's input and output do not reach them."""
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)
    os.close(null)
    return jobs, answers


def _surrounded(head: dict[str, Any], frames: dict[str, Any]) -> tuple[dict[str, Any], Callable[[], Any]]:
    """Takes other surroundings, as a desk's check wants them: the datasets there, and what tells what was
    seen. A node never asks for any."""
    if "surroundings" not in head:
        return frames, lambda: None
    from worknet.workflow.determinism import surround

    surroundings, told = surround.take(head, Path(BUNDLE_FOLDER).resolve())
    return surround.in_pieces(frames, surroundings.pieces), told


def _end_with_input(jobs: IO[bytes]) -> None:
    jobs.read(1)
    os._exit(1)


def perform(loaded: Any, head: Mapping[str, Any], frames: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The answer of a loaded workflow to a job, and the tables that go with it. Raises whatever it raises."""
    from worknet.workflow.wire import Answer

    match head["job"]:
        case "declare":
            return Answer(declaration=loaded.declaration.document()), {}
        case "handle":
            return _handle(loaded, head), {}
        case _:
            return _run(loaded, head, frames)


def _handle(loaded: Any, head: Mapping[str, Any]) -> Any:
    """The answer to a handler's job: what it decides on the evidence."""
    from worknet.protocol.canonical import encode
    from worknet.workflow.declare import Context
    from worknet.workflow.evidence import Evidence
    from worknet.workflow.handlers import actions_document, checked_actions
    from worknet.workflow.wire import Answer

    evidence = Evidence.of_document(head["evidence"])
    context = Context(evidence.window, head["parameters"])
    actions = checked_actions(loaded.handlers[evidence.when](context, evidence))
    return Answer(actions=encode(actions_document(actions)).decode())


def _run(loaded: Any, head: Mapping[str, Any], frames: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The answer to a run's job, and its tables."""
    from worknet.protocol.canonical import encode
    from worknet.workflow.declare import Context, Result
    from worknet.workflow.errors import WorkflowError
    from worknet.workflow.triggers import Window
    from worknet.workflow.wire import Answer

    window = head["window"] and Window(head["window"]["start"], head["window"]["end"])
    context = Context(window, head["parameters"])
    result = loaded(context, **frames)
    if not isinstance(result, Result):
        raise WorkflowError(f"the workflow returned a {type(result).__name__}", "return Result(tables=...)")
    tables = _tables(loaded.declaration, result.tables)
    _refuse_floats(result.summary, "")
    return Answer(summary=encode(dict(result.summary)).decode()), tables


def _load() -> Any:
    """The bundle's workflow, loaded from the folder that the parent wrote."""
    import importlib

    sys.path.insert(0, str(Path(BUNDLE_FOLDER).resolve()))
    return declared_in(importlib.import_module("workflow"))


def declared_in(module: ModuleType) -> Any:
    """The one workflow that `workflow.py` declares; `DeclarationError` if that is none, or more than one."""
    from worknet.workflow.declare import Workflow
    from worknet.workflow.errors import DeclarationError

    found = {id(value): value for value in vars(module).values() if isinstance(value, Workflow)}
    if len(found) != 1:
        hint = "a folder has one workflow: put each into a folder of its own"
        raise DeclarationError(f"workflow.py declares {len(found)} workflows", hint)
    return next(iter(found.values()))


def _tables(declaration: Any, given: Any) -> dict[str, Any]:
    """The tables as the parent can take them: exactly those declared, of their schemas' types."""
    import polars as pl

    from worknet.tables import DataError, frame_of_rows, validate

    declared = {table.name: table.schema for table in declaration.tables}
    for name in sorted(given.keys() ^ declared.keys()):
        hint = f"the workflow's tables are {', '.join(declared)}"
        problem = "not declared" if name in given else "missing"
        raise DataError(f"the table is {problem}", table=name, hint=hint)
    tables = {}
    for name, schema in declared.items():
        rows = given[name]
        if isinstance(rows, pl.LazyFrame):
            rows = rows.collect()
        frame = rows if isinstance(rows, pl.DataFrame) else frame_of_rows(name, schema, rows)
        tables[name] = validate(name, schema, frame)
        _refuse_long_texts(name, tables[name])
    return tables


def _refuse_long_texts(table: str, frame: Any) -> None:
    import polars as pl

    from worknet.tables import DataError
    from worknet.workflow.wire import MOST_TEXT

    for values in frame.select(pl.col(pl.String)).get_columns():
        if (values.str.len_bytes().max() or 0) > MOST_TEXT:
            raise DataError(f"a value of more than {MOST_TEXT >> 20} MiB", table=table, column=values.name)


def _refuse_floats(value: Any, where: str) -> None:
    from worknet.tables import FloatError

    if isinstance(value, float):
        raise FloatError("a floating point number", table="summary", column=where)
    if isinstance(value, dict):
        for key, element in value.items():
            _refuse_floats(element, f"{where}.{key}" if where else str(key))
    if isinstance(value, list | tuple):
        for position, element in enumerate(value):
            _refuse_floats(element, f"{where}[{position}]")


def description(error: BaseException) -> Any:
    """What the parent is told of an error: an author's message, and of others the type and the place."""
    from worknet.protocol.errors import ProtocolError
    from worknet.tables import DataError, FloatError
    from worknet.workflow.errors import ActionError, WorkflowError
    from worknet.workflow.wire import Answer

    if isinstance(error, ActionError):
        return Answer(error="actions", message=_sendable(error), hint=_sendable(error.hint))
    if isinstance(error, DataError):
        return Answer(
            error="float" if isinstance(error, FloatError) else "table",
            message=_sendable(error),
            hint=_sendable(error.hint),
            table=_sendable(error.table),
            row=error.row,
            column=_sendable(error.column),
        )
    if isinstance(error, WorkflowError):
        return Answer(error="workflow", message=_sendable(error), hint=_sendable(error.hint))
    if isinstance(error, ProtocolError):
        message = _sendable(f"the summary has no canonical form: {error}")
        return Answer(error="workflow", message=message, hint=_sendable(error.hint))
    places = [
        f"{Path(frame.filename).name}, line {frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if f"{os.sep}{BUNDLE_FOLDER}{os.sep}" in frame.filename
    ]
    place_text = f" ({places[-1]})" if places else ""
    return Answer(
        error="raised", message=_sendable(f"the workflow raised {type(error).__name__}{place_text}")
    )


def _sendable(text: object) -> str:
    return str(text)[:_MOST_MESSAGE].encode(errors="replace").decode()


if __name__ == "__main__":
    main()

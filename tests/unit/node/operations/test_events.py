"""The list of events is that of the code: what is told anywhere stands in it, with its level and fields."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import worknet
from worknet.node.operations.events import EVENTS, VOTING

SOURCES = Path(worknet.__file__).parent
LEVELS = {"debug", "info", "warning", "error"}


@dataclass(frozen=True)
class Telling:
    """A call of the log in the code: the names that the event may have, and the fields written out."""

    place: str
    levels: frozenset[str]
    names: frozenset[str]
    fields: frozenset[str]


def texts(node: ast.AST) -> frozenset[str]:
    return frozenset(
        each.value
        for each in ast.walk(node)
        if isinstance(each, ast.Constant) and isinstance(each.value, str)
    )


def names_of(expression: ast.expr, module: ast.Module) -> frozenset[str]:
    """The texts that an event's name may be: written there, or assigned to the names that stand there."""
    if isinstance(expression, ast.Constant):
        return texts(expression)
    used = {each.id for each in ast.walk(expression) if isinstance(each, ast.Name)}
    given = isinstance(expression, ast.Name) and _given(expression.id, expression, module)
    if given:
        return given
    if isinstance(expression, ast.IfExp):
        written = texts(expression.body) | texts(expression.orelse)
    else:
        written = frozenset()
    for each in ast.walk(module):
        targets = each.targets if isinstance(each, ast.Assign) else []
        if any(isinstance(target, ast.Name) and target.id in used for target in targets):
            assert isinstance(each, ast.Assign)
            written |= {text for text in texts(each.value) if "." in text}
    return written


def _given(name: str, inside: ast.expr, module: ast.Module) -> frozenset[str]:
    """The texts with which a function of the module is called whose parameter this is."""
    found: frozenset[str] = frozenset()
    for function in ast.walk(module):
        if not isinstance(function, ast.FunctionDef) or inside not in ast.walk(function):
            continue
        places = [each.arg for each in function.args.args if each.arg != "self"]
        if name in places:
            for call in ast.walk(module):
                if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == function.name:
                    found |= texts(call.args[places.index(name)])
    return found


def tellings() -> Iterator[Telling]:
    for file in sorted(SOURCES.rglob("*.py")):
        module = ast.parse(file.read_text())
        spoken = {"log", *_aliases(module)}
        for call in ast.walk(module):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            by_attribute = isinstance(call.func, ast.Attribute) and _is_log(call.func.value)
            if by_attribute and call.func.attr in LEVELS:  # type: ignore[attr-defined]  # told by by_attribute
                levels = frozenset({call.func.attr})  # type: ignore[attr-defined]  # the same
            elif isinstance(call.func, ast.Name) and call.func.id in spoken - {"log"}:
                levels = _aliases(module)[call.func.id]
            else:
                continue
            names = names_of(call.args[0], module)
            fields = frozenset(word.arg for word in call.keywords if word.arg)
            yield Telling(f"{file.relative_to(SOURCES)}:{call.lineno}", levels, names, fields)


def _is_log(value: ast.expr) -> bool:
    return (isinstance(value, ast.Name) and value.id == "log") or (
        isinstance(value, ast.Attribute) and value.attr in {"log", "_log"}
    )


def _aliases(module: ast.Module) -> dict[str, frozenset[str]]:
    """Names that stand for `log.info` and the like: `told = log.warning if ... else log.info`."""
    found = {}
    for each in ast.walk(module):
        if isinstance(each, ast.Assign) and isinstance(each.targets[0], ast.Name):
            levels = frozenset(
                part.attr
                for part in ast.walk(each.value)
                if isinstance(part, ast.Attribute) and _is_log(part.value) and part.attr in LEVELS
            )
            if levels and not isinstance(each.value, ast.Call):
                found[each.targets[0].id] = levels
    return found


TOLD = list(tellings())


def test_every_event_that_is_told_stands_in_the_list() -> None:
    assert [each.place for each in TOLD if not each.names] == [], "write the name where it is told"
    assert {name: each.place for each in TOLD for name in each.names if name not in EVENTS} == {}


def test_every_event_of_the_list_is_told_somewhere() -> None:
    assert sorted(EVENTS.keys() - {name for each in TOLD for name in each.names}) == []


def test_events_are_told_at_the_levels_of_the_list() -> None:
    others = {
        (each.place, name, *sorted(each.levels - set(EVENTS[name].levels)))
        for each in TOLD
        for name in each.names & EVENTS.keys()
        if each.levels - set(EVENTS[name].levels)
    }
    assert others == set()


def test_events_are_told_with_fields_of_the_list_alone() -> None:
    others = {
        (each.place, name, *sorted(each.fields - set(EVENTS[name].fields)))
        for each in TOLD
        for name in each.names & EVENTS.keys()
        if each.fields - set(EVENTS[name].fields)
    }
    assert others == set()


def test_an_event_that_names_a_voting_may_name_its_slot_or_its_trigger() -> None:
    for told in EVENTS.values():
        assert not ({"slot", "voting"} <= set(told.fields)) or set(VOTING) <= set(told.fields)

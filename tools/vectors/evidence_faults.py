"""Files that are no evidence files: one thing of their form is wrong, in the document or in its text.

The checksum of every corrupted document is right, so that it is the form that refuses it.
"""

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from itertools import count
from typing import Any, NamedTuple

from tools.vectors.evidence_forms import forms
from tools.vectors.form import Json
from tools.vectors.voted import OWNER_ROWS, OWNERS, SCORE_ROWS, SCORES, Voted, text_of

from worknet.protocol.canonical import encode

Path = tuple[str | int, ...]
"""The way from the document to a value in it."""


class Corrupted(NamedTuple):
    """A file that must be refused: for its form (`EvidenceError`) or by a rule (`RefusedError`), at `field`.

    `head` is the one that is trusted: that of the sound file.
    """

    name: str
    file: str | bytes
    error: str
    field: str
    head: str


SMALL = Voted(contents={("table", "scores"): (SCORES, SCORE_ROWS)})
"""The smallest voting of which a row can be shown."""

OWNED = Voted(contents={("table", "owners"): (OWNERS, OWNER_ROWS[:1])})
"""The same of a table with field disclosure."""

SHOWN: Path = ("disclosure", "shown")

# Members that hold the data's keys and not the form's, and those that may be null.
_FREE = {"parameters", "summary", "values", "tables"}
_NULLABLE = {"manifest", "disclosure", "schema", "window", "field_keys"}


def malformed() -> Iterator[Corrupted]:
    """Documents with one value missing, too many, of another type or in another form; then texts."""
    turns: Callable[[], int] = count().__next__
    voting = SMALL.document(manifest=False)
    for part in ("network", "record", "position", "path", "head", "ballots", "policy"):
        yield from _part(voting, (part,), turns)
    yield from _object(voting, (), turns)
    for part in ("format", "protocol"):
        yield from _another(voting, (part,), turns)
    yield from _part(SMALL.document(), ("manifest",), turns)
    shown = SMALL.row("table", "scores", 2)
    yield from _part(SMALL.document(shown, manifest=False), ("disclosure",), turns)
    row = SMALL.document(shown)
    yield from _part(row, ("disclosure", "schema"), turns)
    fields, whole = (OWNED.fields("table", "owners", 0, ("owner",)), OWNED.whole("table", "owners"))
    for name, shown in (("fields", fields), ("whole table", whole)):
        document = OWNED.document(shown, manifest=False)
        for key in shown["shown"]:
            for case in _part(document, (*SHOWN, key), turns):
                yield case._replace(name=f"{case.name} ({name})", head=OWNED.head)
        for case in _object(document, SHOWN, turns):
            yield case._replace(name=f"{case.name} ({name})", head=OWNED.head)
    yield from _edges()
    yield from _shown_otherwise()
    yield from texts(text_of(row))


def place_of(path: Path) -> str:
    """The path as errors write it."""
    return "$" + "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)


def abridged(value: Json) -> str:
    """A value as the name of a case has it."""
    text = json.dumps(value)
    return text if len(text) <= 64 else f"{text[:36]}...{text[-16:]}"


def value_at(document: Json, path: Path) -> Json:
    """The value at a place."""
    for key in path:
        document = document[key]
    return document


def changed(document: dict[str, Json], path: Path, value: Json) -> dict[str, Json]:
    """A copy of the document with another value at one place."""
    copy = deepcopy(document)
    value_at(copy, path[:-1])[path[-1]] = value
    return copy


def _part(document: dict[str, Json], path: Path, turns: Callable[[], int]) -> Iterator[Corrupted]:
    """Every value below a place, of lists the first: another type or form, and of objects other members."""
    value = value_at(document, path)
    if path[-1] == "value" or value is None:
        return
    yield from _another(document, path, turns)
    if path[-1] in _FREE or path[-2:-1] == ("rows",):
        return
    if isinstance(value, dict):
        yield from _object(document, path, turns)
        for key in value:
            yield from _part(document, (*path, key), turns)
    if isinstance(value, list) and value:
        yield from _part(document, (*path, 0), turns)


def _object(document: dict[str, Json], path: Path, turns: Callable[[], int]) -> Iterator[Corrupted]:
    """An object with a member too few or too many."""
    members = value_at(document, path) if path else document
    for key in members:
        if path == SHOWN and key == "values":
            continue  # Without it, it is an object of another kind: see `_shown_otherwise`.
        without = deepcopy(document)
        del value_at(without, path)[key]
        yield _refused(f"{place_of((*path, key))} is missing", without, path)
    name = ("more", "", "Salt", "\U0001f50c")[turns() % 4]
    extended = deepcopy(document)
    value_at(extended, path)[name] = None
    yield _refused(f"{place_of(path)} has a member more", extended, path)


def _another(document: dict[str, Json], path: Path, turns: Callable[[], int]) -> Iterator[Corrupted]:
    wrong = _wrong(path, value_at(document, path))
    options = [option for option in wrong if option is not None or path[-1] not in _NULLABLE]
    option = options[turns() % len(options)]
    yield _refused(f"{place_of(path)} is {abridged(option)}", changed(document, path, option), path)


def _wrong(path: Path, value: Json) -> list[Any]:
    """Values of another type, and of the same type in another form."""
    if isinstance(value, dict):
        return [[], "", 1, None, False]
    if isinstance(value, list):
        return [None, {}, "", 0]
    if isinstance(value, bool):
        return [None, 0, "false", []]
    if isinstance(value, int):
        return ["7", True, -1, None, [7], {}, "", False]
    if value.startswith("0x"):
        upper = "0x" + value[2:].upper() if value[2:].upper() != value[2:] else "0X" + value[2:]
        return [
            value[:-2],
            upper,
            value[2:],
            value + "00",
            None,
            value[:-1],
            "0x",
            value[:-1] + "g",
            1,
            "",
            [value],
            value + "\n",
            " " + value,
        ]
    if path[-1] in {"accuracy", "speed"}:
        return ["", "01", "-1", "1.0", "1e3", "0x1", str(2**256), 0, None, "+1", " 1", "\uff11"]
    if path[-1] in {"start", "end", "type"}:
        return [None, 7, [], {}]
    if path[-1] == "format":
        return ["worknet/manifest", "worknet/evidence ", 1, None]
    # Names and choices.
    return [value.upper(), "", 7, value + " ", None, "a-b", value + "\n", [value], "z" * 64]


def _refused(name: str, document: dict[str, Json], path: Path) -> Corrupted:
    return Corrupted(name, text_of(document), "EvidenceError", place_of(path), SMALL.head)


def _edges() -> Iterator[Corrupted]:
    """Values of the right type that the form does not admit."""
    voting, manifest = SMALL.document(manifest=False), SMALL.document()
    row = SMALL.document(SMALL.row("table", "scores", 2))
    first = "0x" + "11" * 32
    tables: Path = ("manifest", "document", "tables")
    kind: Path = ("disclosure", "schema", "columns", 1, "type")
    entry = {"rows": 3, "schema": first}
    edges: list[tuple[dict[str, Json], Path, Json, Path]] = [
        (voting, ("protocol",), 2, ("protocol",)),
        (voting, ("path", 0), first[:-2], ("path", 0)),
        (manifest, ("manifest", "document", "protocol"), 2, ("manifest", "document", "protocol")),
        (manifest, ("manifest", "document", "parents"), [first, 7], ("manifest", "document", "parents", 1)),
        (manifest, ("manifest", "document", "parents"), [first[:-2]], ("manifest", "document", "parents", 0)),
        (manifest, (*tables, "Scores"), entry, tables),
        (manifest, (*tables, ""), entry, tables),
        (manifest, (*tables, "scores", "rows"), -1, (*tables, "scores", "rows")),
        (manifest, (*tables, "scores", "rows"), True, (*tables, "scores", "rows")),
        (manifest, (*tables, "scores", "schema"), first[:-2], (*tables, "scores", "schema")),
        (manifest, (*tables, "scores", "more"), 1, (*tables, "scores")),
        (manifest, (*tables, "scores"), {"rows": 3}, (*tables, "scores")),
        (manifest, (*tables, "scores"), None, (*tables, "scores")),
        (row, (*SHOWN, "values"), {"Consumer": "c2", "wh": 2000}, (*SHOWN, "values")),
        (row, (*SHOWN, "values"), {"": "c2", "wh": 2000}, (*SHOWN, "values")),
        (row, (*SHOWN, "values"), {"consumer\n": "c2", "wh": 2000}, (*SHOWN, "values")),
        (row, (*SHOWN, "values"), [], (*SHOWN, "values")),
        (row, kind, "float", kind),
        (row, ("disclosure", "schema", "decoys"), -1, ("disclosure", "schema", "decoys")),
        (row, ("disclosure", "schema", "decoys"), None, ("disclosure", "schema", "decoys")),
    ]
    for document, path, value, place in edges:
        name = f"{place_of(path)} of another form: {abridged(value)}"
        yield _refused(name, changed(document, path, value), place)


def _shown_otherwise() -> Iterator[Corrupted]:
    """What is shown is of no kind, or of two at once."""
    path = SHOWN
    names = ("a row of a table", "one field", "a whole table")
    row, fields, whole = (forms()[name].document for name in names)
    shown = {name: value_at(forms()[name].document, path) for name in names}
    both = shown["a row of a table"] | shown["a whole table"]
    parts = shown["one field"] | {"values": {"owner": "o2"}}
    without = {key: value for key, value in shown["a row of a table"].items() if key != "values"}
    for name, document, value in (
        ("a row and its whole table", row, both),
        ("values and fields", fields, parts),
        ("no values", row, without),
        ("nothing", whole, {}),
        ("a list of rows", row, [shown["a row of a table"]]),
    ):
        yield _refused(f"shown: {name}", changed(document, path, value), path)


def texts(text: str) -> Iterator[Corrupted]:
    """Texts that are not the one text of a document, and no text at all."""
    reordered = dict(reversed(json.loads(text).items()))
    escaped = text.replace('"scores"', '"\\u0073cores"')
    deep = "[" * 5000
    wrong: dict[str, str | bytes] = {
        "nothing": "",
        "a newline alone": "\n",
        "no newline": text[:-1],
        "two newlines": text + "\n",
        "CRLF": text[:-1] + "\r\n",
        "a newline in front": "\n" + text,
        "a space behind": text[:-1] + " \n",
        "a space in front": " " + text,
        "a space within": text.replace(":", ": ", 1),
        "a tab within": text.replace(",", ",\t", 1),
        "indented": json.dumps(json.loads(text), indent=1) + "\n",
        "NUL behind": text[:-1] + "\0\n",
        "NUL within": text.replace(",", ",\0", 1),
        "a byte order mark": "\ufeff" + text,
        "UTF-16": text.encode("utf-16"),
        "no UTF-8": text.encode().replace(b"scores", b"sc\xf6res", 1),
        "an overlong slash": text.encode().replace(b"worknet/", b"worknet\xc0\xaf", 1),
        "a surrogate in UTF-8": text.encode().replace(b"scores", b"sc\xed\xa0\x80res", 1),
        "a lone surrogate": text.replace('"c2"', '"c2\\ud800"'),
        "a lone low surrogate": text.replace('"c2"', '"\\udc00c2"'),
        "cut in the middle": text[: len(text) // 2],
        "cut before the end": text[:-2] + "\n",
        "the first byte gone": text[1:],
        "twice": text + text,
        "twice without a newline between": text[:-1] + text,
        "in a list": f"[{text[:-1]}]\n",
        "as a text": json.dumps(text[:-1]) + "\n",
        "another order": json.dumps(reordered, separators=(",", ":")) + "\n",
        "a superfluous escape": escaped,
        "an escaped slash": text.replace("worknet/evidence", "worknet\\/evidence"),
        "a key twice, alike": text.replace('"attempt":1', '"attempt":1,"attempt":1', 1),
        "a key twice, otherwise": text.replace('"attempt":1', '"attempt":1,"attempt":2', 1),
        "a checksum twice": text.replace('"checksum"', '"checksum":"0x","checksum"', 1),
        "a comma behind": text[:-2] + ",}\n",
        "a comment": text[:-1] + "//\n",
        "text behind": text[:-1] + "x\n",
        "single quotes": text.replace('"', "'"),
        "1.0 for 1": text.replace('"attempt":1', '"attempt":1.0', 1),
        "1e0 for 1": text.replace('"attempt":1', '"attempt":1e0', 1),
        "-0 for a number": text.replace('"delay":900', '"delay":-0', 1),
        "leading zeros": text.replace('"delay":900', '"delay":0900', 1),
        "a plus sign": text.replace('"delay":900', '"delay":+900', 1),
        "a hexadecimal number": text.replace('"delay":900', '"delay":0x384', 1),
        "2^53": text.replace('"delay":900', f'"delay":{2**53}', 1),
        "minus 2^53": text.replace('"delay":900', f'"delay":-{2**53}', 1),
        "2^64": text.replace('"delay":900', f'"delay":{2**64}', 1),
        "a number of 5000 digits": text.replace('"delay":900', '"delay":' + "9" * 5000, 1),
        "1e400": text.replace('"delay":900', '"delay":1e400', 1),
        "NaN": text.replace('"delay":900', '"delay":NaN', 1),
        "Infinity": text.replace('"delay":900', '"delay":-Infinity', 1),
        "True": text.replace('"nullable":false', '"nullable":False', 1),
        "a control character": text.replace('"c2"', '"c2\x01"'),
        "nested too deep": deep + "\n",
        "nested too deep, and closed": "[" * 65 + "]" * 65 + "\n",
        "objects nested too deep": '{"a":' * 65 + "1" + "}" * 65 + "\n",
        "the arrays of a path nested too deep": text.replace('"path":[', '"path":[' + "[" * 70, 1),
        "an empty object": "{}\n",
        "an empty list": "[]\n",
        "null": "null\n",
        "a number": "1\n",
    }
    for name, file in wrong.items():
        yield Corrupted(f"text: {name}", file, "EvidenceError", "$", SMALL.head)
    damaged = {
        "a digit of a row": ('"wh":2000', '"wh":2001'),
        "a digit of a time": ('"delay":900', '"delay":901'),
        "a letter of a name": ('"consumer":"c2"', '"consumer":"c3"'),
    }
    for name, (old, new) in damaged.items():
        assert old in text
        yield Corrupted(
            f"another checksum: {name}", text.replace(old, new, 1), "EvidenceError", "$.checksum", SMALL.head
        )
    document = json.loads(text)
    given = document["checksum"]
    for name, checksum in {
        "a bit of it": given[:-1] + format(int(given[-1], 16) ^ 1, "x"),
        "zeros": "0x" + "00" * 32,
        "one byte less": given[:-2],
        "upper case": "0X" + given[2:],
        "null": None,
        "a list": [given],
    }.items():
        yield _checksum(name, encode(document | {"checksum": checksum}).decode() + "\n")
    del document["checksum"]
    yield Corrupted("no checksum", encode(document).decode() + "\n", "EvidenceError", "$", SMALL.head)


def _checksum(name: str, text: str) -> Corrupted:
    return Corrupted(f"another checksum: {name}", text, "EvidenceError", "$.checksum", SMALL.head)

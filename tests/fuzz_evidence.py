"""Searches for a file that the verifier crashes on, or accepts though it is not the one it was made from.

    python -m tests.fuzz_evidence --seconds 3600 --seed 1

Each file is a good one of `vectors/evidence.json`, changed in its bytes or in its document (then with a
checksum that fits). It must be refused with a `VerifyError`, or say nothing that the good one does not say.
What is found is printed with its number, which makes it again: `--only NUMBER`, with the same seed, writes
the file to stdout.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from worknet import verify
from worknet.protocol.canonical import CanonicalError
from worknet.protocol.evidence import sealed

VECTORS = Path(__file__).parents[1] / "vectors" / "evidence.json"
SHOWN_EACH = 5.0
"""Seconds from one line on the progress to the next."""

MAX_SECONDS = 5.0
"""No changed file may take longer: all good ones take milliseconds."""

LARGE = 20_000
"""Files from so many bytes on are not taken apart for others."""

Path_ = tuple[str | int, ...]


@dataclass(frozen=True)
class Good:
    """A good file of the vectors, with the head that it is held against."""

    name: str
    data: bytes
    head: verify.Head

    @property
    def document(self) -> dict[str, Any]:
        """The file's object, to be changed by who asks for it."""
        document: dict[str, Any] = json.loads(self.data)
        return document


@cache
def good_files() -> tuple[Good, ...]:
    """The good files of the vectors that reach level 1."""
    cases = json.loads(VECTORS.read_text())["good"]
    return tuple(
        Good(case["name"], case["given"]["file"].encode(), verify.parse_head(case["given"]["head"]))
        for case in cases
        if case["given"]["head"] is not None
    )


def accepted(data: bytes, head: verify.Head) -> bool:
    """Whether the verifier takes the file at level 1; anything but a `VerifyError` comes out as it is."""
    try:
        return verify.verify(verify.parse(data), head).level == 1
    except verify.VerifyError:
        return False


def says_no_more(changed: dict[str, Any], good: dict[str, Any]) -> bool:
    """Whether a changed document that was accepted says nothing that the good one does not say.

    It may show less. And it may differ in what no tree head commits to: keys and operators, ballots of others
    than the voters, and sizes of trees to which nothing in the file commits, with the index that goes with
    them.
    """
    same = ("format", "protocol", "network", "record", "position", "path", "head", "policy")
    if any(changed[key] != good[key] for key in same):
        return False
    if changed["manifest"] not in (None, good["manifest"]):
        return False
    if changed["disclosure"] is None:
        return True
    if good["disclosure"] is None:
        return False
    return _shown(changed["disclosure"], good["disclosure"], of_manifest=changed["manifest"] is not None)


def _shown(changed: dict[str, Any], good: dict[str, Any], *, of_manifest: bool) -> bool:
    committed = of_manifest and changed["kind"] == "table"
    if changed["schema"] != (good["schema"] if committed else None):
        return False
    if changed["kind"] != good["kind"] or changed["name"] != good["name"]:
        return False
    uncommitted = () if committed else ("index", "count")
    if _without(changed["header"], uncommitted) != _without(good["header"], uncommitted):
        return False
    mine, theirs = changed["shown"], good["shown"]
    if "fields" not in theirs:
        # The key of no rows is nobody's.
        return bool(mine == theirs) or theirs.get("rows") == mine.get("rows") == []
    uncommitted = () if committed else ("count",)
    if _without(mine, ("fields", *uncommitted)) != _without(theirs, ("fields", *uncommitted)):
        return False
    uncommitted = () if committed else ("index",)
    known = [_without(field, uncommitted) for field in theirs["fields"]]
    return all(_without(field, uncommitted) in known for field in mine["fields"])


def _without(members: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in names}


_TOKENS = [
    *(b"[", b"]", b"{", b"}", b'"', b",", b":", b"\\", b"\n", b"\r\n", b"\0", b" ", b"0", b"-", b".5", b"e9"),
    *(b"null", b"true", b"0x", b'"0x"', b"\\u0000", b"\\ud800", b"\xff", b"\xc3\x28", b"\xef\xbb\xbf"),
    *(b"9" * 30, b"[" * 70, b'{"a":' * 70, b'"checksum":"', b'"disclosure":null,', b"\xf0\x9f\x94\x8c"),
]
_ODD: list[Any] = [
    *(None, True, False, 0, -1, 2**53 - 1, 2**53, 2**64, 1.5),
    *("", "0x", [], {}, "\ud800", [[]]),
]
_WORDS = ("open", "sealed", "report", "plurality", "dataset", "table", "row", "field", "str", "int", "-0")


def changed_bytes(data: bytes, random: Random) -> bytes:
    """The file with one to three changes to its bytes."""
    for _ in range(random.randint(1, 3)):
        first, second = sorted(random.randrange(len(data) + 1) for _ in range(2))
        second = min(second, first + random.choice((1, 2, 8, 64, 10_000)))
        part = data[first:second]
        token = random.choice(_TOKENS)
        part = random.choice(
            (
                b"",
                part + part,
                part[::-1],
                token,
                part + token,
                part.upper(),
                bytes([random.randrange(256)]) + part[1:],
                bytes([part[0] ^ 1 << random.randrange(8)]) + part[1:] if part else token,
                b"" if random.random() < 0.5 else data[second : second + len(part)],
            )
        )
        data = data[:first] + part + data[second:]
        if not data:
            break
    return data


def changed_document(good: Good, random: Random) -> dict[str, Any]:
    """The file's document with one to three changes, perhaps with parts of files about other votings."""
    document = good.document
    for _ in range(random.randint(1, 3)):
        places = list(_places(document))
        *way, key = random.choice(places)
        inside: Any = document
        for step in way:
            inside = inside[step]
        _change(inside, key, document, good, random)
    return document


def _places(value: Any, way: Path_ = ()) -> Iterator[Path_]:
    if way:
        yield way
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _places(value[key], (*way, key))


def _change(inside: Any, key: Any, document: dict[str, Any], good: Good, random: Random) -> None:
    """Changes one member of an object or list: removes, doubles, moves or replaces it."""
    value = inside[key]
    change: Callable[[], object] = random.choice(
        (
            lambda: inside.pop(key),
            lambda: inside.insert(key, deepcopy(value)) if isinstance(inside, list) else None,
            lambda: inside.reverse() if isinstance(inside, list) else None,
            lambda: (
                inside.update({random.choice(("more", "Key", "\ud800", "")): value})
                if isinstance(inside, dict)
                else inside.append(value)
            ),
            lambda: inside.__setitem__(key, _another(value, random)),
            lambda: inside.__setitem__(key, _another(value, random)),
            lambda: inside.__setitem__(key, _another(value, random)),
            lambda: inside.__setitem__(key, _of_same_type(value, document, random)),
            lambda: inside.__setitem__(key, _from_elsewhere(key, value, good, random)),
        )
    )
    change()


def _another(value: Any, random: Random) -> Any:
    """Another value, mostly of the same type."""
    if random.random() < 0.1:
        return random.choice(_ODD)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((value + 1, value - 1, value * 2, value // 2, value ^ 2, -value, 0, 2**53 - 1))
    if isinstance(value, str) and value.startswith("0x") and len(value) > 2:
        at = random.randrange(2, len(value))
        digit = random.choice("0123456789abcdef")
        return random.choice(
            (
                value[:at] + digit + value[at + 1 :],
                "0x" + "0" * (len(value) - 2),
                "0x" + value[:1:-1],
                value[:-2],
                value + "00",
                value.upper(),
                value[:at] + random.choice("gG \u0660") + value[at + 1 :],
            )
        )
    if isinstance(value, str):
        return random.choice((value + random.choice("0a \n\u0301"), value[:-1], value.upper(), *_WORDS))
    if isinstance(value, list):
        return random.choice((value[:-1], value[1:], value + value, value[::-1], []))
    if isinstance(value, dict) and value:
        members = list(value.items())
        random.shuffle(members)
        values = [member for _, member in members]
        return dict(zip(value, values, strict=True))
    return random.choice(({"a": 1}, [], None))


def _of_same_type(value: Any, document: dict[str, Any], random: Random) -> Any:
    """A value of the same type from elsewhere in the document."""
    others = []
    for way in _places(document):
        other: Any = document
        for step in way:
            other = other[step]
        if type(other) is type(value):
            others.append(other)
    return deepcopy(random.choice(others))


def _from_elsewhere(key: Any, value: Any, good: Good, random: Random) -> Any:
    """What another good file, of another result and other inputs, has under the same name."""
    document = random.choice(_others(good)).document
    found = []
    for way in _places(document):
        if way[-1] == key:
            other: Any = document
            for step in way:
                other = other[step]
            found.append(other)
    return random.choice(found) if found else value


@cache
def _others(good: Good) -> tuple[Good, ...]:
    mine = good.document["record"]
    return tuple(
        other
        for other in good_files()
        if len(other.data) < LARGE
        and all(other.document["record"][root] != mine[root] for root in ("input_root", "result_root"))
    )


def fault(good: Good, random: Random) -> tuple[bytes, str]:
    """A changed file, and what is wrong with how the verifier takes it; nothing, mostly.

    The files of what has no canonical form are the good one itself.
    """
    document: dict[str, Any] | None = None
    if random.random() < 0.3:
        data = changed_bytes(good.data, random)
    else:
        document = changed_document(good, random)
        try:
            data = sealed(document)
        except (CanonicalError, AttributeError):
            return good.data, ""
    started = time.perf_counter()
    try:
        is_accepted = accepted(data, good.head)
    except Exception as error:  # every exception but a VerifyError is a finding
        return data, f"crashed with {type(error).__name__}: {str(error)[:200]}"
    if time.perf_counter() - started > MAX_SECONDS:
        return data, f"took {time.perf_counter() - started:.1f} s"
    if is_accepted and data != good.data and not says_no_more(json.loads(data), good.document):
        return data, "was accepted"
    return data, ""


def one(seed: int, number: int) -> tuple[Good, bytes, str]:
    """File `number` of a seed: the good one, the changed one and what is wrong."""
    random = Random(f"{seed}/{number}")
    good = random.choice(good_files())
    return good, *fault(good, random)


def main() -> int:
    """Searches for the time given; exit code 1 if something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz_evidence", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=60, help="how long to search (default: 60)")
    parser.add_argument("--seed", type=int, default=1, help="which files are made (default: 1)")
    parser.add_argument("--only", type=int, metavar="NUMBER", help="write that file to stdout, nothing else")
    given = parser.parse_args()
    if given.only is not None:
        good, data, wrong = one(given.seed, given.only)
        print(f"made from {good.name!r}: {wrong or 'nothing wrong'}", file=sys.stderr)
        sys.stdout.buffer.write(data)
        return 1 if wrong else 0
    found: Counter[str] = Counter()
    started = shown = time.monotonic()
    number = 0
    while time.monotonic() - started < given.seconds:
        good, _, wrong = one(given.seed, number)
        if wrong:
            found[wrong] += 1
            print(f"file {number}, made from {good.name!r}: {wrong}")
        number += 1
        if time.monotonic() - shown > SHOWN_EACH:
            shown = time.monotonic()
            print(f"{number} files in {shown - started:.0f} s, {found.total()} findings", file=sys.stderr)
    print(f"{number} files, {found.total()} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

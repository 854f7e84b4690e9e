"""Where in a TOML text each key stands, for errors that name a line. The values are read by `tomllib`.

`tomllib` keeps no positions, so this walks over a text that `tomllib` has already accepted and only
follows its structure: headers, dotted keys, inline tables, arrays and where each string ends.
"""

import re
import tomllib
from bisect import bisect_right
from typing import NoReturn, TypeAlias

Location: TypeAlias = tuple[str | int, ...]
"""The path to a value: keys of tables, and indices of arrays."""

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# The closing quotes of a multi-line string may follow one or two quotes that belong to the string.
_STRINGS = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r'"""(?:[^"\\]|\\.|"(?!""))*+"""(?:"{1,2}(?!"))?',
        r"'''(?:[^']|'(?!''))*+'''(?:'{1,2}(?!'))?",
        r'"(?:[^"\\]|\\.)*+"',
        r"'[^']*+'",
    )
)
_OTHER_VALUE = re.compile(r"[^,\]}\n#]+")


def positions(text: str) -> dict[Location, int]:
    """The line, counted from 1, of every key, table and array element of a valid TOML text.

    A table stands where its header is; one without a header, where it is first mentioned.
    """
    return _Walk(text.replace("\r\n", "\n")).document()


def line_of(places: dict[Location, int], location: Location) -> int | None:
    """The line of the value at a location or, if it is not there, of the nearest table or array around it."""
    for length in range(len(location), 0, -1):
        if location[:length] in places:
            return places[location[:length]]
    return None


def dotted(location: Location) -> str:
    """A location as TOML writes it: bare keys plain, others quoted, indices in brackets."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            quoted = part if _BARE_KEY.fullmatch(part) else '"' + part.replace('"', '\\"') + '"'
            text += f".{quoted}" if text else quoted
    return text


class _Walk:
    """One walk over a text; `at` is the offset of the next character."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self.places: dict[Location, int] = {}
        self.lengths: dict[Location, int] = {}  # of the arrays of tables

    def document(self) -> dict[Location, int]:
        table: Location = ()
        while self.skip_blank():
            line = self.line
            if self.take("[["):
                table = self.header(self.key(), line, is_array=True)
                self.expect("]]")
            elif self.take("["):
                table = self.header(self.key(), line, is_array=False)
                self.expect("]")
            else:
                self.assignment(table)
        return self.places

    @property
    def line(self) -> int:
        return bisect_right(self.line_starts, self.at)

    def header(self, parts: list[str], line: int, *, is_array: bool) -> Location:
        """The location of the table that a header opens: of an array of tables, the last element is meant."""
        location: Location = ()
        for depth, part in enumerate(parts, 1):
            location += (part,)
            if depth == len(parts) and is_array:
                self.lengths[location] = self.lengths.get(location, 0) + 1
            self.places.setdefault(location, line)
            if location in self.lengths:
                location += (self.lengths[location] - 1,)
                self.places.setdefault(location, line)
        if not is_array:
            self.places[location] = line  # an earlier [a.b] only mentioned this table
        return location

    def assignment(self, table: Location) -> None:
        line = self.line
        for part in self.key():
            table += (part,)
            self.places.setdefault(table, line)
        self.expect("=")
        self.value(table)

    def key(self) -> list[str]:
        parts = [self.simple_key()]
        while self.skip_blank() and self.take("."):
            parts.append(self.simple_key())
        return parts

    def simple_key(self) -> str:
        self.skip_blank()
        bare = _BARE_KEY.match(self.text, self.at)
        if bare:
            self.at = bare.end()
            return bare.group()
        start = self.at
        self.string()
        return str(tomllib.loads(f"key = {self.text[start : self.at]}")["key"])

    def value(self, location: Location) -> None:
        self.skip_blank()
        if self.take("["):
            index = 0
            while self.skip_blank() and not self.take("]"):
                self.places[(*location, index)] = self.line
                self.value((*location, index))
                index += 1
                self.skip_blank()
                self.take(",")
        elif self.take("{"):
            while self.skip_blank() and not self.take("}"):
                self.assignment(location)
                self.skip_blank()
                self.take(",")
        elif self.text[self.at] in "\"'":
            self.string()
        else:
            self.match(_OTHER_VALUE)

    def string(self) -> None:
        for pattern in _STRINGS:
            found = pattern.match(self.text, self.at)
            if found:
                self.at = found.end()
                return
        self.lost()

    def match(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self.text, self.at)
        if not found:
            self.lost()
        self.at = found.end()

    def skip_blank(self) -> bool:
        """Go on to the next character that is no space, line end or comment; False at the end of the text."""
        self.match(_BLANK)
        return self.at < len(self.text)

    def take(self, token: str) -> bool:
        if self.text.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def expect(self, token: str) -> None:
        self.skip_blank()
        if not self.take(token):
            self.lost()

    def lost(self) -> NoReturn:
        # Only a text that tomllib refuses leads here.
        raise ValueError(f"no valid TOML in line {self.line}")

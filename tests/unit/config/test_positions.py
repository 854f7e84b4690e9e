"""The line finder, held against tomllib: exactly the keys that are there, on the lines where they stand."""

import string
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worknet.config.positions import Location, dotted, line_of, positions

CASES = {
    "plain": 'a = 1\nb = "x"\n\n# c = 3\nd = 4 # e = 5\n',
    "headers": "[a]\nx = 1\n[b.c]\ny = 2\n[b]\nz = 3\n",
    "spaced headers": "[ a . 'b c' ]\nx = 1\n",
    "dotted": "a.b.c = 1\na.b.d = 2\na . e = 3\n",
    "quoted keys": '"a.b" = 1\n\'c d\' = 2\n"\\u00e9" = 3\n"" = 4\n',
    "inline tables": 'a = { b = 1, c.d = "}", e = { f = [ {g = 1}, {} ] } }\nh = 2\n',
    "arrays": 'a = [\n  1, # one ]\n  "]",\n  [2,\n 3],\n]\nb = 1\n',
    "arrays of tables": "[[a]]\nx = 1\n[[a]]\nx = 2\n[[a.b]]\ny = 3\n[a.c]\nz = 4\n",
    "multi-line strings": 'a = """\n[b]\nc = 1\\\n  """\nd = \'\'\'\ne = """ \n\'\'\'\nf = 1\n',
    "quotes before the end": 'a = """x"""""\nb = \'\'\'y\'\'\'\'\nc = ""\nd = \'\'\ne = """"""\nf = 1\n',
    "escapes": 'a = "\\"[x]\\\\"\nb = """\\""" """\nc = \'\\\'\nd = 1\n',
    "times": "a = 1979-05-27 07:32:00Z\nb = 07:32:00\nc = [1979-05-27, 1979-05-28]\n",
    "numbers": "a = 1_000\nb = -0.5e3\nc = inf\nd = 0xff\ne = true\n",
    "carriage returns": 'a = 1\r\n[b]\r\nc = """\r\n"""\r\nd = 2\r\n',
    "no line end": "[a]\nb = 1",
    "numeric keys": "1 = 2\n[3.4]\n5 = 6\n",
    "empty": "",
    "only a comment": "# nothing",
}


def locations(value: Any, at: Location = ()) -> set[Location]:
    found = {at} if at else set()
    if isinstance(value, dict):
        return found.union(*(locations(inner, (*at, key)) for key, inner in value.items()))
    if isinstance(value, list):
        return found.union(*(locations(inner, (*at, index)) for index, inner in enumerate(value)))
    return found


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_every_key_that_tomllib_reads_has_a_line_and_no_other(text: str) -> None:
    assert positions(text).keys() == locations(tomllib.loads(text))


def test_lines_are_those_an_editor_shows() -> None:
    text = CASES["headers"]
    assert positions(text) == {
        ("a",): 1, ("a", "x"): 2, ("b", "c"): 3, ("b", "c", "y"): 4, ("b",): 5, ("b", "z"): 6,
    }  # fmt: skip
    assert positions(CASES["arrays"]) == {
        ("a",): 1, ("a", 0): 2, ("a", 1): 3, ("a", 2): 4, ("a", 2, 0): 4, ("a", 2, 1): 5, ("b",): 7,
    }  # fmt: skip
    assert positions(CASES["arrays of tables"])["a", 1, "x"] == 4
    assert positions(CASES["arrays of tables"])["a", 1, "c", "z"] == 8
    assert positions(CASES["multi-line strings"])["f",] == 8
    assert positions(CASES["carriage returns"])["b", "d"] == 5


def test_a_missing_key_is_blamed_on_the_table_around_it() -> None:
    places = positions("[a.b]\nc = 1\n")
    assert line_of(places, ("a", "b", "missing")) == 1
    assert line_of(places, ("elsewhere",)) is None


def test_locations_are_written_as_toml_writes_them() -> None:
    assert dotted(("a", "b c", 0, "1")) == 'a."b c"[0].1'
    assert dotted(()) == ""


KEYS = st.text(string.ascii_lowercase + "é .#[]=\"'", max_size=4)
SCALARS = st.one_of(st.integers(0, 99), st.booleans(), st.text("ab\"'\\[]{}#=,\n", max_size=6))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=8,
)


class Writer:
    """Writes a document as TOML in one of its many forms, and notes the line on which it put each key."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.text = ""
        self.lines: dict[Location, int] = {}

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def choose(self, *options: str) -> str:
        return self.data.draw(st.sampled_from(options))

    def basic(self, text: str) -> str:
        return '"' + "".join(f"\\u{ord(c):04x}" if c in '"\\\n' else c for c in text) + '"'

    def key(self, text: str) -> str:
        if text and set(text) <= set(string.ascii_lowercase):
            return self.choose(text, self.basic(text), f"'{text}'")
        return self.basic(text) if "'" in text else self.choose(self.basic(text), f"'{text}'")

    def scalar(self, value: Any) -> str:
        if not isinstance(value, str):
            return str(value).lower()
        forms = [self.basic(value)]
        if "\\" not in value and '"""' not in value and not value.endswith('"'):
            forms.append(f'"""\n{value}"""')
        if "'" not in value:
            forms.append(f"'''\n{value}'''")
            if "\n" not in value:
                forms.append(f"'{value}'")
        return self.choose(*forms)

    def value(self, value: Any, at: Location) -> None:
        if isinstance(value, dict):
            self.text += "{ "
            for position, (key, inner) in enumerate(value.items()):
                self.text += ", " if position else ""
                self.assignment(key, inner, (*at, key))
            self.text += " }"
        elif isinstance(value, list):
            self.text += "["
            for index, inner in enumerate(value):
                self.text += self.choose("", " ", "\n", "# [\n\n  ")
                self.lines[*at, index] = self.line
                self.value(inner, (*at, index))
                self.text += self.choose(",", " , ", "\n,", " # ]\n,")
            self.text += self.choose("]", "\n]")
        else:
            self.text += self.scalar(value)

    def assignment(self, key: str, value: Any, at: Location) -> None:
        self.lines[at] = self.line
        self.text += self.key(key) + self.choose("=", " = ")
        self.value(value, at)

    def table(self, table: dict[str, Any], path: list[str]) -> None:
        headed = {key for key, value in table.items() if isinstance(value, dict) and self.choose("", "x")}
        for key, value in table.items():
            if key not in headed:
                self.assignment(key, value, (*path, key))
                self.text += self.choose("\n", " # x = 1\n", "\n\n")
        for key in sorted(headed):
            self.lines[*path, key] = self.line
            self.text += f"[{' . '.join(self.key(part) for part in [*path, key])}]\n"
            self.table(table[key], [*path, key])


@given(st.dictionaries(KEYS, VALUES, max_size=4), st.data())
def test_every_key_is_found_on_its_line_in_whatever_form_it_is_written(
    document: dict[str, Any], data: st.DataObject
) -> None:
    writer = Writer(data)
    writer.table(document, [])
    assert tomllib.loads(writer.text) == document
    assert positions(writer.text) == writer.lines

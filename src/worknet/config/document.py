"""A configuration file as data with line numbers, and pydantic's findings as problems of that file."""

import difflib
import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr, ValidationError, ValidationInfo, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from worknet.config.errors import ConfigFileError, Problem
from worknet.config.positions import Location, dotted, line_of, positions
from worknet.config.values import kind

_LARGEST_FILE = 1 << 20
_TAG = re.compile("<[a-z_]+>")
_TYPES = {
    "string_type": "a string in quotes",
    "int_type": "an integer",
    "bool_type": "true or false",
    "tuple_type": "an array",
    "dict_type": "a table",
    "model_type": "a table",
    "model_attributes_type": "a table",
}


@dataclass
class Reading:
    """What validators need to know of the file being read, and what they note down for its error messages."""

    folder: Path
    sections: dict[int, type["Section"]] = field(default_factory=dict)
    """The model of each table, by the identity of the table."""


class Section(BaseModel):
    """A table of a configuration file: strict types, no unknown keys, never changed after reading."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def note_section(cls, value: Any, info: ValidationInfo) -> Any:
        """Remember which model reads this table, so that an error can say what the table may hold."""
        if isinstance(value, dict) and isinstance(info.context, Reading):
            info.context.sections[id(value)] = cls
        return value


@dataclass(frozen=True)
class Document:
    """A TOML file that was read: its data and where each key stands."""

    file: Path
    data: dict[str, Any]
    places: dict[Location, int]

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a TOML file; `ConfigFileError` names the line of a syntax error."""
        text = _text(file)
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            # "Invalid value (at line 3, column 9)" or "... (at end of document)"
            found = re.fullmatch(
                r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", str(error), re.DOTALL
            )
            what, line = (found[1], found[2]) if found else (str(error), None)
            number = int(line) if line else text.count("\n") + 1
            raise _invalid(file, f"is no TOML: {what}", "see https://toml.io", number) from None
        except RecursionError:
            raise _invalid(file, "is nested too deeply", "a few levels of tables") from None
        return cls(file, data, positions(text))

    def problem(self, location: Location, wrong: str, right: str = "") -> Problem:
        """A problem at a key of this file (or, if the key is missing, in the table where it should stand)."""
        return Problem(self.file, line_of(self.places, location), dotted(location), wrong, right)

    def problems(self, error: ValidationError, reading: Reading) -> list[Problem]:
        """All that pydantic found, in the order of the lines."""
        found = [self._translated(details, reading) for details in error.errors(include_url=False)]
        return sorted(found, key=lambda problem: (problem.line or 0, problem.key))

    def _translated(self, details: ErrorDetails, reading: Reading) -> Problem:
        location, table = self._placed(details["loc"])
        section = reading.sections.get(id(table))
        key = str(location[-1]) if location else ""
        context = details.get("ctx", {})
        about = _about(section.model_fields.get(key)) if section else ""
        match details["type"]:
            case "worknet":
                return self.problem(location, context["wrong"], context["right"])
            case "missing":
                return self.problem(location, "is missing", about)
            case "extra_forbidden":
                known = list(section.model_fields) if section else []
                return self.problem(location, "is not known", nearest(key, known))
            case "literal_error":
                return self.problem(
                    location, "is none of the values it may have", f"one of {context['expected']}"
                )
            case "union_tag_invalid" | "union_tag_not_found":
                tags = context.get("expected_tags") or ""
                wrong = "is missing" if "source" not in self._at(location) else "is of no known kind"
                return self.problem((*location, "source"), wrong, f"one of {tags}" if tags else about)
            case type_error if type_error in _TYPES:
                return self.problem(location, f"is {kind(details['input'])}, not {_TYPES[type_error]}", about)
            case _:
                return self.problem(location, details["msg"].replace("Input should", "must"), about)

    def _placed(self, loc: Location) -> tuple[Location, Any]:
        """The location in the file that pydantic means, and the table to which its last key belongs.

        Pydantic puts marks of its own between the keys: a source's kind, `[key]`, and what `tag_of` says.
        """
        location: Location = ()
        here: Any = self.data
        table: Any = self.data
        tagged: Any = None
        for part in loc:
            is_kind = isinstance(here, dict) and here is not tagged and here.get("source") == part
            if part == "[key]" or is_kind or _TAG.fullmatch(str(part)):
                tagged = here
                continue
            location += (part,)
            table, here = here, _child(here, part)
        return location, table

    def _at(self, location: Location) -> dict[str, Any]:
        here: Any = self.data
        for part in location:
            here = _child(here, part)
        return here if isinstance(here, dict) else {}


class ConfigFile(Section):
    """A whole configuration file."""

    _document: Document = PrivateAttr()

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read and check the file; `ConfigFileError` holds everything that is wrong in it."""
        file = Path(path)
        document = Document.read(file)
        reading = Reading(file.parent)
        try:
            loaded = cls.model_validate(document.data, context=reading)
        except ValidationError as error:
            raise ConfigFileError(document.problems(error, reading)) from None
        loaded._document = document
        return loaded

    @property
    def file(self) -> Path:
        """Where this configuration was read."""
        return self._document.file

    def error(self, location: Location, wrong: str, right: str = "") -> ConfigFileError:
        """An error at a key of this file, for what turns out later (a wrong chain, an unknown dataset)."""
        return ConfigFileError([self._document.problem(location, wrong, right)])


def tag_of(form: str) -> str:
    """The tag of one form of a section: pydantic puts it into locations, and no key of ours looks like it."""
    return f"<{form}>"


def _child(container: object, part: str | int) -> object:
    """The value under a key or index; None where there is none."""
    if isinstance(container, dict):
        return container.get(part)
    if isinstance(container, list) and isinstance(part, int) and part < len(container):
        return container[part]
    return None


def nearest(key: str, known: list[str]) -> str:
    """The hint for an unknown key or name: the one that was probably meant, or all there are."""
    close = difflib.get_close_matches(key, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean {close[0]}?"
    return f"known here: {', '.join(sorted(known))}" if known else ""


def _about(info: FieldInfo | None) -> str:
    """What a key means, with an example as it is written in TOML."""
    if info is None or info.description is None:
        return ""
    return f"{info.description}, such as {_toml(info.examples[0])}" if info.examples else info.description


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def _text(file: Path) -> str:
    try:
        if file.exists() and not file.is_file():
            raise _invalid(file, "is no file", "name the TOML file")
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except FileNotFoundError:
        raise _invalid(file, "there is no such file", "check the path") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise _invalid(file, f"cannot be read ({reason or 'no path'})", "check its path and rights") from None
    if len(data) > _LARGEST_FILE:
        raise _invalid(file, f"is larger than {_LARGEST_FILE} bytes", "is it a configuration file?")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _invalid(file, "is not UTF-8", "save the file as UTF-8", line) from None


def _invalid(file: Path, wrong: str, right: str, line: int | None = None) -> ConfigFileError:
    return ConfigFileError([Problem(file, line, "", wrong, right)])

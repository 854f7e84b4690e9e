"""Errors of the configuration: all problems of a file, each with line, key and what would be right."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a configuration file.

    `line` counts from 1 and is None where no line can be blamed (a missing file); `key` is the dotted key,
    empty for the file as a whole. `wrong` and `right` never hold a secret, nor the value of an unknown key.
    """

    file: Path
    line: int | None
    key: str
    wrong: str
    right: str = ""

    def __str__(self) -> str:
        place = str(self.file) if self.line is None else f"{self.file}, line {self.line}"
        subject = f"{place}: {self.key}: {self.wrong}" if self.key else f"{place}: {self.wrong}"
        return f"{subject} - {self.right}" if self.right else subject


class ConfigError(Exception):
    """The configuration cannot be used. `hint` says what would be right; it may be empty."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class ConfigFileError(ConfigError):
    """A configuration file that says something wrong. `problems` are all of them, in the order of lines.

    What would be right is the hint of a problem that is alone; of several, each says it in its own line.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        alone = len(problems) == 1
        message = str(replace(problems[0], right="")) if alone else "\n".join(map(str, problems))
        super().__init__(message, problems[0].right if alone else "")
        self.problems = tuple(problems)


class SecretError(ConfigError):
    """A secret that cannot be had. The message names where it was looked for, never what was found."""

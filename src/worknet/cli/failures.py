"""How the command line says what went wrong: one line `error: ...`, a line `hint: ...`, never a traceback.

Exit codes of all commands: 0 done; 1 it ran, and the answer is no; 2 the command line, a file or other input
cannot be used; 70 a fault of worknet itself; 130 stopped by Ctrl-C (typer's doing), which is a good end (0)
for `node run` and `up`. Commands with codes of their own say so in their help. With --json, too, errors go to
stderr as text, and stdout stays empty; `verify` alone tells them in its object.
"""

import os
import sys
import traceback

REFUSED = 1
BAD_INPUT = 2
INTERNAL = 70

TRACEBACK_VARIABLE = "WORKNET_TRACEBACK"


def report(error: Exception) -> int:
    """Writes the error to stderr; returns the exit code.

    That of errors of worknet's own packages is `BAD_INPUT`, unless they bring an `exit_code` of their own.
    """
    if os.environ.get(TRACEBACK_VARIABLE) == "1":
        traceback.print_exception(error, file=sys.stderr)
    hint = getattr(error, "hint", None)
    # Every package has one base error with a `hint`; importing them all here would make every command slow.
    if isinstance(hint, str) and type(error).__module__.startswith("worknet."):
        problems = getattr(error, "problems", ())
        # A configuration file's error holds all that is wrong in the file: each gets a line of its own.
        for told in problems if len(problems) > 1 else [error]:
            _write("error", str(told))
        if hint:
            _write("hint", hint)
        own: int = getattr(error, "exit_code", BAD_INPUT)
        return own
    # Not its text: a library's may quote rows or keys, and this may be a worker's log.
    _write("error", f"a fault of worknet itself: {type(error).__name__}")
    _write("hint", f"{TRACEBACK_VARIABLE}=1 shows where; please report it")
    return INTERNAL


def warn(message: str, hint: str = "") -> None:
    """Writes a warning to stderr."""
    _write("warning", message)
    if hint:
        _write("hint", hint)


def _write(label: str, text: str) -> None:
    # Messages may quote what others wrote: no line break or escape sequence of theirs reaches the terminal.
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    print(f"{label}: {shown}", file=sys.stderr)

"""Keeps documents true: `docs/reference/cli.md` is what the command line says of itself, the rules in
`docs/reference/audit.md` are those that an audit has, and every command in the README and the guides exists
with the options that are shown.

    python tools/check_docs.py [--write]
"""

import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from worknet.audit.findings import RULES
from worknet.cli.main import ENTRIES, application

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference" / "cli.md"
AUDIT = ROOT / "docs" / "reference" / "audit.md"
RULES_PLACE = re.compile(r"(<!-- rules: [^\n]*-->\n).*(<!-- end of rules -->)", re.DOTALL)
GUIDES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "guides").glob("*.md")),
    *sorted((ROOT / "workflows").glob("*/README.md")),
]
BLOCK = re.compile(r"^```(?:console|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INTRODUCTION = """# Command line

Made from the program by `python tools/check_docs.py --write`; the checks compare it.

Exit codes of all commands: 0 done; 1 it ran, and the answer is no; 2 the command line, a file or other input
cannot be used; 70 a fault of worknet itself; 130 stopped by Ctrl-C, which is a good end (0) for `node run`
and for `up` once it is up. Commands with codes of their own say so below. With `--json`, too, errors go to
standard error as text, and standard output stays empty; `verify` alone tells them in its object.
"""


def main() -> int:
    """Writes the reference, or reports every difference; returns the exit code."""
    commands = dict(_commands())
    text = INTRODUCTION + "".join(_section(path, command) for path, command in commands.items())
    made = {REFERENCE: text, AUDIT: _with_rules(AUDIT.read_text())}
    if "--write" in sys.argv[1:]:
        for file, due in made.items():
            file.write_text(due)
        return 0
    problems = [*_wrong_commands(commands)]
    for file, due in made.items():
        if not file.exists() or file.read_text() != due:
            problems.append(f"{file.relative_to(ROOT)} differs: run python tools/check_docs.py --write")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that can be called, with the words that call it."""
    for name in ENTRIES:
        found = typer.main.get_command(application(name))
        command = found.commands[name] if isinstance(found, TyperGroup) else found
        if isinstance(command, TyperGroup):
            yield from (((name, inner), each) for inner, each in command.commands.items())
        else:
            yield (name,), command


def _with_rules(page: str) -> str:
    """The page on audits, with the rules as the program has them."""
    rows = "".join(f"| `{rule}` | {sentence} |\n" for rule, sentence in RULES.items())
    table = f"\n| rule | what holds |\n|---|---|\n{rows}\n"
    return RULES_PLACE.sub(lambda found: f"{found[1]}{table}{found[2]}", page)


def _section(path: tuple[str, ...], command: Any) -> str:
    context = command.context_class(command, info_name=" ".join(("worknet", *path)))
    usage = " ".join(command.collect_usage_pieces(context))
    rows = []
    for parameter in command.params:
        if parameter.name == "help" or getattr(parameter, "hidden", False):
            continue
        if isinstance(parameter, TyperOption):
            names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        else:
            names = f"`{parameter.metavar or parameter.name.upper()}`"
        rows.append(f"| {names} | {getattr(parameter, 'help', '') or ''} |")
    table = "\n| option | meaning |\n|---|---|\n" + "\n".join(rows) + "\n" if rows else ""
    help_text = re.sub(r"[ \t]+\n", "\n", (command.help or "").strip())
    return f"\n## worknet {' '.join(path)}\n\n`worknet {' '.join(path)} {usage}`\n\n{help_text}\n{table}"


def _wrong_commands(commands: Mapping[tuple[str, ...], Any]) -> Iterator[str]:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for guide in GUIDES:
        if not guide.exists():
            continue
        for block in BLOCK.findall(guide.read_text()):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                wrong = _wrong(commands, targets, words)
                if wrong:
                    yield f"{guide.relative_to(ROOT)}: `{line.strip()}`: {wrong}"


def _wrong(commands: Mapping[tuple[str, ...], Any], targets: set[str], words: list[str]) -> str:
    """What is wrong with a command line of a guide; only our own programs are looked at."""
    if words[:1] == ["make"]:
        unknown = [word for word in words[1:] if "=" not in word and word not in targets]
        return f"the Makefile has no target {unknown[0]}" if unknown else ""
    if not words or Path(words[0]).name != "worknet" or words[1:] in ([], ["--help"], ["--version"]):
        return ""
    path = next((path for path in commands if words[1 : 1 + len(path)] == list(path)), None)
    if path is None:
        return "there is no such command"
    command = commands[path]
    context = command.context_class(command, info_name="worknet")
    try:
        command.make_parser(context).parse_args(args=words[1 + len(path) :])
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        return str(error.format_message())
    return ""


if __name__ == "__main__":
    sys.exit(main())

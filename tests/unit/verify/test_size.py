"""The verifier can be read whole, and needs Python alone."""

import io
import os
import subprocess
import sys
import tokenize
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[3] / "src"
LOAD = """
import sys
from worknet.verify import command{chain}
ours = [module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "worknet"]
foreign = {{name.split(".")[0] for name in sys.modules}} - {{"worknet", "__main__", *sys.stdlib_module_names}}
assert not foreign, foreign
assert not [path for path in sys.path if "site-packages" in path]
print(*ours, sep="\\n")
"""


def loaded(chain: str = "") -> list[Path]:
    """The modules of worknet that the verifier loads, where nothing but Python is installed."""
    done = subprocess.run(
        [sys.executable, "-S", "-s", "-c", LOAD.format(chain=chain)],
        env={"PYTHONPATH": str(SOURCE), "PATH": os.environ["PATH"]},
        capture_output=True,
        timeout=60,
        check=True,
    )
    return [Path(line) for line in done.stdout.decode().split()]


def lines_of_code(module: Path) -> int:
    """The lines that are neither blank, nor comment, nor text that stands by itself (as docstrings do)."""
    text = module.read_text()
    lines, is_start = set(), True
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type in {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT}:
            is_start = is_start or token.type == tokenize.NEWLINE
        elif token.type != tokenize.STRING or not is_start:
            lines |= set(range(token.start[0], token.end[0] + 1)) if token.string else set()
            is_start = False
    return len(lines)


@pytest.mark.parametrize(("chain", "most"), [("", 830), (", chain", 1100)])
def test_what_the_verifier_loads_can_be_read(chain: str, most: int) -> None:
    """Offline, and where a chain is asked; it may become less, and not more."""
    modules = loaded(chain)
    assert len(modules) > 10
    assert sum(map(lines_of_code, modules)) <= most


@pytest.mark.parametrize("module", ["worknet.verify.chain", "urllib.request", "socket", "ssl"])
def test_who_asks_no_chain_loads_nothing_that_could(module: str) -> None:
    check = f"import sys; import worknet.verify.command; assert {module!r} not in sys.modules"
    subprocess.run([sys.executable, "-S", "-s", "-c", check], env={"PYTHONPATH": str(SOURCE)}, check=True)

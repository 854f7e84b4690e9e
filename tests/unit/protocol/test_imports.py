"""The protocol needs nothing but the standard library, and reads neither clock nor chance."""

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PROTOCOL = ROOT / "src" / "worknet" / "protocol"
MODULES = sorted(path.stem for path in PROTOCOL.glob("*.py") if path.stem != "__init__")
# A function that remembers its values stays one of its arguments. Of hashes, hmac needs nothing of chance;
# datetime is used for the calendar, never for the present.
ALLOWED = {
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "enum",
    "functools",
    "hashlib",
    "hmac",
    "itertools",
    "json",
    "re",
    "typing",
    "worknet",
}


def test_the_protocol_imports_with_site_packages_hidden() -> None:
    imports = "\n".join(f"import worknet.protocol.{module}" for module in MODULES)
    hidden = f"import sys\nsys.path.insert(0, {str(ROOT / 'src')!r})\n{imports}\n"
    hidden += "assert not [path for path in sys.path if 'site-packages' in path]\n"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", hidden], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_protocol_imports_only_what_is_pure() -> None:
    for module in MODULES:
        for node in ast.walk(ast.parse((PROTOCOL / f"{module}.py").read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= ALLOWED, module
            assert all(
                not name.startswith("worknet") or name.startswith("worknet.protocol") for name in names
            )
            assert not (isinstance(node, ast.Attribute) and node.attr in {"now", "today", "utcnow"}), module
            assert not (isinstance(node, ast.Constant) and isinstance(node.value, float)), module

"""Writes the JSON schemas of the configuration files, and of the audit's report, to docs/reference; `--check`
compares them instead."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from worknet.audit.report import Report
from worknet.config import schema

FOLDER = Path(__file__).parent.parent / "docs" / "reference"


def main() -> int:
    """Exit status 1 if `--check` finds a schema that differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail if a file differs")
    check = parser.parse_args().check
    schemas: dict[str, dict[str, Any]] = {
        "network": schema("network"),
        "node": schema("node"),
        "audit": _of_report(),
    }
    stale = []
    for name, document in schemas.items():
        file = FOLDER / f"{name}.schema.json"
        text = json.dumps(document, indent=2) + "\n"
        if check:
            stale += [] if file.is_file() and file.read_text() == text else [file]
        else:
            FOLDER.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    for file in stale:
        print(f"{file} is not what the models say: run tools/make_schemas.py", file=sys.stderr)
    return 1 if stale else 0


def _of_report() -> dict[str, Any]:
    """The form of the audit's JSON report, as its classes say: every member is there, and no other."""
    made = TypeAdapter(Report).json_schema()
    for each in (made, *made["$defs"].values()):
        if each.get("type") == "object" and "properties" in each:
            each["additionalProperties"] = False
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


if __name__ == "__main__":
    sys.exit(main())

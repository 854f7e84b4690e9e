"""Writes the test vectors: `python -m tools.make_vectors`; with `--check` compares them and writes nothing.

The same run always gives the same bytes. What is expected comes from `worknet.protocol`; that this is right
is shown by the tests, which hold the protocol against published answers of others.
"""

import argparse
import json
import sys
from pathlib import Path

from tools.vectors import (
    commitments,
    evidence,
    ids,
    policies,
    records,
    rewards,
    statements,
    trees,
    values,
    votings,
)
from tools.vectors.form import VectorFile

FOLDER = Path(__file__).resolve().parent.parent / "vectors"


def files() -> dict[str, VectorFile]:
    """All vector files by the name that they have without `.json`."""
    return {
        "canonical": values.canonical(),
        "keccak": values.keccak(),
        "ids": ids.ids(),
        "merkle": trees.merkle_trees(),
        "bundles": trees.bundles(),
        "salts": commitments.document_salts(),
        "tables": commitments.table_roots(),
        "results": commitments.results(),
        "policies": policies.policies(),
        "ballots": policies.ballots(),
        "eip712": policies.eip712_digests(),
        "records": records.records(),
        "votings": votings.votings(),
        "rewards": rewards.rewards(),
        "evidence": evidence.evidence(),
        "statements": statements.statements(),
        "sealed_statements": statements.sealed_statements(),
    }


def text_of(file: VectorFile) -> str:
    """The file's text: one case a line, so that a changed case shows as one changed line."""
    document = file.document()
    lines = [f'  "{key}": {json.dumps(document[key])},' for key in ("about", "protocol")]
    for key, end in (("good", ","), ("bad", "")):
        cases = ",\n".join(f"    {json.dumps(case)}" for case in document[key])
        lines.append(f'  "{key}": [\n{cases}\n  ]{end}')
    return "{\n" + "\n".join(lines) + "\n}\n"


def main() -> int:
    """Writes or compares; exit code 1 where the files differ from what would be written."""
    parser = argparse.ArgumentParser(prog="python -m tools.make_vectors")
    parser.add_argument("--check", action="store_true", help="compare only; exit with 1 on a difference")
    check = parser.parse_args().check
    different = []
    wanted = {f"{name}.json": text_of(file) for name, file in files().items()}
    for name, text in wanted.items():
        path = FOLDER / name
        if path.exists() and path.read_text() == text:
            continue
        different.append(name)
        if not check:
            path.write_text(text)
    superfluous = sorted(path.name for path in FOLDER.glob("*.json") if path.name not in wanted)
    for name in superfluous:
        print(f"vectors/{name} is made by nobody")
    for name in different:
        print(f"vectors/{name} {'differs: run python -m tools.make_vectors' if check else 'written'}")
    return 1 if superfluous or (check and different) else 0


if __name__ == "__main__":
    sys.exit(main())

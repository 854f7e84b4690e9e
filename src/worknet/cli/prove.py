"""`worknet prove`: evidence of a recorded voting as a file, with what of its rows is to be disclosed."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from worknet.cli.naming import AnyVoting, voting_named
from worknet.cli.options import AsJson
from worknet.cli.votings import Config
from worknet.cli.writing import write_whole
from worknet.node.errors import RequestError, UnknownVoting
from worknet.node.prove import Prover, Selection, VotingProofs
from worknet.node.setup import opened
from worknet.protocol.canonical import Value, to_hex
from worknet.protocol.tables import Kind
from worknet.verify import Evidence, parse, verify
from worknet.verify.form import MAX_BYTES


def prove(
    config: Config,
    voting: AnyVoting,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the evidence is written.")
    ] = None,
    table: Annotated[
        str | None, typer.Option("--table", metavar="NAME", help="Disclose rows of this result table.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option("--dataset", metavar="NAME", help="Disclose rows of this input dataset.")
    ] = None,
    row: Annotated[
        list[str] | None,
        typer.Option(
            "--row",
            metavar="COLUMN=VALUE[,COLUMN=VALUE]",
            help="Disclose the row with this key, alone. May be given once for each column.",
        ),
    ] = None,
    show: Annotated[
        str | None,
        typer.Option(
            "--show",
            metavar="COLUMN[,COLUMN]",
            help="Of a row show these fields only, where fields can be shown alone.",
        ),
    ] = None,
    whole: Annotated[
        bool, typer.Option("--whole", help="Disclose ALL rows of the table or dataset.")
    ] = False,
    each: Annotated[
        Path | None,
        typer.Option(
            "--each",
            metavar="DIR",
            help="Write a file for each row, which discloses that row alone, into a new folder.",
        ),
    ] = None,
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Prove against the tree head of so many records; default: the newest."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write evidence of a recorded result, and of what is disclosed of it.

    Whoever gets the file can check it with `worknet verify`. It discloses the manifest, which has the
    result's summary, and beyond that nothing but what is named.
    """
    wanted = _wanted(table, dataset, row or [], whole, each, show)
    if (out is None) == (each is None):
        raise RequestError("one place is due for what is written", "--out FILE, or --each DIR for every row")
    with opened(config) as access:
        voting_id, _ = voting_named(access.network, access.client, access.index, voting)
        record = access.index.record_of(voting_id)
        if record is None:
            hint = "`worknet votings` lists all"
            raise UnknownVoting(f"voting {to_hex(voting_id)} has no record", hint)
        proofs = Prover(access.index, access.journal, access.config.data_key).of(record, size)
        if each is not None and wanted is not None:
            told = _write_each(proofs, wanted, each)
        elif out is not None:
            told = _write_one(proofs, wanted, out)
    typer.echo(json.dumps(told) if as_json else _text(told))


@dataclass(frozen=True)
class _Wanted:
    """Of which table or dataset something is disclosed: the row that `row` says, with the fields `show`."""

    kind: Kind
    name: str
    row: tuple[str, ...]
    show: tuple[str, ...]


def _wanted(
    table: str | None, dataset: str | None, row: list[str], whole: bool, each: Path | None, show: str | None
) -> _Wanted | None:
    """What the options say, if they go together; None: nothing but the voting itself."""
    ways = [bool(row), whole, each is not None]
    name = table if table is not None else dataset
    if table is not None and dataset is not None:
        raise RequestError("rows are of a table or of a dataset", hint="give --table or --dataset")
    if name is None:
        if any(ways) or show is not None:
            raise RequestError("rows or fields of no table", hint="give --table or --dataset too")
        return None
    if ways.count(True) != 1:
        hint = (
            "--row COLUMN=VALUE discloses one row, --whole ALL of them, --each DIR one in each of many files"
        )
        said = "and several ways of disclosing it" if any(ways) else "but not what of it is disclosed"
        raise RequestError(f"{name} is named, {said}", hint)
    fields = tuple(part.strip() for part in show.split(",")) if show is not None else ()
    if not all(fields) or (show is not None and whole):
        hint = "name columns, such as --show meter,hour, with --row or --each"
        raise RequestError("--show shows nothing" if not whole else "--whole shows all fields", hint)
    return _Wanted("table" if table is not None else "dataset", name, tuple(row), fields)


def row_key(texts: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """The key that `--row` says, as text by column; `columns` are those of the key.

    A comma parts two columns only where a column of the key and `=` follow it: values may have commas.
    """
    comma = re.compile(f",(?=(?:{'|'.join(map(re.escape, columns))})=)")
    key: dict[str, str] = {}
    for part in (part for text in texts for part in comma.split(text)):
        column, equals, value = part.partition("=")
        if not equals:
            raise RequestError(f"{part!r} is no part of a key", hint="write --row COLUMN=VALUE")
        if column in key:
            raise RequestError(f"two values for {column}", hint="a row has one value in each column")
        key[column] = value
    return key


def _write_one(proofs: VotingProofs, wanted: _Wanted | None, out: Path) -> dict[str, Any]:
    selection = None
    if wanted is not None:
        schema = proofs.schema(wanted.kind, wanted.name)
        row = row_key(wanted.row, schema.key) if wanted.row else None
        selection = Selection(wanted.kind, wanted.name, row, wanted.show)
    evidence = _write(proofs, None if selection is None else proofs.select(selection), out)
    disclosed = None
    if evidence.disclosure is not None:
        shown = evidence.disclosure["shown"]
        disclosed = {
            "kind": evidence.disclosure["kind"],
            "name": evidence.disclosure["name"],
            "rows": len(shown["rows"]) if "rows" in shown else 1,
            "index": shown.get("index"),
            "fields": [field["name"] for field in shown["fields"]] if "fields" in shown else None,
        }
    return {
        "evidence": str(out),
        "head": str(evidence.head),
        "position": evidence.position,
        "disclosed": disclosed,
    }


def _write_each(proofs: VotingProofs, wanted: _Wanted, folder: Path) -> dict[str, Any]:
    started = time.monotonic()
    rows = proofs.count(wanted.kind, wanted.name)
    if not rows:
        raise RequestError(f"{wanted.name} has no row", hint="--whole proves that it has none")
    disclosures = proofs.rows(wanted.kind, wanted.name, wanted.show)
    first = next(disclosures)  # what cannot be shown is told before there is a folder
    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise RequestError(f"{folder} exists already", hint="name a folder that is not there yet") from None
    except OSError as error:
        raise RequestError(f"{folder} cannot be made: {error.strerror}") from None
    digits = len(str(rows - 1))
    for index, disclosure in enumerate(chain([first], disclosures)):
        evidence = _write(proofs, disclosure, folder / f"{index:0{digits}}.json")
    return {
        "folder": str(folder),
        "files": rows,
        "seconds": round(time.monotonic() - started, 3),
        "head": str(evidence.head),
        "position": evidence.position,
    }


def _write(proofs: VotingProofs, disclosure: Value, path: Path) -> Evidence:
    """Writes the evidence once the verifier has found it sound, as whoever gets it will."""
    content = proofs.file(disclosure)
    if len(content) > MAX_BYTES:
        hint = "prove the rows that are asked for, with --row, or each of them, with --each"
        raise RequestError(
            f"evidence of {len(content)} bytes, and no verifier reads more than {MAX_BYTES}", hint
        )
    evidence = parse(content)
    verify(evidence)
    write_whole(path, content)
    return evidence


def _text(told: dict[str, Any]) -> str:
    if "folder" in told:
        return (
            f"{told['folder']}: {told['files']} files in {told['seconds']:.1f} s, one for each row, against "
            f"the tree head {told['head']}"
        )
    text = f"{told['evidence']}: evidence against the tree head {told['head']}"
    disclosed = told["disclosed"]
    if disclosed is None:
        return f"{text}; no row is disclosed"
    of = f"of the {disclosed['kind']} {disclosed['name']}"
    if disclosed["index"] is None:
        return f"{text}; ALL {disclosed['rows']} rows {of} are disclosed"
    fields = "" if disclosed["fields"] is None else f", its fields {', '.join(disclosed['fields'])}"
    return f"{text}; row {disclosed['index']} {of} is disclosed{fields}"

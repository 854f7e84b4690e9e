"""Evidence whose proofs were taken from elsewhere.

Every proof holds in the place that it was taken from, all checksums are right, and the trees that it is put
into are sound: what refuses it is only that it does not belong there.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any

from tools.vectors.evidence_faults import SHOWN, SMALL, Corrupted, Path, changed, value_at
from tools.vectors.evidence_forms import DECOYED, Form, forms
from tools.vectors.evidence_refusals import refused
from tools.vectors.form import Json, sample
from tools.vectors.ids import HOUR, NOON
from tools.vectors.voted import OWNER_ROWS, Voted, hexes, with_policy

from worknet.protocol import merkle, trees
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot

HERE = Voted()
HEADER: Path = ("disclosure", "header")


def foreign() -> Iterator[Corrupted]:
    """Parts of other networks, votings, attempts, policies, logs, tables, rows and fields."""
    yield from _other_votings()
    yield from _other_places()
    yield from _other_tables()
    yield from _other_fields()
    yield from _paths()
    yield from _nodes_for_leaves()


def _mixed(here: dict[str, Json], there: dict[str, Json], *paths: Path) -> dict[str, Json]:
    """This document with what the other one has at these places."""
    for path in paths:
        here = changed(here, path, deepcopy(value_at(there, path)))
    return here


def _other_votings() -> Iterator[Corrupted]:
    mine = HERE.document(HERE.row("table", "scores", 2))
    parts: tuple[Path, ...] = (("record",), ("ballots",), ("manifest",), ("disclosure",), ("network",))
    of_record = (("record",), ("ballots",), ("manifest",), ("disclosure",), ("policy",))
    others = {
        "another chain": replace(HERE, chain_id=1),
        "another contract": replace(HERE, contract=sample("contract 2", 20)),
        "the next hour": replace(HERE, trigger=Slot.at(HOUR, NOON + HOUR), time=NOON + 3 * HOUR),
        "another workflow": replace(HERE, workflow="settle"),
        "the next attempt": replace(HERE, attempt=2),
        "another policy": replace(HERE, policy=with_policy(delay=901, start=NOON - HOUR)),
    }
    for name, voted in others.items():
        theirs = voted.document(voted.row("table", "scores", 2))
        swapped = _mixed(mine, theirs, *parts, ("policy",))
        yield refused(f"all but the log's proof is of {name}", swapped, "path")
        yield refused(f"all is of {name}, but the trusted head", theirs, "head.root", HERE.head)
    chain = others["another chain"]
    theirs = chain.document(chain.row("table", "scores", 2))
    yield refused("the record of another chain", _mixed(mine, theirs, *of_record), "record.chain_id")
    yield refused("the network of another chain", _mixed(mine, theirs, ("network",)), "record.chain_id")
    contract = others["another contract"]
    theirs = contract.document(contract.row("table", "scores", 2))
    yield refused("the record of another contract", _mixed(mine, theirs, *of_record), "record.contract")
    hour = others["the next hour"]
    theirs = hour.document(hour.row("table", "scores", 2))
    yield refused("ballots of the next hour", _mixed(mine, theirs, ("ballots",)), "ballots[0]")
    result = _mixed(mine, theirs, ("manifest",), ("disclosure",))
    yield refused("result of the next hour", result, "manifest.document.trigger")
    yield refused("row of the next hour", _mixed(mine, theirs, ("disclosure",)), "disclosure.header.path")
    again = others["the next attempt"]
    theirs = again.document(again.row("table", "scores", 2))
    yield refused("result of the next attempt", _mixed(mine, theirs, ("manifest",)), "manifest.path")
    salt: Path = ("manifest", "salt")
    yield refused("salt of the manifest of the next attempt", _mixed(mine, theirs, salt), "manifest.path")
    yield refused("row of the next attempt", _mixed(mine, theirs, ("disclosure",)), "disclosure.header.path")
    yield refused("shown as in the next attempt", _mixed(mine, theirs, SHOWN), "disclosure.shown.path")
    row_salt: Path = (*SHOWN, "salt")
    yield refused("salt of the next attempt's row", _mixed(mine, theirs, row_salt), "disclosure.shown.path")
    policy = others["another policy"].document()
    yield refused("another policy", _mixed(mine, policy, ("policy",)), "policy")


def _other_places() -> Iterator[Corrupted]:
    """The record at another place of the log, and against other logs."""
    mine = HERE.document()
    for name, other in {
        "the place before": replace(HERE, position=3),
        "the first place": replace(HERE, position=0),
        "a longer log": replace(HERE, size=9),
        "a shorter log": replace(HERE, size=5),
    }.items():
        theirs = other.document()
        yield refused(f"path of {name}", _mixed(mine, theirs, ("path",)), "path")
        if other.position != HERE.position:
            both = _mixed(mine, theirs, ("path",), ("position",))
            yield refused(f"path and position of {name}", both, "path")
    moved = replace(HERE, moved=True)
    first = moved.document()
    for path, value in ((("position",), 0), (("path",), hexes(trees.inclusion(moved.log, 0)))):
        first = changed(first, path, value)
    yield refused("the leaf of a move for the record", first, "path")


def _other_tables() -> Iterator[Corrupted]:
    """Rows, headers and paths of other rows, tables and trees of the same voting."""
    mine = HERE.document(HERE.row("table", "scores", 2))
    before = HERE.document(HERE.row("table", "scores", 1))
    twin = Voted(contents=HERE.contents | {("table", "twin"): HERE.contents["table", "scores"]})
    scores, other = twin.row("table", "scores", 2), twin.row("table", "twin", 2)
    dataset = HERE.document(HERE.row("dataset", "load", 2))
    for name, there, path, field in (
        ("the path of another row", before, (*SHOWN, "path"), "disclosure.shown.path"),
        ("the salt of another row", before, (*SHOWN, "salt"), "disclosure.shown.path"),
        ("the values of another row", before, (*SHOWN, "values"), "disclosure.shown.path"),
        ("the index of another row", before, (*SHOWN, "index"), "disclosure.shown.path"),
        ("the header of the same dataset", dataset, HEADER, "disclosure.header.count"),
        ("the root of the same dataset", dataset, (*HEADER, "root"), "disclosure.header.path"),
        ("the row of the same dataset", dataset, SHOWN, "disclosure.shown.path"),
    ):
        document = _mixed(mine, there, path)
        if document == mine:
            continue
        yield refused(f"a row with {name}", document, field)
    here = twin.document(scores)
    there = twin.document(other)
    yield refused("a row of a table of the same rows", _mixed(here, there, SHOWN), "disclosure.shown.path")
    yield refused(
        "a header of a table of the same rows", _mixed(here, there, HEADER), "disclosure.header.index"
    )
    named: Path = ("disclosure", "name")
    yield refused(
        "the name of a table of the same rows", _mixed(here, there, named), "disclosure.header.index"
    )
    without = changed(twin.document(scores, manifest=False), named, "twin")
    yield refused("the name of a table of the same rows, without manifest", without, "disclosure.header.path")
    load = HERE.document(HERE.row("dataset", "load", 1))
    as_table = changed(load, ("disclosure", "kind"), "table")
    yield refused("the first dataset for a table", as_table, "disclosure.name")
    prices = HERE.document(HERE.fields("dataset", "prices", 1, ("paid",)))
    as_table = changed(prices, ("disclosure", "kind"), "table")
    yield refused("another dataset for a table", as_table, "disclosure.name")
    prices = changed(load, named, "prices")
    yield refused("the name of another dataset", prices, "disclosure.header.path")
    table = changed(mine, ("disclosure", "kind"), "dataset")
    table = changed(table, ("disclosure", "schema"), None)
    yield refused("a table for a dataset", table, "disclosure.header.path")
    bare = HERE.document(HERE.row("dataset", "load", 1), manifest=False)
    as_table = changed(bare, ("disclosure", "kind"), "table")
    yield refused("a dataset for a table, without manifest", as_table, "disclosure.header.index")


def _other_fields() -> Iterator[Corrupted]:
    """Fields, salts and paths of other fields, rows and tables."""
    mine = HERE.document(HERE.fields("table", "owners", 2, ("owner",)))
    sibling = HERE.document(HERE.fields("table", "owners", 2, ("paid",)))
    before = HERE.document(HERE.fields("table", "owners", 1, ("owner",)))
    field: Path = (*SHOWN, "fields", 0)
    of_field = "disclosure.shown.fields[0]"
    for name, there, paths, where in (
        ("the value of another row", before, [(*field, "value")], f"{of_field}.path"),
        ("the salt of another row", before, [(*field, "salt")], f"{of_field}.path"),
        ("the path of another row", before, [(*field, "path")], f"{of_field}.path"),
        ("the field of another row", before, [field], f"{of_field}.path"),
        ("the fields' root of another row", before, [(*SHOWN, "root")], "disclosure.shown.path"),
        ("fields and root of another row", before, [field, (*SHOWN, "root")], "disclosure.shown.path"),
        ("the name of another field", sibling, [(*field, "name")], f"{of_field}.index"),
        ("name and index of another", sibling, [(*field, "name"), (*field, "index")], f"{of_field}.path"),
        ("the path of another field", sibling, [(*field, "path")], f"{of_field}.path"),
        ("the index of another field", sibling, [(*field, "index")], f"{of_field}.index"),
    ):
        yield refused(f"a field with {name}", _mixed(mine, there, *paths), where)
    two = HERE.document(HERE.fields("table", "owners", 2, ("consumer", "owner")))
    first, second = value_at(two, (*SHOWN, "fields"))
    fields: Path = (*SHOWN, "fields")
    other: dict[str, Any] = {"name": "more", "index": 3}
    for name, path, value, where in (
        ("in descending order", fields, [second, first], "disclosure.shown.fields[1].index"),
        ("one of them twice", fields, [first, first, second], "disclosure.shown.fields[1].index"),
        ("none", fields, [], "disclosure.shown.fields"),
        ("one that is no column", fields, [first, second | other], "disclosure.shown.fields[1].name"),
        ("another count", (*SHOWN, "count"), 4, "disclosure.shown.count"),
        ("no count", (*SHOWN, "count"), 0, "disclosure.shown.count"),
        ("another root", (*SHOWN, "root"), to_hex(sample("other")), "disclosure.shown.path"),
        ("another salt of the row", (*SHOWN, "salt"), to_hex(sample("salt", 16)), "disclosure.shown.path"),
        ("another value", (*fields, 1, "value"), "o3", "disclosure.shown.fields[1].path"),
        ("another type", (*fields, 1, "value"), 2, "disclosure.shown.fields[1].path"),
        ("another salt", (*fields, 0, "salt"), to_hex(sample("salt", 16)), "disclosure.shown.fields[0].path"),
        ("an index past all", (*fields, 1, "index"), 2**53 - 1, "disclosure.shown.fields[1].index"),
    ):
        yield refused(f"fields: {name}", changed(two, path, value), where)
    decoyed = Voted(contents=HERE.contents | {("table", "owners"): (DECOYED, OWNER_ROWS)})
    hidden = decoyed.document(decoyed.fields("table", "owners", 2, ("consumer", "owner")))
    lower, upper = value_at(hidden, fields)
    for name, path, value, where in (
        ("in descending order", fields, [upper, lower], "disclosure.shown.fields[1].index"),
        ("one of them twice", fields, [lower, lower], "disclosure.shown.fields[1].index"),
        ("fewer decoys", (*SHOWN, "count"), 7, "disclosure.shown.count"),
        ("the place by name", (*fields, 0, "index"), 0, "disclosure.shown.fields[0].path"),
        ("another path", (*fields, 0, "path"), upper["path"], "disclosure.shown.fields[0].path"),
    ):
        document = changed(hidden, path, value)
        if document != hidden:
            yield refused(f"fields among decoys: {name}", document, where)


def _paths() -> Iterator[Corrupted]:
    """Each path, with an element too many, too few, doubled, exchanged, and taken for another path."""
    row, one = forms()["a row among 1000"], forms()["one field"]
    bases: tuple[tuple[str, Form, Path, str], ...] = (
        ("log", forms()["a voting"], ("path",), "path"),
        ("manifest", forms()["a voting"], ("manifest", "path"), "manifest.path"),
        ("table", forms()["a row of a table"], (*HEADER, "path"), "disclosure.header.path"),
        ("row", row, (*SHOWN, "path"), "disclosure.shown.path"),
        ("field", one, (*SHOWN, "fields", 0, "path"), "disclosure.shown.fields[0].path"),
    )
    root = to_hex(sample("root"))
    for name, form, path, field in bases:
        hashes: Sequence[str] = value_at(form.document, path)
        wrong = {
            "an element more in front": [root, *hashes],
            "an element more behind": [*hashes, root],
            "its first element twice": [hashes[0], *hashes],
            "no first element": hashes[1:],
            "zeros for its last element": [*hashes[:-1], "0x" + "00" * 32],
            "64 elements": [root] * 64,
        }
        if len(hashes) > 1:
            wrong |= {"no last element": hashes[:-1], "its elements reversed": [*reversed(hashes)]}
        for what, value in wrong.items():
            yield refused(f"path of the {name}: {what}", changed(form.document, path, value), field)


def _nodes_for_leaves() -> Iterator[Corrupted]:
    """Parts of trees taken for whole trees, leaf hashes for roots, nodes for leaf hashes."""
    mine = HERE.document(HERE.row("dataset", "load", 0))
    rows = HERE.rows["dataset", "load"]
    left = merkle.node_hash(merkle.leaf_hash(rows[0]), merkle.leaf_hash(rows[1]))
    part = changed(mine, (*HEADER, "rows"), 2)
    part = changed(part, (*HEADER, "root"), to_hex(left))
    part = changed(part, (*SHOWN, "path"), hexes(trees.inclusion(rows[:2], 0)))
    yield refused("a part of the rows for all of them", part, "disclosure.header.path")
    alone = changed(mine, (*HEADER, "rows"), 1)
    alone = changed(alone, (*HEADER, "root"), to_hex(merkle.leaf_hash(rows[0])))
    alone = changed(alone, (*SHOWN, "path"), [])
    yield refused("a row for all of them", alone, "disclosure.header.path")
    node = changed(mine, (*SHOWN, "path", 0), to_hex(rows[1][:32]))
    yield refused("leaf data for a leaf hash", node, "disclosure.shown.path")
    hashed = changed(mine, (*SHOWN, "path", 0), to_hex(merkle.leaf_hash(merkle.leaf_hash(rows[1]))))
    yield refused("the hash of a leaf hash for it", hashed, "disclosure.shown.path")
    log = SMALL.document(manifest=False)
    pair = merkle.node_hash(SMALL.record.leaf_hash(), merkle.leaf_hash(SMALL.log[5]))
    short = changed(log, ("head",), {"size": 1, "root": to_hex(SMALL.record.leaf_hash())})
    short = changed(short, ("position",), 0)
    yield refused("the record for the whole log", changed(short, ("path",), []), "head.size", SMALL.head)
    short = changed(short, ("head",), {"size": 2, "root": to_hex(pair)})
    path = [to_hex(merkle.leaf_hash(SMALL.log[5]))]
    yield refused("a part of the log for all of it", changed(short, ("path",), path), "head.size", SMALL.head)

"""Vectors of statements (appendix F): made, checked, compared, and opened; and false ones of every kind."""

from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from tools.vectors import hpke
from tools.vectors.commitments import SALTING
from tools.vectors.form import Json, VectorFile, sample
from tools.vectors.ids import CONTRACT

from worknet.chain.sealed_statements import header_of, wrapping_info
from worknet.chain.sealing import padded
from worknet.protocol import merkle, salts
from worknet.protocol.canonical import Value, decode, encode
from worknet.protocol.columns import Column
from worknet.protocol.differences import Difference, RowKey, TableDifference, compare
from worknet.protocol.fingerprints import OwnStatement, OwnTable, state
from worknet.protocol.ids import Window
from worknet.protocol.manifest import Manifest, TableEntry
from worknet.protocol.statement import Level, Statement, StatementPlace
from worknet.protocol.tables import Kind, Row, Salter, Schema, row_leaves, sort_rows

CHAIN_ID = 246
SALTER = Salter(**SALTING)
LOAD = Schema(
    (
        Column("meter", "str"),
        Column("slot", "int"),
        Column("wh", "int"),
        Column("note", "str", nullable=True),
    ),
    ("meter", "slot"),
)
MATCHES = Schema((Column("meter", "str"), Column("share", "decimal", digits=2)), ("meter",), True)
ROWS: list[Row] = [{"meter": f"m{number}", "slot": 0, "wh": 10 * number, "note": None} for number in range(3)]
SHARES: list[Row] = [{"meter": "m0", "share": "0.50"}, {"meter": "m1", "share": "0.25"}]
Work = dict[str, Any]


def work(rows: list[Row] = ROWS, shares: list[Row] = SHARES, total: int = 30) -> Work:
    """What a worker has read and computed, as a vector gives it."""
    manifest = Manifest(
        workflow="hourly",
        bundle_digest=sample("bundle"),
        trigger_id=sample("trigger"),
        window=Window(0, 3600),
        parameters={},
        tables={"matches": TableEntry(MATCHES.digest(), len(shares))},
        summary={"total": total},
    )
    return {
        "datasets": {"load": {"schema": LOAD.document(), "rows": rows}},
        "tables": {"matches": {"schema": MATCHES.document(), "rows": shares}},
        "manifest": encode(manifest.document()).decode(),
    }


OTHERS: dict[str, Work] = {
    "equal work": work(),
    "another value": work([ROWS[0], {**ROWS[1], "wh": 11}, ROWS[2]]),
    "two other values in a row, one of them null": work(
        [ROWS[0], {**ROWS[1], "wh": 11, "note": "x"}, ROWS[2]]
    ),
    "a row more, before the others": work([{**ROWS[0], "meter": "a"}, *ROWS]),
    "a row less": work(ROWS[1:]),
    "no rows": work([]),
    "another result of the same inputs": work(shares=[SHARES[0], {**SHARES[1], "share": "0.26"}]),
    "another summary": work(total=31),
}


def statements() -> VectorFile:
    """Statements as documents."""
    file = VectorFile(
        "Statements (appendix F): fingerprints' keys, documents, what they lead to, and what differs."
    )
    for info in (salts.rows("dataset", "load"), salts.rows("table", "matches"), salts.MANIFEST):
        key = salts.fingerprint_key(**SALTING, info=info)
        file.good(info, "fingerprint_key", key, **SALTING, info=info)
    file.bad("attempt 0", "fingerprint_key", "SaltError", **(SALTING | {"attempt": 0}), info=salts.MANIFEST)
    levels: list[Level] = ["roots", "rows"]
    for level in levels:
        file.good(level, "state", made(own(work(), level)), **given(work()), level=level, worker=1)
    theirs = own(work(), "rows").statement
    pair = theirs.pair(SALTER)
    ballot: dict[str, Any] = {"input_root": pair.input_root, "result_root": pair.result_root, **SALTING}
    for level in levels:
        text = own(work(), level).statement.to_bytes().decode()
        file.good(level, "check_statement", None, text=text, **ballot)
    for name, text in false_texts(theirs).items():
        file.bad(name, "check_statement", "StatementError", text=text, **ballot)
    changes: dict[str, dict[str, Any]] = {
        "of another attempt": {"attempt": 2},
        "of another data key": {"data_key": sample("data key 2")},
    }
    for name, change in changes.items():
        text = theirs.to_bytes().decode()
        file.bad(name, "check_statement", "StatementError", text=text, **(ballot | change))
    for name, of in OTHERS.items():
        text = own(of, "rows").statement.to_bytes().decode()
        found = difference(compare(own(work(), "rows", 0), own(of, "rows").statement))
        file.good(name, "compare", found, **given(work()), theirs=text)
    roots = own(OTHERS["another value"], "roots").statement
    found = difference(compare(own(work(), "rows", 0), roots))
    file.good("roots alone", "compare", found, **given(work()), theirs=roots.to_bytes().decode())
    for name, lie in lies().items():
        file.bad(name, "compare", "StatementError", **given(work()), theirs=lie.to_bytes().decode())
    return file


def given(of: Work) -> Work:
    """The arguments that a worker's own work is."""
    return {**of, "chain_id": CHAIN_ID, "contract": CONTRACT, **SALTING}


def own(of: Work, level: Level, worker: int = 1) -> OwnStatement:
    """The statement on this work."""
    place = StatementPlace(CHAIN_ID, CONTRACT, SALTER.voting_id, SALTER.attempt, worker)
    manifest = Manifest.parse(of["manifest"].encode())
    datasets = [_table("dataset", "load", LOAD, of["datasets"]["load"]["rows"])]
    tables = [_table("table", "matches", MATCHES, of["tables"]["matches"]["rows"])]
    return state(place, level, datasets, tables, manifest, SALTER)


def _table(kind: Kind, name: str, schema: Schema, rows: list[Row]) -> OwnTable:
    ordered = sort_rows(name, schema, rows)
    hashes = [merkle.leaf_hash(leaf) for leaf in row_leaves(kind, name, schema, ordered, SALTER)]
    return OwnTable(kind, name, schema, len(rows), merkle.root_of_hashes(hashes), lambda: (ordered, hashes))


def made(statement: OwnStatement) -> Json:
    """What making a statement gives."""
    pair = statement.statement.pair(SALTER)
    text = statement.statement.to_bytes().decode()
    return {"text": text, "input_root": pair.input_root, "result_root": pair.result_root}


def difference(found: Difference) -> Json:
    """A difference as vectors write it."""
    return {
        "worker": found.worker,
        "same_inputs": found.same_inputs,
        "same_result": found.same_result,
        "same_manifest": found.same_manifest,
        "manifest": list(found.manifest),
        "tables": [_difference(table) for table in found.tables],
    }


def _difference(table: TableDifference) -> Json:
    return {
        "kind": table.kind,
        "name": table.name,
        "mine": table.mine,
        "theirs": table.theirs,
        "known": table.known,
        "rows": [{"key": _key(row.key), "columns": list(row.columns)} for row in table.rows],
        "only_mine": [_key(key) for key in table.only_mine_keys],
        "only_theirs": table.only_theirs,
    }


def _key(key: RowKey) -> dict[str, Value]:
    return dict(key)


def false_texts(true: Statement) -> dict[str, str]:
    """Texts that are no statement, or lead to another ballot."""
    [load], [matches] = true.datasets, true.tables
    assert load.details is not None
    swapped = replace(load.details, leaves=load.details.leaves[::-1])
    altered = {
        "rows that lead elsewhere": replace(true, datasets=(replace(load, details=swapped),)),
        "another root": replace(true, datasets=(replace(load, root=sample("root"), details=None),)),
        "another number of rows": replace(true, datasets=(replace(load, rows=4, details=None),)),
        "another name": replace(true, datasets=(replace(load, name="loads"),)),
        "a dataset less": replace(true, datasets=()),
        "a table less": replace(true, tables=()),
        "a table that is stated as a dataset": replace(
            true, datasets=(load, replace(matches, kind="dataset")), tables=()
        ),
        "another manifest": replace(true, manifest_leaf=sample("manifest")),
    }
    texts = {name: statement.to_bytes().decode() for name, statement in altered.items()}
    changes: dict[str, dict[str, Any]] = {
        "of another version": {"protocol": 2},
        "a key too many": {"salt": "0x"},
        "of no level": {"level": "values"},
        "rows in a statement of roots": {"level": "roots"},
        "a worker that is no index": {"worker": -1},
        "a short contract": {"contract": "0x00"},
    }
    document = decode(true.to_bytes())
    texts |= {name: encode(document | change).decode() for name, change in changes.items()}
    short = decode(true.to_bytes())
    short["datasets"]["load"]["fingerprints"]["columns"]["wh"] = "0x" + "00" * 16
    twice = decode(true.to_bytes())
    twice["datasets"]["load"]["fingerprints"]["keys"] = "0x" + "00" * 48
    texts |= {
        "a column that is short": encode(short).decode(),
        "a key twice": encode(twice).decode(),
        "white space": " " + true.to_bytes().decode(),
        "a part": true.to_bytes().decode()[:-1],
    }
    return texts


def lies() -> dict[str, Statement]:
    """Statements that lead to their ballots and yet contradict themselves."""
    true = own(OTHERS["another value"], "rows").statement
    equal = own(work(), "rows").statement
    [load], [same] = true.datasets, equal.datasets
    assert load.details is not None
    assert same.details is not None
    columns = load.details.columns
    wh = columns["wh"]
    details = {
        "another row stated as equal": replace(load.details, columns=same.details.columns),
        "an equal row stated as another": replace(
            load.details, columns={**columns, "wh": (sample("wh", 16), *wh[1:])}
        ),
        "rows out of order": replace(load.details, keys=load.details.keys[::-1]),
        "other columns": replace(load.details, columns={"wh": wh}),
    }
    found = {name: replace(true, datasets=(replace(load, details=false),)) for name, false in details.items()}
    other = own(OTHERS["another summary"], "rows").statement
    return {
        **found,
        "another manifest stated as equal": replace(other, manifest_parts=equal.manifest_parts),
        "an equal manifest stated as another": replace(equal, manifest_parts=other.manifest_parts),
    }


# Sealed ones

PRIVATE = {index: sample(f"encryption key {index}") for index in range(3)}
PUBLIC = {index: hpke.public_key_of(key) for index, key in PRIVATE.items()}


def sealed_statements() -> VectorFile:
    """Sealed statements, and what each recipient reads in them."""
    file = VectorFile(
        "Sealed statements (appendix F). HPKE's ephemeral keys and the body's key are made up from names."
    )
    levels: list[Level] = ["roots", "rows"]
    for level in levels:
        statement = own(work(), level).statement
        for me in (0, 2):
            text = statement.to_bytes().decode()
            opened = {"content": sealed(statement), "encryption_key": PRIVATE[me], "me": me}
            file.good(f"{level}, read by {me}", "open_statement", text, **opened)
    content = sealed(own(work(), "roots").statement)
    header, _, body = content.partition(b"\n")
    document = decode(header)

    def with_header(**changes: Any) -> bytes:
        return encode(document | changes) + b"\n" + body

    false: dict[str, bytes] = {
        "nothing": b"",
        "no header": body,
        "a header alone": header,
        "a part": content[:-1],
        "a byte more": content + b"\0",
        "a flipped bit in the body": content[:-20] + bytes([content[-20] ^ 1]) + content[-19:],
        "a flipped bit in a part": with_header(
            recipients={**document["recipients"], "0": _flipped(document["recipients"]["0"])}
        ),
        "a flipped bit in the part of another": with_header(
            recipients={**document["recipients"], "2": _flipped(document["recipients"]["2"])}
        ),
        "a header of another attempt": with_header(attempt=2),
        "a header of another worker": with_header(worker=0),
        "a header of another version": with_header(protocol=2),
        "a header that is not canonical": b" " + content,
        "a short part": with_header(recipients={"0": "0x00"}),
        "not padded": sealed(own(work(), "roots").statement, lambda text: text),
        "padded with more": sealed(own(work(), "roots").statement, lambda text: text + bytes(4096)),
        "no statement": sealed(own(work(), "roots").statement, lambda _: padded(b"{}" * 100)),
    }
    for name, altered in false.items():
        file.bad(
            name,
            "open_statement",
            "SealedStatementError",
            content=altered,
            encryption_key=PRIVATE[0],
            me=0,
        )
    for name, key, me in (("another key", PRIVATE[2], 0), ("no recipient", PRIVATE[1], 1)):
        refused = {"content": content, "encryption_key": key, "me": me}
        file.bad(name, "open_statement", "SealedStatementError", **refused)
    return file


def sealed(statement: Statement, pad: Any = padded) -> bytes:
    """The statement of worker 1, sealed to workers 0 and 2."""
    key = sample("key of the body")
    wrapped = {
        index: hpke.seal(
            key, PUBLIC[index], wrapping_info(statement.place, index), sample(f"ephemeral key {index}")
        )
        for index in (0, 2)
    }
    header = header_of(statement.place, wrapped)
    return header + b"\n" + ChaCha20Poly1305(key).encrypt(bytes(12), pad(statement.to_bytes()), header)


def _flipped(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")

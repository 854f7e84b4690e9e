"""A second verifier of evidence files, written from docs/reference/evidence.md alone, without worknet.

It goes by that text word for word, plainly and slowly, so that the text, the vectors and our own verifier are
held against something that does not share their mistakes. Offline only (levels 0 and 1).
"""

import re
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from eth_utils.crypto import keccak
from tests.unit.verify.second_form import (
    AMOUNT,
    NATURAL,
    POLICY,
    RECORD,
    abi,
    due,
    is_at,
    jcs,
    leaf,
    mth,
    read,
    salt_of,
    tag,
    unhex,
)


def verify(data: bytes, head: str | None) -> int:
    """The level that the file reaches; `Refused` otherwise."""
    file = read(data)
    record, policy = file["record"], file["policy"]
    span = check_record(file, record, policy)
    if file["manifest"] is not None:
        check_manifest(file, record, policy, span)
    if file["disclosure"] is not None:
        check_disclosure(file, record)
    if head is None:
        return 0
    size, root = head.split(":")
    due(file["head"]["size"] == int(size), "head.size")
    due(file["head"]["root"] == root, "head.root")
    return 1


def utc(time: int) -> str:
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def check_record(file: Any, record: Any, policy: Any) -> tuple[int, int] | None:
    for name in ("chain_id", "contract"):
        due(record[name] == file["network"][name], f"record.{name}")
    names = ("workflow_id", "trigger_id")
    ids = abi(tag("voting"), record["chain_id"], *(unhex(record[name]) for name in ("contract", *names)))
    due(keccak(ids) == unhex(record["voting_id"]), "record.voting_id")

    choices = {
        "ballots": ("open", "sealed"),
        "fallback": ("alert", "plurality", "failover", "failover_then_plurality"),
    }
    words = [
        choices[name].index(policy[name]) if name in choices
        else int(policy[name]) if POLICY[name] in (NATURAL, AMOUNT) else unhex(policy[name])
        for name in POLICY
    ]  # fmt: skip
    due(keccak(abi(tag("policy"), *words)) == unhex(record["policy_hash"]), "policy")
    for name in ("every", "delay", "max_age", "cast_window", "reveal_window", "stall"):
        due(policy[name] < 2**32, f"policy.{name}")
    for name in ("data_key_epoch", "threshold_den"):
        due(policy[name] < 2**32, f"policy.{name}")
    for name in ("bundle_digest", "data_key_commitment"):
        due(any(unhex(policy[name])), f"policy.{name}")
    is_open = policy["ballots"] == "open"
    for name in ("accuracy", "speed"):
        due(int(policy[name]) < 2**128, f"policy.{name}")
        due(policy[name] == "0" or not is_open, f"policy.{name}")
    due(policy["start"] < 2**40 - 1, "policy.start")
    num, den = policy["threshold_num"], policy["threshold_den"]
    due(num <= den and den != 0, "policy.threshold_num")
    due(policy["cast_window"] != 0, "policy.cast_window")
    due(policy["reveal_window"] != 0 or is_open, "policy.reveal_window")
    attempt, fallback = record["attempt"], policy["fallback"]
    due(1 <= attempt <= 255, "record.attempt")
    due(attempt != 3 or fallback.startswith("failover"), "record.attempt")
    due(attempt not in (2, 3) or policy["stall"] > 0, "record.attempt")

    due(record["time"] < 253_402_300_800, "record.time")
    span = None
    if policy["every"]:
        every, number = divmod(int(record["trigger_id"], 16), 1 << 128)
        due(every == policy["every"] and number < 2**64, "record.trigger_id")
        span = number * every, (number + 1) * every
        slot_due = span[1] + policy["delay"]
        due(record["time"] >= slot_due, "record.time")
        due((span[0] if attempt <= 3 else record["time"]) >= policy["start"], "policy.start")
        if attempt == 1 and record["how"] != "plurality" and policy["max_age"]:
            latest = slot_due + policy["max_age"] + policy["cast_window"] + policy["reveal_window"]
            due(record["time"] < latest, "record.time")

    members, voters, n = int(record["members"], 16), int(record["voters"], 16), record["n"]
    due(members < 1 << 120, "record.members")
    count = members.bit_count()
    due(2 <= n <= 120 and (n >= count if attempt in (2, 3) else n == count), "record.n")
    due(record["needed"] == max(n // 2 + 1, -(-n * num // den)), "record.needed")
    due(voters and not voters & ~members, "record.voters")

    recorded = record["input_root"], record["result_root"]
    listed: list[int] = []
    before: set[tuple[str, str]] = set()
    tally: Counter[tuple[str, str]] = Counter()
    for number, ballot in enumerate(file["ballots"]):
        where, worker = f"ballots[{number}]", ballot["worker"]
        due(worker < 120 and members >> worker & 1, f"{where}.worker")
        due(not listed or worker > listed[-1], f"{where}.worker")
        pair = ballot["input_root"], ballot["result_root"]
        for name in ("input_root", "result_root", "key", "operator"):
            due(any(unhex(ballot[name])), f"{where}.{name}")
        for name in ("key", "operator"):
            due((name, ballot[name]) not in before, f"{where}.{name}")
            before.add((name, ballot[name]))
        due(not voters >> worker & 1 or pair == recorded, where)
        listed.append(worker)
        tally[pair] += 1
    due(all(worker in listed for worker in range(120) if voters >> worker & 1), "ballots")

    enough = voters.bit_count() >= record["needed"]
    if record["how"] == "plurality":
        due(fallback.endswith("plurality"), "record.how")
        due(attempt <= (2 if fallback == "plurality" else 3), "record.attempt")
        due(not enough, "record.how")
        due(voters.bit_count() >= 2 and voters.bit_count() * 3 > n, "record.voters")
        due(len(listed) >= record["needed"], "ballots")
        due(tally[recorded] == voters.bit_count(), "record.voters")
        due(all(tally[recorded] > tally[pair] for pair in tally if pair != recorded), "ballots")
    else:
        due(enough, "record.voters")

    ways = {"quorum": 1, "plurality": 2, "report": 3}
    values = [ways.get(value) or int(value, 16) if isinstance(value, str) else value
              for value in (record[name] for name in RECORD)]  # fmt: skip
    data = abi(tag("record"), *values)
    due(is_at(data, file["position"], file["head"]["size"], file["path"], file["head"]["root"]), "path")
    return span


def check_manifest(file: Any, record: Any, policy: Any, span: tuple[int, int] | None) -> None:
    proof, where = file["manifest"], "manifest.document"
    manifest = proof["document"]
    due(keccak(manifest["workflow"].encode()) == unhex(record["workflow_id"]), f"{where}.workflow")
    due(manifest["trigger"] == record["trigger_id"], f"{where}.trigger")
    due(manifest["bundle"] == policy["bundle_digest"], f"{where}.bundle")
    window = span and {"start": utc(span[0]), "end": utc(span[1])}
    due(manifest["window"] == window, f"{where}.window")
    parents = manifest["parents"]
    due(parents == sorted(set(parents)) and record["voting_id"] not in parents, f"{where}.parents")
    data = unhex(proof["salt"]) + jcs(manifest)
    due(is_at(data, 0, 1 + len(manifest["tables"]), proof["path"], record["result_root"]), "manifest.path")


def check_disclosure(file: Any, record: Any) -> None:
    disclosure = file["disclosure"]
    name, schema, header, shown = (disclosure[part] for part in ("name", "schema", "header", "shown"))
    is_table = disclosure["kind"] == "table"
    if is_table and file["manifest"] is not None:
        tables = file["manifest"]["document"]["tables"]
        due(name in tables, "disclosure.name")
        due(header["rows"] == tables[name]["rows"], "disclosure.header.rows")
        due(header["count"] == 1 + len(tables), "disclosure.header.count")
        due(header["index"] == 1 + sorted(tables).index(name), "disclosure.header.index")
        digest = schema and "0x" + sha256(jcs(schema)).hexdigest()
        due(digest == tables[name]["schema"], "disclosure.schema")
        columns = [column["name"] for column in schema["columns"]]
        due(len(columns) == len(set(columns)), "disclosure.schema")
    else:
        due(schema is None, "disclosure.schema")
        due(not is_table or header["index"] != 0, "disclosure.header.index")
    rows = header["rows"].to_bytes(8, "big") + unhex(header["root"])
    data = unhex(header["salt"]) + sha256(name.encode()).digest() + rows
    root = record["result_root" if is_table else "input_root"]
    due(is_at(data, header["index"], header["count"], header["path"], root), "disclosure.header.path")
    if "rows" in shown:
        check_whole(shown, header, schema)
    else:
        check_row(shown, header, schema)
    if schema is not None:
        by_field = "fields" in shown or shown.get("field_keys") is not None
        due(by_field == (schema["disclosure"] == "field"), "disclosure.shown")
        check_values(shown, {column["name"]: column for column in schema["columns"]})


def check_row(shown: Any, header: Any, schema: Any) -> None:
    content = jcs(shown["values"]) if "values" in shown else unhex(shown["root"])
    place = shown["index"], header["rows"], shown["path"], header["root"]
    due(is_at(unhex(shown["salt"]) + content, *place), "disclosure.shown.path")
    if "values" in shown:
        return
    names = sorted(column["name"] for column in schema["columns"]) if schema else []
    decoys = schema.get("decoys", 0) if schema else 0
    due(not schema or shown["count"] == len(names) + decoys, "disclosure.shown.count")
    due(shown["fields"], "disclosure.shown.fields")
    last, told = -1, []
    for number, field in enumerate(shown["fields"]):
        where = f"disclosure.shown.fields[{number}]"
        due(field["index"] > last, f"{where}.index")
        due(field["name"] not in told and (not schema or field["name"] in names), f"{where}.name")
        due(not schema or decoys or names.index(field["name"]) == field["index"], f"{where}.index")
        data = unhex(field["salt"]) + jcs([field["name"], field["value"]])
        due(is_at(data, field["index"], shown["count"], field["path"], shown["root"]), f"{where}.path")
        last = field["index"]
        told.append(field["name"])


def check_whole(shown: Any, header: Any, schema: Any) -> None:
    rows, keys, decoys = shown["rows"], shown["field_keys"], shown["decoys"]
    due(len(rows) == header["rows"], "disclosure.shown.rows")
    due(keys is None or len(keys) == len(rows), "disclosure.shown.field_keys")
    due(decoys <= 255 and (keys is not None or decoys == 0), "disclosure.shown.decoys")
    due(not schema or decoys == schema.get("decoys", 0), "disclosure.shown.decoys")
    leaves = []
    for number, row in enumerate(rows):
        content = jcs(row)
        if keys is not None:
            key, names = keys[number], sorted(row)
            fields = [salt_of(key, j) + jcs([name, row[name]]) for j, name in enumerate(names)]
            fields += [salt_of(key, len(names) + j) for j in range(decoys)]
            content = mth(sorted(fields, key=leaf) if decoys else fields)
        leaves.append(salt_of(shown["key"], number) + content)
    due(mth(leaves) == unhex(header["root"]), "disclosure.shown.rows")


def check_values(shown: Any, columns: dict[str, Any]) -> None:
    for number, field in enumerate(shown.get("fields", [])):
        due(may_be(columns[field["name"]], field["value"]), f"disclosure.shown.fields[{number}].value")
    rows = {f"rows[{number}]": row for number, row in enumerate(shown.get("rows", []))}
    for where, row in (rows | ({"values": shown["values"]} if "values" in shown else {})).items():
        due(row.keys() == columns.keys(), f"disclosure.shown.{where}")
        for name, value in row.items():
            due(may_be(columns[name], value), f"disclosure.shown.{where}.{name}")


def may_be(column: Any, value: Any) -> bool:
    """Section 3 and appendix B of the protocol: what a column may have."""
    kind, digits = column["type"], column["digits"]
    if value is None:
        return bool(column["nullable"])
    if kind == "int":
        return type(value) is int
    if kind == "bool":
        return isinstance(value, bool)
    if not isinstance(value, str):
        return False
    fraction = f"\\.[0-9]{{{digits}}}" if 0 < digits <= 30 else "" if digits == 0 else "(?!)"
    if kind == "decimal":
        is_minus_zero = value.startswith("-") and not value.strip("-0.")
        return bool(re.fullmatch(f"-?(0|[1-9][0-9]*){fraction}", value)) and not is_minus_zero
    if kind == "time":
        match = re.fullmatch(f"(.{{19}}){fraction}Z", value)
        return match is not None and is_time(match.group(1))
    patterns = {"bigint": "0|-?[1-9][0-9]*", "bytes": "0x([0-9a-f]{2})*", "str": "(?s:.*)"}
    return bool(re.fullmatch(patterns[kind], value))


def is_time(text: str) -> bool:
    if not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", text):
        return False
    # Python's years begin with 1; year 0 is a leap year as 4 is, and so is 2000.
    year = int(text[:4]) or 2000
    try:
        datetime.strptime(f"{year:04}{text[4:]}", "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return False
    return text[17:19] < "60"

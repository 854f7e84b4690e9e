"""The vectors, read as a stranger would who has `vectors/README.md` only, and held against the protocol."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from worknet.protocol import (
    ballots,
    bundle,
    canonical,
    differences,
    earnings,
    eip712,
    fingerprints,
    ids,
    keccak,
    merkle,
    records,
    rewards,
    salts,
    tables,
    trees,
    voting,
    voting_rules,
)
from worknet.protocol import policy as policies
from worknet.protocol import statement as statements
from worknet.protocol import words as protocol_words
from worknet.protocol.ballots import Pair
from worknet.protocol.errors import ProtocolError
from worknet.protocol.leaves import field_leaf, header_leaf, salts_of
from worknet.protocol.manifest import Manifest

ROOT = Path(__file__).parents[3]
Given = dict[str, Any]


class MismatchError(ProtocolError):
    """What a vector calls `Mismatch`: the claimed value is not the one that comes out."""


def data(text: str) -> bytes:
    assert text.startswith("0x")
    return bytes.fromhex(text[2:])


def number(value: int | str) -> int:
    return int(value)


def datas(texts: list[str]) -> list[bytes]:
    return [data(text) for text in texts]


def words_of(given: Given) -> Given:
    return {key: word(value) for key, value in given.items()}


def word(value: int | str) -> int | bytes:
    return data(value) if str(value).startswith("0x") else number(value)


def pair_of(given: Given) -> Pair:
    return Pair(data(given["input_root"]), data(given["result_root"]))


def schema_of(document: Given) -> tables.Schema:
    columns = tuple(tables.Column(**column) for column in document["columns"])
    by_field = document["disclosure"] == "field"
    return tables.Schema(columns, tuple(document["key"]), by_field, document.get("decoys", 0))


def policy_of(given: Given) -> policies.Policy:
    fields = {
        key: data(value) if str(value).startswith("0x") else number(value) for key, value in given.items()
    }
    fields["ballots"] = protocol_words.Ballots(fields["ballots"])
    fields["fallback"] = protocol_words.Fallback(fields["fallback"])
    return policies.Policy(**fields)


def hash_of(given: Given) -> bytes:
    hashed = keccak.keccak256(data(given["bytes"]))
    if "claimed" in given and hashed != data(given["claimed"]):
        raise MismatchError("another hash")
    return hashed


def slot(given: Given) -> Given:
    found = ids.Slot.at(number(given["every"]), number(given["time"]))
    window = found.window
    due = found.due(given["delay"])
    return {
        "number": found.number,
        "start": window.start,
        "end": window.end,
        "due": due,
        "trigger_id": found.trigger_id,
    }


def slot_of_trigger(given: Given) -> Given:
    found = ids.Slot.of_trigger(data(given["trigger_id"]))
    return {"every": found.every, "number": found.number}


def event_trigger_id(given: Given) -> bytes:
    names = (given["workflow"], given["trigger"], given["kind"])
    return ids.event_trigger_id(data(given["key"]), *names, *given["identity"])


def verify_inclusion(given: Given) -> None:
    path, root = datas(given["path"]), data(given["root"])
    merkle.verify_inclusion(data(given["leaf"]), given["index"], given["size"], path, root)


def verify_consistency(given: Given) -> None:
    old_root, new_root = data(given["old_root"]), data(given["new_root"])
    trees.verify_consistency(given["old_size"], old_root, given["new_size"], new_root, datas(given["path"]))


def table(given: Given) -> Given:
    schema, salter = (
        schema_of(given["schema"]),
        tables.Salter(data(given["data_key"]), data(given["voting_id"]), given["attempt"]),
    )
    rows = tables.sort_rows(given["name"], schema, given["rows"])
    leaves = tables.row_leaves(given["kind"], given["name"], schema, rows, salter)
    root = merkle.root(leaves)
    leaf = tables.table_leaf(given["kind"], given["name"], len(rows), root, salter)
    return {"row_leaves": leaves, "rows_root": root, "leaf": leaf}


def salter_of(given: Given) -> tables.Salter:
    return tables.Salter(data(given["data_key"]), data(given["voting_id"]), given["attempt"])


def fingerprint_key(given: Given) -> bytes:
    return salter_of(given).fingerprint_key(given["info"])


def own_statement(given: Given, level: Any, worker: int) -> fingerprints.OwnStatement:
    salter = salter_of(given)

    def own(kind: Any, name: str, table: Given) -> fingerprints.OwnTable:
        schema = schema_of(table["schema"])
        rows = tables.sort_rows(name, schema, table["rows"])
        leaves = [merkle.leaf_hash(leaf) for leaf in tables.row_leaves(kind, name, schema, rows, salter)]
        root = merkle.root_of_hashes(leaves)
        return fingerprints.OwnTable(kind, name, schema, len(rows), root, lambda: (rows, leaves))

    return fingerprints.state(
        statements.StatementPlace(
            given["chain_id"], data(given["contract"]), salter.voting_id, salter.attempt, worker
        ),
        level,
        [own("dataset", name, table) for name, table in given["datasets"].items()],
        [own("table", name, table) for name, table in given["tables"].items()],
        Manifest.parse(given["manifest"].encode()),
        salter,
    )


def state(given: Given) -> Given:
    statement = own_statement(given, given["level"], given["worker"]).statement
    pair = statement.pair(salter_of(given))
    text = statement.to_bytes().decode()
    return {"text": text, "input_root": pair.input_root, "result_root": pair.result_root}


def check_statement(given: Given) -> None:
    statements.Statement.parse(given["text"].encode()).check(pair_of(given), salter_of(given))


def compare(given: Given) -> Given:
    mine = own_statement(given, "rows", 0)
    found = differences.compare(mine, statements.Statement.parse(given["theirs"].encode()))
    names = ("worker", "same_inputs", "same_result", "same_manifest", "manifest")
    compared = ("kind", "name", "mine", "theirs", "known", "only_theirs")
    return {
        **{name: getattr(found, name) for name in names},
        "tables": [
            {
                **{name: getattr(table, name) for name in compared},
                "rows": [{"key": dict(row.key), "columns": row.columns} for row in table.rows],
                "only_mine": [dict(key) for key in table.only_mine_keys],
            }
            for table in found.tables
        ],
    }


def manifest_leaf(given: Given) -> bytes:
    return Manifest.parse(given["text"].encode()).leaf(data(given["salt"]))


def named(leaves: dict[str, str]) -> dict[str, bytes]:
    return {name: data(leaf) for name, leaf in leaves.items()}


def check_opening(given: Given) -> None:
    policy_of(given["policy"]).check_opening(ids.Slot(given["every"], given["number"]), given["now"])


def seal(given: Given) -> bytes:
    place = (given["chain_id"], data(given["contract"]), data(given["voting_id"]))
    return ballots.seal(*place, given["attempt"], given["worker"], pair_of(given), data(given["salt"]))


def stored_seal(given: Given) -> Given:
    stored = data(given["stored"])
    return {"sent": ballots.without_time(stored), "seconds_left": ballots.seconds_left(stored)}


def separator(given: Given) -> bytes:
    return eip712.domain_separator(number(given["chain_id"]), data(given["contract"]))


def signed(given: Given) -> tuple[bytes, bytes, int, int]:
    place = number(given["attempt"]), number(given["policy_version"])
    return separator(given), data(given["voting_id"]), *place


def report_digest(given: Given) -> bytes:
    bitmaps = number(given["participants"]), number(given["voters"])
    return eip712.report_digest(*signed(given), pair_of(given), *bitmaps)


def record(given: Given) -> Given:
    fields = words_of(given)
    made = records.Record(**(fields | {"how": protocol_words.How(fields["how"])}))
    return {"leaf": made.leaf(), "leaf_hash": made.leaf_hash()}


def moved_leaf(given: Given) -> bytes:
    new = given["chain_id"], data(given["contract"])
    old = given["old_chain_id"], data(given["old_contract"])
    return protocol_words.moved_leaf(*new, *old, given["old_size"], data(given["old_root"]))


def log_heads(given: Given) -> list[bytes]:
    leaves = datas(given["leaves"])
    return [merkle.root(leaves[:size]) for size in range(len(leaves) + 1)]


def fact_of(given: Given) -> voting.Fact:
    kind, fields = given["fact"], {key: value for key, value in given.items() if key != "fact"}
    for key in ("members", "standbys", "workers", "participants", "voters", "signers"):
        if key in fields:
            fields[key] = number(fields[key])
    if "input_root" in fields:
        fields["pair"] = pair_of(given)
        del fields["input_root"], fields["result_root"]
    if "seal" in fields:
        fields["seal"] = data(fields["seal"])
    kinds = {
        "opened": voting.Opened,
        "cast": voting.Cast,
        "sealed": voting.Sealed,
        "revealed": voting.Revealed,
        "reported": voting.Reported,
        "settled": voting.Settled,
        "reopened": voting.Reopened,
    }
    return kinds[kind](**fields)


def fold(given: Given) -> Given:
    versions = {version: rules_of(rules) for version, rules in enumerate(given["policies"], start=1)}
    return outcome(voting_rules.fold(versions, map(fact_of, given["facts"]), given.get("now")))


def rules_of(rules: Given) -> policies.Policy:
    return policies.Policy(
        bundle_digest=b"\1" * 32,
        data_key_epoch=1,
        data_key_commitment=b"\1" * 32,
        every=0,
        delay=0,
        start=0,
        max_age=0,
        **rules
        | {
            "ballots": protocol_words.Ballots(rules["ballots"]),
            "fallback": protocol_words.Fallback(rules["fallback"]),
        },
    )


def outcome(after: voting.Voting) -> Given:
    attempt = recorded = None
    if after.attempts:
        now = after.current
        attempt = {
            "number": now.number,
            "members": now.members,
            "n": now.n,
            "needed": now.needed,
            "cast_end": now.cast_end,
            "end": now.end,
            "sealed": sum(1 << worker for worker in now.seals),
            "participants": now.participants,
            "missing": now.missing(),
            "tally": [asdict(pair) | {"voters": voters} for pair, voters in sorted(now.tally().items())],
        }
    if after.recorded:
        recorded = asdict(after.recorded)
        recorded |= recorded.pop("pair")
    return {
        "state": after.state.name,
        "closed": after.closed,
        "next_attempt": after.next_attempt,
        "ended": after.ended,
        "stalls": after.stalls,
        "attempt": attempt,
        "recorded": recorded,
    }


def closed_voting(given: Given) -> earnings.ClosedVoting:
    words = words_of(given["record"])
    record = records.Record(**(words | {"how": protocol_words.How(words["how"])}))
    return earnings.ClosedVoting(
        record, policy_of(given["policy"]), number(given["accurate"]), seals_of(given["seals"])
    )


def seals_of(seals: dict[str, str]) -> dict[int, bytes]:
    return {int(worker): data(stored) for worker, stored in seals.items()}


def unless_claimed(given: Given, found: int | None) -> int | None:
    if "claimed" in given and found != number(given["claimed"]):
        raise MismatchError("another number")
    return found


def fastest(given: Given) -> int | None:
    accurate, seals = number(given["accurate"]), seals_of(given["seals"])
    return unless_claimed(given, earnings.fastest(data(given["voting_id"]), accurate, seals))


def of_voting(given: Given) -> int | None:
    return unless_claimed(given, earnings.of_voting(closed_voting(given["voting"]), given["worker"]))


def of_period(given: Given) -> int | None:
    period = earnings.Period(**words_of(given["period"]))
    amounts = earnings.Amounts(**words_of(given["amounts"]))
    return unless_claimed(given, earnings.of_period(period, amounts, given["worker"]))


def reward_fact(given: Given, votings: dict[str, earnings.ClosedVoting]) -> rewards.Fact:
    match given:
        case {"fact": "enrolled", "time": time, "worker": worker}:
            return rewards.Enrolled(time, worker)
        case {"fact": "removed", "time": time, "worker": worker}:
            return rewards.Removed(time, worker)
        case {"fact": "checked in", "time": time, "worker": worker}:
            return rewards.CheckedIn(time, worker)
        case {"fact": "rewards set", "time": time, "base": base, "consistency": consistency}:
            return rewards.RewardsSet(time, number(base), number(consistency))
        case {"fact": "recorded", "voting": name}:
            return rewards.RecordLogged(votings[name].record)
        case {"fact": "closed", "time": time, "voting": name}:
            return rewards.Closed(time, votings[name])
        case {"fact": "closing booked", "time": time, "voting": name}:
            return rewards.ClosingBooked(time, votings[name])
        case {"fact": "funded", "time": time, "amount": amount}:
            return rewards.Funded(time, number(amount))
        case {"fact": "claimed", "time": time, "worker": worker, "votings": names, "periods": periods}:
            return rewards.Claimed(time, worker, [votings[name].record for name in names], periods)
    raise AssertionError(given)


def network_rewards(given: Given) -> Given:
    votings = {name: closed_voting(voting) for name, voting in given["votings"].items()}
    facts = [reward_fact(fact, votings) for fact in given["facts"]]
    after = rewards.Rewards(given["length"])
    payments = [asdict(payment) for fact in facts if (payment := after.apply(fact))]
    owed = {worker: after.owed(worker) for worker in range(120)}
    periods = sorted({fact.time // given["length"] for fact in facts})
    claimed = {name: after.claimed_of_voting(voting.record.voting_id) for name, voting in votings.items()}
    return {
        "funded": after.funded,
        "paid": after.paid,
        "payments": payments,
        "owed": [{"worker": worker, "amount": amount} for worker, amount in owed.items() if amount],
        "periods": [
            {"number": at}
            | asdict(after.period(at))
            | asdict(after.amounts_in(at))
            | {"claimed": after.claimed_of_period(at)}
            for at in periods
        ],
        "claimed": [{"voting": name, "workers": workers} for name, workers in claimed.items() if workers],
    }


OPERATIONS: dict[str, Callable[[Given], Any]] = {
    "canonical": lambda given: canonical.encode(given["value"]),
    "decode": lambda given: canonical.decode(data(given["bytes"])),
    "name": lambda given: canonical.check_name(given["name"], "test"),
    "hash": lambda given: canonical.from_hex(given["text"], 32),
    "keccak256": hash_of,
    "words": lambda given: protocol_words.words(*map(word, given["words"])),
    "tag": lambda given: protocol_words.tag(given["tag"]),
    "workflow_id": lambda given: ids.workflow_id(given["name"]),
    "voting_id": lambda given: ids.voting_id(
        given["chain_id"], data(given["contract"]), data(given["workflow_id"]), data(given["trigger_id"])
    ),
    "slot": slot,
    "slot_of_trigger": slot_of_trigger,
    "event_trigger_id": event_trigger_id,
    "root": lambda given: merkle.root(datas(given["leaves"])),
    "leaf_hash": lambda given: merkle.leaf_hash(data(given["leaf"])),
    "node_hash": lambda given: merkle.node_hash(data(given["left"]), data(given["right"])),
    "verify_inclusion": verify_inclusion,
    "verify_consistency": verify_consistency,
    "bundle_digest": lambda given: bundle.digest(named(given["files"])),
    "bundle_leaf": lambda given: bundle.leaf(given["path"], data(given["content"])),
    "document_key": lambda given: salts.document_key(
        data(given["data_key"]), data(given["voting_id"]), number(given["attempt"]), given["info"]
    ),
    "salts": lambda given: salts_of(data(given["document_key"]), given["count"]),
    "data_key_commitment": lambda given: salts.data_key_commitment(data(given["data_key"])),
    "sort_rows": lambda given: tables.sort_rows("t", schema_of(given["schema"]), given["rows"]),
    "schema_digest": lambda given: schema_of(given["schema"]).digest(),
    "table": table,
    "field_leaves": lambda given: tables.fields_of(
        given["row"], data(given["document_key"]), given["decoys"]
    ),
    "field_leaf": lambda given: field_leaf(data(given["salt"]), given["name"], given["value"]),
    "header_leaf": lambda given: header_leaf(
        data(given["salt"]), given["name"], given["rows"], data(given["root"])
    ),
    "manifest_leaf": manifest_leaf,
    "input_root": lambda given: tables.input_root(named(given["datasets"])),
    "result_root": lambda given: tables.result_root(data(given["manifest"]), named(given["tables"])),
    "policy_hash": lambda given: policy_of(given).hash(),
    "needed": lambda given: protocol_words.needed(given["n"], given["num"], given["den"]),
    "check_opening": check_opening,
    "seal": seal,
    "stored_seal": stored_seal,
    "domain_separator": separator,
    "seal_digest": lambda given: eip712.seal_digest(*signed(given), data(given["seal"])),
    "report_digest": report_digest,
    "record": record,
    "parse_record": lambda given: asdict(records.Record.parse(data(given["leaf"]))),
    "moved_leaf": moved_leaf,
    "log_heads": log_heads,
    "fingerprint_key": fingerprint_key,
    "state": state,
    "check_statement": check_statement,
    "compare": compare,
    "fold": fold,
    "fastest": fastest,
    "of_voting": of_voting,
    "of_period": of_period,
    "rewards": network_rewards,
}


def cases(quality: str) -> list[Any]:
    found = []
    for path in sorted((ROOT / "vectors").glob("*.json")):
        if path.stem in {"evidence", "sealed_statements"}:
            continue  # tests/unit/verify and tests/unit/chain: the protocol has no files and no keys
        document = json.loads(path.read_text())
        assert len(document["bad"]) >= len(document["good"]), path.name
        found += [pytest.param(case, id=f"{path.stem}: {case['name']}") for case in document[quality]]
    return found


def same(found: object, wanted: object) -> bool:
    """Whether what came out is what the vector's JSON says."""
    if isinstance(found, bytes):
        return "0x" + found.hex() == wanted
    if isinstance(found, dict):
        return (
            isinstance(wanted, dict)
            and found.keys() == wanted.keys()
            and all(same(found[key], wanted[key]) for key in found)
        )
    if isinstance(found, list | tuple):
        return isinstance(wanted, list) and len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(found, int) and not isinstance(found, bool):
        return not isinstance(wanted, bool) and str(int(found)) == str(wanted)
    return found == wanted and type(found) is type(wanted)


@pytest.mark.parametrize("case", cases("good"))
def test_good_cases_give_what_they_should(case: Given) -> None:
    assert same(OPERATIONS[case["does"]](case["given"]), case["gives"])


@pytest.mark.parametrize("case", cases("bad"))
def test_bad_cases_are_refused_with_their_error(case: Given) -> None:
    with pytest.raises(ProtocolError) as refused:
        OPERATIONS[case["does"]](case["given"])
    names = {kind.__name__ for kind in type(refused.value).__mro__}
    assert case["error"].removesuffix("Error") + "Error" in names
    if "rule" in case:
        assert str(refused.value) == case["rule"]


def test_what_decodes_is_what_was_encoded() -> None:
    document = json.loads((ROOT / "vectors" / "canonical.json").read_text())
    for case in document["good"]:
        if case["does"] == "canonical":
            assert canonical.decode(data(case["gives"])) == case["given"]["value"]


def test_the_facts_before_the_refused_one_are_lawful() -> None:
    document = json.loads((ROOT / "vectors" / "votings.json").read_text())
    for case in document["bad"]:
        fold({**case["given"], "facts": case["given"]["facts"][:-1], "now": 0})


def test_the_reward_facts_before_the_refused_one_are_lawful() -> None:
    document = json.loads((ROOT / "vectors" / "rewards.json").read_text())
    for case in document["bad"]:
        if case["does"] == "rewards" and case["given"]["facts"]:
            network_rewards({**case["given"], "facts": case["given"]["facts"][:-1]})


def test_every_operation_stands_in_the_readme() -> None:
    readme = (ROOT / "vectors" / "README.md").read_text()
    assert [name for name in OPERATIONS if f"`{name}`" not in readme] == []


def test_the_vectors_are_those_that_the_tool_makes() -> None:
    check = [sys.executable, "-m", "tools.make_vectors", "--check"]
    run = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr

"""The published JSON schema accepts what is written and refuses other forms; the page names every member."""

import json
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource
from tests.unit.verify.conftest import file_of
from tools.vectors.voted import Voted, with_policy

from worknet.protocol.canonical import encode
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.words import record_leaf, tag
from worknet.verify import parse

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


@pytest.fixture(scope="module")
def schema():
    document = json.loads((REFERENCE / "evidence.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(document)
    parts = Registry().with_resources(
        (
            f"{name}.schema.json",
            Resource.from_contents(json.loads((REFERENCE / f"{name}.schema.json").read_text())),
        )
        for name in ("manifest", "policy", "table")
    )
    return jsonschema.Draft202012Validator(document, registry=parts)


def shown(voted, what):
    """A disclosure of the voting of the vectors."""
    return {
        "nothing": lambda: None,
        "row": lambda: voted.row("table", "scores", 1),
        "row of a dataset": lambda: voted.row("dataset", "load", 1),
        "fields": lambda: voted.fields("table", "owners", 1, ["owner"]),
        "fields of a dataset": lambda: voted.fields("dataset", "prices", 1, ["owner", "paid"]),
        "whole": lambda: voted.whole("table", "scores"),
        "whole with fields": lambda: voted.whole("dataset", "prices"),
    }[what]()


@pytest.mark.parametrize(
    "what", ["nothing", "row", "row of a dataset", "fields", "whole", "whole with fields"]
)
@pytest.mark.parametrize("manifest", [True, False])
def test_real_files_fit_the_schema(voted, schema, what, manifest):
    schema.validate(json.loads(file_of(voted, shown(voted, what), manifest=manifest)))


def test_an_event_driven_workflow_fits_the_schema(schema):
    event = Voted(trigger=b"\xee" * 32, policy=with_policy(every=0, delay=0, start=0))
    schema.validate(json.loads(file_of(event)))


def objects(value, path=()):
    if isinstance(value, dict):
        yield path, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, element in inside:
        yield from objects(element, (*path, key))


FREE = {"parameters", "summary", "values", "rows", "tables"}


@pytest.mark.parametrize("what", ["row", "fields of a dataset", "whole with fields"])
def test_every_missing_or_further_member_breaks_the_schema(voted, schema, what):
    data = file_of(voted, shown(voted, what))
    for path, value in objects(json.loads(data)):
        if FREE & set(path):
            continue
        for key in [*value, "more"]:
            document = json.loads(data)
            place = document
            for step in path:
                place = place[step]
            if key in place:
                del place[key]
            else:
                place[key] = 1
            assert not schema.is_valid(document), (path, key)


@pytest.mark.parametrize("what", ["row", "fields", "whole"])
def test_the_page_names_every_member(voted, what):
    page = (REFERENCE / "evidence.md").read_text()
    document = json.loads(file_of(voted, shown(voted, what)))
    disclosure = document["disclosure"]
    named = [document, document["record"], document["policy"], document["ballots"][0], document["manifest"]]
    named += [document["manifest"]["document"], disclosure, disclosure["header"], disclosure["shown"]]
    for member in {member for members in named for member in members}:
        assert f"`{member}`" in page, member


def test_the_example_of_the_page_is_that_of_the_vectors():
    page = (REFERENCE / "evidence.md").read_text()
    vectors = json.loads((REFERENCE.parents[1] / "vectors" / "evidence.json").read_text())
    case = next(case["given"] for case in vectors["good"] if case["name"] == "a row of a table")
    read = parse(case["file"].encode())
    proof, shown_row = read.manifest, read.disclosure["shown"]
    values = [
        case["head"],
        read.record["voting_id"].hex(),
        read.record["policy_hash"].hex(),
        leaf_hash(record_leaf(read.record)).hex(),
        leaf_hash(proof["salt"] + encode(read.document["manifest"]["document"])).hex(),
        leaf_hash(shown_row["salt"] + encode(shown_row["values"])).hex(),
        encode(shown_row["values"]).decode(),
        read.disclosure["header"]["root"].hex(),
        proof["path"][-1].hex(),
        tag("voting").hex(),
    ]
    assert [value for value in values if value not in page] == []

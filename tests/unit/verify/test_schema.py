"""The published JSON schema accepts what is written and refuses other forms; the page names every member."""

import json
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

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


@pytest.mark.parametrize(
    "row",
    [
        None,
        ("table", "scores", 3),
        ("table", "owners", 1),
        ("dataset", "meters", 4),
        ("dataset", "owners", 2),
    ],
)
@pytest.mark.parametrize("with_manifest", [True, False])
def test_real_files_fit_the_schema(make, schema, row, with_manifest):
    schema.validate(json.loads(make(row=row, with_manifest=with_manifest).to_bytes()))


def test_an_event_driven_workflow_fits_the_schema(make, schema):
    evidence = make(policy={"every": 0, "max_age": 0}, trigger_id=b"\xee" * 32)
    schema.validate(json.loads(evidence.to_bytes()))


def objects(value, path=()):
    if isinstance(value, dict):
        yield path, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, element in inside:
        yield from objects(element, (*path, key))


FREE = {"parameters", "summary", "values", "tables"}


@pytest.mark.parametrize("row", [("table", "scores", 3), ("dataset", "owners", 2)])
def test_every_missing_or_further_member_breaks_the_schema(make, schema, row):
    data = make(row=row).to_bytes()
    for path, value in objects(json.loads(data)):
        if path and path[-1] in FREE:
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


def test_the_page_names_every_member(make):
    page = (REFERENCE / "evidence.md").read_text()
    document = json.loads(make().to_bytes())
    for member in [
        *document,
        *document["disclosure"],
        *document["disclosure"]["header"],
        *document["ballots"][0],
    ]:
        assert f"`{member}`" in page, member

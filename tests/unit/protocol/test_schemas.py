"""The JSON schemas in the reference, against the vectors: they accept every good document and few bad ones.

A JSON schema cannot say everything (order, canonical form, what two fields must be to each other), so what it
lets through is named here.
"""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from worknet.protocol.policy import Policy

ROOT = Path(__file__).parents[3]
NAMES = ["manifest", "policy", "table"]
BEYOND_A_SCHEMA = {
    "manifest with a window that ends before it starts",
    "manifest with an empty window",
    "manifest with parents in descending order",
    "manifest with white space",
    "a threshold above one",
    "schema with a key that is no column",
    "schema with a key that may be null",
    "schema with a column twice",
    "schema with 252 decoys beside five columns",
}
BALLOTS = ["open", "sealed"]
FALLBACKS = ["alert", "plurality", "failover", "failover_then_plurality"]


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((ROOT / "docs" / "reference" / f"{name}.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def policy_document(given: dict[str, Any]) -> dict[str, Any]:
    """A policy of the vectors in the form of evidence files."""
    choices = {"ballots": BALLOTS[given["ballots"]], "fallback": FALLBACKS[given["fallback"]]}
    return given | choices | {"accuracy": str(given["accuracy"]), "speed": str(given["speed"])}


def documents(quality: str) -> list[Any]:
    """Every document of the vectors with the schema that it is under."""
    found = []
    for file, does, schema in (
        ("results", "manifest_leaf", "manifest"),
        ("policies", "policy_hash", "policy"),
        ("tables", "schema_digest", "table"),
        ("tables", "table", "table"),
    ):
        for case in json.loads((ROOT / "vectors" / f"{file}.json").read_text())[quality]:
            given = case["given"]
            if case["does"] != does:
                continue
            if schema == "manifest":
                given = json.loads(given["text"])
            elif schema == "policy":
                given = policy_document(given)
            else:
                given = given["schema"]
            found.append(pytest.param(schema, case["name"], given, id=f"{file}: {case['name']}"))
    return found


@pytest.mark.parametrize(("schema", "name", "document"), documents("good"))
def test_good_documents_are_accepted(schema: str, name: str, document: Any) -> None:
    assert [error.message for error in validator(schema).iter_errors(document)] == []


@pytest.mark.parametrize(("schema", "name", "document"), documents("bad"))
def test_bad_documents_are_refused_but_for_what_no_schema_can_say(
    schema: str, name: str, document: Any
) -> None:
    assert validator(schema).is_valid(document) == (name in BEYOND_A_SCHEMA)


def test_the_policy_schema_has_the_fields_in_the_order_of_their_hash() -> None:
    schema = json.loads((ROOT / "docs" / "reference" / "policy.schema.json").read_text())
    assert list(schema["properties"]) == schema["required"] == [field.name for field in fields(Policy)]

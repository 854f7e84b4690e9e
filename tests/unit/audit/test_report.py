"""The report as JSON: in the form that is documented, whatever was audited."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.unit.audit.reports import report, rich_report

from worknet.audit.report import Report

SCHEMA = Path(__file__).resolve().parents[3] / "docs" / "reference" / "audit.schema.json"


@pytest.fixture(scope="module")
def schema() -> Any:
    return json.loads(SCHEMA.read_text())


@pytest.mark.parametrize("make", [report, rich_report, lambda: report(0, 0), lambda: report(5, 5)])
def test_every_report_has_the_documented_form(schema: Any, make: Callable[[], Report]) -> None:
    jsonschema.validate(json.loads(json.dumps(make().document())), schema)


@pytest.mark.parametrize("place", ["log", "records", "workers"])
def test_the_documented_form_lets_nothing_be_left_out_or_added(schema: Any, place: str) -> None:
    document = json.loads(json.dumps(rich_report().document()))
    part = document[place] if isinstance(document[place], dict) else document[place][0]
    name, value = part.popitem()
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)
    part[name] = value
    jsonschema.validate(document, schema)
    part["more"] = 1
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, schema)

"""The vectors of evidence files, read as a stranger would who has `vectors/README.md` only."""

import json
from pathlib import Path

import pytest

from worknet import verify

VECTORS = Path(__file__).parents[3] / "vectors" / "evidence.json"


def cases(quality):
    document = json.loads(VECTORS.read_text())
    assert len(document["bad"]) >= len(document["good"])
    return [pytest.param(case, id=case["name"]) for case in document[quality]]


def level(given):
    head = None if given["head"] is None else verify.parse_head(given["head"])
    return verify.verify(verify.parse(given["file"].encode()), head).level


@pytest.mark.parametrize("case", cases("good"))
def test_good_files_reach_their_level(case):
    assert level(case["given"]) == case["gives"]


@pytest.mark.parametrize("case", cases("bad"))
def test_bad_files_are_refused_with_their_error(case):
    with pytest.raises(verify.VerifyError) as refused:
        level(case["given"])
    assert type(refused.value).__name__ == case["error"]

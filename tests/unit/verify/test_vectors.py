"""The vectors of evidence files, read as a stranger would who has `vectors/README.md` only."""

import json
from pathlib import Path

import pytest

from worknet import verify
from worknet.verify.command import main

VECTORS = Path(__file__).parents[3] / "vectors" / "evidence.json"
DOCUMENT = json.loads(VECTORS.read_text())


GOOD = [pytest.param(case, id=case["name"]) for case in DOCUMENT["good"]]


def contents(given):
    return given["file"].encode() if "file" in given else bytes.fromhex(given["bytes"][2:])


def verdict(given):
    head = None if given["head"] is None else verify.parse_head(given["head"])
    return verify.verify(verify.parse(contents(given)), head)


@pytest.mark.parametrize("case", GOOD)
def test_good_files_reach_their_level(case):
    reached = verdict(case["given"])
    assert (reached.level, reached.how.name.lower()) == (case["gives"]["level"], case["gives"]["how"])


@pytest.mark.parametrize("case", GOOD)
def test_good_files_are_said_to_show_what_they_show(case, tmp_path, capsys):
    file = tmp_path / "evidence.json"
    file.write_bytes(contents(case["given"]))
    head = case["given"]["head"]
    main([str(file), "--json", *([] if head is None else ["--head", head])])
    assert json.loads(capsys.readouterr().out)["disclosure"] == case["gives"]["disclosure"]


def refusal(given):
    try:
        verdict(given)
    except verify.VerifyError as error:
        return type(error).__name__, error.field
    return "accepted", ""


@pytest.mark.parametrize("error", ["EvidenceError", "RefusedError"])
def test_bad_files_are_refused_for_what_is_wrong_with_them(error):
    refusals = {case["name"]: refusal(case["given"]) for case in DOCUMENT["bad"] if case["error"] == error}
    due = {case["name"]: (error, case["field"]) for case in DOCUMENT["bad"] if case["error"] == error}
    assert refusals == due


def test_there_are_hundreds_of_different_bad_files():
    names = {case["name"] for case in DOCUMENT["bad"]}
    files = {(contents(case["given"]), case["given"]["head"]) for case in DOCUMENT["bad"]}
    assert len(names) == len(files) == len(DOCUMENT["bad"]) >= 400

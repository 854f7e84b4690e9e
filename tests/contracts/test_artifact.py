"""The shipped artifact and the page that describes it."""

import re
from pathlib import Path

from worknet.contracts import artifact

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "worknet" / "contracts"
PAGE = (ROOT / "docs" / "reference" / "contract.md").read_text()


def named(kind):
    return {entry["name"] for entry in artifact().abi if entry["type"] == kind}


def test_the_artifact_is_for_london_and_fits_on_a_chain():
    built = artifact()
    assert (built.contract, built.compiler["version"]) == ("WorkerNetwork", "0.4.3")
    assert built.compiler["settings"]["evm_version"] == "london"
    assert 0 < built.runtime_size <= 24_576
    assert len(built.bytecode) > built.runtime_size


def test_every_function_and_event_stands_on_the_page():
    for name in named("function") | named("event"):
        assert re.search(rf"`{name}[`(]", PAGE), name


def test_every_reason_stands_on_the_page_names_its_module_and_fits_a_word():
    written = set()
    for source in SOURCES.rglob("*.vy"):
        within = source.relative_to(SOURCES)
        module = within.stem if len(within.parts) == 1 else within.parts[0]
        for reason in re.findall(r'"((?:[a-z]+): [^"]+)"', source.read_text()):
            assert reason.startswith(f"{module}: ")
            assert len(reason) <= 32
            written.add(reason)
    assert written == set(re.findall(r"^\| `([a-z]+: [^`]+)` \|", PAGE, re.MULTILINE))


def test_every_reason_is_provoked_by_a_test_here():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for reason in re.findall(r"^\| `([a-z]+: [^`]+)` \|", PAGE, re.MULTILINE):
        assert f'"{reason}"' in tests, reason

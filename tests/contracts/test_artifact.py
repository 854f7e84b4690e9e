"""The shipped artifacts, the page that describes them, and the reverts that say nothing."""

import re
from pathlib import Path

import boa
import pytest

from worknet.contracts import artifact

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "src" / "worknet" / "contracts"
PAGE = (ROOT / "docs" / "reference" / "contract.md").read_text()
CONTRACTS = ("WorkerNetwork", "Rewards", "RowProofs")
SECTIONS = dict(re.findall(r"^## `(\w+)`\n(.*?)(?=^## )", PAGE, re.MULTILINE | re.DOTALL))
MODULES = PAGE.partition("## Modules")[2].partition("\n## ")[0]
REASONS = re.findall(r"^\| `([a-z]+: [^`]+)` \|", PAGE, re.MULTILINE)
MODULES_OF_REASONS = {"Rewards": "rewards", "RowProofs": "proofs"}


def of_kind(name, kind):
    return [entry for entry in artifact(name).abi if entry["type"] == kind]


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_artifact_is_for_london_and_fits_on_a_chain(name):
    built = artifact(name)
    assert (built.contract, built.compiler["version"]) == (name, "0.4.3")
    assert built.compiler["settings"]["evm_version"] == "london"
    assert 0 < built.runtime_size <= 24_576
    assert len(built.bytecode) > built.runtime_size


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_page_has_every_function_of_a_contract_and_no_other(name):
    rows = "\n".join(re.findall(r"^\| (`.*?) \|", SECTIONS[name], re.MULTILINE))
    written = dict(re.findall(r"`(\w+)\((.*?)\)", rows))
    functions = {
        entry["name"]: [one["name"] for one in entry["inputs"]] for entry in of_kind(name, "function")
    }
    assert written.keys() == functions.keys()
    for function, arguments in functions.items():
        named = [argument for argument in written[function].split(", ") if argument]
        # The arguments of a public mapping have no names in the ABI.
        assert named == arguments or arguments == [f"arg{number}" for number in range(len(named))], function


@pytest.mark.parametrize("name", CONTRACTS)
def test_the_page_has_every_event_of_a_contract_with_its_fields_and_no_other(name):
    rows = re.findall(r"^\| `([A-Z]\w+)` \| (.*) \|$", SECTIONS[name], re.MULTILINE)
    written = {event: re.findall(r"`(\w+\*?)`", fields) for event, fields in rows}
    events = {
        entry["name"]: [one["name"] + "*" * one["indexed"] for one in entry["inputs"]]
        for entry in of_kind(name, "event")
    }
    assert written == events


def test_every_module_stands_on_the_page():
    contracts = {*CONTRACTS}
    modules = {str(source.relative_to(SOURCES).with_suffix("")) for source in SOURCES.rglob("*.vy")}
    assert modules - contracts == set(re.findall(r"^\| `([a-z/]+)` \|", MODULES, re.MULTILINE))


def test_every_reason_stands_on_the_page_names_its_module_and_fits_a_word():
    written = set()
    for source in SOURCES.rglob("*.vy"):
        within = source.relative_to(SOURCES)
        module = within.stem if len(within.parts) == 1 else within.parts[0]
        for reason in re.findall(r'"((?:[a-z]+): [^"]+)"', source.read_text()):
            assert reason.startswith(f"{MODULES_OF_REASONS.get(module, module)}: ")
            assert len(reason) <= 32
            written.add(reason)
    assert sorted(written) == sorted(REASONS)


def test_every_reason_is_provoked_by_a_test_here():
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    for reason in REASONS:
        assert f'"{reason}"' in tests, reason


def send(network, contract, data, value=0):
    """Sends call data as it stands; whether that succeeds, and what comes back."""
    boa.env.set_balance(network.owner, value)
    computation = boa.env.execute_code(to_address=contract.address, data=data, value=value)
    return computation.is_success, bytes(computation.output)


def reverts_barely(network, contract, data, value=0):
    return send(network, contract, data, value) == (False, b"")


@pytest.mark.parametrize("name", ["contract", "pool", "proofs"])
def test_an_unknown_function_no_function_and_value_alone_revert_without_a_reason(network, name):
    contract = getattr(network, name)
    for data, value in ((b"\xff" * 4, 0), (b"", 0), (b"\x00", 0), (b"", 1)):
        assert reverts_barely(network, contract, data, value)


def test_value_sent_to_a_function_that_takes_none_reverts_without_a_reason(network):
    index = network.pool.claim.prepare_calldata(0, [], [])
    calls = (
        (network.contract, network.contract.pause_opening.prepare_calldata(True)),
        (network.contract, network.contract.owner.prepare_calldata()),
        (network.pool, network.pool.set_rewards.prepare_calldata(1, 1)),
        (network.pool, index),
    )
    for contract, data in calls:
        assert reverts_barely(network, contract, data, value=1)
    assert boa.env.get_balance(network.contract.address) == 0
    assert send(network, network.pool, network.pool.fund.prepare_calldata(), value=1) == (True, b"")
    assert boa.env.get_balance(network.pool.address) == 1


def test_what_the_abi_does_not_allow_reverts_without_a_reason(network):
    pause = network.contract.pause_opening.prepare_calldata(True)
    offer = network.contract.transfer_ownership.prepare_calldata(network.owner)
    malformed = {
        "a bool of 2": pause[:-1] + b"\x02",
        "an address of 21 bytes": offer[:4] + b"\x00" * 11 + b"\x01" + offer[16:],
        "call data cut": offer[:-1],
        "no arguments": offer[:4],
    }
    for name, data in malformed.items():
        assert reverts_barely(network, network.contract, data), name
    assert send(network, network.contract, pause) == (True, b"")
    assert send(network, network.contract, offer) == (True, b"")

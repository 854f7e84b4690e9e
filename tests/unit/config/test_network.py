"""network.toml: what it means, and what every mistake in it is answered with."""

from pathlib import Path

import pytest

from worknet.config import ConfigError, ConfigFileError, NetworkConfig, Problem
from worknet.protocol.policy import Policy
from worknet.protocol.words import Ballots, Fallback


def problems(file: Path) -> tuple[Problem, ...]:
    with pytest.raises(ConfigFileError) as caught:
        NetworkConfig.load(file)
    return caught.value.problems


def spoil(file: Path, old: str, new: str) -> Problem:
    """The one problem of the file with a line replaced."""
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    (problem,) = problems(file)
    return problem


def test_a_whole_file_is_read_with_durations_in_seconds_and_paths_beside_the_file(network_file: Path) -> None:
    config = NetworkConfig.load(network_file)
    assert config.file == network_file
    assert config.network.contract == bytes(19) + b"\xaa"
    assert config.deployed() == (bytes(19) + b"\xaa", 12)
    workflow = config.workflow("matching_24_7")
    assert workflow.folder == network_file.parent / "workflows/matching_24_7"
    assert workflow.policy.start == 1767225600
    assert workflow.policy.stall == 3600


def test_file_and_bundle_together_make_the_policy(network_file: Path) -> None:
    policy = NetworkConfig.load(network_file).policy(
        "matching_24_7", bundle_digest=b"\x22" * 32, every=3600, delay=60
    )
    assert policy == Policy(
        bundle_digest=b"\x22" * 32,
        data_key_epoch=1,
        data_key_commitment=b"\x11" * 32,
        every=3600,
        delay=60,
        start=1767225600,
        max_age=0,
        threshold_num=2,
        threshold_den=3,
        ballots=Ballots.SEALED,
        cast_window=300,
        reveal_window=300,
        stall=3600,
        fallback=Fallback.ALERT,
        accuracy=5 * 10**16,
        speed=10**16,
    )


def test_a_policy_that_the_protocol_refuses_is_an_error_of_the_file(network_file: Path) -> None:
    config = NetworkConfig.load(network_file)
    with pytest.raises(ConfigError, match=r"line 17: workflows.matching_24_7.policy: every"):
        config.policy("matching_24_7", bundle_digest=b"\x22" * 32, every=1 << 40, delay=0)


@pytest.mark.parametrize(
    "start", ["2026-01-01T01:00:00+01:00", "1767225600", '"2026-01-01T00:00:00Z"', "2026-01-01 00:00:00Z"]
)
def test_a_start_is_a_time_in_any_zone_or_unix_seconds(network_file: Path, start: str) -> None:
    network_file.write_text(network_file.read_text().replace("2026-01-01T00:00:00Z", start))
    assert NetworkConfig.load(network_file).workflow("matching_24_7").policy.start == 1767225600


def test_amounts_are_decimal_text_and_become_wei(network_file: Path) -> None:
    config = NetworkConfig.load(network_file)
    assert (config.rewards.base, config.rewards.consistency) == (10**19, 25 * 10**17)
    assert config.workflow("matching_24_7").policy.accuracy == 5 * 10**16
    assert config.rewards.period == 30 * 86_400
    assert config.pool() == bytes(19) + b"\xbb"


def test_a_file_without_rewards_pays_nothing_in_periods_of_30_days(network_file: Path) -> None:
    text = network_file.read_text()
    start, end = text.index("[rewards]"), text.index("[workflows")
    network_file.write_text(text[:start] + text[end:])
    config = NetworkConfig.load(network_file)
    assert (config.rewards.period, config.rewards.base, config.rewards.consistency) == (2_592_000, 0, 0)
    with pytest.raises(ConfigError, match=r"rewards.contract: is missing") as caught:
        config.pool()
    assert "worknet network deploy" in caught.value.hint


def test_amounts_for_open_ballots_are_an_error_of_the_file(network_file: Path) -> None:
    network_file.write_text(network_file.read_text().replace('"sealed"', '"open"'))
    with pytest.raises(ConfigError, match=r"policy: accuracy and speed are not paid for open") as caught:
        NetworkConfig.load(network_file).policy(
            "matching_24_7", bundle_digest=b"\x22" * 32, every=60, delay=0
        )
    assert "sealed" in caught.value.hint


@pytest.mark.parametrize("fallback", ["alert", "plurality", "failover", "failover_then_plurality"])
def test_every_fallback_of_the_protocol_can_be_named(network_file: Path, fallback: str) -> None:
    network_file.write_text(network_file.read_text().replace("alert", fallback))
    policy = NetworkConfig.load(network_file).policy(
        "matching_24_7", bundle_digest=b"\x22" * 32, every=60, delay=0
    )
    assert policy.fallback is Fallback[fallback.upper()]


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "wrong", "right"),
    [
        ('name = "demo"', 'nme = "demo"', 2, "network.nme", "is not known", "did you mean name?"),
        ("chain_id = 31337", 'chain_id = "1"', 3, "network.chain_id", "is a string, not an integer", "31337"),
        ("chain_id = 31337", "chain_id = 0", 3, "network.chain_id", "must be greater than", "EIP-155"),
        ("chain_id = 31337", "chain_id = true", 3, "network.chain_id", "is a boolean", "such as 31337"),
        ("Aa", "A", 4, "network.contract", "is no address", "40 hex digits"),
        ("confirmations = 0", "confirmations = 1.0", 6, "network.confirmations", "is a float", "such as 6"),
        ("matching_24_7]", "Matching]", 14, "workflows.Matching", "'Matching' is no name", "lower-case"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00", 18, "start", "without a zone", "write Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01", 18, "start", "is a date", "2026-01-01T00:00:00Z"),
        ("2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", 18, "start", "fraction", "whole seconds"),
        ("2026-01-01T00:00:00Z", '"tomorrow"', 18, "start", "'tomorrow' is no time", "such as"),
        ("2026-01-01T00:00:00Z", "1.5", 18, "start", "is a float", "seconds since 1970"),
        ("max_age = 0", "max_age = -1", 19, "max_age", "-1 is negative", "whole seconds"),
        ("max_age = 0", "max_age = 4294967296", 19, "max_age", "longer than any", "4294967296"),
        ('"2/3"', '"3/2"', 20, "threshold", "3/2 is no part of the members", '"majority"'),
        ('"2/3"', '"1/0"', 20, "threshold", "1/0 is no part of the members", '"2/3"'),
        ('"2/3"', "0.66", 20, "threshold", "is a float", '"2/3"'),
        ('"2/3"', '"most"', 20, "threshold", "'most' is no threshold", '"majority"'),
        ('"sealed"', '"secret"', 21, "ballots", "is none of the values", "'open' or 'sealed'"),
        ('"5m"', '"5 minutes"', 22, "cast_window", "'5 minutes' is not understood", '"5m"'),
        ('"5m"', '"5.5m"', 22, "cast_window", "is not understood", '"5m"'),
        ('"5m"', "300.0", 22, "cast_window", "is a float", '"5m"'),
        ('"5m"', "0", 22, "cast_window", "is 0", "more than 0"),
        ('"1h"', "[1]", 24, "stall", "is an array", '"1d"'),
        ('stall = "1h"\n', "", 17, "stall", "is missing", 'unopened, such as "1h"'),
        ('"alert"', '"alarm"', 25, "fallback", "is none of the values", "'alert'"),
        ('"30d"', '"0d"', 9, "rewards.period", "is 0", "more than 0"),
        ('"2.5"', "2.5", 11, "rewards.consistency", "is a float", 'such as "0.25"'),
        ('"10"', "10", 10, "rewards.base", "is an integer", 'such as "0.25"'),
        ('"10"', '"1e3"', 10, "rewards.base", "'1e3' is no amount", "decimal places"),
        ('"10"', '"-1"', 10, "rewards.base", "'-1' is no amount", "decimal text"),
        ('"0.05"', '"0.0000000000000000001"', 26, "accuracy", "is no amount", "18 decimal places"),
        ('"0.01"', '"400000000000000000000"', 27, "speed", "too large", "2^128"),
        ("epoch = 1", "epoch = 0", 28, "data_key_epoch", "0 is no epoch", "1, 2, ..."),
        ("0x1111", "0x11", 29, "data_key_commitment", "is no hash", "64 hex digits"),
    ],
)  # fmt: skip
def test_a_mistake_is_answered_with_line_key_and_what_would_be_right(
    network_file: Path, old: str, new: str, line: int, key: str, wrong: str, right: str
) -> None:
    if old == 'name = "demo"':  # a misspelt key is one mistake and a missing one
        network_file.write_text(network_file.read_text().replace(old, f"{old}\n{new}"))
        line += 1
        (problem,) = problems(network_file)
    elif old == "matching_24_7]":
        text = network_file.read_text().replace("[workflows.matching_24_7", "[workflows.Matching")
        network_file.write_text(text)
        (problem,) = problems(network_file)
    else:
        problem = spoil(network_file, old, new)
    assert (problem.file, problem.line) == (network_file, line)
    assert problem.key.endswith(key)
    assert wrong in problem.wrong
    assert right in problem.right


def test_all_mistakes_of_a_file_are_told_at_once_in_the_order_of_lines(network_file: Path) -> None:
    text = network_file.read_text()
    for old, new in (
        ('"demo"', "7"),
        ("31337", "-1"),
        ('"5m"', '"soon"'),
        ("[network]", "extra = 1\n[network]"),
    ):
        text = text.replace(old, new)
    network_file.write_text(text)
    with pytest.raises(ConfigFileError) as caught:
        NetworkConfig.load(network_file)
    assert [problem.line for problem in caught.value.problems] == [1, 3, 4, 23]
    assert (
        str(caught.value).splitlines()[1].startswith(f"{network_file}, line 3: network.name: is an integer")
    )


def test_a_section_that_is_missing_or_no_table_is_told(network_file: Path) -> None:
    network_file.write_text("network = 3\n")
    (problem,) = problems(network_file)
    assert (problem.line, problem.key) == (1, "network")
    assert "is an integer, not a table" in problem.wrong
    network_file.write_text("")
    (problem,) = problems(network_file)
    assert (problem.line, problem.key, problem.wrong) == (None, "network", "is missing")


@pytest.mark.parametrize(
    ("content", "line", "wrong"),
    [
        (b"[network]\nname = \n", 2, "is no TOML"),
        (b"[network]\nname = 'x", 2, "is no TOML"),
        (b"[network]\nname = 'x'\nname = 'y'\n", 3, "is no TOML"),
        (b"[network]\n[network]\n", 2, "is no TOML"),
        (b"[network]\nname = '\xff'\n", 2, "is not UTF-8"),
        (b"a = " + b"[" * 100_000, None, "nested too deeply"),
        (b"#" * (1 << 21), None, "is larger than"),
    ],
)
def test_a_file_that_is_no_toml_is_told_with_the_line(
    network_file: Path, content: bytes, line: int | None, wrong: str
) -> None:
    network_file.write_bytes(content)
    (problem,) = problems(network_file)
    assert problem.line == line
    assert wrong in problem.wrong


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml")[0].wrong == "there is no such file"
    assert problems(tmp_path)[0].wrong == "is no file"
    assert "cannot be read" in problems(Path("a\0b"))[0].wrong


def test_an_unknown_workflow_is_answered_with_the_nearest_name(network_file: Path) -> None:
    with pytest.raises(ConfigError, match=r"network.toml, line \d+: workflows.matching: ") as caught:
        NetworkConfig.load(network_file).workflow("matching")
    assert caught.value.hint == "did you mean matching_24_7?"


def test_a_network_that_is_not_deployed_says_how_to_deploy_it(network_file: Path) -> None:
    lines = network_file.read_text().splitlines()
    network_file.write_text("\n".join([*lines[:3], *lines[4:]]))
    with pytest.raises(ConfigError, match=r"line 1: network.contract: is missing") as caught:
        NetworkConfig.load(network_file).deployed()
    assert "network deploy" in caught.value.hint

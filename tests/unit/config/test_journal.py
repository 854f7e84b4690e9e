"""`[journal]`: what it takes, and what it refuses in which words."""

from pathlib import Path

import pytest
from tests.unit.config.test_operations import load

from worknet.config import ConfigError


def test_without_the_section_the_journal_is_a_file_that_is_waited_for_and_kept_whole(tmp_path: Path) -> None:
    journal = load(tmp_path, "").journal
    assert (journal.url, journal.patience, journal.keep) == (None, 600, None)


def test_the_address_stands_elsewhere_since_it_holds_a_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"journal.url: is a string, not a reference") as caught:
        load(tmp_path, '[journal]\nurl = "postgresql://user:hush@host/db"')
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    ("worker", "schema"),
    [("alpha", "worknet_alpha"), ("Alpha-1.eu", "worknet_alpha_1_eu"), ("x" * 63, "worknet_" + "x" * 55)],
)
def test_the_schema_is_called_after_the_worker(tmp_path: Path, worker: str, schema: str) -> None:
    assert load(tmp_path, "").journal.schema_of(worker) == schema


def test_a_schema_that_is_named_is_taken(tmp_path: Path) -> None:
    assert load(tmp_path, '[journal]\nschema_name = "meters_7"').journal.schema_of("alpha") == "meters_7"


@pytest.mark.parametrize("name", ["public", "pg_mine", "Upper", "7up", "a-b", "", "x" * 64, 'a"; DROP'])
def test_what_is_no_schema_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=r"journal.schema_name: .* is no name of a schema"):
        load(tmp_path, f"[journal]\nschema_name = '{name}'")


@pytest.mark.parametrize("key", ["patience", "keep"])
def test_no_time_at_all_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match=f"journal.{key}"):
        load(tmp_path, f'[journal]\n{key} = "0s"')

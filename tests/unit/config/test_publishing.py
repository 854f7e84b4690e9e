"""`[publishing]`, and where publications are found: what they take, and what they refuse in which words."""

from pathlib import Path

import pytest
from tests.unit.config.conftest import NETWORK
from tests.unit.config.test_operations import load

from worknet.config import ConfigError, NetworkConfig, Url
from worknet.config.publishing import place_of


def test_without_the_section_nothing_is_published(tmp_path: Path) -> None:
    assert load(tmp_path, "").publishing is None


def test_a_folder_alone_is_enough_and_nothing_listens(tmp_path: Path) -> None:
    section = load(tmp_path, '[publishing]\nfolder = "published"\n').publishing
    assert section is not None
    assert (section.folder, section.listen) == (tmp_path / "published", None)


def test_a_port_of_its_own_may_be_named(tmp_path: Path) -> None:
    text = '[publishing]\nfolder = "/srv/published"\nlisten = "[::1]:9480"\n'
    section = load(tmp_path, text).publishing
    assert section is not None
    assert (section.folder, section.listen) == (Path("/srv/published"), ("::1", 9480))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('listen = "127.0.0.1:9480"', "publishing.folder: is missing"),
        ('folder = ""', "publishing.folder: is no path"),
        ('folder = "x"\nlisten = "localhost:9480"', "publishing.listen: 'localhost:9480' is no address"),
        ('folder = "x"\nworkflows = ["a"]', "publishing.workflows: is not known"),
    ],
)
def test_what_makes_no_sense_is_refused_at_its_key(tmp_path: Path, text: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, f"[publishing]\n{text}\n")
    assert wrong in str(caught.value)


def network(folder: Path, published: str) -> NetworkConfig:
    file = folder / "network.toml"
    file.write_text(NETWORK.replace("[network]", f"[network]\npublished = {published}", 1))
    return NetworkConfig.load(file)


def test_a_network_names_folders_beside_its_file_and_addresses(tmp_path: Path) -> None:
    found = network(tmp_path, '["published", "/srv/published", "https://alpha.example/published"]')
    folder, other, address = found.network.published
    assert (folder, other) == (tmp_path / "published", Path("/srv/published"))
    assert isinstance(address, Url)
    assert address.value == "https://alpha.example/published"


@pytest.mark.parametrize("published", ['"published"', "[1]", '[""]', '["https://"]', '["http://a b/"]'])
def test_what_is_no_place_is_refused_at_its_key(tmp_path: Path, published: str) -> None:
    with pytest.raises(ConfigError, match=r"network\.published"):
        network(tmp_path, published)


@pytest.mark.parametrize("text", ["", "http://", "https://host name/", "http://[1/"])
def test_an_option_that_is_no_place_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(ConfigError, match="--published: ") as caught:
        place_of("--published", text)
    assert caught.value.hint

"""The bundle digest."""

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from worknet.protocol import bundle, merkle

PARTS = st.text("abAB09._-", min_size=1, max_size=4).filter(lambda part: part not in {".", ".."})
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)
FILES = st.dictionaries(PATHS, st.binary(max_size=8), min_size=1, max_size=5)


@given(FILES)
def test_the_digest_does_not_depend_on_the_order_of_files(files: dict[str, bytes]) -> None:
    assert bundle.digest(dict(reversed(files.items()))) == bundle.digest(files)


@given(FILES, FILES)
def test_other_files_have_another_digest(files: dict[str, bytes], others: dict[str, bytes]) -> None:
    assert (bundle.digest(files) == bundle.digest(others)) == (files == others)


def test_the_digest_is_a_tree_over_paths_and_contents() -> None:
    leaves = [
        sha256(path).digest() + sha256(content).digest()
        for path, content in ((b"a.py", b"1"), (b"b/c", b"2"))
    ]
    assert bundle.digest({"b/c": b"2", "a.py": b"1"}) == merkle.root(leaves)

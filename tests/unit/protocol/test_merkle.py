"""Trees: published vectors of transparency logs, and the laws for all sizes."""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from worknet.protocol import merkle, trees
from worknet.protocol.merkle import ProofError

# The leaves and roots of the Certificate Transparency reference tests, and proofs in them from
# transparency-dev/merkle (proof/verify_test.go and testdata/), in our form.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(root)
    for root in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
A, B, C, D, E, F, G, H = (
    bytes.fromhex(node)
    for node in (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "abacaba000000000000000000000000000000000000000000060061e00123456",
    )
)
CUT = bytes.fromhex("c2854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0")
# index, size, path
PUBLISHED_INCLUSIONS = [
    (0, 1, []),
    (0, 8, [A, B, C]),
    (5, 8, [D, E, ROOTS[4]]),
    (2, 3, [ROOTS[2]]),
    (1, 5, [ROOTS[1], B, D]),
]
REFUSED_INCLUSIONS = {
    "leafIdx - 1": (4, 8, [D, E, ROOTS[4]]),
    "leafIdx + 1": (6, 8, [D, E, ROOTS[4]]),
    "leafIdx ^ 2": (7, 8, [D, E, ROOTS[4]]),
    "treeSize * 2": (5, 16, [D, E, ROOTS[4]]),
    "treeSize / 2": (5, 4, [D, E, ROOTS[4]]),
    "trailing garbage": (5, 8, [D, E, ROOTS[4], b""]),
    "trailing root": (5, 8, [D, E, ROOTS[4], ROOTS[8]]),
    "preceding garbage": (5, 8, [b"", D, E, ROOTS[4]]),
    "preceding root": (5, 8, [ROOTS[8], D, E, ROOTS[4]]),
    "modified proof[1] bit 3": (5, 8, [D, CUT, ROOTS[4]]),
    "removed component": (5, 8, [D, E]),
    "inserted component": (5, 8, [D, H, E, ROOTS[4]]),
}
# old size, new size, path
PUBLISHED_CONSISTENCIES = [
    (1, 1, []),
    (1, 8, [A, B, C]),
    (6, 8, [F, E, ROOTS[4]]),
    (2, 5, [B, D]),
    (6, 7, [F, G, ROOTS[4]]),
]
REFUSED_CONSISTENCIES = {
    "size1 - 1": (5, 8, [F, E, ROOTS[4]]),
    "size1 + 1": (7, 8, [F, E, ROOTS[4]]),
    "size1 ^ 2": (4, 8, [F, E, ROOTS[4]]),
    "size2 * 2": (6, 16, [F, E, ROOTS[4]]),
    "size2 / 2": (6, 4, [F, E, ROOTS[4]]),
    "empty proof": (6, 8, []),
    "trailing garbage": (6, 8, [F, E, ROOTS[4], b""]),
    "trailing root1": (6, 8, [F, E, ROOTS[4], ROOTS[6]]),
    "preceding root2": (6, 8, [ROOTS[8], F, E, ROOTS[4]]),
    "preceding proof[0]": (6, 8, [F, F, E, ROOTS[4]]),
    "truncated proof": (6, 8, [F, E]),
    "modified proof[1] bit 4": (6, 8, [F, CUT, ROOTS[4]]),
}
DO_NOT_CARE_1, DO_NOT_CARE_2 = b"don't care 1", b"don't care 2"


def test_the_published_roots() -> None:
    assert [merkle.root(LEAVES[:size]) for size in range(9)] == ROOTS


@pytest.mark.parametrize(("index", "size", "path"), PUBLISHED_INCLUSIONS)
def test_published_inclusion_proofs_are_made_and_hold(index: int, size: int, path: list[bytes]) -> None:
    assert trees.inclusion(LEAVES[:size], index) == path
    merkle.verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])


@pytest.mark.parametrize("name", REFUSED_INCLUSIONS)
def test_published_wrong_inclusion_proofs_are_refused(name: str) -> None:
    index, size, path = REFUSED_INCLUSIONS[name]
    with pytest.raises(ProofError):
        merkle.verify_inclusion(LEAVES[5], index, size, path, ROOTS[8])


@pytest.mark.parametrize(("leaf", "root"), [(b"", ROOTS[1]), (ROOTS[1], b""), (b"", b""), (H, merkle.EMPTY)])
def test_a_single_entry_with_a_wrong_leaf_hash_or_root_is_refused(leaf: bytes, root: bytes) -> None:
    with pytest.raises(ProofError):
        merkle.verify_inclusion_of_hash(leaf, 0, 1, [], root)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 0), (2, 1), (-1, 1), (0, -1)])
@pytest.mark.parametrize(("leaf", "root"), [(H, b""), (b"", merkle.EMPTY), (H, merkle.EMPTY), (H, H)])
def test_a_leaf_outside_its_tree_is_refused(index: int, size: int, leaf: bytes, root: bytes) -> None:
    with pytest.raises(ProofError):
        merkle.verify_inclusion_of_hash(leaf, index, size, [], root)


@pytest.mark.parametrize(("old", "new", "path"), PUBLISHED_CONSISTENCIES)
def test_published_consistency_proofs_are_made_and_hold(old: int, new: int, path: list[bytes]) -> None:
    assert trees.consistency(LEAVES[:new], old) == path
    trees.verify_consistency(old, ROOTS[old], new, ROOTS[new], path)


@pytest.mark.parametrize("name", REFUSED_CONSISTENCIES)
def test_published_wrong_consistency_proofs_are_refused(name: str) -> None:
    old, new, path = REFUSED_CONSISTENCIES[name]
    with pytest.raises(ProofError):
        trees.verify_consistency(old, ROOTS[6], new, ROOTS[8], path)


@pytest.mark.parametrize("root", [DO_NOT_CARE_1, merkle.EMPTY])
@pytest.mark.parametrize("size", [0, 1])
def test_equal_sizes_with_equal_roots_and_no_path_hold(size: int, root: bytes) -> None:
    trees.verify_consistency(size, root, size, root, [])


@pytest.mark.parametrize(
    ("old", "old_root", "new", "new_root", "path"),
    [
        (0, DO_NOT_CARE_1, 0, DO_NOT_CARE_2, []),
        (1, DO_NOT_CARE_1, 1, DO_NOT_CARE_2, []),
        (0, DO_NOT_CARE_1, 1, DO_NOT_CARE_2, []),
        (1, DO_NOT_CARE_1, 0, DO_NOT_CARE_2, []),
        (2, DO_NOT_CARE_1, 1, DO_NOT_CARE_2, []),
        (1, DO_NOT_CARE_1, 2, DO_NOT_CARE_2, []),
        (0, merkle.EMPTY, 0, merkle.EMPTY, [merkle.EMPTY]),
        (1, merkle.EMPTY, 1, merkle.EMPTY, [merkle.EMPTY]),
        (0, merkle.EMPTY, 1, merkle.EMPTY, [merkle.EMPTY]),
        (-1, merkle.EMPTY, -1, merkle.EMPTY, []),
    ],
)
def test_published_degenerate_consistency_proofs_are_refused(
    old: int, old_root: bytes, new: int, new_root: bytes, path: list[bytes]
) -> None:
    with pytest.raises(ProofError):
        trees.verify_consistency(old, old_root, new, new_root, path)


def mth(leaves: list[bytes]) -> bytes:
    """MTH word for word as RFC 9162 section 2.1.1 defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + mth(leaves[:split]) + mth(leaves[split:])).digest()


def numbered(size: int) -> list[bytes]:
    return [number.to_bytes(2, "big") for number in range(size)]


SIZES = range(40)


def test_roots_are_those_of_the_definition_for_all_small_sizes() -> None:
    for size in SIZES:
        assert merkle.root(numbered(size)) == mth(numbered(size))


def test_a_frontier_has_the_root_of_all_its_leaves_at_every_size() -> None:
    log = trees.Frontier()
    for size in range(140):
        assert (log.size, log.root()) == (size, merkle.root(numbered(size)))
        log.append(merkle.leaf_hash(size.to_bytes(2, "big")))


def test_every_leaf_of_every_small_tree_is_proved_and_no_other() -> None:
    for size in SIZES:
        leaves, root = numbered(size), merkle.root(numbered(size))
        for index, leaf in enumerate(leaves):
            path = trees.inclusion(leaves, index)
            merkle.verify_inclusion(leaf, index, size, path, root)
            with pytest.raises(ProofError):
                merkle.verify_inclusion(leaf + b"\0", index, size, path, root)
            for other in (index - 1, index + 1):
                with pytest.raises(ProofError):
                    merkle.verify_inclusion(leaf, other, size, path, root)
        for outside in (-1, size):
            with pytest.raises(ProofError):
                trees.inclusion(leaves, outside)


def test_every_small_tree_is_proved_to_be_a_prefix_of_every_larger_one() -> None:
    for new in SIZES:
        leaves, new_root = numbered(new), merkle.root(numbered(new))
        for old in range(1, new + 1):
            path = trees.consistency(leaves, old)
            trees.verify_consistency(old, merkle.root(leaves[:old]), new, new_root, path)
            forked = merkle.root([*leaves[: old - 1], b"other"])
            with pytest.raises(ProofError):
                trees.verify_consistency(old, forked, new, new_root, path)
        for outside in (-1, 0, new + 1):
            with pytest.raises(ProofError):
                trees.consistency(leaves, outside)


def flip(path: list[bytes], data: st.DataObject) -> list[bytes]:
    at = data.draw(st.integers(0, len(path) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = (int.from_bytes(path[at], "big") ^ 1 << bit).to_bytes(32, "big")
    return [*path[:at], flipped, *path[at + 1 :]]


@given(st.integers(1, 300), st.data())
@settings(max_examples=60)
def test_any_flipped_bit_of_an_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    *path, root = flip([*trees.inclusion(leaves, index), merkle.root(leaves)], data)
    with pytest.raises(ProofError):
        merkle.verify_inclusion(leaves[index], index, size, path, root)


@given(st.integers(2, 300), st.data())
@settings(max_examples=60)
def test_any_flipped_bit_of_a_consistency_proof_is_refused(new: int, data: st.DataObject) -> None:
    leaves = numbered(new)
    old = data.draw(st.integers(1, new - 1))
    hashes = [*trees.consistency(leaves, old), merkle.root(leaves[:old]), merkle.root(leaves)]
    *path, old_root, new_root = flip(hashes, data)
    with pytest.raises(ProofError):
        trees.verify_consistency(old, old_root, new, new_root, path)


@given(st.integers(0, 20), st.integers(0, 20), st.lists(st.binary(min_size=31, max_size=33), max_size=6))
def test_random_paths_prove_nothing(first: int, second: int, path: list[bytes]) -> None:
    root = sha256(b"root").digest()
    with pytest.raises(ProofError):
        merkle.verify_inclusion(b"leaf", first, second, path, root)
    with pytest.raises(ProofError):
        trees.verify_consistency(first, sha256(b"old").digest(), second, root, path)

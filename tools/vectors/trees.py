"""Vectors of Merkle trees (roots, inclusion, consistency) and of the bundle digest, which is one."""

from collections.abc import Iterator
from typing import Any

from tools.vectors.form import VectorFile, sample

from worknet.protocol import bundle, merkle, trees

SIZES = (1, 2, 3, 4, 5, 7, 8, 9, 13, 16, 21)
LEAVES = [sample(f"leaf {number}", number * 3) for number in range(max(SIZES))]


def merkle_trees() -> VectorFile:
    """Roots of trees of many sizes, proofs in them, and proofs that were tampered with."""
    file = VectorFile("Trees over SHA-256 (section 4, RFC 9162 section 2.1); leaves are leaf data.")
    file.good("root of no leaves", "root", merkle.root([]), leaves=[])
    for size in SIZES:
        file.good(f"root of {size} leaves", "root", merkle.root(LEAVES[:size]), leaves=LEAVES[:size])
    hashes = [merkle.leaf_hash(leaf) for leaf in LEAVES]
    file.good("leaf hash", "leaf_hash", hashes[3], leaf=LEAVES[3])
    file.good(
        "node hash", "node_hash", merkle.node_hash(hashes[0], hashes[1]), left=hashes[0], right=hashes[1]
    )
    for size, index in ((1, 0), (2, 1), (3, 2), (5, 0), (5, 4), (7, 5), (8, 3), (13, 12), (21, 6), (21, 20)):
        given = inclusion_case(size, index)
        file.good(f"leaf {index} of {size}", "verify_inclusion", None, **given)
        for name, wrong in spoilt_inclusions(given):
            file.bad(f"leaf {index} of {size}, {name}", "verify_inclusion", "ProofError", **wrong)
    for old, new in ((1, 1), (1, 2), (2, 3), (3, 7), (4, 8), (6, 8), (7, 9), (8, 13), (13, 21), (21, 21)):
        given = consistency_case(old, new)
        file.good(f"{old} in {new} leaves", "verify_consistency", None, **given)
        for name, wrong in spoilt_consistencies(given):
            file.bad(f"{old} in {new} leaves, {name}", "verify_consistency", "ProofError", **wrong)
    empty = {"old_size": 0, "old_root": merkle.EMPTY, "new_root": merkle.EMPTY, "path": list[bytes]()}
    file.good("an empty log that stayed empty", "verify_consistency", None, **(empty | {"new_size": 0}))
    from_nothing = empty | {"new_size": 3, "new_root": merkle.root(LEAVES[:3])}
    file.bad("a proof from an empty log", "verify_consistency", "ProofError", **from_nothing)
    return file


def inclusion_case(size: int, index: int) -> dict[str, Any]:
    """What `verify_inclusion` is given for a leaf of the sample tree of this size."""
    leaves = LEAVES[:size]
    path, root = trees.inclusion(leaves, index), merkle.root(leaves)
    return {"leaf": leaves[index], "index": index, "size": size, "path": path, "root": root}


def consistency_case(old: int, new: int) -> dict[str, Any]:
    """What `verify_consistency` is given for two sizes of the sample tree."""
    return {
        "old_size": old,
        "old_root": merkle.root(LEAVES[:old]),
        "new_size": new,
        "new_root": merkle.root(LEAVES[:new]),
        "path": trees.consistency(LEAVES[:new], old),
    }


def spoilt_inclusions(given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The proof with one thing wrong at a time.

    A wrong size is among them only where it changes the shape of the path: others are for whoever commits
    to the size (section 4).
    """
    index, size, root = given["index"], given["size"], given["root"]
    yield "another leaf", given | {"leaf": given["leaf"] + b"\0"}
    yield "its hash for the leaf", given | {"leaf": merkle.leaf_hash(given["leaf"])}
    yield "another root", given | {"root": flipped(root)}
    yield "a root too short", given | {"root": root[:-1]}
    yield "an index before it", given | {"index": index - 1}
    yield "an index behind it", given | {"index": index + 1}
    yield "an index behind the tree", given | {"index": size}
    yield "no size", given | {"size": 0}
    yield "a size twice as large", given | {"size": 2 * size}
    yield from spoilt_paths(given, extra=root)


def spoilt_consistencies(given: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The proof with one thing wrong at a time."""
    old, new = given["old_size"], given["new_size"]
    yield "another old root", given | {"old_root": flipped(given["old_root"])}
    yield "another new root", given | {"new_root": flipped(given["new_root"])}
    yield "an old size of zero", given | {"old_size": 0}
    yield "a new size twice as large", given | {"new_size": 2 * new}
    yield "a negative old size", given | {"old_size": -old}
    if old != new:
        yield "the sizes swapped", given | {"old_size": new, "new_size": old}
        yield "the roots swapped", given | {"old_root": given["new_root"], "new_root": given["old_root"]}
        yield "a smaller old size", given | {"old_size": old - 1}
    yield from spoilt_paths(given, extra=given["old_root"])


def spoilt_paths(given: dict[str, Any], extra: bytes) -> Iterator[tuple[str, dict[str, Any]]]:
    """The proof with its path changed."""
    path = given["path"]
    yield "a hash more in front", given | {"path": [extra, *path]}
    yield "a hash more behind", given | {"path": [*path, extra]}
    yield "an empty element behind", given | {"path": [*path, b""]}
    if path:
        yield "no path", given | {"path": []}
        yield "a path too short in front", given | {"path": path[1:]}
        yield "a path too short behind", given | {"path": path[:-1]}
        yield "an element cut", given | {"path": [path[0][:-1], *path[1:]]}
    for position, sibling in enumerate(path):
        changed = [*path[:position], flipped(sibling), *path[position + 1 :]]
        yield f"a bit of element {position} flipped", given | {"path": changed}
    if len(path) > 1:
        yield "the path reversed", given | {"path": path[::-1]}


def flipped(hash_: bytes) -> bytes:
    """The hash with one bit changed."""
    return hash_[:16] + bytes([hash_[16] ^ 0x10]) + hash_[17:]


def bundles() -> VectorFile:
    """Digests of bundles, and paths that may not stand in one."""
    file = VectorFile("The bundle digest (section 4). `files` maps a path to the file's content.")
    workflow = {"workflow.py": b"def run():\n    return 1\n", "parameters.json": b"{}"}
    bundle_files = {
        "one empty file": {"a": b""},
        "two files": workflow,
        "two files in another order": dict(reversed(workflow.items())),
        "folders, in the order of whole paths": {
            "a/b": b"1",
            "a.b": b"2",
            "a-b": b"3",
            "A/b": b"4",
            "a/b.c": b"5",
        },
        "a salt against guessing": workflow | {".salt": sample("bundle salt")},
        "three dots are a name": {".../x": b"", "..a": b""},
    }
    for name, files in bundle_files.items():
        file.good(name, "bundle_digest", bundle.digest(files), files=files)
    file.good("leaf of a file", "bundle_leaf", bundle.leaf("a/b.py", b"x"), path="a/b.py", content=b"x")
    file.bad("no files", "bundle_digest", "BundleError", files={})
    for path in (
        "",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "./a",
        "a b",
        "a\\b",
        "\u00e9",
        "a\n",
        "a:b",
    ):
        file.bad(f"path {path!r}", "bundle_digest", "BundleError", files={path: b""})
    return file

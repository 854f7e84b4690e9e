"""Trees and proofs that others published: what each says holds, and each of its corruptions is refused.

From certificate-transparency (the reference tree of eight leaves, hashes, and the proof of a certificate in
Google's log of 2013), transparency-dev/merkle (proofs in the reference tree, and how its tests corrupt them)
and sigstore/rekor (a log of two entries), all under the Apache License 2.0 (NOTICE).
"""

from base64 import b64decode
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from worknet.protocol import merkle, trees
from worknet.protocol.merkle import ProofError


def unhex(*texts: str) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


# certificate-transparency, merkle_tree_test and python/ct/crypto/merkle_test.py.
LEAVES = unhex(
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
ROOTS = unhex(
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
A, B, C, D, E, F, G, OTHER = unhex(
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
    "abacaba000000000000000000000000000000000000000000060061e00123456",
)


class Inclusion(NamedTuple):
    """A leaf hash, its index in a tree of that size, the path and the root."""

    leaf: bytes
    index: int
    size: int
    path: list[bytes]
    root: bytes

    def verify(self) -> None:
        merkle.verify_inclusion_of_hash(self.leaf, self.index, self.size, self.path, self.root)


class Consistency(NamedTuple):
    """Two tree heads, and the path from the old to the new one."""

    old: int
    new: int
    path: list[bytes]
    old_root: bytes
    new_root: bytes

    def verify(self) -> None:
        trees.verify_consistency(self.old, self.old_root, self.new, self.new_root, self.path)


def included(index: int, size: int, *path: bytes) -> Inclusion:
    return Inclusion(merkle.leaf_hash(LEAVES[index]), index, size, list(path), ROOTS[size])


def consistent(old: int, new: int, *path: bytes) -> Consistency:
    return Consistency(old, new, list(path), ROOTS[old], ROOTS[new])


# transparency-dev/merkle, proof/verify_test.go.
REFERENCE_INCLUSIONS = [
    included(0, 1),
    included(0, 8, A, B, C),
    included(5, 8, D, E, ROOTS[4]),
    included(2, 3, ROOTS[2]),
    included(1, 5, ROOTS[1], B, D),
]
REFERENCE_CONSISTENCIES = [
    consistent(1, 1),
    consistent(1, 8, A, B, C),
    consistent(6, 8, F, E, ROOTS[4]),
    consistent(2, 5, B, D),
    consistent(6, 7, F, G, ROOTS[4]),
]

# certificate-transparency, python/ct/crypto/merkle_test.py: the certificate of www.idnet.net.
CERTIFICATE = Inclusion(
    bytes.fromhex("7a395c866d5ecdb0cccb623e011dbc392cd348d1d1d72776174e127a24b09c78"),
    848_049,
    3_630_887,
    unhex(
        "1a208aeebcd1b39fe2de247ee8db9454e1e93a312d206b87f6ca9cc6ec6f1ddd",
        "0a1b78b383f580856f433c01a5741e160d451c185910027f6cc9f828687a40c4",
        "3d1745789bc63f2da15850de1c12a5bf46ed81e1cc90f086148b1662e79aab3d",
        "9095b61e14d8990acf390905621e62b1714fb8e399fbb71de5510e0aef45affe",
        "0a332b91b8fab564e6afd1dd452449e04619b18accc0ff9aa8393cd4928451f2",
        "2336f0181d264aed6d8f3a6507ca14a8d3b3c3a23791ac263e845d208c1ee330",
        "b4ce56e300590500360c146c6452edbede25d4ed83919278749ee5dbe178e048",
        "933f6ddc848ea562e4f9c5cfb5f176941301dad0c6fdb9d1fbbe34fac1be6966",
        "b95a6222958a86f74c030be27c44f57dbe313e5e7c7f4ffb98bcbd3a03bb52f2",
        "daeeb3ce5923defd0faeb8e0c210b753b85b809445d7d3d3cd537a9aabaa9c45",
        "7fadd0a13e9138a2aa6c3fdec4e2275af233b94812784f66bcca9aa8e989f2bc",
        "1864e6ba3e32878610546539734fb5eeae2529991f130c575c73a7e25a2a7c56",
        "12842d1202b1dc6828a17ab253c02e7ce9409b5192430feba44189f39cc02d66",
        "29af64b16fa3053c13d02ac63aa75b23aa468506e44c3a2315edc85d2dc22b11",
        "b527b99934a0bd9edd154e449b0502e2c499bba783f3bc3dfe23364b6b532009",
        "4584db8ae8e351ace08e01f306378a92bfd43611714814f3d834a2842d69faa8",
        "86a9a41573b0d6e4292f01e93243d6cc65b30f06606fc6fa57390e7e90ed580f",
        "a88b98fbe84d4c6aae8db9d1605dfac059d9f03fe0fcb0d5dff1295dacba09e6",
        "06326dc617a6d1f7021dc536026dbfd5fffc6f7c5531d48ef6ccd1ed1569f2a1",
        "f41fe8fdc3a2e4e8345e30216e7ebecffee26ff266eeced208a6c2a3cf08f960",
        "40cf5bde8abb76983f3e98ba97aa36240402975674e120f234b3448911090f8d",
        "b3222dc8658538079883d980d7fdc2bef9285344ea34338968f736b04aeb387a",
    ),
    bytes.fromhex("78316a05c9bcf14a3a4548f5b854a9adfcd46a4c034401b3ce7eb7ac2f1d0ecb"),
)

# sigstore/rekor, pkg/verify/verify_test.go: the second entry of a log, with the leaf hash of the first.
REKOR_BODY = b64decode(
    "eyJhcGlWZXJzaW9uIjoiMC4wLjEiLCJraW5kIjoicmVrb3JkIiwic3BlYyI6eyJkYXRhIjp7Imhhc2giOnsiYWxnb3JpdGhtIjoic2hh"
    "MjU2IiwidmFsdWUiOiJlY2RjNTUzNmY3M2JkYWU4ODE2ZjBlYTQwNzI2ZWY1ZTliODEwZDkxNDQ5MzA3NTkwM2JiOTA2MjNkOTdiMWQ4"
    "In19LCJzaWduYXR1cmUiOnsiY29udGVudCI6Ik1FWUNJUUQvUGRQUW1LV0MxKzBCTkVkNWdLdlFHcjF4eGwzaWVVZmZ2M2prMXp6Skt3"
    "SWhBTEJqM3hmQXlXeGx6NGpwb0lFSVYxVWZLOXZua1VVT1NvZVp4QlpQSEtQQyIsImZvcm1hdCI6Ing1MDkiLCJwdWJsaWNLZXkiOnsi"
    "Y29udGVudCI6IkxTMHRMUzFDUlVkSlRpQlFWVUpNU1VNZ1MwVlpMUzB0TFMwS1RVWnJkMFYzV1VoTGIxcEplbW93UTBGUldVbExiMXBK"
    "ZW1vd1JFRlJZMFJSWjBGRlRVOWpWR1pTUWxNNWFtbFlUVGd4UmxvNFoyMHZNU3R2YldWTmR3cHRiaTh6TkRjdk5UVTJaeTlzY21sVE56"
    "SjFUV2haT1V4alZDczFWVW8yWmtkQ1oyeHlOVm80VERCS1RsTjFZWE41WldRNVQzUmhVblozUFQwS0xTMHRMUzFGVGtRZ1VGVkNURWxE"
    "SUV0RldTMHRMUzB0Q2c9PSJ9fX19"
)
REKOR_ROOTS = unhex(
    "59a575f157274702c38de3ab1e1784226f391fb79500ebf9f02b4439fb77574c",
    "5be1758dd2228acfaf2546b4b6ce8aa40c82a3748f3dcb550e0d67ba34f02a45",
)
REKOR_ENTRY = bytes.fromhex("d3be742c8d73e2dd3c5635843e987ad3dfb3837616f412a07bf730c3ad73f5cb")

INCLUSIONS = [
    *REFERENCE_INCLUSIONS,
    CERTIFICATE,
    Inclusion(merkle.leaf_hash(REKOR_BODY), 1, 2, REKOR_ROOTS[:1], REKOR_ROOTS[1]),
]
CONSISTENCIES = [
    *REFERENCE_CONSISTENCIES,
    Consistency(1, 2, [REKOR_ENTRY], *REKOR_ROOTS),
]


def holds(proof: Inclusion | Consistency) -> bool:
    try:
        proof.verify()
    except ProofError:
        return False
    return True


def flipped(path: list[bytes], at: int, bit: int) -> list[bytes]:
    return [*path[:at], bytes([path[at][0] ^ bit]) + path[at][1:], *path[at + 1 :]]


def corrupt_inclusions(proof: Inclusion) -> Iterator[tuple[str, Inclusion]]:
    """As `corruptInclusionProof` of transparency-dev/merkle does, where 0 less 1 is 2^64 - 1."""
    path = proof.path
    yield "index - 1", proof._replace(index=(proof.index - 1) % 2**64)
    yield "index + 1", proof._replace(index=proof.index + 1)
    yield "index ^ 2", proof._replace(index=proof.index ^ 2)
    yield "size * 2", proof._replace(size=proof.size * 2)
    yield "size / 2", proof._replace(size=proof.size // 2)
    yield "wrong leaf", proof._replace(leaf=b"WrongLeaf")
    yield "empty root", proof._replace(root=merkle.EMPTY)
    yield "random root", proof._replace(root=OTHER)
    yield "trailing garbage", proof._replace(path=[*path, b""])
    yield "trailing root", proof._replace(path=[*path, proof.root])
    yield "preceding garbage", proof._replace(path=[b"", *path])
    yield "preceding root", proof._replace(path=[proof.root, *path])
    for at in range(len(path)):
        yield f"modified path[{at}] bit 3", proof._replace(path=flipped(path, at, 8))
    if path:
        yield "removed component", proof._replace(path=path[:-1])
    if len(path) > 1:
        yield "inserted component", proof._replace(path=[path[0], OTHER, *path[1:]])


def corrupt_consistencies(proof: Consistency) -> Iterator[tuple[str, Consistency]]:
    """As `corruptConsistencyProof` of transparency-dev/merkle does, of proofs that have a path."""
    path = proof.path
    yield "old - 1", proof._replace(old=proof.old - 1)
    yield "old + 1", proof._replace(old=proof.old + 1)
    yield "old ^ 2", proof._replace(old=proof.old ^ 2)
    yield "new * 2", proof._replace(new=proof.new * 2)
    yield "new / 2", proof._replace(new=proof.new // 2)
    yield "wrong old root", proof._replace(old_root=b"WrongRoot")
    yield "wrong new root", proof._replace(new_root=b"WrongRoot")
    yield "swapped roots", proof._replace(old_root=proof.new_root, new_root=proof.old_root)
    yield "empty path", proof._replace(path=[])
    yield "trailing garbage", proof._replace(path=[*path, b""])
    yield "trailing old root", proof._replace(path=[*path, proof.old_root])
    yield "trailing new root", proof._replace(path=[*path, proof.new_root])
    yield "preceding garbage", proof._replace(path=[b"", *path])
    yield "preceding old root", proof._replace(path=[proof.old_root, *path])
    yield "preceding new root", proof._replace(path=[proof.new_root, *path])
    yield "preceding path[0]", proof._replace(path=[path[0], *path])
    yield "truncated path", proof._replace(path=path[:-1])
    for at in range(len(path)):
        yield f"modified path[{at}] bit 4", proof._replace(path=flipped(path, at, 16))


def test_the_published_hashes_of_leaves_and_nodes() -> None:
    assert merkle.root([]) == ROOTS[0]
    assert merkle.leaf_hash(b"") == ROOTS[1]
    assert merkle.leaf_hash(b"L123456") == bytes.fromhex(
        "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56"
    )
    assert merkle.leaf_hash(bytes(range(0x10, 0x20))) == bytes.fromhex(
        "3bfb960453ebaebf33727da7a1f4db38acc051d381b6da20d6d4e88f0eabfd7a"
    )
    assert merkle.node_hash(b"N123", b"N456") == bytes.fromhex(
        "aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb"
    )
    assert merkle.node_hash(bytes(range(0x20)), bytes(range(0x20, 0x40))) == bytes.fromhex(
        "1a378704c17da31e2d05b6d121c2bb2c7d76f6ee6fa8f983e596c2d034963c57"
    )


def test_a_node_is_no_leaf_and_has_an_order() -> None:
    hello, world = merkle.leaf_hash(b"Hello"), merkle.leaf_hash(b"World")
    assert hello != world
    assert merkle.node_hash(hello, world) != merkle.leaf_hash(hello + world)
    assert merkle.node_hash(hello, world) != merkle.node_hash(world, hello)


def test_the_published_roots() -> None:
    assert [merkle.root(LEAVES[:size]) for size in range(9)] == ROOTS


@pytest.mark.parametrize("proof", REFERENCE_INCLUSIONS)
def test_published_inclusion_proofs_are_the_ones_made(proof: Inclusion) -> None:
    assert trees.inclusion(LEAVES[: proof.size], proof.index) == proof.path


@pytest.mark.parametrize("proof", INCLUSIONS)
def test_published_inclusion_proofs_hold(proof: Inclusion) -> None:
    proof.verify()


@pytest.mark.parametrize("proof", INCLUSIONS)
def test_corrupted_inclusion_proofs_are_refused(proof: Inclusion) -> None:
    assert [name for name, corrupted in corrupt_inclusions(proof) if holds(corrupted)] == []


@pytest.mark.parametrize(("leaf", "root"), [(b"", ROOTS[1]), (ROOTS[1], b""), (b"", b""), (OTHER, ROOTS[0])])
def test_a_single_entry_with_a_wrong_leaf_hash_or_root_is_refused(leaf: bytes, root: bytes) -> None:
    with pytest.raises(ProofError):
        Inclusion(leaf, 0, 1, [], root).verify()


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 0), (2, 1), (-1, 1), (0, -1), (-3, 6), (3, -3)])
@pytest.mark.parametrize(("leaf", "root"), [(OTHER, b""), (b"", ROOTS[0]), (OTHER, ROOTS[0]), (OTHER, OTHER)])
def test_a_leaf_outside_its_tree_is_refused(index: int, size: int, leaf: bytes, root: bytes) -> None:
    with pytest.raises(ProofError):
        Inclusion(leaf, index, size, [], root).verify()


# certificate-transparency: a leaf of ones among nodes of zeros, at the right edge of trees of several sizes.
@pytest.mark.parametrize(
    ("index", "size", "sides"), [(7, 8, "LLL"), (4, 5, "L"), (5, 6, "LL"), (4, 6, "RL"), (0, 1, "")]
)
def test_a_leaf_at_the_right_edge_is_proved(index: int, size: int, sides: str) -> None:
    zeros = bytes(32)
    leaf = node = merkle.leaf_hash(b"\x11" * 32)
    for side in sides:
        node = merkle.node_hash(zeros, node) if side == "L" else merkle.node_hash(node, zeros)
    Inclusion(leaf, index, size, [zeros] * len(sides), node).verify()


@pytest.mark.parametrize("elements", [0, 1, 3, 64])
def test_a_path_of_another_length_than_the_tree_asks_for_is_refused(elements: int) -> None:
    with pytest.raises(ProofError):
        Inclusion(merkle.leaf_hash(b"\x11" * 32), 0, 4, [bytes(32)] * elements, bytes(32)).verify()


@pytest.mark.parametrize("proof", REFERENCE_CONSISTENCIES)
def test_published_consistency_proofs_are_the_ones_made(proof: Consistency) -> None:
    assert trees.consistency(LEAVES[: proof.new], proof.old) == proof.path


@pytest.mark.parametrize("proof", CONSISTENCIES)
def test_published_consistency_proofs_hold(proof: Consistency) -> None:
    proof.verify()


@pytest.mark.parametrize("proof", [proof for proof in CONSISTENCIES if proof.path])
def test_corrupted_consistency_proofs_are_refused(proof: Consistency) -> None:
    assert [name for name, corrupted in corrupt_consistencies(proof) if holds(corrupted)] == []


ANY_1, ANY_2 = b"don't care 1", b"don't care 2"


@pytest.mark.parametrize("root", [ANY_1, ROOTS[0]])
@pytest.mark.parametrize("size", [0, 1])
def test_equal_sizes_with_equal_roots_and_no_path_hold(size: int, root: bytes) -> None:
    Consistency(size, size, [], root, root).verify()


@pytest.mark.parametrize(
    ("old", "new", "path", "old_root", "new_root"),
    [
        (0, 0, [], ANY_1, ANY_2),
        (1, 1, [], ANY_1, ANY_2),
        (0, 1, [], ANY_1, ANY_2),
        (1, 0, [], ANY_1, ANY_2),
        (2, 1, [], ANY_1, ANY_2),
        (1, 2, [], ANY_1, ANY_2),
        (0, 0, [], ROOTS[0], ANY_2),
        (1, 1, [], ROOTS[0], ANY_2),
        (0, 0, [ROOTS[0]], ROOTS[0], ROOTS[0]),
        (0, 1, [ROOTS[0]], ROOTS[0], ROOTS[0]),
        (1, 1, [ROOTS[0]], ROOTS[0], ROOTS[0]),
        (3, 3, [ROOTS[1]], ROOTS[1], ROOTS[1]),
        (5, 2, [B, D], ROOTS[5], ROOTS[2]),
        (-1, -1, [], ROOTS[0], ROOTS[0]),
        (2, 1, [REKOR_ENTRY], *REKOR_ROOTS),
        (1, 2, [REKOR_ENTRY], *REKOR_ROOTS[::-1]),
        (1, 1, [REKOR_ENTRY], *REKOR_ROOTS),
        (0, 2, [REKOR_ENTRY], OTHER, REKOR_ROOTS[1]),
    ],
)
def test_published_degenerate_consistency_proofs_are_refused(
    old: int, new: int, path: list[bytes], old_root: bytes, new_root: bytes
) -> None:
    with pytest.raises(ProofError):
        Consistency(old, new, path, old_root, new_root).verify()

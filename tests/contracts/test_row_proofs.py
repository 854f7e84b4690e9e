"""Row proofs against `protocol.merkle`: what it proves the contract takes, whatever else it refuses."""

from collections.abc import Sequence
from dataclasses import replace

import boa
import pytest
from boa.contracts.base_evm_contract import BoaError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.contracts.network import words_of
from tests.contracts.proving import SCHEMA, Proof, Result, name_hash, recorded, result_of, verify

from worknet.protocol import merkle, trees
from worknet.protocol.ballots import Pair
from worknet.protocol.leaves import header_leaf
from worknet.protocol.merkle import ProofError

FIELDWISE = replace(SCHEMA, field_disclosure=True)
LAST_WORD = 2**256 - 1


def is_true(proof: Proof, root: bytes) -> bool:
    """Whether `protocol.merkle` takes both paths of a proof."""
    header = proof.table
    if len(header) != 88:
        return False
    try:
        merkle.verify_inclusion(header, proof.table_index, proof.table_count, proof.table_path, root)
        rows = int.from_bytes(header[48:56], "big")
        merkle.verify_inclusion(proof.row, proof.row_index, rows, proof.row_path, header[56:])
    except ProofError:
        return False
    return True


@pytest.fixture
def result(network):
    """Tables `a`, `b` and `c` of 5, 6 and 7 rows."""
    # Deployed here, since what an example of a property deploys is gone with it.
    assert network.proofs
    return result_of(network, {"a": 5, "b": 6, "c": 7})


# True proofs


@pytest.mark.long
def test_every_row_of_tables_with_1_to_20_rows_is_proven(network):
    result = result_of(network, {f"t{size:02}": size for size in range(1, 21)})
    for size in range(1, 21):
        for row in range(size):
            assert verify(network, result.proof(size, row)) == name_hash(f"t{size:02}")


@pytest.mark.long
def test_every_table_of_results_with_1_to_20_leaves_is_proven(network):
    for count in range(1, 21):
        rows = [[b"row %d" % number, b"other"] for number in range(count)]
        leaves = [
            header_leaf(b"\x07" * 16, f"t{number}", 2, merkle.root(rows[number])) for number in range(count)
        ]
        result = recorded(network, leaves, dict(enumerate(rows)))
        for table in range(count):
            assert verify(network, result.proof(table, table % 2)) == name_hash(f"t{table}")


def test_a_row_of_a_table_with_field_disclosure_is_proven_by_the_root_of_its_fields(network):
    result = result_of(network, {"a": 3}, FIELDWISE)
    proof = result.proof(1, 2)
    assert len(proof.row) == 16 + 32
    assert verify(network, proof) == name_hash("a")


@pytest.mark.parametrize("size", [0, 1, 31, 32, 33, 4096])
def test_rows_of_up_to_4096_bytes_are_proven(network, size):
    row = b"\x2a" * size
    leaves = [header_leaf(bytes(16), "a", 2, merkle.root([row, b"other"]))]
    assert verify(network, recorded(network, leaves, {0: [row, b"other"]}).proof(0, 0)) == name_hash("a")


@pytest.mark.parametrize("rows", [2**63, 2**63 + 1, 2**64 - 1])
def test_the_first_and_the_last_row_of_the_largest_tables_are_proven(network, rows):
    # The first has a sibling on every level; the last one only where its index has a bit, always on the left.
    for index, length in ((0, (rows - 1).bit_length()), (rows - 1, (rows - 1).bit_count())):
        path = [bytes([level]) * 32 for level in range(length)]
        node = merkle.leaf_hash(b"row")
        for sibling in path:
            node = merkle.node_hash(sibling, node) if index else merkle.node_hash(node, sibling)
        merkle.verify_inclusion(b"row", index, rows, path, node)
        result = recorded(network, [header_leaf(bytes(16), "a", rows, node)], {})
        proof = Proof(result.record, b"row", index, path, result.leaves[0], 0, 1, [])
        assert verify(network, proof) == name_hash("a")


def test_a_record_of_sealed_ballots_proves_as_well(sealed):
    rows = [b"x", b"y", b"z"]
    leaves = [b"manifest", header_leaf(bytes(16), "a", 3, merkle.root(rows))]
    pair = Pair(b"\x01" * 32, merkle.root(leaves))
    for worker in range(3):
        sealed.seal(worker, pair)
    sealed.reveal(pair, [0, 1, 2])
    result = Result(words_of(sealed.record()), leaves, {1: rows})
    assert verify(sealed, result.proof(1, 1)) == name_hash("a")


# Corrupted proofs


def flipped(data: bytes, place: int) -> bytes:
    """The data with a bit of one byte turned."""
    return data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :]


def corruptions_of_path(path: Sequence[bytes]) -> list[list[bytes]]:
    """A path with one element altered, dropped, doubled or added, or with two swapped."""
    places = range(len(path))
    return [
        *([*path[:at], flipped(path[at], at * 5 % 32), *path[at + 1 :]] for at in places),
        *([*path[:at], *path[at + 1 :]] for at in places),
        *([*path[: at + 1], *path[at:]] for at in places),
        *([*path[:at], path[at + 1], path[at], *path[at + 2 :]] for at in places[:-1]),
        [*path, bytes(32)],
        [bytes(32), *path],
        [*path, *[bytes(32)] * (64 - len(path))],
    ]


@pytest.mark.parametrize("row", range(5))
def test_every_corruption_of_a_row_its_index_or_its_path_is_refused(network, result, row):
    proof = result.proof(1, row)
    rows = [flipped(proof.row, place) for place in range(len(proof.row))]
    rows += [b"", proof.row[:-1], proof.row[1:], proof.row + b"\0", b"\0" + proof.row]
    # Two nodes taken for a row: the leaf's prefix tells them apart.
    rows.append(merkle.leaf_hash(proof.row) + merkle.leaf_hash(proof.row))
    corrupted = [replace(proof, row=one) for one in rows]
    corrupted += [
        replace(proof, row_index=index)
        for index in [*range(9), 2**64 + row, LAST_WORD - 1, LAST_WORD]
        if index != row
    ]
    corrupted += [replace(proof, row_path=path) for path in corruptions_of_path(proof.row_path)]
    for one in corrupted:
        with network.refuses("proofs: row not in table"):
            verify(network, one)


@pytest.mark.parametrize("table", [1, 2, 3])
def test_every_corruption_of_a_table_its_index_or_its_path_is_refused(network, result, table):
    proof = result.proof(table, 0)
    corrupted = [replace(proof, table=flipped(proof.table, place)) for place in range(88)]
    corrupted += [
        replace(proof, table_index=index)
        for index in [*range(6), 2**64 + table, LAST_WORD - 1, LAST_WORD]
        if index != table
    ]
    corrupted += [replace(proof, table_path=path) for path in corruptions_of_path(proof.table_path)]
    corrupted += [
        replace(proof, table=other.table, table_index=other.table_index, table_path=proof.table_path)
        for other in (result.proof(other, 0) for other in {1, 2, 3} - {table})
    ]
    for one in corrupted:
        with network.refuses("proofs: table not in result"):
            verify(network, one)


@pytest.mark.parametrize("size", [0, 1, 56, 87])
def test_a_table_leaf_of_fewer_than_88_bytes_is_refused(network, result, size):
    proof = result.proof(1, 0)
    with network.refuses("proofs: not a table"):
        verify(network, replace(proof, table=proof.table[:size]))


def test_what_is_longer_than_anything_true_is_refused(network, result):
    proof = result.proof(1, 0)
    for longer in (
        replace(proof, table=proof.table + b"\0"),
        replace(proof, row=bytes(4097)),
        replace(proof, row_path=[bytes(32)] * 65),
        replace(proof, table_path=[bytes(32)] * 65),
    ):
        with pytest.raises(BoaError):
            verify(network, longer)


def test_the_manifest_is_no_table_not_even_one_of_88_bytes(network):
    manifest = b"\x06" * 16 + b'{"protocol":1}'.ljust(72)
    result = recorded(network, [manifest, header_leaf(bytes(16), "a", 1, merkle.root([b"x"]))], {})
    proof = Proof(result.record, b"x", 0, [], manifest, 0, 2, trees.inclusion(result.leaves, 0))
    with network.refuses("proofs: row not in table"):
        verify(network, proof)


def test_of_a_table_without_rows_nothing_is_proven(network):
    result = recorded(network, [header_leaf(bytes(16), "a", 0, merkle.EMPTY)], {})
    for row in (b"", b"x"):
        with network.refuses("proofs: row not in table"):
            verify(network, Proof(result.record, row, 0, [], result.leaves[0], 0, 1, []))


@pytest.mark.parametrize("table", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6, 7, 8, 9, 16, 2**64, LAST_WORD])
def test_a_wrong_count_is_refused_where_index_and_path_do_not_fit_it(network, result, table, count):
    proof = replace(result.proof(table, 0), table_count=count)
    if is_true(proof, merkle.root(result.leaves)):
        assert verify(network, proof) == name_hash("-abc"[table])
    else:
        with network.refuses("proofs: table not in result"):
            verify(network, proof)


def test_a_row_of_one_table_is_not_proven_in_another(network, result):
    own, other = result.proof(1, 2), result.proof(2, 2)
    for mixed in (
        replace(own, row=other.row, row_path=other.row_path),
        replace(own, table=other.table, table_index=2, table_path=other.table_path),
    ):
        with network.refuses("proofs: row not in table"):
            verify(network, mixed)


@pytest.mark.parametrize("word", range(13))
def test_a_record_with_any_word_altered_is_refused(network, result, word):
    proof = result.proof(1, 0)
    words = list(proof.record)
    words[word] = flipped(words[word], 0) if isinstance(words[word], bytes) else int(words[word]) ^ 1
    with network.refuses("proofs: not the record"):
        verify(network, replace(proof, record=tuple(words)))


def test_the_record_of_another_result_does_not_prove_a_row_of_this_one(network, result):
    proof = result.proof(1, 0)
    other = result_of(network, {"a": 5, "b": 6, "c": 7})
    with network.refuses("proofs: table not in result"):
        verify(network, replace(proof, record=other.record))


def test_the_record_of_another_network_is_refused(network, result, new_network):
    other = new_network()
    with network.refuses("proofs: not the record"):
        network.proofs.verify_row(other.contract.address, *result.proof(1, 0).arguments())


def test_an_account_that_is_no_network_proves_nothing(network, result):
    for account in (boa.env.generate_address(), network.proofs.address, "0x" + "00" * 20):
        with pytest.raises(BoaError):
            network.proofs.verify_row(account, *result.proof(1, 0).arguments())


def test_a_row_without_a_record_is_refused(network, result):
    proof = result.proof(1, 0)
    network.trigger = network.slot(50).trigger_id
    words = (proof.record[0], network.voting_id(), network.trigger, *proof.record[3:])
    with network.refuses("proofs: not the record"):
        verify(network, replace(proof, record=words))


PLACES = st.integers(0, 12) | st.sampled_from([2**63, 2**64 - 1, 2**64, 2**255, LAST_WORD])


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_contract_takes_a_proof_exactly_if_protocol_merkle_does(network, result, data):
    proof = result.proof(data.draw(st.integers(1, 3)), data.draw(st.integers(0, 4)))
    nodes = [*proof.row_path, *proof.table_path, bytes(32)]
    paths = st.lists(st.sampled_from(nodes), max_size=5)
    changes = {
        "row_index": PLACES,
        "table_index": PLACES,
        "table_count": PLACES,
        "row_path": paths,
        "table_path": paths,
        "row": st.sampled_from([leaf for rows in result.rows.values() for leaf in rows]),
    }
    for name in data.draw(st.lists(st.sampled_from(sorted(changes)), max_size=2, unique=True)):
        proof = replace(proof, **{name: data.draw(changes[name])})
    if is_true(proof, merkle.root(result.leaves)):
        assert verify(network, proof) == name_hash("-abc"[result.leaves.index(proof.table)])
    else:
        with pytest.raises(BoaError):
            verify(network, proof)

# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Row proofs
@license Apache-2.0
@notice Whether a row stands in a table of a recorded result, for other contracts: one that issues certificates,
        say. One deployment serves all networks of a chain; it has no state, no owner and no money.
"""

import leaves
import records
import refusals

# What is read of a network.
interface Network:
    def record(voting_id: bytes32) -> bytes32: view


# The longest leaf data of a row that is taken, in bytes: 16 of the salt and the row itself.
MAX_ROW: constant(uint256) = 4_096
# Of a table's leaf: header salt 16 bytes, SHA-256 of its name 32, number of rows 8, root of its rows 32.
TABLE: constant(uint256) = 88
AT_NAME: constant(uint256) = 16
AT_ROWS: constant(uint256) = 48
AT_ROOT: constant(uint256) = 56


@external
@view
def verify_row(
    network: address,
    record: records.Record,
    row: Bytes[MAX_ROW],
    row_index: uint256,
    row_path: DynArray[bytes32, leaves.MAX_PATH],
    table: Bytes[TABLE],
    table_index: uint256,
    table_count: uint256,
    table_path: DynArray[bytes32, leaves.MAX_PATH],
) -> bytes32:
    """
    @notice Checks that a row stands in a table of the result that a network has recorded. Reverts unless it does.
            Which network, workflow and table the caller accepts is the caller's to decide; so is whether a row
            may be used twice.
    @param network Address of the network's contract.
    @param record The words of the record.
    @param row Leaf data of the row: salt and canonical JSON.
    @param row_index The row's rank in its table, from 0; how many rows there are, the table's leaf says.
    @param row_path Inclusion proof of the row.
    @param table Leaf data of the table.
    @param table_index Position of the table's leaf in the result tree; 0 is the manifest.
    @param table_count Leaves of the result tree: its tables and the manifest.
    @param table_path Inclusion proof of the table.
    @return SHA-256 of the table's name, by which the caller knows which table it is.
    """
    if staticcall Network(network).record(record.voting_id) != leaves._of_record(network, record):
        refusals._refuse("proofs: not the record")
    if len(table) != TABLE:
        refusals._refuse("proofs: not a table")
    fits: bool = False
    root: bytes32 = empty(bytes32)
    fits, root = leaves._root(sha256(concat(b"\x00", table)), table_index, table_count, table_path)
    if not fits or root != record.result_root:
        refusals._refuse("proofs: table not in result")
    rows: uint256 = convert(slice(table, AT_ROWS, 8), uint256)
    fits, root = leaves._root(sha256(concat(b"\x00", row)), row_index, rows, row_path)
    if not fits or root != extract32(table, AT_ROOT):
        refusals._refuse("proofs: row not in table")
    return extract32(table, AT_NAME)

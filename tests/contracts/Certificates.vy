# pragma version 0.4.3
# pragma evm-version london
# pragma optimize gas
"""
@title Certificates
@license Apache-2.0
@notice An example of a contract that goes by a network's results: whoever proves a row of one table of one
        workflow gets one certificate for it, and for the same row there is no second. Which network, workflow
        and table count is fixed here; that the row stands in a recorded result, `RowProofs` answers for.
"""


interface RowProofs:
    def verify_row(
        network: address,
        record: Record,
        row: Bytes[4_096],
        row_index: uint256,
        row_path: DynArray[bytes32, 64],
        table: Bytes[88],
        table_index: uint256,
        table_count: uint256,
        table_path: DynArray[bytes32, 64],
    ) -> bytes32: view


event Minted:
    certificate: indexed(bytes32)
    holder: indexed(address)


# The words of a record, as networks log them.
struct Record:
    workflow_id: bytes32
    voting_id: bytes32
    trigger_id: bytes32
    attempt: uint256
    policy_hash: bytes32
    input_root: bytes32
    result_root: bytes32
    members: uint256
    n: uint256
    needed: uint256
    voters: uint256
    how: uint256
    time: uint256


PROOFS: immutable(address)
NETWORK: immutable(address)
WORKFLOW_ID: immutable(bytes32)
# SHA-256 of the table's name.
TABLE: immutable(bytes32)

# @notice Certificate -> who holds it; zero: it was never minted.
holder: public(HashMap[bytes32, address])


@deploy
def __init__(proofs: address, network: address, workflow_id: bytes32, table: bytes32):
    """
    @notice Certificates for the rows of one table.
    @param proofs The contract `RowProofs`.
    @param network The network whose results count.
    @param workflow_id keccak256 of the workflow's name.
    @param table SHA-256 of the table's name.
    """
    PROOFS = proofs
    NETWORK = network
    WORKFLOW_ID = workflow_id
    TABLE = table


@external
def mint(
    record: Record,
    row: Bytes[4_096],
    row_index: uint256,
    row_path: DynArray[bytes32, 64],
    table: Bytes[88],
    table_index: uint256,
    table_count: uint256,
    table_path: DynArray[bytes32, 64],
) -> bytes32:
    """
    @notice Gives the caller the certificate of a row.
    @return The certificate: a row is the one of this index in the table that a voting recorded.
    """
    assert record.workflow_id == WORKFLOW_ID, "certificates: other workflow"
    name: bytes32 = staticcall RowProofs(PROOFS).verify_row(
        NETWORK, record, row, row_index, row_path, table, table_index, table_count, table_path
    )
    assert name == TABLE, "certificates: other table"
    certificate: bytes32 = keccak256(abi_encode(record.voting_id, row_index))
    assert self.holder[certificate] == empty(address), "certificates: already minted"
    self.holder[certificate] = msg.sender
    log Minted(certificate=certificate, holder=msg.sender)
    return certificate

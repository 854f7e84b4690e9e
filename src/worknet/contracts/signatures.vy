# pragma version 0.4.3
"""
@title Signatures
@license Apache-2.0
@notice What workers sign for others to bring (EIP-712): domain, types and digest. The domain has the name
        `worknet`, version `1`, with the chain id of the moment, so that a fork of the chain takes none from the
        other.
"""

# EIP712Domain: the only struct hashes that exist besides are those of Seal and Report.
DOMAIN: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME: constant(bytes32) = keccak256("worknet")
VERSION: constant(bytes32) = keccak256("1")
SEAL: constant(bytes32) = keccak256("Seal(bytes32 votingId,uint256 attempt,uint256 policyVersion,bytes32 seal)")
REPORT: constant(bytes32) = keccak256(
    "Report(bytes32 votingId,uint256 attempt,uint256 policyVersion,bytes32 inputRoot,bytes32 resultRoot,uint256 participants,uint256 voters)"
)

PREFIX: constant(bytes2) = 0x1901

# Half of the order of secp256k1: of the two values of s that verify, only the lower is taken (EIP-2). v is 27 or
# 28, told by one bit. What ecrecover makes of a signature that is nobody's is zero, which is no member's key.
HIGHEST_S: constant(uint256) = (
    115792089237316195423570985008687907852837564279074904382605163141518161494337
    // 2
)


@internal
@view
def _domain() -> bytes32:
    """
    @notice The domain separator of this contract on this chain.
    """
    return keccak256(abi_encode(DOMAIN, NAME, VERSION, chain.id, self))


@internal
@pure
def _digest(domain: bytes32, message: bytes32) -> bytes32:
    """
    @notice What is signed: a message's struct hash under a domain.
    """
    return keccak256(concat(PREFIX, domain, message))

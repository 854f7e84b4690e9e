"""What workers sign when others bring their ballots: EIP-712 digests bound to network, voting and attempt."""

from worknet.protocol.ballots import Pair
from worknet.protocol.keccak import Hash, keccak256
from worknet.protocol.words import words

DOMAIN_TYPE = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
SEAL_TYPE = "Seal(bytes32 votingId,uint256 attempt,uint256 policyVersion,bytes32 seal)"
REPORT_TYPE = (
    "Report(bytes32 votingId,uint256 attempt,uint256 policyVersion,bytes32 inputRoot,bytes32 resultRoot,"
    "uint256 participants,uint256 voters)"
)
NAME = "worknet"
VERSION = "1"


def domain_separator(chain_id: int, contract: bytes, keccak: Hash = keccak256) -> bytes:
    """The separator of a network's domain (EIP-712, "Definition of domainSeparator")."""
    return keccak(
        words(
            keccak(DOMAIN_TYPE.encode()),
            keccak(NAME.encode()),
            keccak(VERSION.encode()),
            chain_id,
            contract,
        )
    )


def seal_digest(
    separator: bytes,
    voting_id: bytes,
    attempt: int,
    policy_version: int,
    seal: bytes,
    keccak: Hash = keccak256,
) -> bytes:
    """What a worker signs so that another may bring its seal."""
    struct = words(keccak(SEAL_TYPE.encode()), voting_id, attempt, policy_version, seal)
    return _digest(separator, struct, keccak)


def report_digest(
    separator: bytes,
    voting_id: bytes,
    attempt: int,
    policy_version: int,
    pair: Pair,
    participants: int,
    voters: int,
    keccak: Hash = keccak256,
) -> bytes:
    """What a worker signs under a report; participants and voters are bitmaps of worker indices."""
    struct = words(
        keccak(REPORT_TYPE.encode()),
        voting_id,
        attempt,
        policy_version,
        pair.input_root,
        pair.result_root,
        participants,
        voters,
    )
    return _digest(separator, struct, keccak)


def _digest(separator: bytes, struct: bytes, keccak: Hash) -> bytes:
    return keccak(b"\x19\x01" + separator + keccak(struct))

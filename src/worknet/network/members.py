"""Members of a network that runs: whether one may be enrolled, removed, or given another key."""

from pathlib import Path

from worknet.chain.client import Member, NetworkClient
from worknet.chain.events import Role
from worknet.chain.keyfiles import encryption_public_key
from worknet.chain.signers import keystore_address
from worknet.config.network import NetworkConfig
from worknet.network.access import synced_index
from worknet.network.errors import NetworkError
from worknet.network.establish import NewMember
from worknet.protocol.canonical import to_hex


def check_new(client: NetworkClient, new: NewMember) -> None:
    """Raises NetworkError for an operator or a worker that is enrolled, or an operator that had another key.

    An operator that was removed gets its index back, with the key behind it.
    """
    for member in members(client):
        if member.role is Role.NONE:
            if member.operator == new.operator and member.worker != new.worker:
                raise NetworkError(
                    f"the operator {to_hex(member.operator)} comes back with index {member.index} "
                    f"and the key behind it, {to_hex(member.worker)}, not with {to_hex(new.worker)}",
                    hint="enrol that key; for another one the operator first runs `worknet network rotate`",
                )
            continue
        for what, theirs, ours in (
            ("worker", member.worker, new.worker),
            ("operator", member.operator, new.operator),
        ):
            if theirs == ours:
                raise NetworkError(
                    f"the {what} {to_hex(ours)} is enrolled already, with index {member.index}",
                    hint="`worknet network remove` takes a worker out, with `enrol` it comes back",
                )


def index_to_be(client: NetworkClient, operator: bytes) -> int:
    """The index that an operator gets: the old one where it comes back, else the next."""
    known = members(client)
    return next((member.index for member in known if member.operator == operator), len(known))


def enrolled(client: NetworkClient, index: int) -> Member:
    """Who takes part under an index; NetworkError where nobody does."""
    found = next((member for member in members(client) if member.index == index), None)
    if found is None or found.role is Role.NONE:
        indices = [str(member.index) for member in members(client) if member.role is not Role.NONE]
        raise NetworkError(
            f"nobody is enrolled with index {index}", hint=f"enrolled are {', '.join(indices) or 'none'}"
        )
    return found


def given(client: NetworkClient, index: int) -> Member:
    """Who has an index, enrolled or removed; NetworkError where it was never given."""
    known = members(client)
    found = next((member for member in known if member.index == index), None)
    if found is None:
        indices = [str(member.index) for member in known]
        raise NetworkError(f"no worker has index {index}", hint=f"given are {', '.join(indices) or 'none'}")
    return found


def check_operator(client: NetworkClient, member: Member) -> None:
    """Raises NetworkError where the client's key, if it has one, is not that of the member's operator."""
    if client.signer is not None and client.signer.address != member.operator:
        raise NetworkError(
            f"worker {member.index} belongs to the operator {to_hex(member.operator)}, "
            f"the key is that of {to_hex(client.signer.address)}",
            hint="name the operator's keystore; if it is a contract, --calldata shows the call",
        )


def check_rotation(
    network: NetworkConfig, client: NetworkClient, member: Member, worker: bytes, encryption_key: bytes
) -> None:
    """Raises NetworkError where both keys are those that stand behind the index now."""
    if worker != member.worker:
        return
    # Only the events have the encryption key; it may change alone.
    with synced_index(network, client) as index:
        present = next(each.encryption_key for each in index.members() if each.index == member.index)
    if encryption_key == present:
        raise NetworkError(
            f"{to_hex(worker)} is the key of worker {member.index} already",
            hint="make a new one with `worknet node init` and name its folder with --node",
        )


def keys_in(node: Path) -> tuple[bytes, bytes]:
    """The worker's address and the X25519 public key of a folder that `worknet node init` made.

    Raises KeystoreError where there are none. No password is needed.
    """
    return keystore_address(node / "worker.json"), encryption_public_key(node / "encryption-key")


def members(client: NetworkClient) -> list[Member]:
    """All indices ever given, as they are now."""
    return [client.member(index) for index in range(client.member_count())]

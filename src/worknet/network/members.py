"""Members of a network that runs: enrolling one, and removing one."""

from worknet.chain.client import Member, NetworkClient
from worknet.chain.events import Role
from worknet.network.errors import NetworkError
from worknet.network.establish import NewMember
from worknet.protocol.canonical import to_hex


def enrol(client: NetworkClient, new: NewMember) -> int:
    """Enrols an operator with its worker and returns the worker's index.

    An operator that was removed gets its index back. Raises NetworkError for a worker that is enrolled.
    """
    for member in members(client):
        if member.role is Role.NONE:
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
    client.wait(client.enrol(new.operator, new.worker, new.role, new.encryption_key))
    index = client.index_of(new.worker)
    if index is None:
        raise NetworkError(
            f"{to_hex(new.worker)} was enrolled, but the RPC does not know it yet", "ask again"
        )
    return index


def remove(client: NetworkClient, index: int) -> Member:
    """Takes a worker out of attempts that open from now on; returns who it was.

    Raises NetworkError where nobody is enrolled under that index.
    """
    found = next((member for member in members(client) if member.index == index), None)
    if found is None or found.role is Role.NONE:
        enrolled = [str(member.index) for member in members(client) if member.role is not Role.NONE]
        raise NetworkError(
            f"nobody is enrolled with index {index}", hint=f"enrolled are {', '.join(enrolled) or 'none'}"
        )
    client.wait(client.remove(index))
    return found


def members(client: NetworkClient) -> list[Member]:
    """All indices ever given, as they are now."""
    return [client.member(index) for index in range(client.member_count())]

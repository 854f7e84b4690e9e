"""Transactions that do not fit: another's key, another attempt or version, copied seals, replayed signatures.

An honest transaction comes in and a bent one goes out; what must come of it the mirrored world says.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tests.contracts.mirror.actions import ADDRESSES, HEIR, KEYS, OUTSIDER, A, Actions, B
from tests.contracts.mirror.cases import indices
from tests.contracts.mirror.chain import Transaction
from tests.contracts.mirror.world import ON_VOTINGS
from tests.contracts.network import words_of
from tests.unit.protocol.voting_histories import Dice

from worknet.protocol.voting_time import at

ORDER_OF_CURVE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
ROOTS = [A.input_root, B.input_root, bytes(32), b"\x77" * 32]
MAX_WORD = 2**256 - 1


def bent(transaction: Transaction, actions: Actions, sent: list[Transaction], dice: Dice) -> Transaction:
    """The transaction with one thing in it that is wrong, or sent by another."""
    name, arguments = transaction.name, list(transaction.arguments)
    if dice.of([0, 0, 0, 0, 0, 1]) or not arguments:
        others = [
            OUTSIDER,
            HEIR,
            actions.rules.owner,
            *actions.rules.keys,
            *actions.rules.operators,
            *ADDRESSES[-3:],
        ]
        return replace(transaction, sender=dice.of(others))
    if name in ON_VOTINGS and dice.of([0, 0, 0, 0, 1]):
        return _other_call(transaction, dice)
    if name in ON_VOTINGS:
        bend = dice.of([_BENDS.get(name, _pair_at(2))] * 3 + [_place, _trigger])
        bend(arguments, actions, sent, dice)
    elif name == "announce":
        arguments[1] = _bent_policy(arguments[1], dice)
    elif name == "claim":
        _claim(arguments, actions, dice)
    elif name in {"enrol", "rotate"}:
        which = dice.of(range(len(arguments)))
        arguments[which] = _other_like(arguments[which], dice)
    elif name == "set_rewards":
        arguments[dice.of([0, 1])] = dice.of([2**128, MAX_WORD])
    elif name in {"remove", "check_in"}:
        arguments[0] = dice.of([len(actions.rules.keys), 119, 120, MAX_WORD, 0])
    return replace(transaction, arguments=tuple(arguments))


def _other_call(transaction: Transaction, dice: Dice) -> Transaction:
    """Another call on the same voting, at the same place if there is one."""
    workflow, trigger, *rest = transaction.arguments
    place = rest[0] if rest and isinstance(rest[0], int) else 1 << 32 | 1 << 16
    pair, seal = (A.input_root, A.result_root), b"\x33" * 30 + bytes(2)
    calls: dict[str, tuple[Any, ...]] = {
        "cast": (place, *pair),
        "seal": (place, seal),
        "bring_seals": (place, 1, 0, [(seal, *ROOTS[:2])]),
        "reveal": (place, *pair, 1, [b"\x66" * 32]),
        "settle": pair,
        "advance": pair,
        "reopen": (),
    }
    other = dice.of([one for one in calls if one != transaction.name])
    return Transaction(transaction.sender, other, (workflow, trigger, *calls[other]))


def _other_like(value: Any, dice: Dice) -> Any:
    """Another value of the same kind."""
    if isinstance(value, int):
        return dice.of([0, 3, 119, 120, MAX_WORD])
    if len(value) == 20:
        return dice.of([bytes(20), *ADDRESSES[:8]])
    return bytes(32)


def _place(arguments: list[Any], _: Actions, sent: list[Transaction], dice: Dice) -> None:
    """Another attempt, version or worker; or bits where nothing is."""
    if len(arguments) < 3 or not isinstance(arguments[2], int):
        return
    attempt, version, worker = arguments[2] >> 32, arguments[2] >> 16 & 0xFFFF, arguments[2] & 0xFFFF
    match dice.of(["attempt", "version", "worker"]):
        case "attempt":
            attempt = dice.of([attempt + 1, max(0, attempt - 1), 0, 1, 4, 255, 256, 2**200])
        case "version":
            version = dice.of([(version + 1) % 2**16, max(0, version - 1), 0, 1, 2, 65_535])
        case "worker":
            worker = dice.of([0, 1, 2, 6, 119, 120, 65_535])
    arguments[2] = attempt << 32 | version << 16 | worker


def _trigger(arguments: list[Any], actions: Actions, sent: list[Transaction], dice: Dice) -> None:
    """Another voting, or one that cannot be."""
    other = actions.some_case(dice)
    which = dice.of(["trigger", "both", "garbage"])
    if which == "both":
        arguments[0] = other.workflow
    arguments[1] = other.trigger if which != "garbage" else dice.of([bytes(32), b"\xab" * 32])


def _pair_at(at: int) -> Callable[..., None]:
    """Another pair, or no pair at all, in these arguments."""

    def bend(arguments: list[Any], _: Actions, sent: list[Transaction], dice: Dice) -> None:
        if len(arguments) > at + 1:
            arguments[at + dice.of([0, 1])] = dice.of(ROOTS)

    return bend


def _seal(arguments: list[Any], actions: Actions, sent: list[Transaction], dice: Dice) -> None:
    """A seal that another has sent, or one that is none."""
    copied = [one.arguments[3] for one in sent[-20:] if one.name == "seal"]
    arguments[3] = dice.of([*copied, b"\x55" * 30 + bytes(2), bytes(32), arguments[3][:31] + b"\1"])


def _brought(arguments: list[Any], actions: Actions, sent: list[Transaction], dice: Dice) -> None:
    workers, odd, items = arguments[3:]
    if not items:
        return
    which = dice.of(range(len(items)))
    worker, (seal, r, s) = indices(workers)[which], items[which]
    items = list(items)
    match dice.of(["seal", "replay", "signature", "workers", "length"]):
        case "seal":
            items[which] = (dice.of([seal[:31] + b"\1", b"\x55" * 30 + bytes(2)]), r, s)
        case "replay":
            earlier = [item for one in sent[-20:] if one.name == "bring_seals" for item in one.arguments[5]]
            items[which] = dice.of([*earlier, items[0], items[-1]])
        case "signature":
            odd, (r, s) = _bent_signature(odd, worker, r, s, dice)
            items[which] = (seal, r, s)
        case "workers":
            workers = _other_workers(workers, worker, dice)
        case "length":
            items.pop()
    arguments[3:] = [workers, odd, items]


def _report(arguments: list[Any], actions: Actions, sent: list[Transaction], dice: Dice) -> None:
    participants, voters, signers, odd, signed = arguments[5:]
    signed = list(signed)
    match dice.of(["participants", "voters", "signers", "signature", "length", "pair", "replay"]):
        case "participants":
            participants = dice.of([participants | 1 << 100, participants & participants - 1, MAX_WORD, 0])
        case "voters":
            voters = dice.of([voters | 1 << 6, voters & voters - 1, MAX_WORD, 0])
        case "signers" if signed:
            signers = _other_workers(signers, indices(signers)[0], dice)
        case "signature" if signed:
            which = dice.of(range(len(signed)))
            odd, signed[which] = _bent_signature(odd, indices(signers)[which], *signed[which], dice)
        case "length" if signed:
            signed.pop()
        case "replay":
            earlier = [one.arguments[5:] for one in sent[-20:] if one.name == "report"]
            if earlier:
                participants, voters, signers, odd, signed = dice.of(earlier)
        case _:
            arguments[3 + dice.of([0, 1])] = dice.of(ROOTS)
    arguments[5:] = [participants, voters, signers, odd, signed]


def _reveal(arguments: list[Any], actions: Actions, sent: list[Transaction], dice: Dice) -> None:
    workers, salts = arguments[5], list(arguments[6])
    match dice.of(["salt", "more", "others", "length", "pair"]):
        case "salt" if salts:
            salts[dice.of(range(len(salts)))] = b"\x66" * 32
        case "more":
            free = dice.of([one for one in (0, 1, 2, 3, 5, 119) if not workers >> one & 1] or [118])
            salts.insert((workers & (1 << free) - 1).bit_count(), b"\x66" * 32)
            workers |= 1 << free
        case "others" if workers:
            workers = _other_workers(workers, indices(workers)[0], dice)
        case "length" if salts:
            salts.pop()
        case _:
            arguments[3 + dice.of([0, 1])] = dice.of(ROOTS)
    arguments[5:] = [workers, salts]


def _other_workers(workers: int, worker: int, dice: Dice) -> int:
    """As many workers, one of them another; or more."""
    others = [one for one in (0, 1, 2, 3, 4, 5, 6, 119, 120, 255) if not workers >> one & 1]
    other = dice.of(others or [118])
    return dice.of([workers & ~(1 << worker) | 1 << other, workers | 1 << other])


def _bent_signature(odd: int, worker: int, r: bytes, s: bytes, dice: Dice) -> tuple[int, tuple[bytes, bytes]]:
    """With high s, with the other v, of another key, or of nobody."""
    match dice.of(["high", "v", "key", "nobody", "zero"]):
        case "high":
            high = ORDER_OF_CURVE - int.from_bytes(s, "big")
            return odd ^ 1 << worker, (r, (high % 2**256).to_bytes(32, "big"))
        case "v":
            return odd ^ 1 << worker, (r, s)
        case "key":
            signed = KEYS[ADDRESSES[-1]].sign_recoverable(r, hasher=None)
            return odd, (signed[:32], signed[32:64])
        case "nobody":
            return odd, (b"\xff" * 32, s)
        case _:
            return odd, (bytes(32), bytes(32))


def _claim(arguments: list[Any], actions: Actions, dice: Dice) -> None:
    """For another, of a voting that is not closed, of words that are no record's, of a period that runs."""
    index, records, periods = arguments
    match dice.of(["worker", "open", "words", "period", "twice"]):
        case "worker":
            index = dice.of([0, 1, 2, len(actions.rules.keys), 120, MAX_WORD])
        case "open":
            made = [case for case in actions.cases if case.id in actions.world.records]
            made = [case for case in made if not at(case.voting, actions.now).closed] or made
            records = [*records, *(words_of(actions.world.records[case.id]) for case in made[-1:])]
        case "words" if records:
            words = list(records[0])
            which = dice.of(range(len(words)))
            words[which] = words[which] + 1 if isinstance(words[which], int) else b"\x44" * 32
            records = [tuple(words), *records[1:]]
        case "period":
            periods = [*periods, actions.now // 1000 + dice.of([0, 1, 2**200])]
        case _:
            records, periods = (records * 2)[:50], (periods * 2)[:100]
    arguments[:] = [index, records, periods]


def _bent_policy(fields: tuple[Any, ...], dice: Dice) -> tuple[Any, ...]:
    """With a field that no policy may have, or that this one may not have."""
    too_large = [(dice.of(range(3, 16)), dice.of([2**32, 2**40 - 1, 2**128, MAX_WORD]))]
    bent_fields = list(fields)
    for place, value in dice.of([*_BROKEN_FIELDS, too_large]):
        bent_fields[place] = value
    return tuple(bent_fields)


# By the policy's fields: digests, every, start, threshold, ballots, windows, fallback, amounts.
_BROKEN_FIELDS: Final[list[list[tuple[int, Any]]]] = [
    [(0, bytes(32))],
    [(2, bytes(32))],
    [(3, 7)],
    [(5, 0)],
    [(5, 1)],
    [(8, 0)],
    [(7, 4)],
    [(9, 2)],
    [(13, 4)],
    [(10, 0)],
    [(9, 1), (11, 0)],
    [(9, 0), (14, 1)],
]
_BENDS: Final[dict[str, Callable[..., None]]] = {
    "cast": _pair_at(3),
    "seal": _seal,
    "bring_seals": _brought,
    "report": _report,
    "reveal": _reveal,
    "reopen": _trigger,
}

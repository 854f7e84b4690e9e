"""The rule of proportional 24/7 matching for one interval, on plain Python integers.

It shares an interval's generation out among the consumption of the same interval, strategy by strategy:
volumes are whole watt-hours, products may exceed 64 bits, nothing is rounded but by the rule itself. It knows
nothing of files or time; `workflow.py` brings the rows in and takes the outcome out.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

_PRIORITY = re.compile(r"([^:,]+):(0|[1-9][0-9]{0,14})")


class RuleError(Exception):
    """Input that the rule refuses, or an outcome that breaks it; the text names table, row and column."""


@dataclass(frozen=True, slots=True)
class Consumer:
    """One row of `consumption`: `wh` in watt-hours; `priorities` maps an energy type to its priority."""

    consumer: str
    wh: int
    site: str | None
    region: str | None
    country: str | None
    priorities: Mapping[str, int]
    in_region: bool
    in_country: bool
    in_other: bool


@dataclass(frozen=True, slots=True)
class Generator:
    """One row of `generation`: `wh` in watt-hours."""

    generator: str
    wh: int
    site: str | None
    region: str | None
    country: str | None
    energy_type: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one interval came to, in watt-hours; every mapping is in the byte order of its ids.

    `matches[consumer][generator]` is above zero; the `left_*` list every entity; `strategies` gives what each
    strategy matched, in the order in which they ran.
    """

    matches: dict[str, dict[str, int]]
    left_consumption: dict[str, int]
    left_generation: dict[str, int]
    strategies: dict[str, int]


def match(consumers: Iterable[Consumer], generators: Iterable[Generator]) -> Outcome:
    """Match one interval. The order of the arguments never changes the outcome.

    Raises RuleError for a repeated id, or a volume that is negative or no integer.
    """
    # Python compares strings by code point, which is the order of their UTF-8 bytes. From here on an entity
    # is its rank in that order, so "ties by id" is what a stable sort does by itself.
    buyers = sorted(consumers, key=lambda consumer: consumer.consumer)
    sellers = sorted(generators, key=lambda generator: generator.generator)
    _check_rows("consumption", [(buyer.consumer, buyer.wh) for buyer in buyers])
    _check_rows("generation", [(seller.generator, seller.wh) for seller in sellers])

    open_interval = _Interval([buyer.wh for buyer in buyers], [seller.wh for seller in sellers])
    volumes: dict[str, int] = {}
    for name, links in _strategies(buyers, sellers):
        volumes[name] = 0
        while matched := open_interval.play_round(links):
            volumes[name] += matched

    outcome = Outcome(
        matches={
            buyer.consumer: {sellers[rank].generator: wh for rank, wh in sorted(answers.items())}
            for buyer, answers in zip(buyers, open_interval.matches, strict=True)
            if answers
        },
        left_consumption={b.consumer: wh for b, wh in zip(buyers, open_interval.wanted, strict=True)},
        left_generation={s.generator: wh for s, wh in zip(sellers, open_interval.offered, strict=True)},
        strategies=volumes,
    )
    check(outcome, buyers, sellers)
    return outcome


def distribute(total: int, weights: Sequence[int], weight_sum: int) -> list[int]:
    """Share all of `total` out over positive `weights`, largest first, whose sum is `weight_sum`.

    Entry i gets `total * weights[i] // weight_sum`; the remainder goes one each to the first entries. Zeros
    at the end are left off, so that a small total over many weights costs only what it hands out.
    """
    # A weight below weight_sum / total has a share of zero; as weights descend, those are all at the end.
    smallest = -(-weight_sum // total) if total else weight_sum + 1
    count = bisect_right(weights, -smallest, key=lambda weight: -weight)
    shares = [total * weight // weight_sum for weight in weights[:count]]
    remainder = total - sum(shares)
    shares.extend([0] * (remainder - count))
    for entry in range(remainder):
        shares[entry] += 1
    return shares


def parse_priorities(text: str) -> dict[str, int]:
    """Read `solar:2,wind:2,hydro:1`: energy types with their priorities, each type once; empty means none.

    The types are in byte order throughout, or the largest priority comes first and the types of one priority
    are in byte order. Any other order or spelling raises RuleError.
    """
    if not text:
        return {}
    pairs: list[tuple[str, int]] = []
    for part in text.split(","):
        found = _PRIORITY.fullmatch(part)
        if found is None:
            raise RuleError(f"entry {len(pairs) + 1} is not TYPE:NUMBER")
        pairs.append((found[1], int(found[2])))
    priorities = dict(pairs)
    if len(priorities) < len(pairs):
        raise RuleError("an energy type is listed twice")
    if pairs not in (sorted(pairs), sorted(pairs, key=lambda pair: (-pair[1], pair[0]))):
        raise RuleError("the energy types are not in byte order")
    return priorities


def score_ppm(part: int, whole: int) -> int | None:
    """`part` of `whole` in parts per million, rounded down; None if there is no whole."""
    return part * 1_000_000 // whole if whole else None


def check(outcome: Outcome, consumers: Iterable[Consumer], generators: Iterable[Generator]) -> None:
    """Raise RuleError unless nothing was lost or made up, and every pair is one that some strategy allows."""
    buyers = {consumer.consumer: consumer for consumer in consumers}
    sellers = {generator.generator: generator for generator in generators}
    given = dict.fromkeys(sellers, 0)
    for buyer_id, answers in outcome.matches.items():
        buyer = buyers[buyer_id]
        for seller_id, wh in answers.items():
            given[seller_id] += wh
            if wh <= 0 or not _allowed(buyer, sellers[seller_id]):
                raise RuleError(
                    f"table matches, row {buyer_id!r} {seller_id!r}: no strategy allows this match"
                )
    for buyer_id, buyer in buyers.items():
        left = outcome.left_consumption[buyer_id]
        if left < 0 or sum(outcome.matches.get(buyer_id, {}).values()) + left != buyer.wh:
            raise RuleError(
                f"table consumption, row {buyer_id!r}, column 'wh': matched and left are not its volume"
            )
    for seller_id, seller in sellers.items():
        left = outcome.left_generation[seller_id]
        if left < 0 or given[seller_id] + left != seller.wh:
            raise RuleError(
                f"table generation, row {seller_id!r}, column 'wh': matched and left are not its volume"
            )
    if sum(outcome.strategies.values()) != sum(given.values()):
        raise RuleError("table matches: the strategies' volumes are not the sum of the matches")


@dataclass(frozen=True, slots=True)
class _Links:
    """Who may trade in a strategy: consumers in groups that ask the same generators (ranks, ascending)."""

    groups: list[list[int]] = field(default_factory=list)  # group -> generators
    members: list[tuple[int, int]] = field(default_factory=list)  # (consumer, group)


class _Interval:
    """The volumes still open in one interval, by rank, and the matches made so far."""

    def __init__(self, wanted: list[int], offered: list[int]) -> None:
        self.wanted = wanted
        self.offered = offered
        self.matches: list[dict[int, int]] = [{} for _ in wanted]

    def play_round(self, links: _Links) -> int:
        """Play one round of a strategy and return the volume matched.

        Every generator that is asked either answers every ask in full or gives all it has (see `_answers`).
        If all answer in full, their consumers are done; if not, a generator is: so a strategy ends after at
        most one round more than it has generators.
        """
        matched = 0
        for seller, (askers, asks) in self._asks(links).items():
            for buyer, answer in _answers(self.offered[seller], askers, asks):
                mine = self.matches[buyer]
                mine[seller] = mine.get(seller, 0) + answer
                self.wanted[buyer] -= answer
                self.offered[seller] -= answer
                matched += answer
        return matched

    def _asks(self, links: _Links) -> dict[int, tuple[list[int], list[int]]]:
        """The asks that each generator gets: who asks, by rank, and how much; none of them is zero."""
        wanted, offered = self.wanted, self.offered
        ladders: dict[int, tuple[list[int], list[int], int]] = {}
        asked: dict[int, tuple[list[int], list[int]]] = {}
        for buyer, group in links.members:
            volume = wanted[buyer]
            if not volume:
                continue
            if group not in ladders:
                ladder = [seller for seller in links.groups[group] if offered[seller]]
                ladder.sort(
                    key=offered.__getitem__, reverse=True
                )  # stays stable: equal volumes keep rank order
                weights = [offered[seller] for seller in ladder]
                ladders[group] = (ladder, weights, sum(weights))
            ladder, weights, weight_sum = ladders[group]
            if not ladder:
                continue
            for seller, ask in zip(ladder, distribute(volume, weights, weight_sum), strict=False):
                if seller not in asked:
                    asked[seller] = ([], [])
                askers, asks = asked[seller]
                askers.append(buyer)
                asks.append(ask)
        return asked


def _answers(offered: int, askers: list[int], asks: list[int]) -> Iterable[tuple[int, int]]:
    """Distribute a generator's volume over its asks (askers by rank), no answer above its ask, none of zero.

    With at least as much offered as asked every share reaches its ask, which then is the answer. With less, a
    share rounded down stays below its ask, and one more from the remainder cannot exceed it: nothing is cut.
    """
    total = sum(asks)
    if offered >= total:
        return zip(askers, asks, strict=True)
    order = sorted(range(len(asks)), key=asks.__getitem__, reverse=True)
    shares = distribute(offered, [asks[entry] for entry in order], total)
    return [(askers[entry], share) for entry, share in zip(order, shares, strict=False)]


def _strategies(buyers: list[Consumer], sellers: list[Generator]) -> Iterator[tuple[str, _Links]]:
    """The strategies in the order in which they run, with their links."""
    yield "site", _same_site(buyers, sellers)

    priorities = sorted({p for buyer in buyers for p in buyer.priorities.values()}, reverse=True)
    wishes: dict[int, list[tuple[int, tuple[str, ...]]]] = {p: [] for p in priorities}
    for rank, buyer in enumerate(buyers):
        for p in set(buyer.priorities.values()):
            types = tuple(sorted(kind for kind, priority in buyer.priorities.items() if priority == p))
            wishes[p].append((rank, types))

    by_type: dict[str, list[int]] = {}
    by_region: dict[tuple[str, str | None], list[int]] = {}
    by_country: dict[tuple[str, str | None], list[int]] = {}
    for rank, seller in enumerate(sellers):
        by_region.setdefault((seller.energy_type, seller.region), []).append(rank)
        by_country.setdefault((seller.energy_type, seller.country), []).append(rank)
        if seller.country is not None:
            by_type.setdefault(seller.energy_type, []).append(rank)

    def in_region(region: str, kind: str) -> list[int]:
        return by_region.get((kind, region), [])

    def in_country(country: str, kind: str) -> list[int]:
        return by_country.get((kind, country), [])

    def in_other_country(country: str, kind: str) -> list[int]:
        return [rank for rank in by_type.get(kind, []) if sellers[rank].country != country]

    regions = [buyer.region if buyer.in_region else None for buyer in buyers]
    countries = [buyer.country if buyer.in_country else None for buyer in buyers]
    homes = [buyer.country if buyer.in_other else None for buyer in buyers]
    for p in priorities:
        yield f"region:{p}", _by_type(wishes[p], regions, in_region)
    for p in priorities:
        yield f"country:{p}", _by_type(wishes[p], countries, in_country)
    for p in priorities:
        yield f"other:{p}", _by_type(wishes[p], homes, in_other_country)


def _same_site(buyers: list[Consumer], sellers: list[Generator]) -> _Links:
    by_site: dict[str, list[int]] = {}
    for rank, seller in enumerate(sellers):
        if seller.site is not None:
            by_site.setdefault(seller.site, []).append(rank)
    groups = {site: group for group, site in enumerate(by_site)}
    members = [(rank, groups[buyer.site]) for rank, buyer in enumerate(buyers) if buyer.site in groups]
    return _Links(list(by_site.values()), members)


def _by_type(
    wishes: list[tuple[int, tuple[str, ...]]],
    places: list[str | None],
    generators_at: Callable[[str, str], list[int]],
) -> _Links:
    """Link each wish with the generators of its types at the consumer's place; None is no place at all."""
    links = _Links()
    groups: dict[tuple[str, tuple[str, ...]], int] = {}
    for buyer, types in wishes:
        place = places[buyer]
        if place is None:
            continue
        group = groups.setdefault((place, types), len(links.groups))
        if group == len(links.groups):
            links.groups.append(sorted(rank for kind in types for rank in generators_at(place, kind)))
        links.members.append((buyer, group))
    return links


def _allowed(buyer: Consumer, seller: Generator) -> bool:
    """Whether any strategy links the two: a second statement of the rule, to hold the links against."""
    if buyer.site is not None and buyer.site == seller.site:
        return True
    if seller.energy_type not in buyer.priorities:
        return False
    if buyer.in_region and buyer.region is not None and buyer.region == seller.region:
        return True
    if buyer.country is None or seller.country is None:
        return False
    return buyer.in_country if buyer.country == seller.country else buyer.in_other


def _check_rows(table: str, rows: Sequence[tuple[str, int]]) -> None:
    previous = None
    for row, wh in rows:
        if row == previous:
            column = "consumer" if table == "consumption" else "generator"
            raise RuleError(f"table {table}, row {row!r}, column {column!r}: this id is there more than once")
        if type(wh) is not int or wh < 0:
            raise RuleError(f"table {table}, row {row!r}, column 'wh': must be a whole number of at least 0")
        previous = row

"""The published result of a voting, as `worknet voting show` tells it: what it says, and who has it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

import typer

from worknet.audit.foreign import fields, plain
from worknet.audit.publications import Known, Publications, Published
from worknet.chain.index import NetworkIndex
from worknet.config import NetworkConfig
from worknet.config.publishing import place_of
from worknet.config.values import Url
from worknet.protocol.canonical import Value
from worknet.protocol.merkle import leaf_hash
from worknet.protocol.trees import Tree

PublishedPlaces = Annotated[
    list[str] | None,
    typer.Option(
        "--published",
        metavar="PLACE",
        help="A folder or address with published results, besides those that network.toml names.",
    ),
]


@dataclass(frozen=True)
class ShownResult:
    """What the places have about one recorded voting, and which of them could not be read."""

    published: Published
    unread: tuple[tuple[str, str], ...]

    def lines(self) -> Iterator[str]:
        """The same for people; what others wrote is made fit to be looked at."""
        found = self.published.publication
        if found is None:
            yield "no sound publication of its result was found"
        else:
            yield f"its result, published at {plain(found.where)} and proven by the record:"
            shown = fields(found.manifest.summary)
            width = max(len(name) for name, _ in shown)
            for name, text in shown:
                yield f"  {name:<{width}}  {text}".rstrip()
        for where in self.published.also:
            yield f"the same is published at {plain(where)}"
        for finding in self.published.findings:
            yield f"WRONG: {plain(finding.what)}"
        for where, why in self.unread:
            yield f"not read: {plain(where)}: {plain(why)}"

    def document(self) -> dict[str, Value]:
        """The same for programs; `manifest` is None where no sound one was found."""
        found = self.published.publication
        return {
            "manifest": None if found is None else found.manifest.document(),
            "where": None if found is None else found.where,
            "also": list(self.published.also),
            "wrong": [
                {"where": each.evidence["where"], "what": plain(each.what)}
                for each in self.published.findings
            ],
            "unread": [{"where": where, "why": plain(why)} for where, why in self.unread],
        }


def places_of(network: NetworkConfig, more: Sequence[str]) -> list[Path | Url]:
    """Where results are looked for: where network.toml says, and in the option's places.

    Raises `ConfigError` for a place of `more` that is none.
    """
    return [*network.network.published, *(place_of("--published", each) for each in more)]


def published_result(
    network: NetworkConfig, index: NetworkIndex, voting_id: bytes, more: Sequence[str]
) -> ShownResult | None:
    """What all places have about a voting; None where it has no record, or no place is known.

    Raises `ConfigError` and `SourceError` for a place of `more`, the option's, that is none.
    """
    places = places_of(network, more)
    indexed = index.record_of(voting_id)
    if indexed is None or not places:
        return None

    @cache
    def log() -> Tree:
        return Tree([leaf_hash(leaf) for leaf in index.leaves()])

    def root_at(size: int) -> bytes | None:
        return log().root_at(size) if size <= log().size else None

    reader = Publications(places)
    [found] = reader.find([Known(indexed.record, indexed.position)], every_place=True, root_at=root_at)
    return ShownResult(found, tuple(reader.faults.items()))

"""Proportional matching a second time, written from the text of the rule and from nothing else.

Slow on purpose: every pair is asked whether it is linked, every share is computed for every entry, ids are
compared as encoded bytes. The tests hold `workflows/matching_24_7/rule.py` against it.
"""

from fractions import Fraction
from math import floor


def reference_match(consumption, generation):
    """Rows as dicts in; matches {(consumer, generator): wh}, both leftovers, volume per strategy out."""
    wants = {row["consumer"]: row["wh"] for row in consumption}
    offers = {row["generator"]: row["wh"] for row in generation}
    matches = {}
    per_strategy = {}
    for name, linked in _strategies(consumption):
        per_strategy[name] = 0
        while True:
            made = _round(consumption, generation, wants, offers, linked)
            if not made:
                break
            for (consumer, generator), wh in made.items():
                matches[consumer, generator] = matches.get((consumer, generator), 0) + wh
                wants[consumer] -= wh
                offers[generator] -= wh
                per_strategy[name] += wh
    return matches, wants, offers, per_strategy


def share(total, weights):
    """`v_i = T*w_i div S`, the remainder one each to the first entries; by exact fractions."""
    whole = sum(weights)
    values = [floor(Fraction(total) * Fraction(weight, whole)) for weight in weights]
    rest = total - sum(values)
    assert rest < len(weights)
    return [value + (1 if place < rest else 0) for place, value in enumerate(values)]


def types_of(row, priority=None):
    """The consumer's energy types: all of them, or those of one priority."""
    found = set()
    for entry in row["priorities"].split(",") if row["priorities"] else []:
        kind, number = entry.split(":")
        if priority is None or int(number) == priority:
            found.add(kind)
    return found


def same(one, other):
    """Equal, and both known."""
    return one is not None and other is not None and one == other


def _strategies(consumption):
    numbers = set()
    for row in consumption:
        numbers |= {int(entry.split(":")[1]) for entry in row["priorities"].split(",") if entry}
    descending = sorted(numbers, key=lambda number: -number)
    strategies = [("site", lambda c, g: same(c["site"], g["site"]))]
    for p in descending:
        strategies.append((f"region:{p}", lambda c, g, p=p: _wanted(c, g, p) and _near(c, g, "region")))
    for p in descending:
        strategies.append((f"country:{p}", lambda c, g, p=p: _wanted(c, g, p) and _near(c, g, "country")))
    for p in descending:
        strategies.append((f"other:{p}", lambda c, g, p=p: _wanted(c, g, p) and _abroad(c, g)))
    return strategies


def _wanted(consumer, generator, priority):
    return generator["energy_type"] in types_of(consumer, priority)


def _near(consumer, generator, place):
    return consumer[f"in_{place}"] and same(consumer[place], generator[place])


def _abroad(consumer, generator):
    known = consumer["country"] is not None and generator["country"] is not None
    return consumer["in_other"] and known and consumer["country"] != generator["country"]


def _round(consumption, generation, wants, offers, linked):
    asks = {}
    for consumer in consumption:
        who = consumer["consumer"]
        if wants[who] == 0:
            continue
        ids = [g["generator"] for g in generation if offers[g["generator"]] > 0 and linked(consumer, g)]
        if not ids:
            continue
        ids.sort(key=lambda generator: (-offers[generator], generator.encode("utf-8")))
        for generator, ask in zip(ids, share(wants[who], [offers[i] for i in ids]), strict=True):
            if ask:
                asks.setdefault(generator, []).append((who, ask))
    made = {}
    for generator, got in asks.items():
        got.sort(key=lambda item: (-item[1], item[0].encode("utf-8")))
        answers = share(offers[generator], [ask for _, ask in got])
        for (who, ask), answer in zip(got, answers, strict=True):
            if min(answer, ask):
                made[who, generator] = min(answer, ask)
    return made

"""What members' statements say of an attempt, in sentences: datasets, rows and columns that differ. Pure.

The sentences count rows and name columns. Keys are of this worker's own rows, and stand apart.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

from worknet.node.explaining.finding import Finding, Reason
from worknet.node.explaining.known import Compared
from worknet.node.explaining.words import and_list, people, plural
from worknet.protocol.differences import Difference, RowKey, TableDifference

MOST_KEYS = 10
"""How many rows of a table are named by their keys."""


def reasons_of_compared(comparisons: Sequence[Compared]) -> Iterator[Reason]:
    """A reason for each set of workers that told the same, and otherwise than this worker."""
    for compared in comparisons:
        for workers, difference in _alike(compared.differences):
            told = [_sentence(table) for table in difference.tables]
            if not difference.same_manifest:
                told.append(_manifest(difference))
            if told:
                text = f"{people(workers)} against this worker: {'; '.join(told)}"
                private = tuple(line for table in difference.tables for line in _keys(table))
                at = (compared.attempt,)
                yield Reason(Finding.DATA_COMPARED, at, text, tuple(workers), own=True, private=private)


def _alike(differences: Sequence[Difference]) -> list[tuple[list[int], Difference]]:
    """The workers by what differs: those that voted alike differ in the same."""
    found: list[tuple[list[int], Difference]] = []
    for difference in differences:
        same = next(
            (each for each in found if replace(each[1], worker=difference.worker) == difference), None
        )
        if same is None:
            found.append(([difference.worker], difference))
        else:
            same[0].append(difference.worker)
    return found


def _sentence(table: TableDifference) -> str:
    name = f"{table.kind} {table.name}"
    if table.mine is None or table.theirs is None:
        return f"{name} is {'not here' if table.mine is None else 'only here'}"
    counts = f"{plural(table.mine, 'row')} here, {table.theirs} there"
    if not table.known:
        return f"{name} differs ({counts}; which rows was not told)"
    parts = []
    if table.differing:
        columns = [f"{column} ({count})" for column, count in table.columns.items()]
        verb = "differs" if table.differing == 1 else "differ"
        parts.append(f"{plural(table.differing, 'row')} {verb}, in {and_list(columns)}")
    if table.only_mine:
        parts.append(f"{plural(table.only_mine, 'row')} only here")
    if table.only_theirs:
        parts.append(f"{plural(table.only_theirs, 'row')} only there")
    return f"{name} ({counts}): {and_list(parts)}" if parts else f"{name} differs ({counts})"


def _manifest(difference: Difference) -> str:
    if not difference.manifest:
        return "the manifest differs"
    return f"the manifest differs in {and_list(difference.manifest)}"


def _keys(table: TableDifference) -> Iterator[str]:
    """The rows that differ, and those that only this worker has, by their keys."""
    for row in table.rows[:MOST_KEYS]:
        yield f"- {table.kind} {table.name}, {_key(row.key)}: {and_list(row.columns)}"
    if table.differing > MOST_KEYS:
        yield f"- {table.kind} {table.name}: {table.differing - MOST_KEYS} more rows that differ"
    for key in table.only_mine_keys[:MOST_KEYS]:
        yield f"- {table.kind} {table.name}, {_key(key)}: only here"
    if table.only_mine > MOST_KEYS:
        yield f"- {table.kind} {table.name}: {table.only_mine - MOST_KEYS} more rows only here"


def _key(key: RowKey) -> str:
    return " ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in key)

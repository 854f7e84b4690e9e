"""Datasets that are fed from the recorded results of another workflow of the same network."""

from typing import Literal

from pydantic import Field

from worknet.config.datasets import DatasetSection
from worknet.config.values import Name


class ResultsDataset(DatasetSection):
    """A dataset from results that this worker voted on, of the slots that lie in the window.

    All members must say the same. `columns` also name what is known of the slot itself: `slot.start`,
    `slot.end`, `slot.voting` and `slot.outcome`.
    """

    source: Literal["results"]
    workflow: Name = Field(
        description="the workflow whose results are consumed; this worker votes on it too. All members must "
        "say the same",
        examples=["matching_24_7"],
    )
    table: Name | None = Field(
        default=None,
        description="the table of its results whose rows these are; without it the rows are the slots "
        "themselves, one each, with a record or without. All members must say the same",
        examples=["scores"],
    )

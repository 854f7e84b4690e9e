"""The option `--dataset NAME=FILE` of the commands that work on a desk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from worknet.workflow import WorkflowError

DatasetFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--dataset",
        metavar="NAME=FILE",
        help="A dataset's CSV or Parquet file, once for each; default: the folder's sample data, else "
        "rows made up from the schema.",
    ),
]


def dataset_files(options: Sequence[str]) -> dict[str, Path]:
    """The files by dataset; `WorkflowError` for what is no NAME=FILE, and for a dataset given twice."""
    given: dict[str, Path] = {}
    for option in options:
        name, separator, file = option.partition("=")
        if not separator or not file:
            raise WorkflowError(f"--dataset {option}: not NAME=FILE", "name a dataset and its file")
        if name in given:
            raise WorkflowError(f"--dataset {name}: given twice", "name each dataset once")
        given[name] = Path(file)
    return given

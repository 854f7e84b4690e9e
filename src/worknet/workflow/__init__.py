"""What the author of a workflow imports. Running it is in this package's `folder`, `runner` and `roots`."""

from worknet.protocol.tables import Column
from worknet.workflow.declare import (
    Context,
    Dataset,
    Declaration,
    Every,
    Result,
    Table,
    Window,
    Workflow,
    workflow,
)
from worknet.workflow.errors import WorkflowError

__all__ = [
    "Column",
    "Context",
    "Dataset",
    "Declaration",
    "Every",
    "Result",
    "Table",
    "Window",
    "Workflow",
    "WorkflowError",
    "workflow",
]

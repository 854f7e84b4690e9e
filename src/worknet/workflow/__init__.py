"""What the author of a workflow imports. Running it is in this package's `folder`, `runner` and `roots`."""

from worknet.protocol.columns import Column
from worknet.workflow.declare import (
    Context,
    Dataset,
    Declaration,
    Result,
    Table,
    Workflow,
    workflow,
)
from worknet.workflow.errors import WorkflowError
from worknet.workflow.evidence import AttemptEvidence, Evidence, Roots, When
from worknet.workflow.handlers import Action, Alert, CallWebhook, SettlePlurality, StartFailover
from worknet.workflow.triggers import Every, OnLog, OnMessage, OnPoll, OnWebhook, Window

__all__ = [
    "Action",
    "Alert",
    "AttemptEvidence",
    "CallWebhook",
    "Column",
    "Context",
    "Dataset",
    "Declaration",
    "Every",
    "Evidence",
    "OnLog",
    "OnMessage",
    "OnPoll",
    "OnWebhook",
    "Result",
    "Roots",
    "SettlePlurality",
    "StartFailover",
    "Table",
    "When",
    "Window",
    "Workflow",
    "WorkflowError",
    "workflow",
]

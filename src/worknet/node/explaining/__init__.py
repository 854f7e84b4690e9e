"""Why a voting came to what it came to: from what is known of it to sentences for people, and what to do.

Pure: `explain` asks nothing and never fails. What is known is gathered in `node.knowing`.
"""

from worknet.node.explaining.advice import ADVICE
from worknet.node.explaining.document import document
from worknet.node.explaining.explanation import Explanation, brief_of, explain
from worknet.node.explaining.finding import Finding, Reason
from worknet.node.explaining.known import Act, Compared, Handled, Known, Own, OwnBallot, OwnFailure, TableRoot

__all__ = [
    "ADVICE",
    "Act",
    "Compared",
    "Explanation",
    "Finding",
    "Handled",
    "Known",
    "Own",
    "OwnBallot",
    "OwnFailure",
    "Reason",
    "TableRoot",
    "brief_of",
    "document",
    "explain",
]

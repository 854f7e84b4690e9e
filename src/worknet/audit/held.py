"""Holding a whole log to heads of it that are known from elsewhere: written down, printed, handed over."""

from collections.abc import Sequence
from dataclasses import replace

from worknet.audit.errors import AuditError
from worknet.audit.findings import Finding, ordered, shown
from worknet.audit.outcome import Audit
from worknet.audit.resume import AuditState
from worknet.protocol.trees import Frontier, Tree
from worknet.verify import Head

_LIKEWISE = "a slip in that head, or an RPC that lags, looks the same"


def hold(audit: Audit, heads: Sequence[Head]) -> Audit:
    """The audit, with a finding for each head that its log did not have at that size.

    The first head becomes the one `before`, and the path leads from it. Raises AuditError for an audit that
    went on from another one: it did not see the leaves of before.
    """
    if audit.before.size:
        raise AuditError("only an audit from the beginning sees what an earlier head is made of")
    tree = Tree(audit.appended)
    wrong = [finding for head in heads for finding in _held(tree, head)]
    first = heads[0]
    path = () if wrong else tuple(tree.consistency(first.size))
    before = replace(audit.before, size=first.size, root=first.root, time=0)
    return replace(audit, before=before, path=path, findings=ordered((*audit.findings, *wrong)))


def roots(audit: Audit, since: AuditState | None) -> dict[int, bytes]:
    """The tree heads of the log by its size, after every leaf that the audit saw appended.

    `since` is what the audit went on from.
    """
    frontier = (
        Frontier(since.head.size, since.subtrees) if since is not None and audit.is_resumed else Frontier()
    )
    found = {}
    for leaf in audit.appended:
        frontier.append(leaf)
        found[frontier.size] = frontier.root()
    return found


def _held(tree: Tree, head: Head) -> list[Finding]:
    if head.size > tree.size:
        what = (
            f"the log has {tree.size} leaves, and so no root at size {head.size}, which it is to have had;"
            f" {_LIKEWISE}"
        )
        return [Finding("log.prefix", what, evidence=shown(known=head.root))]
    root = tree.root_at(head.size)
    if root == head.root:
        return []
    what = f"the log had another root at size {head.size} than the head that is known; {_LIKEWISE}"
    return [Finding("log.prefix", what, evidence=shown(known=head.root, computed=root))]

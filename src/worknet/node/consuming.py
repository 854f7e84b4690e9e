"""From node.toml to workflows that consume the results of others: what feeds them, and what does not fit.

Every refusal names the file and key, and what would be right. What can be seen is refused when the worker
starts, and not when the first of many hours have passed in vain.
"""

from collections.abc import Mapping, Sequence

from worknet.config import NodeConfig
from worknet.config.document import nearest
from worknet.config.results import ResultsDataset
from worknet.node.errors import NodeError
from worknet.node.parents import Parents
from worknet.node.preparers import Preparers
from worknet.node.results import ResultsSource
from worknet.node.setup import Access
from worknet.protocol.ids import workflow_id
from worknet.protocol.parents import MOST_PARENTS
from worknet.protocol.policy import Policy
from worknet.sources import SourceError
from worknet.workflow import Declaration
from worknet.workflow.errors import DeclarationError


def check_names(config: NodeConfig) -> None:
    """Raises `ConfigError` for a dataset from results of a workflow that this worker does not vote on, and
    where workflows wait for each other's results in a circle."""
    for name in config.workflows:
        for dataset, section in _sections(config, name).items():
            if section.workflow not in config.workflows:
                wrong = f"is {section.workflow}, and this worker does not vote on that"
                right = nearest(section.workflow, list(config.workflows))
                raise config.error(_place(name, dataset, "workflow"), wrong, right)
            if name in _consumed_by(config, section.workflow):
                wrong = f"is {section.workflow}, which waits for the results of {name} itself"
                raise config.error(_place(name, dataset, "workflow"), wrong, "a workflow that does not")


def results_source(access: Access, name: str, dataset: str, declaration: Declaration) -> ResultsSource:
    """The source of a dataset that node.toml feeds from results."""
    section = _sections(access.config, name)[dataset]
    schema = declaration.dataset(dataset).schema
    ballots = access.journal.ballots
    return ResultsSource(dataset, schema, ballots, section.workflow, section.table, section.columns)


def parents_for(access: Access, name: str, declaration: Declaration) -> Parents | None:
    """What finds the results that a version of the workflow consumes; None if it consumes none.

    Raises `ConfigError` where the slots do not fit each other, or the journal does not keep rows as long.
    """
    config = access.config
    declared = {dataset.name for dataset in declaration.datasets}
    sections = {key: each for key, each in _sections(config, name).items() if key in declared}
    if not sections:
        return None
    for dataset, section in sections.items():
        place = _place(name, dataset, "workflow")
        if not declaration.every:
            raise config.error(
                place, "feeds a workflow of events, and results are of slots", "another source"
            )
        policies = _policies(access, section.workflow)
        every = policies[0].every if policies else 0
        if not every:
            right = "a workflow that votes on slots, with a policy"
            raise config.error(place, f"is {section.workflow}, which votes on no slots", right)
        if declaration.every % every or not 0 < declaration.every // every <= MOST_PARENTS:
            wrong = f"has slots of {every} s, those of {name} have {declaration.every} s"
            right = f"a workflow of which each slot of {name} holds whole ones, at most {MOST_PARENTS}"
            raise config.error(place, wrong, right)
    keep, needed = config.journal.keep, declaration.every + declaration.delay
    if keep is not None and keep <= needed:
        wrong = f"is shorter than the windows of {name}, which consumes results of the {needed} s before"
        raise config.error(("journal", "keep"), wrong, "longer by as much as votings may come late; or none")
    consumed = sorted({section.workflow for section in sections.values()})
    confirmations = access.network.network.confirmations
    return Parents(access.client, access.index, name, consumed, confirmations)


def check_tables(access: Access, preparers: Mapping[str, Preparers]) -> None:
    """Raises `ConfigError` for a dataset that does not fit the table it is fed from, as far as versions in
    force, or announced, are here."""
    for name in preparers:
        for dataset, section in _sections(access.config, name).items():
            theirs, mine = (_declared(access, preparers[each], each) for each in (section.workflow, name))
            if theirs is None or mine is None:
                continue
            try:
                table = None if section.table is None else theirs.table(section.table)
            except DeclarationError as error:
                place = _place(name, dataset, "table")
                raise access.config.error(place, str(error), error.hint) from None
            try:
                results_source(access, name, dataset, mine).check(table)
            except SourceError as error:
                place = _place(name, dataset, "columns")
                raise access.config.error(place, str(error), error.hint) from None


def _declared(access: Access, preparers: Preparers, name: str) -> Declaration | None:
    """What the version in force declares, or else the first that comes; None while it is not here."""
    policies = _policies(access, name)
    begun = [policy for policy in policies if policy.start <= access.now]
    for policy in [*begun[-1:], *policies[len(begun) :]]:
        try:
            return preparers.of(policy).declaration
        except NodeError:
            # It was looked for before, and refused there if none is here.
            continue
    return None


def _policies(access: Access, name: str) -> Sequence[Policy]:
    return [each.policy for each in access.index.policies(workflow_id(name))]


def _consumed_by(config: NodeConfig, name: str) -> set[str]:
    """The workflow itself, and all whose results it waits for, over however many others."""
    found, ahead = set[str](), [name]
    while ahead:
        each = ahead.pop()
        if each not in found and each in config.workflows:
            found.add(each)
            ahead += [section.workflow for section in _sections(config, each).values()]
    return found


def _sections(config: NodeConfig, name: str) -> dict[str, ResultsDataset]:
    given = config.workflows[name].datasets
    return {key: each for key, each in given.items() if isinstance(each, ResultsDataset)}


def _place(name: str, dataset: str, key: str) -> tuple[str, ...]:
    return ("workflows", name, "datasets", dataset, key)

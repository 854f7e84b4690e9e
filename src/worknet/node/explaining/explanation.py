"""An explanation: the evidence of a voting and the reasons for its end, in lines for people.

Bounded, whatever the facts are: so many lines of so many characters. `brief` is for logs, alerts and other
companies' eyes: nothing of a row, and no row's key, stands in it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from worknet.chain.events import Role
from worknet.node.explaining.advice import advice_on
from worknet.node.explaining.attempts import AttemptView, Lack, attempts_of
from worknet.node.explaining.comparing import reasons_of_compared
from worknet.node.explaining.finding import ABOUT_PEOPLE, Finding, Reason
from worknet.node.explaining.known import Compared, Handled, Known, TableRoot
from worknet.node.explaining.reasons import reasons_of, unopened
from worknet.node.explaining.words import NAMED, act_text, and_list, moment, people, plural, printable
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot
from worknet.protocol.voting import State
from worknet.protocol.words import How

MOST_LINES = 400
MOST_CHARACTERS = 400
MOST_BRIEF_LINES = 12
MOST_ATTEMPTS = 8
"""How many attempts are shown; of more the last ones."""


@dataclass(frozen=True)
class Explanation:
    """What is known of a voting, attempt by attempt, and why it came to what it came to.

    `unopened` is the attempt that was due and that nobody opened.
    """

    known: Known
    attempts: tuple[AttemptView, ...]
    unopened: int | None
    reasons: tuple[Reason, ...]

    @property
    def name(self) -> str:
        """How people name the voting: WORKFLOW@START, or the workflow and the voting's id."""
        workflow = self.known.workflow or "voting"
        if isinstance(self.known.trigger, Slot):
            return f"{workflow}@{moment(self.known.trigger.window.start)}"
        return f"{workflow} {to_hex(self.known.voting_id)}"

    @property
    def is_too_old(self) -> bool:
        """Whether the voting never opened and may not any more, unless the owner reopens it."""
        return any(reason.about is Finding.TOO_OLD for reason in self.reasons)

    @property
    def due_later(self) -> int | None:
        """When the voting is due, if it is not yet; None if it is, or did open."""
        due = self.known.due
        return due if due is not None and self.known.now < due and not self.attempts else None

    @property
    def shown(self) -> tuple[AttemptView, ...]:
        """The attempts that are shown: the last ones."""
        return self.attempts[-MOST_ATTEMPTS:]

    def headline(self) -> str:
        """How the voting stands, in one sentence."""
        voting = self.known.voting
        if not self.attempts:
            if self.due_later is not None:
                return f"nobody can have voted yet: the voting is due at {moment(self.due_later)}"
            may_open = voting.state in {State.NONE, State.PENDING} and not self.is_too_old
            return f"nobody has voted, and the voting {'may still' if may_open else 'can no longer'} open"
        last = self.attempts[-1]
        if voting.recorded is not None:
            plurality = "by plurality, " if voting.recorded.how is How.PLURALITY else ""
            alike = voting.accurate.bit_count()
            return (
                f"recorded in attempt {last.number}: {plurality}{alike} of {last.n} members voted alike, "
                f"{last.needed} had to"
            )
        failed = [str(view.number) for view in self.attempts if view.over]
        if not failed:
            return f"attempt {last.number} goes on: {last.counted} of {last.n} ballots are counted so far"
        noun = f"attempt{'s' if len(failed) > 1 else ''} {and_list(failed)}"
        return f"{voting.state.name.lower()}: in {noun} no {last.needed} of {last.n} members voted alike"

    def evidence(self) -> list[str]:
        """Where the voting stands, and all of its attempts: pairs, ballots, who is missing, own roots."""
        return _bounded(self._evidence(), MOST_LINES)

    def why(self) -> list[str]:
        """The reasons, each with what to do about it; with keys of this worker's own rows that differ."""
        return _bounded(self._why(), MOST_LINES)

    def brief(self) -> list[str]:
        """The reasons in a line each, for logs and alerts, after a line that sums them up."""
        lines = [self.headline()]
        lines += [f"{_title(reason)}: {reason.text}" for reason in self.reasons]
        if len(lines) > MOST_BRIEF_LINES:
            more = len(lines) - MOST_BRIEF_LINES + 1
            lines = [*lines[: MOST_BRIEF_LINES - 1], f"and {more} more: `worknet voting show --explain`"]
        return _bounded(lines, MOST_BRIEF_LINES)

    def _evidence(self) -> Iterator[str]:
        known, voting = self.known, self.known.voting
        yield f"{self.name}  {voting.state.name.lower()}"
        yield f"  voting    {to_hex(known.voting_id)}"
        if known.trigger is not None:
            yield f"  trigger   {to_hex(known.trigger.trigger_id)}"
        policy = voting.policies.get(known.policy_version)
        if policy is not None:
            ballots, fallback = (
                each.name.lower().replace("_", " ") for each in (policy.ballots, policy.fallback)
            )
            yield f"  policy    version {known.policy_version}, {ballots} ballots, fallback {fallback}"
        if self.due_later is not None:
            yield f"  not due before {moment(self.due_later)}"
        if len(self.attempts) > MOST_ATTEMPTS:
            yield f"{len(self.attempts) - MOST_ATTEMPTS} earlier attempts are not shown"
        for view in self.shown:
            yield from self._attempt(view)
        if self.unopened is not None:
            yield f"attempt {self.unopened}: nobody opened it"
        elif voting.state is State.PENDING and voting.next_attempt is not None:
            yield f"attempt {voting.next_attempt}: may open until {moment(voting.stalls)}"
        for handled in () if known.own is None else known.own.handled:
            yield from _handled(handled)
        for compared in known.compared:
            yield from _compared(compared)
        for where, why in known.refused:
            yield f"statement refused, {where}: {why}"
        concerned = sorted({worker for view in self.shown for worker in view.members})
        if concerned:
            yield "members"
            yield from (f"  {self._person(worker)}" for worker in concerned)

    def _attempt(self, view: AttemptView) -> Iterator[str]:
        ballots = f"{view.counted} of {view.n} ballots counted, {view.needed} equal ones needed"
        yield f"attempt {view.number}, opened {moment(view.opened)}: {ballots}"
        for group in view.groups:
            yield f"  {group.letter}  {people(group.workers)}"
            yield f"     inputs {to_hex(group.pair.input_root)}"
            yield f"     result {to_hex(group.pair.result_root)}"
        if view.otherwise:
            yield f"  otherwise, as a report says: {people(view.otherwise)}"
        for lack, workers in _by_lack(view):
            yield f"  missing: {people(workers)}: {lack}"
        yield from self._own(view)

    def _own(self, view: AttemptView) -> Iterator[str]:
        own = self.known.own
        if own is None:
            return
        for ballot in own.ballots:
            if (ballot.attempt, ballot.policy_version) == (view.number, view.policy_version):
                group = view.group_of(own.me)
                voted = f"voted {group.letter}" if group is not None else "has a ballot that is not counted"
                yield f"  this worker, {own.me}, {voted}"
                yield from (f"     {_table(table)}" for table in ballot.tables)
                if not ballot.has_rows:
                    yield f"     the rows of attempt {view.number} are no longer held ([journal] keep)"

    def _person(self, index: int) -> str:
        """A worker with the accounts behind it, as they are now."""
        member = self.known.by_index.get(index)
        if member is None:
            return f"worker {index}"
        gone = ", removed since" if member.role is Role.NONE else ""
        return f"worker {index} (operator {to_hex(member.operator)}, key {to_hex(member.worker)}{gone})"

    def _why(self) -> Iterator[str]:
        yield self.headline()
        for number, reason in enumerate(self.reasons, start=1):
            yield f"{number}. {_title(reason)}"
            yield f"   {reason.text}"
            if reason.about in ABOUT_PEOPLE:
                yield from (f"   - {self._person(worker)}" for worker in reason.workers[:NAMED])
            yield from (f"   {line}" for line in reason.private)
            yield f"   to do: {advice_on(reason, self.known)}"


def explain(known: Known) -> Explanation:
    """Why the voting came to what it came to, as far as it is known. Pure; never raises; bounded in size."""
    return Explanation(known, attempts_of(known.voting, known.now), unopened(known), reasons_of(known))


def brief_of(compared: Compared) -> list[str]:
    """What members' statements on one attempt tell, in a line each, for logs and alerts."""
    return _bounded((reason.text for reason in reasons_of_compared([compared])), MOST_BRIEF_LINES)


def _title(reason: Reason) -> str:
    """Where it was, and what: attempts 1 and 2, this worker: source timeout."""
    numbers = and_list([str(number) for number in reason.attempts])
    where = [f"attempt{'s' if len(reason.attempts) > 1 else ''} {numbers}"] if numbers else []
    where += ["this worker"] if reason.own else []
    return f"{', '.join(where)}: {reason.about.value}" if where else reason.about.value


def _by_lack(view: AttemptView) -> Iterator[tuple[str, list[int]]]:
    """The missing workers by how they are missing, in words."""
    found: dict[str, list[int]] = {}
    for absence in view.missing:
        lack = absence.lack.value
        if absence.lack is Lack.COPIED:
            lack = f"sealed what worker {absence.same_as} sealed, never opened"
        found.setdefault(lack, []).append(absence.worker)
    yield from found.items()


def _handled(handled: Handled) -> Iterator[str]:
    by = f", by the {handled.by}" if handled.by else ", not decided yet"
    yield f"fallback on {handled.when} after attempt {handled.attempt}{by}"
    for act in handled.acts:
        yield f"  {act_text(act)}: {act.state}{', ' + act.error if act.error else ''}"


def _compared(compared: Compared) -> Iterator[str]:
    for where, why in compared.refused:
        yield f"statement on attempt {compared.attempt} refused, {where}: {why}"
    if compared.absent:
        yield f"no statement on attempt {compared.attempt} of {people(compared.absent)}"


def _table(table: TableRoot) -> str:
    root = "" if table.root is None else f", root {to_hex(table.root)}"
    left_out = "" if table.committed else ", in no root: it may differ between workers"
    return f"{table.kind} {table.name}: {plural(table.rows, 'row')}{root}{left_out}"


def _bounded(lines: Iterable[str], most: int) -> list[str]:
    shown: list[str] = []
    for line in lines:
        if len(shown) == most - 1:
            return [*shown, "..."]
        shown.append(printable(line, MOST_CHARACTERS))
    return shown

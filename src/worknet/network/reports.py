"""Reports from files: signing what came of a voting, and bringing what enough workers have signed."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from worknet.chain.answers import Receipt
from worknet.chain.client import NetworkClient
from worknet.chain.events import Role
from worknet.chain.index import NetworkIndex
from worknet.chain.index_members import IndexedMember
from worknet.chain.signers import BallotSigner, Signer
from worknet.config.network import NetworkConfig
from worknet.network import report_files
from worknet.network.access import synced_index, time_of
from worknet.network.errors import NetworkError
from worknet.network.naming import VotingName, voting_named
from worknet.network.report_files import ReportFileError, SignedReport, Words
from worknet.protocol.ballots import Pair
from worknet.protocol.canonical import to_hex
from worknet.protocol.ids import Slot
from worknet.protocol.voting import FAILOVER_ATTEMPT, State, Voting
from worknet.protocol.voting_rules import members_of_next


@dataclass(frozen=True)
class Opening:
    """The attempt that a report of a voting would be about now, open or the next to open."""

    attempt: int
    policy_version: int
    members: int
    needed: int


@dataclass(frozen=True)
class Refusal:
    """A file that does not count, and why."""

    file: Path
    reason: str


@dataclass(frozen=True)
class Collection:
    """Files that were looked at: the words that most workers sign, who signed, and what does not count.

    `words` is None where no file counts; `needed` is how many signatures the report needs.
    """

    words: Words | None
    signed: dict[int, SignedReport]
    refused: tuple[Refusal, ...]
    needed: int

    @property
    def missing(self) -> list[int]:
        """The voters that have not signed."""
        voters = report_files.indices(self.words.voters) if self.words else []
        return [worker for worker in voters if worker not in self.signed]

    @property
    def is_enough(self) -> bool:
        """Whether as many have signed as the attempt needs equal ballots."""
        return self.words is not None and len(self.signed) >= self.needed


def sign(
    network: NetworkConfig,
    client: NetworkClient,
    signer: Signer,
    voting: str,
    pair: Pair,
    participants: int,
    voters: int,
    place: tuple[int | None, int | None] = (None, None),
) -> SignedReport:
    """A worker's signature under the report of a voting, for the attempt that is open or the next to open.

    `place`: attempt and policy version as they should be, None where the chain's will do. Raises
    NetworkError for a key that is not that of one of the voters, and for words that no contract would take.
    """
    with synced_index(network, client) as index:
        name = voting_named(network, index, voting)
        opening = opening_of(client, index, name)
    found = opening.attempt, opening.policy_version
    if any(wanted not in (None, there) for wanted, there in zip(place, found, strict=True)):
        raise NetworkError(
            f"a report of this voting is about attempt {found[0]}, policy version {found[1]} now",
            hint="leave --attempt and --policy-version out, or wait",
        )
    words = Words(
        client.rpc.chain_id,
        client.contract,
        name.workflow_id,
        name.trigger_id,
        client.voting_id(name.workflow_id, name.trigger_id),
        *found,
        pair.input_root,
        pair.result_root,
        participants,
        voters,
    )
    worker = client.index_of(signer.address)
    if worker is None:
        raise NetworkError(
            f"the key of {to_hex(signer.address)} stands behind no worker of this network",
            hint="name the worker's keystore; a rotated key signs no more",
        )
    wrong = _wrong_words(words, opening, worker)
    if wrong:
        raise NetworkError(wrong, hint="agree with the others on who took part and who voted for the pair")
    signature = BallotSigner(signer, client.contract).report(
        words.voting_id, words.place, pair, participants, voters
    )
    return SignedReport(words, worker, signature)


def collect(network: NetworkConfig, client: NetworkClient, files: Sequence[Path]) -> Collection:
    """Which of these files count for one report, the one that most workers sign; of equals, the first."""
    refused: list[Refusal] = []
    sound: list[tuple[Path, SignedReport]] = []
    openings: dict[VotingName, Opening] = {}
    with synced_index(network, client) as index:
        members = {member.index: member for member in index.members()}
        for file in files:
            try:
                signed = report_files.read(file)
                name = VotingName(signed.words.workflow_id, signed.words.trigger_id)
                _check_network(client, signed.words)
                if name not in openings:
                    openings[name] = opening_of(client, index, name)
                _check(signed, openings[name], members)
            except NetworkError as error:
                refused.append(Refusal(file, str(error).removeprefix(f"{file}: ")))
            else:
                sound.append((file, signed))
    if not sound:
        return Collection(None, {}, tuple(refused), 0)
    signers: dict[Words, set[int]] = {}
    for _, signed in sound:
        signers.setdefault(signed.words, set()).add(signed.worker)
    words = max(signers, key=lambda each: len(signers[each]))
    for file, signed in sound:
        if signed.words != words:
            differing = ", ".join(signed.words.differences(words))
            refused.append(Refusal(file, f"signs other words than most workers do: {differing}"))
    counted = {signed.worker: signed for _, signed in sound if signed.words == words}
    needed = openings[VotingName(words.workflow_id, words.trigger_id)].needed
    return Collection(words, counted, tuple(refused), needed)


def bring(client: NetworkClient, collection: Collection) -> Receipt:
    """Brings the report, with as many signatures as it needs; raises ChainError."""
    words = collection.words
    if words is None or not collection.is_enough:
        raise NetworkError("not enough workers have signed", hint="collect the signatures of the others")
    workers = sorted(collection.signed)[: collection.needed]
    signatures = {worker: collection.signed[worker].signature for worker in workers}
    sent = client.report(
        words.workflow_id,
        words.trigger_id,
        words.place,
        words.pair,
        words.participants,
        words.voters,
        signatures,
    )
    return client.wait(sent)


def opening_of(client: NetworkClient, index: NetworkIndex, name: VotingName) -> Opening:
    """The attempt that is open, or that a report would open; NetworkError where none may be."""
    now = time_of(client)
    policies = {each.version: each.policy for each in index.policies(name.workflow_id)}
    voting = index.voting(client.voting_id(name.workflow_id, name.trigger_id), now=now)
    if voting is not None and voting.recorded is not None:
        raise NetworkError("the voting is recorded already", hint="nothing is left to report")
    if voting is not None and voting.state in (State.CASTING, State.REVEALING):
        current = voting.current
        return Opening(current.number, current.policy_version, current.members, current.needed)
    attempt = 1 if voting is None else voting.next_attempt
    if attempt is None:
        raise NetworkError("no attempt is open, nor may one open", hint="the owner may reopen the voting")
    version = _version(client, index, name, voting, now)
    members, n = _members(index, voting)
    return Opening(attempt, version, members, policies[version].needed(n))


def _members(index: NetworkIndex, voting: Voting | None) -> tuple[int, int]:
    """Who would be a member of the next attempt, and n."""
    roles = {member.index: member.role for member in index.members()}
    active = report_files.bitmap(worker for worker, role in roles.items() if role is Role.ACTIVE)
    enrolled = report_files.bitmap(worker for worker, role in roles.items() if role is not Role.NONE)
    return members_of_next(voting or Voting({}), active, enrolled)


def _version(
    client: NetworkClient, index: NetworkIndex, name: VotingName, voting: Voting | None, now: int
) -> int:
    """The policy version under which the next attempt would open."""
    if voting is not None and voting.attempts and (voting.next_attempt or 0) <= FAILOVER_ATTEMPT:
        return voting.current.policy_version
    every = any(each.policy.every for each in index.policies(name.workflow_id))
    start = Slot.of_trigger(name.trigger_id).window.start if every else 0
    # Reopened, an attempt opens under what is in force then; else what governs the slot.
    version = client.policy_version_at(name.workflow_id, start if voting is None else now)
    if version == 0:
        raise NetworkError("no policy governs this slot", hint="name a slot since the first policy's start")
    return version


def _check_network(client: NetworkClient, words: Words) -> None:
    if (words.chain_id, words.contract) != (client.rpc.chain_id, client.contract):
        raise ReportFileError(f"is of another network: {to_hex(words.contract)} on chain id {words.chain_id}")
    if words.voting_id != client.voting_id(words.workflow_id, words.trigger_id):
        raise ReportFileError("its voting id is not that of its workflow and trigger")


def _check(signed: SignedReport, opening: Opening, members: dict[int, IndexedMember]) -> None:
    """Raises ReportFileError, with its reason, unless the file's signature would count now."""
    words = signed.words
    if (words.attempt, words.policy_version) != (opening.attempt, opening.policy_version):
        raise ReportFileError(
            f"is of attempt {words.attempt}, policy version {words.policy_version}; "
            f"now it is attempt {opening.attempt}, version {opening.policy_version}"
        )
    wrong = _wrong_words(words, opening, signed.worker)
    if wrong:
        raise ReportFileError(wrong)
    key = members[signed.worker].worker
    if not signed.signature.is_of(key, words.digest()):
        raise ReportFileError(
            f"is not signed with the key {to_hex(key)} of worker {signed.worker}, or was altered since"
        )


def _wrong_words(words: Words, opening: Opening, worker: int) -> str:
    """Why no contract would take these words from this worker; empty if it would."""
    strangers = report_files.indices(words.participants & ~opening.members)
    if strangers:
        return f"participant {strangers[0]} is no member of attempt {opening.attempt}"
    others = report_files.indices(words.voters & ~words.participants)
    if others:
        return f"voter {others[0]} is no participant"
    if not words.voters >> worker & 1:
        return f"worker {worker}, which signs, is none of the voters"
    return ""

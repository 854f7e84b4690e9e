"""The worker against the real contract: three companies agree, fail, crash and go on."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from itertools import pairwise

import pytest
from structlog.testing import capture_logs
from tests.unit.node.conftest import (
    EVERY,
    LAST,
    Company,
    Crash,
    MakeWorld,
    World,
    agreed,
    disagreed,
    slot_of,
)

from worknet.node.causes import Cause
from worknet.node.errors import DataKeyMismatch, JournalError
from worknet.node.journal.failures import Failure
from worknet.node.preparing import PreparationFailed, Task
from worknet.protocol.ballots import Pair, seal
from worknet.protocol.voting import State, Voting
from worknet.protocol.words import Ballots

SEND = "eth_sendRawTransaction"
ALL = 0b111


def outcome(voting: Voting) -> tuple[State, int, bool]:
    return voting.state, sum(1 << worker for worker in voting.current.ballots), voting.closed


def journalled_seal(company: Company, attempt: int = 1) -> bytes:
    """The seal that the salt in the journal opens."""
    chain = company.chain
    ballot = company.journal.ballots.get(chain.voting_id(LAST), attempt, 1)
    return seal(
        company.rpc.chain_id,
        chain.contract,
        ballot.voting_id,
        attempt,
        company.number,
        ballot.pair,
        ballot.salt,
    )


def seals_sent_by(company: Company, *, failed: bool | None = False) -> list[bytes]:
    return [
        call[3]
        for sender, call in company.chain.sent("seal", failed=failed)
        if sender == company.signer.address
    ]


# Agreement


def test_sealed_ballots_come_to_consensus(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(4)
    assert outcome(world.chain.voting()) == (State.CONSENSUS, ALL, True)


def test_open_ballots_come_to_consensus(make_world: MakeWorld) -> None:
    world = make_world(ballots=Ballots.OPEN)
    world.step(3)
    assert outcome(world.chain.voting()) == (State.CONSENSUS, ALL, True)


def test_nothing_more_is_sent_about_a_voting_that_is_over(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(4)
    before = world.chain.rpc.block_number()
    world.chain.pass_time(10)
    world.step(3)
    assert world.chain.rpc.block_number() == before + 1


def test_two_workers_agree_without_the_third_once_the_window_has_passed(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(4, 0, 1)
    assert world.chain.voting().state is State.CASTING
    world.chain.pass_time(300)
    world.step(1, 0, 1)
    assert outcome(world.chain.voting()) == (State.CONSENSUS, 0b011, True)


def test_one_worker_books_the_closing_of_open_ballots_that_one_did_not_cast(make_world: MakeWorld) -> None:
    world = make_world(ballots=Ballots.OPEN)
    world.step(3, 0, 1)
    for _ in range(6):
        world.chain.pass_time(100)
        world.step(1, 0, 1)
    assert world.companies[0].index.has_ended(world.chain.voting_id(LAST))
    assert len(world.chain.sent("advance", failed=None)) == 1


def test_a_late_worker_still_casts_an_open_ballot_inside_the_window(make_world: MakeWorld) -> None:
    world = make_world(ballots=Ballots.OPEN)
    world.step(3, 0, 1)
    world.step(3, 2)
    assert outcome(world.chain.voting()) == (State.CONSENSUS, ALL, True)


# Disagreement


def test_disagreement_is_prepared_anew_with_other_roots(make_world: MakeWorld) -> None:
    world = make_world(disagreed)
    world.step(4)
    assert world.chain.voting().state is State.PENDING
    world.step(2)
    first, second = world.chain.voting().attempts
    assert [len(attempt.seals) for attempt in (first, second)] == [3, 3]
    assert [task.attempt for task in world.preparer(0).tasks] == [1, 2]
    pairs = world.companies[0].journal.ballots.prepared(world.chain.voting_id(LAST))
    assert pairs[1, 1].pair.input_root != pairs[2, 1].pair.input_root


def test_a_second_disagreement_is_unresolved_and_told_by_the_last_reveal(make_world: MakeWorld) -> None:
    world = make_world(disagreed)
    world.step(10)
    voting = world.chain.voting()
    assert (voting.state, len(voting.attempts)) == (State.UNRESOLVED, 2)
    assert world.companies[0].index.has_ended(world.chain.voting_id(LAST))
    assert len(world.chain.sent("advance", failed=None)) == 0


def test_the_log_tells_of_an_unresolved_voting_which_workers_had_which_pair(make_world: MakeWorld) -> None:
    world = make_world(disagreed)
    with capture_logs() as logs:
        world.step(5)  # attempt 2 is sealed by all
        world.step(2, 0, 1)  # one never reveals
        for _ in range(5):
            world.chain.pass_time(100)
            world.step(1, 0, 1)
    told = [log for log in logs if log["event"] == "voting.unresolved"]
    last = world.chain.voting().attempts[-1]
    roots = {worker: f"0x{pair.result_root.hex()}" for worker, pair in last.ballots.items()}
    assert len(told) == 2
    assert [(each["workers"], each["result_root"]) for each in told[0]["tally"]] == [
        ([0], roots[0]),
        ([1], roots[1]),
    ]
    assert told[0]["missing"] == [2]


def test_exactly_one_worker_advances_what_time_alone_has_ended(make_world: MakeWorld) -> None:
    world = make_world(disagreed)
    world.step(5)  # attempt 2 is sealed by all
    world.step(2, 0, 1)  # one never reveals
    for _ in range(5):
        world.chain.pass_time(100)
        world.step(1, 0, 1)
    assert world.chain.voting().state is State.UNRESOLVED
    assert world.companies[0].index.has_ended(world.chain.voting_id(LAST))
    assert len(world.chain.sent("advance", failed=None)) == 1


def test_a_worker_alone_with_its_pair_learns_that_it_was_outvoted(make_world: MakeWorld) -> None:
    world = make_world(lambda task, number: (disagreed if number == 2 else agreed)(task, number))
    world.step(4)
    voting = world.chain.voting()
    assert outcome(voting) == (State.CONSENSUS, ALL, True)
    assert voting.recorded is not None
    assert voting.recorded.voters == 0b011


# Preparations that fail


def failing_at(slot: int, times: int = 1_000) -> Callable[[Task, int], Pair]:
    left = dict.fromkeys(range(3), times)

    def pair_of(task: Task, number: int) -> Pair:
        if slot_of(task) == slot and left[number]:
            left[number] -= 1
            raise PreparationFailed(Cause.SOURCE_UNAVAILABLE, "source down", "row 17")
        return agreed(task, number)

    return pair_of


def test_a_failing_preparation_does_not_hold_up_other_slots(make_world: MakeWorld) -> None:
    world = make_world(failing_at(LAST - 2), slots=3, votings_at_once=1)
    world.step(10)
    assert [world.chain.is_open(slot) for slot in (LAST - 2, LAST - 1, LAST)] == [False, True, True]


def test_a_failed_preparation_is_tried_again_ever_more_rarely(make_world: MakeWorld) -> None:
    world = make_world(failing_at(LAST))
    tried = []
    for _ in range(40):
        world.chain.mine()
        world.step(1, 0)
        tried.append(len(world.preparer(0).tasks))
    times = [tried.index(count) for count in range(1, tried[-1] + 1)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert pauses == sorted(pauses)
    assert 3 <= len(times) <= 6


def test_a_preparation_that_succeeds_at_last_is_voted_with(make_world: MakeWorld) -> None:
    world = make_world(failing_at(LAST, times=2))
    for _ in range(8):
        world.chain.pass_time(5)
        world.step()
    assert world.chain.voting().state is State.CONSENSUS


def test_the_journal_holds_why_there_was_no_ballot(make_world: MakeWorld) -> None:
    world = make_world(failing_at(LAST, times=1))
    world.step(2)
    assert world.companies[0].journal.failures.of(world.chain.voting_id(LAST)) == [
        Failure(1, Cause.SOURCE_UNAVAILABLE, "source down")
    ]


def test_a_fault_of_ours_at_one_voting_neither_stops_the_worker_nor_shows_rows(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    def pair_of(task: Task, number: int) -> Pair:
        if slot_of(task) == LAST - 1:
            raise KeyError("Meier-4711")
        return agreed(task, number)

    world = make_world(pair_of, slots=2)
    world.step(5)
    assert world.chain.voting().state is State.CONSENSUS
    failed = world.companies[0].journal.failures.of(world.chain.voting_id(LAST - 1))[0]
    assert str(failed) == "fault of worknet: a fault of worknet itself: KeyError"
    assert "Meier" not in capsys.readouterr().out


def test_a_data_key_that_is_missing_for_one_voting_does_not_hold_up_others(make_world: MakeWorld) -> None:
    def pair_of(task: Task, number: int) -> Pair:
        if slot_of(task) == LAST - 1:
            raise DataKeyMismatch("the data key of epoch 2 is missing")
        return agreed(task, number)

    world = make_world(pair_of, slots=2)
    world.step(5)
    assert world.chain.voting().state is State.CONSENSUS


def test_a_journal_that_fails_stops_the_worker(make_world: MakeWorld) -> None:
    company = make_world().companies[0]
    with closing(sqlite3.connect(company.folder / "journal.sqlite")) as journal:
        journal.execute("DROP TABLE frames")
        journal.execute("DROP TABLE ballots")
    with pytest.raises(JournalError):
        company.step(2)


# Crashes


def crash(company: Company, *, before: str = "", after: str = "") -> None:
    company.rpc.crash_before, company.rpc.crash_after = before, after
    with pytest.raises(Crash):
        company.step(2)
    company.restart()


def vote_to_the_end(world: World) -> None:
    world.step(5)
    assert outcome(world.chain.voting()) == (State.CONSENSUS, ALL, True)
    assert [len(seals_sent_by(company)) for company in world.companies] == [1, 1, 1]


def test_a_ballot_journalled_before_a_crash_is_the_one_that_is_sent_after_it(make_world: MakeWorld) -> None:
    world = make_world()
    company = world.companies[0]
    crash(company, before=SEND)
    sealed = journalled_seal(company)
    company.step()
    assert seals_sent_by(company) == [sealed]
    assert len(world.preparer(0).tasks) == 1
    vote_to_the_end(world)


def test_a_seal_in_a_block_whose_sending_was_not_journalled_is_not_sent_again(make_world: MakeWorld) -> None:
    world = make_world()
    crash(world.companies[0], after=SEND)
    vote_to_the_end(world)
    assert len(seals_sent_by(world.companies[0], failed=None)) == 1


def test_a_seal_that_waits_and_whose_sending_was_not_journalled_takes_effect_once(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    world.chain.automatic = False
    crash(world.companies[0], after=SEND)
    world.companies[0].step(2)
    world.chain.mine()
    world.chain.automatic = True
    vote_to_the_end(world)


def test_a_worker_that_stops_before_its_reveal_opens_its_seal_with_the_journals_salt(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    world.step(2)
    company = world.companies[0]
    salt = company.journal.ballots.get(world.chain.voting_id(LAST), 1, 1).salt
    company.restart()
    vote_to_the_end(world)
    revealed = [call[6] for sender, call in world.chain.sent("reveal") if sender == company.signer.address]
    assert [list(salts) for salts in revealed] == [[salt]]


def test_a_reveal_that_was_not_sent_before_a_crash_is_sent_after_it(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2)
    crash(world.companies[0], before=SEND)
    vote_to_the_end(world)


def test_a_reveal_in_a_block_whose_sending_was_not_journalled_is_not_sent_again(
    make_world: MakeWorld,
) -> None:
    world = make_world()
    world.step(2)
    crash(world.companies[0], after=SEND)
    vote_to_the_end(world)
    address = world.companies[0].signer.address
    assert [sender for sender, _ in world.chain.sent("reveal", failed=None)].count(address) == 1


def test_a_worker_that_stops_while_it_prepares_prepares_again(make_world: MakeWorld) -> None:
    world = make_world()
    company = world.companies[0]
    company.worker.step()
    company.journal.close()  # the disk is gone before the ballot gets there, or just after
    company.restart()
    vote_to_the_end(world)


# Transactions


def test_a_refused_transaction_is_not_tried_at_every_step(make_world: MakeWorld) -> None:
    company = make_world().companies[0]
    company.rpc.refused = {"seal"}
    company.step(6)
    assert company.rpc.tried == ["seal"]


def test_a_refused_transaction_is_tried_again_after_a_pause(make_world: MakeWorld) -> None:
    world = make_world()
    company = world.companies[0]
    company.rpc.refused = {"seal"}
    company.step(3)
    company.rpc.refused = set()
    world.chain.pass_time(6)
    company.step()
    assert len(seals_sent_by(company)) == 1


def test_a_lost_transaction_is_sent_again(make_world: MakeWorld) -> None:
    world = make_world()
    company = world.companies[0]
    company.rpc.swallowing = True
    company.seal()
    company.rpc.swallowing = False
    for _ in range(4):
        world.chain.pass_time(50)
        company.step()
    assert len(seals_sent_by(company)) == 1


def test_a_lost_seal_is_sent_again_while_its_window_is_open(make_world: MakeWorld) -> None:
    world = make_world(cast_window=60)
    world.step(2, 1)  # another worker opens the attempt
    company = world.companies[0]
    company.rpc.swallowing = True
    company.seal()
    company.rpc.swallowing = False
    for _ in range(4):
        world.chain.pass_time(10)
        company.step()
    assert len(seals_sent_by(company)) == 1


def test_a_transaction_that_waits_is_not_sent_a_second_time(make_world: MakeWorld) -> None:
    world = make_world()
    world.chain.automatic = False
    company = world.companies[0]
    company.step(5)
    world.chain.mine(3)
    company.step()
    assert len(seals_sent_by(company, failed=None)) == 1


def test_nothing_is_revealed_before_the_reveal_phase_lies_deep_enough(make_world: MakeWorld) -> None:
    world = make_world(confirmations=3)
    world.step(2)
    assert world.chain.voting().state is State.REVEALING
    world.step(3)
    world.chain.mine(2)
    world.step(1)
    assert world.chain.sent("reveal", failed=None) == []
    world.chain.mine(1)
    world.step(1)
    assert len(world.chain.sent("reveal")) == 3


# Many slots


def test_a_backlog_is_worked_off_in_order_a_few_votings_at_once(make_world: MakeWorld) -> None:
    slots, at_once = 30, 4
    world = make_world(slots=slots, votings_at_once=at_once, ballots=Ballots.OPEN)
    world.chain.automatic = False
    index = world.companies[0].index
    under_way = []
    while index.log_size() < slots and len(under_way) < 4 * slots:
        world.step()
        world.chain.mine()
        index.sync()
        started = [each.voting_id for each in index.votings(now=world.chain.now)]
        under_way.append(sum(not index.has_ended(voting_id) for voting_id in started))
    numbers = [slot_of(task) for task in world.preparer(0).tasks]
    assert numbers == list(range(LAST + 1 - slots, LAST + 1))
    assert max(under_way) <= at_once


def test_slots_become_due_as_time_passes(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(4)
    assert not world.chain.is_open(LAST + 1)
    world.chain.pass_time(EVERY)
    world.step(4)
    assert outcome(world.chain.voting(LAST + 1)) == (State.CONSENSUS, ALL, True)


# Members


def test_a_removed_worker_votes_in_nothing_that_opens_later(make_world: MakeWorld) -> None:
    world = make_world()
    world.chain.owner.remove(2)
    world.step(4)
    assert outcome(world.chain.voting()) == (State.CONSENSUS, 0b011, True)
    assert world.preparer(2).tasks == []


def test_a_worker_removed_after_it_sealed_still_opens_its_seal(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2)
    world.chain.owner.remove(2)
    world.step(2)
    assert outcome(world.chain.voting()) == (State.CONSENSUS, ALL, True)


def test_a_removed_worker_takes_no_part_in_the_next_attempt(make_world: MakeWorld) -> None:
    world = make_world(disagreed)
    world.step(3)
    world.chain.owner.remove(2)
    world.step(3)
    assert [task.attempt for task in world.preparer(2).tasks] == [1]


def test_a_worker_that_is_not_enrolled_yet_waits(make_world: MakeWorld) -> None:
    world = make_world()
    stranger = world.companies[2]
    world.chain.owner.remove(2)
    stranger.step(3)
    assert seals_sent_by(stranger, failed=None) == []


def test_every_ballot_names_other_salts(make_world: MakeWorld) -> None:
    world = make_world()
    world.step(2)
    voting_id = world.chain.voting_id(LAST)
    salts = {
        sha256(company.journal.ballots.get(voting_id, 1, 1).salt).digest() for company in world.companies
    }
    assert len(salts) == 3

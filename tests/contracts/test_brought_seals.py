"""Seals that another brings, under their workers' signatures: whose they are, what is skipped, what opens."""

import boa
import pytest

from worknet.protocol import eip712
from worknet.protocol.ballots import Place, seconds_left, without_time
from worknet.protocol.voting import State
from worknet.protocol.words import Ballots

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1: -s mod ORDER verifies wherever s does."""
STANDBY = 2
PLACE = Place(1, 1)


def names(told):
    return [name for name, _ in told]


def skipped(told):
    return [(fields["worker"], fields["rule"]) for name, fields in told if name == "Skipped"]


def bring(network, workers, odd, signed, place=PLACE):
    """Brings a batch in the contract's own words."""
    about = (network.workflow, network.trigger, place.word())
    return network.call("bring_seals", *about, workers, odd, signed)


def words(signed):
    """The signed seals as the contract takes them, as they are ordered here."""
    odd = sum(1 << worker for worker, _, v, _, _ in signed if v == 28)
    return sum(1 << item[0] for item in signed), odd, [(seal, r, s) for _, seal, _, r, s in signed]


def all_signed(network, attempt=1, workers=range(3)):
    return [network.signed_seal(worker, network.pair("a"), attempt) for worker in workers]


def signed_otherwise(network, *, signer=1, attempt=1, version=1, **other):
    """Worker 1's seal for attempt 1, under a signature that is of something else, or of another key."""
    seal = network.seal_for(1, network.pair("a"))
    domain = eip712.domain_separator(other.get("chain", network.chain_id), other.get("at", network.address))
    voting, signed = other.get("voting", network.voting_id()), other.get("seal", seal)
    digest = eip712.seal_digest(domain, voting, attempt, version, signed)
    return 1, seal, *network.sign(signer, digest)


def with_signature(network, **changed):
    """Worker 1's signed seal with its r or s changed."""
    worker, seal, v, r, s = network.signed_seal(1, network.pair("a"))
    return worker, seal, v, changed.get("r", r), changed.get("s", s)


def with_the_other_s(network):
    worker, seal, v, r, s = network.signed_seal(1, network.pair("a"))
    return worker, seal, 55 - v, r, (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")


def with_the_other_v(network):
    worker, seal, v, r, s = network.signed_seal(1, network.pair("a"))
    return worker, seal, 55 - v, r, s


NOT_ITS_SIGNATURE = {
    "another worker's": lambda network: signed_otherwise(network, signer=2),
    "for another voting": lambda network: signed_otherwise(
        network, voting=network.voting_id(network.slot(3).trigger_id)
    ),
    "for another attempt": lambda network: signed_otherwise(network, attempt=2),
    "for another policy version": lambda network: signed_otherwise(network, version=2),
    "for another chain": lambda network: signed_otherwise(network, chain=network.chain_id + 1),
    "for another contract": lambda network: signed_otherwise(network, at=b"\x07" * 20),
    "of another seal": lambda network: signed_otherwise(network, seal=network.seal_for(1, network.pair("b"))),
    "of the seal alone": lambda network: (
        1,
        network.seal_for(1, network.pair("a")),
        *network.sign(1, network.seal_for(1, network.pair("a"))),
    ),
    "with high s": with_the_other_s,
    "with the other v": with_the_other_v,
    "with r 0": lambda network: with_signature(network, r=bytes(32)),
    "with s 0": lambda network: with_signature(network, s=bytes(32)),
    "with r beyond the order": lambda network: with_signature(network, r=b"\xff" * 32),
    "of zeros alone": lambda network: with_signature(network, r=bytes(32), s=bytes(32)),
}


@pytest.mark.parametrize("case", NOT_ITS_SIGNATURE)
def test_a_seal_without_its_workers_signature_is_skipped(sealed, case):
    told = sealed.bring_seals([sealed.signed_seal(0, sealed.pair("a")), NOT_ITS_SIGNATURE[case](sealed)])
    assert skipped(told) == [(1, "votings: not the worker's key")]


@pytest.mark.parametrize("case", NOT_ITS_SIGNATURE)
def test_a_seal_without_its_workers_signature_is_not_stored(sealed, case):
    sealed.bring_seals([sealed.signed_seal(0, sealed.pair("a")), NOT_ITS_SIGNATURE[case](sealed)])
    assert sealed.contract.seal_of(sealed.voting_id(), 1, 1) == bytes(32)


def test_whoever_brings_the_seals_need_not_belong_to_the_network(sealed):
    stranger = boa.env.generate_address()
    assert names(sealed.bring_seals(all_signed(sealed), sender=stranger)) == ["Opened", "SealsBrought"]


def test_of_a_batch_one_event_tells_who_and_the_seals_as_stored(sealed):
    [_, (_, fields)] = sealed.bring_seals(all_signed(sealed, workers=(0, 2)))
    voting = sealed.voting_id()
    stored = [sealed.contract.seal_of(voting, 1, worker) for worker in (0, 2)]
    place = PLACE.word()
    assert fields == {"voting_id": voting, "place": place, "workers": 0b101, "seals": stored}


def test_the_event_tells_no_seal_that_was_skipped(sealed):
    sealed.seal(1, sealed.pair("b"))
    [_, (_, fields)] = sealed.bring_seals(all_signed(sealed))
    expected = [sealed.seal_for(worker, sealed.pair("a")) for worker in (0, 2)]
    assert (fields["workers"], [without_time(seal) for seal in fields["seals"]]) == (0b101, expected)


def test_a_brought_seal_is_stored_with_the_seconds_left_when_it_is_brought(sealed):
    sealed.seal(0, sealed.pair("a"))
    signed = all_signed(sealed, workers=(1,))
    sealed.wait(123)
    sealed.bring_seals(signed)
    stored = sealed.contract.seal_of(sealed.voting_id(), 1, 1)
    assert (without_time(stored), seconds_left(stored)) == (sealed.seal_for(1, sealed.pair("a")), 600 - 123)


@pytest.mark.parametrize(("passed", "left"), [(0, 65_535), (4_465, 65_535), (4_466, 65_534), (69_999, 1)])
def test_of_a_long_window_65535_seconds_are_stored_at_most(bare, passed, left):
    bare.enrol(3)
    bare.announce(ballots=Ballots.SEALED, cast_window=70_000)
    bare.seal(0, bare.pair("a"))
    bare.wait(passed)
    bare.bring_seals(all_signed(bare, workers=(1,)))
    assert seconds_left(bare.contract.seal_of(bare.voting_id(), 1, 1)) == left


def test_brought_seals_are_revealed_and_recorded_like_any_others(sealed):
    sealed.bring_seals(all_signed(sealed))
    told = sealed.reveal(sealed.pair("a"), [0, 1, 2])
    assert names(told) == ["Revealed", "Recorded", "Closed"]
    assert sealed.record().voters == 0b111


def test_a_batch_opens_attempt_1_with_the_active_workers(sealed):
    sealed.enrol(1, role=STANDBY)
    [(name, fields), _] = sealed.bring_seals(all_signed(sealed, workers=(2,)))
    frozen = [fields[key] for key in ("attempt", "policy_version", "members", "n", "needed")]
    assert (name, frozen) == ("Opened", [1, 1, 0b111, 3, 2])


def test_a_batch_opens_attempt_2_with_who_is_still_enrolled(sealed):
    sealed.bring_seals(all_signed(sealed))
    sealed.call("remove", 1)
    sealed.wait(300)
    told = sealed.bring_seals(all_signed(sealed, attempt=2, workers=(0, 2)), attempt=2)
    assert names(told) == ["Failed", "Opened", "SealsBrought"]
    assert (told[1][1]["attempt"], told[1][1]["members"], told[1][1]["n"]) == (2, 0b101, 3)


def test_revealing_starts_at_once_when_a_batch_brings_every_members_seal(sealed):
    sealed.bring_seals(all_signed(sealed))
    voting = sealed.voting()
    assert (voting.state, voting.cast, voting.ballots) == (State.REVEALING, 3, 0)
    assert voting.deadline == sealed.now + sealed.policy.reveal_window


def test_revealing_starts_at_once_when_a_batch_brings_those_seals_that_were_missing(sealed):
    sealed.seal(1, sealed.pair("a"))
    sealed.wait(10)
    sealed.bring_seals(all_signed(sealed, workers=(0, 2)))
    assert (sealed.voting().state, sealed.voting().deadline) == (State.REVEALING, sealed.now + 300)


def test_revealing_of_attempt_2_starts_when_all_its_members_seals_are_brought(sealed):
    sealed.bring_seals(all_signed(sealed))
    sealed.call("remove", 1)
    sealed.wait(300)
    sealed.bring_seals(all_signed(sealed, attempt=2, workers=(0, 2)), attempt=2)
    assert (sealed.voting().state, sealed.voting().attempt) == (State.REVEALING, 2)


def test_casting_goes_on_while_a_member_has_not_sealed(sealed):
    sealed.bring_seals(all_signed(sealed, workers=(0, 1)))
    voting = sealed.voting()
    assert (voting.state, voting.cast, voting.ballots) == (State.CASTING, 2, 0b011)


def test_a_worker_whose_seal_was_brought_casts_no_second_one(sealed):
    sealed.bring_seals(all_signed(sealed, workers=(0,)))
    with sealed.refuses("votings: already cast"):
        sealed.seal(0, sealed.pair("b"))


def test_a_seal_that_stands_is_not_replaced_by_a_brought_one(sealed):
    sealed.seal(0, sealed.pair("b"))
    before = sealed.contract.seal_of(sealed.voting_id(), 1, 0)
    told = sealed.bring_seals(all_signed(sealed, workers=(0, 1)))
    assert skipped(told) == [(0, "votings: already cast")]
    assert sealed.contract.seal_of(sealed.voting_id(), 1, 0) == before


def test_who_is_no_member_is_skipped(sealed):
    sealed.enrol(1, role=STANDBY)
    sealed.seal(0, sealed.pair("a"))
    sealed.enrol(1)
    [one] = all_signed(sealed, workers=(1,))
    never_given = [(worker, *one[1:]) for worker in (5, 119)]
    told = sealed.bring_seals([one, *all_signed(sealed, workers=(3, 4)), *never_given])
    expected = (3, 4, 5, 119)
    assert skipped(told) == [(worker, "votings: not a member") for worker in expected]


@pytest.mark.parametrize("tail", [b"\x00\x01", b"\x80\x00", b"\x02\x58"])
def test_a_signed_seal_that_is_not_truncated_is_skipped(sealed, tail):
    whole = sealed.signed_seal(1, sealed.pair("a"), seal=b"\x05" * 30 + tail)
    told = sealed.bring_seals([*all_signed(sealed, workers=(0,)), whole])
    assert skipped(told) == [(1, "votings: seal not truncated")]


def test_a_batch_brought_in_part_by_another_before_still_brings_the_rest(sealed):
    batch = all_signed(sealed)
    sealed.bring_seals(batch[1:2], sender=boa.env.generate_address())
    told = sealed.bring_seals(batch)
    assert names(told) == ["Skipped", "SealsBrought"]
    assert (skipped(told), told[1][1]["workers"]) == ([(1, "votings: already cast")], 0b101)


def test_a_batch_brought_whole_by_another_before_is_refused(sealed):
    batch = all_signed(sealed, workers=(0, 1))
    sealed.bring_seals(batch, sender=boa.env.generate_address())
    with sealed.refuses("votings: no seal taken"):
        sealed.bring_seals(batch)


def test_a_batch_of_which_nothing_is_taken_is_refused(sealed):
    for batch in ([], [signed_otherwise(sealed, signer=2)], [(119, *all_signed(sealed)[0][1:])]):
        with sealed.refuses("votings: no seal taken"):
            sealed.bring_seals(batch)


def test_a_batch_of_which_nothing_is_taken_opens_nothing(sealed):
    with sealed.refuses("votings: no seal taken"):
        sealed.bring_seals([signed_otherwise(sealed, signer=2)])
    assert not any(sealed.voting())


def test_signed_seals_are_taken_in_ascending_order_of_their_workers(sealed):
    workers, odd, signed = words(all_signed(sealed))
    told = bring(sealed, workers, odd, [signed[0], signed[2], signed[1]])
    assert skipped(told) == [(worker, "votings: not the worker's key") for worker in (1, 2)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_batch_has_one_signed_seal_for_each_of_its_workers(sealed, count):
    _, odd, signed = words(all_signed(sealed))
    with sealed.refuses("votings: lengths differ"):
        bring(sealed, 0b011, odd, signed[:count])


@pytest.mark.parametrize("beyond", [120, 128, 160, 255])
def test_a_batch_names_no_worker_above_119(sealed, beyond):
    workers, odd, signed = words(all_signed(sealed))
    with sealed.refuses("votings: lengths differ"):
        bring(sealed, workers | 1 << beyond, odd, [*signed, signed[0]])


def test_bits_of_v_for_workers_outside_the_batch_are_not_looked_at(sealed):
    workers, odd, signed = words(all_signed(sealed, workers=(0, 1)))
    told = bring(sealed, workers, odd | (2**256 - 1) << 2 & (2**256 - 1), signed)
    assert (names(told), told[1][1]["workers"]) == (["Opened", "SealsBrought"], 0b011)


def test_no_seals_are_brought_where_ballots_are_open(network):
    with network.refuses("votings: ballots are open"):
        network.bring_seals(all_signed(network))


def test_seals_are_brought_in_the_last_second_of_the_cast_window_and_not_after(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.wait(599)
    assert names(sealed.bring_seals(all_signed(sealed, workers=(1,)))) == ["SealsBrought"]
    sealed.wait(1)
    with sealed.refuses("votings: not casting"):
        sealed.bring_seals(all_signed(sealed, workers=(2,)))


def test_no_seals_are_brought_after_a_consensus(sealed):
    for worker in (0, 1):
        sealed.seal(worker, sealed.pair("a"))
    sealed.wait(600)
    sealed.reveal(sealed.pair("a"), [0, 1])
    with sealed.refuses("votings: not casting"):
        sealed.bring_seals(all_signed(sealed, workers=(2,)))


def test_a_batch_names_the_attempt(sealed):
    for attempt in (0, 2, 3, 4, 257):
        with sealed.refuses("votings: other attempt"):
            sealed.bring_seals(all_signed(sealed, attempt), attempt)
    sealed.seal(0, sealed.pair("a"))
    for attempt in (0, 2, 3, 4, 257):
        with sealed.refuses("votings: other attempt"):
            sealed.bring_seals(all_signed(sealed, attempt), attempt)


def test_a_batch_names_the_policy_version(sealed):
    sealed.seal(0, sealed.pair("a"))
    with sealed.refuses("votings: other policy"):
        sealed.bring_seals([sealed.signed_seal(1, sealed.pair("a"), version=2)], version=2)


def test_the_worker_index_in_a_batchs_place_is_not_looked_at(sealed):
    told = bring(sealed, *words(all_signed(sealed)), place=Place(1, 1, 77))
    assert told[-1][1]["place"] == PLACE.word()


def test_a_batch_opens_no_slot_that_is_not_due(sealed):
    sealed.trigger = sealed.slot(0).trigger_id
    with sealed.refuses("policies: slot not due"):
        sealed.bring_seals(all_signed(sealed))


def test_a_batch_opens_no_new_voting_while_opening_is_paused(sealed):
    sealed.call("pause_opening", True)
    with sealed.refuses("votings: opening is paused"):
        sealed.bring_seals(all_signed(sealed))


def test_a_pause_holds_up_no_batch_for_attempt_2(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.call("pause_opening", True)
    sealed.wait(900)
    told = sealed.bring_seals(all_signed(sealed, attempt=2), attempt=2)
    assert names(told) == ["Failed", "Opened", "SealsBrought"]


def test_a_seal_signed_before_a_rotation_is_skipped_after_it(sealed):
    batch = all_signed(sealed)
    sealed.rotate(1)
    assert skipped(sealed.bring_seals(batch)) == [(1, "votings: not the worker's key")]


def test_a_seal_signed_with_the_new_key_is_taken_in_an_attempt_that_opened_before_the_rotation(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.rotate(1)
    told = sealed.bring_seals(all_signed(sealed, workers=(1,)))
    assert told[-1][1]["workers"] == 0b010


def test_a_seal_brought_before_a_rotation_stays_and_no_other_is_brought(sealed):
    sealed.bring_seals(all_signed(sealed, workers=(1,)))
    sealed.rotate(1)
    told = sealed.bring_seals(all_signed(sealed))
    assert skipped(told) == [(1, "votings: already cast")]


def test_the_seal_of_a_member_removed_since_is_brought_in_the_open_attempt(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.call("remove", 1)
    assert sealed.bring_seals(all_signed(sealed, workers=(1,)))[-1][1]["workers"] == 0b010


def test_the_seal_of_a_member_removed_since_is_skipped_in_attempt_2(sealed):
    sealed.seal(0, sealed.pair("a"))
    sealed.call("remove", 1)
    sealed.wait(900)
    told = sealed.bring_seals(all_signed(sealed, attempt=2), attempt=2)
    assert skipped(told) == [(1, "votings: not a member")]


def test_40_seals_fit_into_one_batch_and_120_into_three(bare):
    bare.enrol(120)
    bare.announce(ballots=Ballots.SEALED)
    for first in (0, 40, 80):
        told = bare.bring_seals(all_signed(bare, workers=range(first, first + 40)))
        assert told[-1][1]["workers"] == (2**40 - 1) << first
    assert bare.voting().state == State.REVEALING

"""The signatures under a report: how many, whose, and of exactly what."""

from dataclasses import astuple

import pytest

from worknet.protocol import eip712
from worknet.protocol.ballots import Pair, Place
from worknet.protocol.words import Ballots

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1: -s mod ORDER verifies wherever s does."""
ALL = 0b1111111
FOUR = (0, 2, 4, 6)


def names(told):
    return [name for name, _ in told]


def fields_of(told, event):
    [fields] = [fields for name, fields in told if name == event]
    return fields


@pytest.fixture
def seven(bare):
    """Seven active workers with sealed ballots, of whom four are needed."""
    bare.enrol(7)
    bare.announce(ballots=Ballots.SEALED)
    return bare


def brought(network, signed, *, about=None, who=None, odd=None, participants=ALL, voters=ALL, place=None):
    """Brings a report in the contract's own words."""
    who = sum(1 << item[0] for item in signed) if who is None else who
    odd = sum(1 << item[0] for item in signed if item[1] == 28) if odd is None else odd
    roots = astuple(about or network.pair("a"))
    where = (network.workflow, network.trigger, (place or Place(1, 1)).word())
    items = [(r, s) for _, _, r, s in signed]
    return network.call("report", *where, *roots, participants, voters, who, odd, items)


def signed_by(network, *workers, voters=ALL):
    return network.signed_report(network.pair("a"), workers, ALL, voters, 1, 1)


def test_the_worker_index_in_a_reports_place_is_not_told(seven):
    told = brought(seven, signed_by(seven, *FOUR), place=Place(1, 1, 77))
    assert fields_of(told, "Reported")["place"] == Place(1, 1).word()


def test_every_member_may_sign(seven):
    told = seven.report(seven.pair("a"), range(7))
    assert fields_of(told, "Reported")["signers"] == ALL


def test_a_voter_need_not_sign(seven):
    told = seven.report(seven.pair("a"), FOUR, voters=ALL)
    assert fields_of(told, "Recorded")["voters"] == ALL


def test_three_of_sevens_signatures_are_too_few(seven):
    with seven.refuses("votings: too few signatures"):
        seven.report(seven.pair("a"), (0, 2, 4), voters=ALL)


def test_a_policys_higher_threshold_holds_for_reports_too(bare):
    bare.enrol(7)
    bare.announce(threshold_num=2, threshold_den=3)
    with bare.refuses("votings: too few signatures"):
        bare.report(bare.pair("a"), FOUR)
    assert names(bare.report(bare.pair("a"), (*FOUR, 1)))[-1] == "Closed"


def test_signers_outside_the_voters_are_refused(seven):
    with seven.refuses("votings: signer not voter"):
        seven.report(seven.pair("a"), FOUR, voters=0b0010101)


def otherwise(network, **other):
    """Worker 2's signature of something else than the report that is brought."""
    domain = eip712.domain_separator(other.get("chain", network.chain_id), other.get("at", network.address))
    digest = eip712.report_digest(
        domain,
        other.get("voting", network.voting_id()),
        other.get("attempt", 1),
        other.get("version", 1),
        other.get("about", network.pair("a")),
        other.get("participants", ALL),
        other.get("voters", ALL),
    )
    return 2, *network.sign(other.get("signer", 2), digest)


def changed(network, **parts):
    """Worker 2's signature with parts of it changed."""
    worker, v, r, s = otherwise(network)
    return worker, parts.get("v", v), parts.get("r", r), parts.get("s", s)


def with_the_other_s(network):
    worker, v, r, s = otherwise(network)
    return worker, 55 - v, r, (ORDER - int.from_bytes(s, "big")).to_bytes(32, "big")


NOT_ITS_SIGNATURE = {
    "another worker's": lambda network: otherwise(network, signer=3),
    "another signer's": lambda network: otherwise(network, signer=4),
    "for another voting": lambda network: otherwise(
        network, voting=network.voting_id(network.slot(3).trigger_id)
    ),
    "for another attempt": lambda network: otherwise(network, attempt=2),
    "for another policy version": lambda network: otherwise(network, version=2),
    "for another chain": lambda network: otherwise(network, chain=network.chain_id + 1),
    "for another contract": lambda network: otherwise(network, at=b"\x07" * 20),
    "for another input root": lambda network: otherwise(
        network, about=Pair(b"\x03" * 32, network.pair("a").result_root)
    ),
    "for another result root": lambda network: otherwise(
        network, about=Pair(network.pair("a").input_root, b"\x04" * 32)
    ),
    "for other participants": lambda network: otherwise(network, participants=ALL >> 1),
    "for other voters": lambda network: otherwise(network, voters=ALL >> 1),
    "with high s": with_the_other_s,
    "with the other v": lambda network: changed(network, v=55 - otherwise(network)[1]),
    "with r 0": lambda network: changed(network, r=bytes(32)),
    "with s 0": lambda network: changed(network, s=bytes(32)),
    "with r beyond the order": lambda network: changed(network, r=b"\xff" * 32),
    "of zeros alone": lambda network: changed(network, r=bytes(32), s=bytes(32)),
}


@pytest.mark.parametrize("case", NOT_ITS_SIGNATURE)
def test_one_signature_that_is_not_its_workers_refuses_the_report(seven, case):
    signed = sorted([*signed_by(seven, 0, 1, 4, 6), NOT_ITS_SIGNATURE[case](seven)])
    with seven.refuses("votings: not the worker's key"):
        brought(seven, signed)


def test_signatures_are_taken_in_ascending_order_of_their_workers(seven):
    with seven.refuses("votings: not the worker's key"):
        brought(seven, signed_by(seven, 0, 4, 2, 6))


@pytest.mark.parametrize("count", [0, 3, 5])
def test_a_report_has_one_signature_for_each_of_its_signers(seven, count):
    signed = signed_by(seven, 0, 2, 4, 6, 6)
    with seven.refuses("votings: lengths differ"):
        brought(seven, signed[:count], who=seven.bitmap(FOUR))


def test_nobody_signs_twice(seven):
    signed = signed_by(seven, 0, 0, 0, 0)
    with seven.refuses("votings: too few signatures"):
        brought(seven, signed, who=0b1, odd=0)


def test_a_report_signed_before_a_rotation_is_refused_after_it(seven):
    signed = signed_by(seven, *FOUR)
    seven.rotate(2)
    with seven.refuses("votings: not the worker's key"):
        brought(seven, signed)


def test_a_report_is_signed_with_the_new_key_after_a_rotation(seven):
    seven.rotate(2)
    assert names(seven.report(seven.pair("a"), FOUR, voters=ALL))[-1] == "Closed"


def test_120_signatures_fit_into_one_report(bare):
    bare.enrol(120)
    bare.announce()
    told = bare.report(bare.pair("a"), range(120))
    assert fields_of(told, "Recorded")["voters"] == 2**120 - 1


def test_a_report_of_attempt_1_is_none_of_attempt_2(seven):
    signed = signed_by(seven, *FOUR)
    seven.seal(0, seven.pair("a"))
    seven.wait(900)
    with seven.refuses("votings: not the worker's key"):
        brought(seven, signed, place=Place(2, 1))


def test_a_report_of_one_slot_is_none_of_another(seven):
    signed = signed_by(seven, *FOUR)
    seven.report(seven.pair("a"), FOUR)
    seven.trigger = seven.slot(3).trigger_id
    with seven.refuses("votings: not the worker's key"):
        brought(seven, signed)

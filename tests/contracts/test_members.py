"""Members: enrolment, removal, indices, keys and their rotation."""

import boa
import pytest


def test_indices_are_given_in_order_and_members_are_listed(network):
    network.enrol(1, role=2)
    assert network.contract.member_count() == 4
    assert (network.contract.active(), network.contract.standby()) == (0b0111, 0b1000)
    member = network.contract.member(3)
    assert (member.operator, member.worker, member.role) == (network.operators[3], network.keys[3], 2)
    assert network.contract.index_of(network.keys[3]) == 3


def test_an_enrolment_tells_index_operator_key_role_and_encryption_key(bare):
    operator, key = boa.env.generate_address(), boa.env.generate_address()
    told = bare.call("enrol", operator, key, 2, b"\x07" * 32)
    fields = {"index": 0, "operator": operator, "worker": key, "role": 2, "encryption_key": b"\x07" * 32}
    assert told == [("Enrolled", fields)]


def test_a_removal_tells_whom_and_frees_no_index(network):
    told = network.call("remove", 1)
    fields = {"index": 1, "operator": network.operators[1], "worker": network.keys[1]}
    assert told == [("Removed", fields)]
    assert network.contract.active() == 0b101
    assert network.contract.member(1).role == 0
    network.enrol()
    assert network.contract.active() == 0b1101


def test_an_operator_enrolled_again_gets_its_index_back_with_its_key_and_a_new_role(network):
    network.call("remove", 1)
    network.call("enrol", network.operators[1], network.keys[1], 2, b"\x09" * 32)
    assert (network.contract.active(), network.contract.standby()) == (0b101, 0b010)
    assert network.contract.index_of(network.keys[1]) == 1
    assert network.contract.member_count() == 3


def test_nobody_but_its_operator_gives_an_index_another_key_also_not_one_that_it_had(network):
    former = network.keys[1]
    network.rotate(1)
    network.call("remove", 1)
    for key in (boa.env.generate_address(), former, network.keys[2], "0x" + "00" * 20):
        with network.refuses("members: not the operator's key"):
            network.call("enrol", network.operators[1], key, 1, b"\x09" * 32)
    assert network.contract.member(1).worker == network.keys[1]


def test_an_operator_that_rotated_while_it_was_removed_comes_back_with_its_new_key(network):
    former = network.keys[1]
    network.call("remove", 1)
    network.rotate(1)
    assert (network.contract.active(), network.contract.member(1).role) == (0b101, 0)
    with network.refuses("members: not the operator's key"):
        network.call("enrol", network.operators[1], former, 1, b"\x09" * 32)
    network.enrol_again(1)
    network.cast(1, network.pair("a"))
    assert network.voters(network.pair("a")) == 0b010


def test_a_key_once_used_is_never_accepted_for_another_index(network):
    former = network.keys[1]
    network.rotate(1)
    network.call("remove", 1)
    for old in (former, network.keys[1], network.keys[2]):
        with network.refuses("members: key of another index"):
            network.call("enrol", boa.env.generate_address(), old, 1, b"\x09" * 32)
    assert network.contract.member_count() == 3


def test_an_operator_has_at_most_one_worker_of_either_role(network):
    network.enrol(1, role=2)
    for index in (0, 3):
        with network.refuses("members: already enrolled"):
            network.call("enrol", network.operators[index], boa.env.generate_address(), 1, b"\x09" * 32)


def test_an_enrolment_that_lacks_something_is_refused(bare):
    some, other, zero = boa.env.generate_address(), boa.env.generate_address(), "0x" + "00" * 20
    with bare.refuses("members: no operator"):
        bare.call("enrol", zero, other, 1, b"\x09" * 32)
    with bare.refuses("members: no worker"):
        bare.call("enrol", some, zero, 1, b"\x09" * 32)
    for role in (0, 3):
        with bare.refuses("members: unknown role"):
            bare.call("enrol", some, other, role, b"\x09" * 32)
    with bare.refuses("members: no encryption key"):
        bare.call("enrol", some, other, 1, bytes(32))


def test_only_those_enrolled_can_be_removed(network):
    network.call("remove", 1)
    for index in (1, 3, 119, 120, 2**256 - 1):
        with network.refuses("members: not enrolled"):
            network.call("remove", index)


def test_only_the_owner_enrols_and_removes(network):
    assert network.contract.owner() == network.owner
    with network.refuses("ownership: not the owner"):
        network.call("remove", 1, sender=network.keys[1])
    some = boa.env.generate_address()
    with network.refuses("ownership: not the owner"):
        network.call("enrol", some, some, 1, b"\x09" * 32, sender=some)


def test_an_index_never_given_is_nobody(network):
    with network.refuses("members: unknown index"):
        network.contract.member(3)
    with network.refuses("members: unknown worker"):
        network.contract.index_of(network.operators[0])


def test_120_operators_fit_and_no_more_even_after_a_removal(bare):
    bare.enrol(120)
    assert bare.contract.active() == 2**120 - 1
    bare.call("remove", 5)
    with bare.refuses("members: no index left"):
        bare.enrol()
    bare.call("enrol", bare.operators[5], bare.keys[5], 2, b"\x09" * 32)
    assert bare.contract.standby() == 1 << 5


def test_a_removed_worker_is_no_member_of_what_opens_later_and_enrolled_again_is_one(network):
    network.enrol()
    network.call("remove", 1)
    with network.refuses("votings: not a member"):
        network.cast(1, network.pair("a"))
    network.cast(0, network.pair("a"))
    network.call("enrol", network.operators[1], network.keys[1], 1, b"\x09" * 32)
    with network.refuses("votings: not a member"):
        network.cast(1, network.pair("a"))
    network.trigger = network.slot(3).trigger_id
    network.cast(1, network.pair("a"))


def test_a_rotation_puts_a_new_key_behind_an_index_and_tells_so(network):
    old = network.keys[1]
    told = network.rotate(1)
    fields = {"index": 1, "operator": network.operators[1], "worker": network.keys[1]}
    assert told == [("Rotated", fields | {"encryption_key": b"\x09" * 32})]
    assert network.contract.index_of(network.keys[1]) == 1
    with network.refuses("members: unknown worker"):
        network.contract.index_of(old)
    assert network.contract.member(1).worker == network.keys[1] != old


@pytest.mark.parametrize("role", [1, 2])
def test_a_rotation_changes_neither_role_nor_operator_nor_anybody_else(network, role):
    network.enrol(1, role=role)
    before = network.contract.active(), network.contract.standby(), network.contract.member_count()
    network.rotate(3)
    after = network.contract.active(), network.contract.standby(), network.contract.member_count()
    assert after == before
    member = network.contract.member(3)
    assert (member.operator, member.worker, member.role) == (network.operators[3], network.keys[3], role)


def test_only_the_operator_of_an_index_rotates_its_key(network):
    fresh = boa.env.generate_address()
    for sender in (network.owner, network.keys[1], network.operators[0], fresh):
        with network.refuses("members: not the operator"):
            network.call("rotate", 1, fresh, b"\x09" * 32, sender=sender)


def test_an_index_that_was_never_given_is_not_rotated(network):
    for index in (3, 119, 120, 2**256 - 1):
        with network.refuses("members: unknown index"):
            network.call("rotate", index, boa.env.generate_address(), b"\x09" * 32)


def test_a_rotation_of_a_removed_worker_enrols_nobody(network):
    network.call("remove", 1)
    told = network.rotate(1)
    assert [name for name, _ in told] == ["Rotated"]
    assert (network.contract.active(), network.contract.standby()) == (0b101, 0)
    with network.refuses("votings: not a member"):
        network.cast(1, network.pair("a"))
    with network.refuses("members: not enrolled"):
        network.check_in(1)


def test_a_rotation_needs_both_keys(network):
    operator, zero = network.operators[1], "0x" + "00" * 20
    with network.refuses("members: no worker"):
        network.call("rotate", 1, zero, b"\x09" * 32, sender=operator)
    with network.refuses("members: no encryption key"):
        network.call("rotate", 1, boa.env.generate_address(), bytes(32), sender=operator)


def test_no_key_that_was_ever_used_for_another_index_is_rotated_in(network):
    former = network.keys[0]
    network.rotate(0)
    for used in (former, network.keys[0], network.keys[2]):
        with network.refuses("members: key of another index"):
            network.call("rotate", 1, used, b"\x09" * 32, sender=network.operators[1])
    with network.refuses("members: key of another index"):
        network.call("enrol", boa.env.generate_address(), former, 1, b"\x09" * 32)


def test_an_index_may_return_to_a_key_of_its_own_and_keep_the_one_it_has(network):
    first = network.secrets[1]
    network.rotate(1)
    network.rotate(1, first)
    network.rotate(1, first)
    assert network.contract.index_of(network.address_of(first)) == 1


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_rotated_key_votes_in_an_open_attempt_and_the_old_one_no_longer(network, attempt):
    a, old = network.pair("a"), network.keys[1]
    network.cast(0, a)
    if attempt == 2:
        network.wait(600)
        network.cast(0, a, attempt=2)
    network.rotate(1)
    with network.refuses("votings: not the worker's key"):
        network.cast(1, a, attempt, sender=old)
    assert [name for name, _ in network.cast(1, a, attempt)] == ["Cast", "Recorded"]


@pytest.mark.parametrize("attempt", [1, 2])
def test_a_removed_operator_rotates_and_its_new_key_votes_in_the_open_attempt(network, attempt):
    a, old = network.pair("a"), network.keys[1]
    network.cast(0, a)
    if attempt == 2:
        network.wait(600)
        network.cast(0, a, attempt=2)
    network.call("remove", 1)
    network.rotate(1)
    with network.refuses("votings: not the worker's key"):
        network.cast(1, a, attempt, sender=old)
    assert [name for name, _ in network.cast(1, a, attempt)] == ["Cast", "Recorded"]


def test_what_the_old_key_has_cast_stays_cast(network):
    network.cast(1, network.pair("a"))
    network.rotate(1)
    assert network.voters(network.pair("a")) == 0b010
    with network.refuses("votings: already cast"):
        network.cast(1, network.pair("b"))
    network.cast(2, network.pair("a"))
    assert network.record().voters == 0b110


def test_signatures_are_checked_against_the_key_of_the_moment_in_which_they_are_brought(sealed):
    a = sealed.pair("a")
    by_the_old_key = sealed.signed_seal(1, a)
    sealed.rotate(1)
    told = sealed.bring_seals([sealed.signed_seal(0, a), by_the_old_key])
    skipped = [(fields["worker"], fields["rule"]) for name, fields in told if name == "Skipped"]
    assert skipped == [(1, "votings: not the worker's key")]
    sealed.bring_seals([sealed.signed_seal(1, a)])
    assert sealed.voting().ballots == 0b011


def enrols_with_own_key(network, index):
    """The owner enrols this operator, whom he has removed, with a key of his own."""
    secret = network.new_key()
    key = network.address_of(secret)
    return network.call("enrol", network.operators[index], key, 1, b"\x09" * 32), secret


def test_an_owner_who_enrols_a_removed_operator_with_his_own_key_has_no_vote_in_an_open_attempt(network):
    network.cast(0, network.pair("a"))
    network.call("remove", 1)
    with network.refuses("members: not the operator's key"):
        enrols_with_own_key(network, 1)
    with network.refuses("votings: not the worker's key"):
        network.cast(1, network.pair("b"), sender=network.owner)
    assert "Recorded" in [name for name, _ in network.cast(1, network.pair("a"))]


def test_an_owner_cannot_report_in_the_name_of_members_whom_he_removed_and_enrols_again(sealed):
    a, b = sealed.pair("a"), sealed.pair("b")
    for worker in range(3):
        sealed.seal(worker, a)
    honest = dict(sealed.secrets)
    for index in (1, 2):
        sealed.call("remove", index)
        with sealed.refuses("members: not the operator's key"):
            enrols_with_own_key(sealed, index)
        sealed.enrol_again(index)
        sealed.secrets[index] = sealed.new_key()
    with sealed.refuses("votings: not the worker's key"):
        sealed.report(b, [1, 2], participants=0b111)
    assert sealed.contract.size() == 0
    sealed.secrets = honest
    sealed.reveal(a, [0, 1, 2])
    assert sealed.record().voters == 0b111


def test_an_operator_enrolled_again_votes_in_the_open_attempt_with_its_own_key_only(network):
    network.cast(0, network.pair("a"))
    network.call("remove", 1)
    network.enrol_again(1)
    with network.refuses("votings: not the worker's key"):
        network.cast(1, network.pair("b"), sender=network.owner)
    assert "Recorded" in [name for name, _ in network.cast(1, network.pair("a"))]


def test_a_standby_enrolled_active_again_and_the_other_way_round_has_its_new_role(network):
    network.call("remove", 1)
    network.enrol_again(1, role=2)
    assert (network.contract.active(), network.contract.standby()) == (0b101, 0b010)
    with network.refuses("votings: not a member"):
        network.cast(1, network.pair("a"))
    network.call("remove", 1)
    network.enrol_again(1, role=1)
    assert (network.contract.active(), network.contract.standby()) == (0b111, 0)
    network.cast(1, network.pair("a"))

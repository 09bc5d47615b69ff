import pytest

from approvals.model import MINUTE, WEB, Ask, Escalation, Person
from approvals.people import Destination, Directory, Link

GROUPS = {
    "default": frozenset({"dana"}),
    "finance": frozenset({"dana", "lee"}),
    "infra": frozenset({"kim"}),
}
PEOPLE = (
    Person("dana", "dana@example.com", {"slack": "U1", "telegram": "1"}),
    Person("lee", "lee@example.com", {"telegram": "2"}),
    Person("kim", "kim@example.com"),
)
ALL = {"slack": True, "telegram": False, "email": True}


def directory(*links: Link) -> Directory:
    return Directory(PEOPLE, GROUPS, links)


def ask(*via: str) -> Ask:
    return Ask("r", (("finance", 1),), via=via, escalate=Escalation(MINUTE, "infra"))


def places(
    *via: str, on: dict[str, bool] | None = None, escalated: bool = False
) -> set[Destination]:
    found = directory().destinations(ask(*via), ALL if on is None else on, escalated=escalated)
    assert len(found) == len(set(found))
    return set(found)


def slack(person: str, account: str) -> Destination:
    return Destination("slack", person, account, by_email="@" in account)


def test_law_02_an_account_is_found_by_its_exact_id_only() -> None:
    people = directory()
    dana = people.by_account("slack", "U1")
    assert dana is not None
    assert dana.id == "dana"
    for channel, account in (
        ("slack", "u1"), ("slack", "U1 "), ("slack", "dana"), ("slack", ""), ("telegram", "U1"),
        ("web", "dana"), ("slack", "dana@example.com"),
    ):  # fmt: skip
        assert people.by_account(channel, account) is None
    assert people.by_account("email", "kim@example.com") == people.person("kim")


def test_people_carry_their_groups() -> None:
    people = directory()
    assert [person.groups for person in people.people()] == [
        {"default", "finance"},
        {"finance"},
        {"infra"},
    ]
    assert people.person("nobody") is None


def test_law_02_two_accounts_are_one_person() -> None:
    people = directory(Link("slack", "U9", "dana"), Link("matrix", "@dana:h", "dana"))
    dana = people.person("dana")
    assert people.by_account("slack", "U9") == people.by_account("slack", "U1") == dana
    assert dana is not None
    assert dana.accounts["slack"] == "U1"  # cards keep going to the configured one
    assert dana.accounts["matrix"] == "@dana:h"


def test_law_02_one_account_of_two_people_is_refused() -> None:
    with pytest.raises(ValueError, match="one slack account belongs to both dana and lee"):
        directory(Link("slack", "U1", "lee"))
    twins = (Person("a", "x@example.com"), Person("b", "x@example.com"))
    with pytest.raises(ValueError, match="both a and b"):
        Directory(twins, {})
    with pytest.raises(ValueError, match="two people called a"):
        Directory((Person("a"), Person("a")), {})
    with pytest.raises(ValueError, match="nobody known"):
        Directory((), {"g": frozenset({"ghost"})})


def test_an_account_of_bad_standing_speaks_for_nobody() -> None:
    people = directory(Link("slack", "U1", "dana", "guest"), Link("slack", "U9", "lee", "deleted"))
    assert people.by_account("slack", "U1") is None
    assert people.by_account("slack", "U9") is None
    dana = people.person("dana")
    assert dana is not None
    assert "slack" not in dana.accounts


def test_links_of_people_who_left_the_configuration_say_nothing() -> None:
    assert directory(Link("slack", "U9", "ghost")).by_account("slack", "U9") is None


def test_approvers_are_the_quorum_and_once_escalated_those_called_in() -> None:
    people = directory()
    assert [person.id for person in people.approvers(ask(), False)] == ["dana", "lee"]
    assert [person.id for person in people.approvers(ask(), True)] == ["dana", "lee", "kim"]


def test_via_reaches_each_approver_on_the_first_that_can() -> None:
    assert places("slack", "telegram", on={"slack": False, "telegram": False}) == {
        slack("dana", "U1"),
        Destination("telegram", "lee", "2"),
    }
    assert places("telegram", "slack") == {
        Destination("telegram", "dana", "1"),
        Destination("telegram", "lee", "2"),
    }


def test_a_person_known_by_email_is_reached_where_a_channel_opens_by_email() -> None:
    assert places("slack") == {slack("dana", "U1"), slack("lee", "lee@example.com")}
    assert places("slack", on={"slack": False}) == {slack("dana", "U1")}


def test_a_room_gets_one_card_for_all() -> None:
    room = Destination("slack", room="C1")
    assert places("slack:C1") == {room}
    assert places("slack:C1", "telegram") == {room}
    alone = {"slack": False, "telegram": False}
    assert places("slack", "slack:C1", on=alone) == {slack("dana", "U1"), room}


def test_without_via_every_channel_a_person_has() -> None:
    assert places(on={"slack": False, "telegram": False}) == {
        slack("dana", "U1"),
        Destination("telegram", "dana", "1"),
        Destination("telegram", "lee", "2"),
    }


def test_the_inbox_is_nobodys_destination() -> None:
    assert places(WEB, on={WEB: True, **ALL}) == set()
    assert places(WEB, "telegram") == places("telegram")


def test_channels_that_are_off_are_passed_over() -> None:
    assert places("slack", "telegram", on={"telegram": False}) == places("telegram")
    assert places("slack:C1", on={}) == set()


def test_escalation_reaches_more_people() -> None:
    assert places("email", escalated=True) - places("email") == {
        Destination("email", "kim", "kim@example.com")
    }


def test_law_02_what_a_platform_said_gives_way_to_the_configuration() -> None:
    learnt = Link("slack", "U1", "lee", learnt=True)
    people = directory(learnt, Link("slack", "U7", "lee", learnt=True))
    assert people.conflicts == (learnt,)
    assert people.by_account("slack", "U1") == people.person("dana")
    assert people.by_account("slack", "U7") == people.person("lee")


def test_law_02_an_account_rests_on_the_words_of_the_configuration() -> None:
    people = directory(Link("slack", "U9", "dana"), Link("slack", "U7", "lee", learnt=True))
    assert people.grounds("slack", "U9", "dana") == ("U9", "dana@example.com")
    assert people.grounds("slack", "U7", "lee") == ("lee@example.com",)
    assert people.grounds("slack", "U7", "nobody") == ()

"""The words of states: one place for cards, pages, lists, notices, mails, terminal and API."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from approvals import words
from approvals.model import MINUTE, SECOND, Ask, Case, Choice, Outcome, Status, Vote
from approvals.policy import needs
from approvals.words import REPORT, Voice

NAMES = {"dana": "Dana Lee", "lee": "Lee"}
ROOT = Path(__file__).parents[2]


def case(*votes: tuple[str, Choice], quorum: Any = (("default", 1),), **more: Any) -> Case:
    """A case with these votes. Dana and Lee are in finance, Kim in infra."""
    sits = {"dana": ("default", "finance"), "lee": ("finance",), "kim": ("default", "infra")}
    cast = tuple(Vote(who, what, sits[who], "web", 1, 9) for who, what in votes)
    made = Case("req_1", "default", 1, "d", "r", "a", Ask("any", quorum), 0, 9_000, votes=cast)
    return replace(made, **more)


def approved(*people: str) -> tuple[tuple[str, Choice], ...]:
    return tuple((who, Choice.APPROVE) for who in people)


def said(it: Case, voice: Voice) -> str:
    return words.progress(it, needs(it.ask.quorum, it.votes), voice)


TWO = (("finance", 2),)
BOTH = (("finance", 2), ("infra", 1))


@pytest.mark.parametrize(
    ("it", "voice", "expected"),
    [
        (case(), Voice(reader="dana"), "You can approve this alone."),
        (case(), Voice(), "Needs one person."),
        (case(quorum=(("finance", 1),)), Voice(), "Needs one person from finance."),
        (case(quorum=TWO), Voice(reader="dana"), "Needs two people from finance."),
        (
            case(*approved("dana"), quorum=TWO),
            Voice(names=NAMES),
            "Needs two people from finance: Dana Lee approved, one more.",
        ),
        (
            case(*approved("dana"), quorum=TWO),
            Voice(names=NAMES, reader="dana"),
            "Needs two people from finance: you approved, one more.",
        ),
        (
            case(*approved("dana"), quorum=TWO),
            Voice(people=False),
            "Needs two people from finance: one approved, one more.",
        ),
        (
            case(*approved("dana"), quorum=BOTH),
            Voice(names=NAMES),
            "Needs two people from finance and one from infra: Dana Lee approved, one more from"
            " finance and one more from infra.",
        ),
        (
            case(*approved("dana", "kim"), quorum=(("default", 3),)),
            Voice(names=NAMES, reader="kim"),
            "Needs three people: you and Dana Lee approved, one more.",
        ),
        (case(status=Status.EXPIRED), Voice(reader="dana"), ""),
    ],
    ids=range(10),
)
def test_progress_needs_no_knowledge_of_groups(it: Case, voice: Voice, expected: str) -> None:
    assert said(it, voice) == expected


def test_progress_counts_this_revision_only() -> None:
    it = case(*approved("dana"), quorum=TWO, revision=2)
    assert words.progress(it, TWO, Voice()) == "Needs two people from finance."


DONE = Outcome(True, 9, 201)
DECLINED = case(("lee", Choice.APPROVE), ("dana", Choice.DECLINE), status=Status.DECLINED)


@pytest.mark.parametrize(
    ("it", "voice", "expected"),
    [
        (case(), Voice(), "Waiting for approval"),
        (case(*approved("dana", "lee"), status=Status.APPROVED), Voice(names=NAMES),
         "Approved by Dana Lee and Lee"),
        (case(*approved("dana"), status=Status.APPROVED, outcome=DONE), Voice(),
         "Approved by dana. Delivered: 201"),
        (case(*approved("dana"), status=Status.APPROVED), Voice(people=False), "Approved"),
        (replace(DECLINED, reason="Too\u202e much"), Voice(names=NAMES),
         "Declined by Dana Lee: Too\\u{202e} much"),
        (replace(DECLINED, reason="Too much"), Voice(quote=None), "Declined by dana"),
        (case(status=Status.DECLINED, reason="Refused by the rule 'x'."), Voice(),
         "Declined: Refused by the rule 'x'."),
        (case(status=Status.EXPIRED), Voice(), "Expired. Nothing was run."),
        (case(status=Status.WITHDRAWN), Voice(), "Withdrawn. Nothing was run."),
        (case(status=Status.WITHDRAWN, reason="OneCLI no longer holds it."), Voice(),
         "Withdrawn. OneCLI no longer holds it."),
        (case(status=Status.WITHDRAWN, reason="OneCLI no longer holds it."), Voice(quote=None),
         "Withdrawn."),
    ],
    ids=range(11),
)  # fmt: skip
def test_law_03_a_state_says_what_is_committed_and_no_more(
    it: Case, voice: Voice, expected: str
) -> None:
    assert words.state(it, voice) == expected
    assert expected.startswith(words.label(it))


def test_an_approval_that_nobody_collected_says_so_when_its_time_is_over() -> None:
    ask = Ask("any", (("default", 1),), release_within=30 * SECOND)
    it = case(*approved("dana"), status=Status.APPROVED, decided_at=MINUTE, ask=ask)
    end = MINUTE + 30 * SECOND + REPORT
    voice = Voice(names=NAMES)
    lapsed = "Approved by Dana Lee, but never collected. Nothing was run."
    assert words.state(it, voice, now=end - 1) == "Approved by Dana Lee"
    assert words.outcome(it, now=end - 1) == "Not reported yet"
    assert words.state(it, voice, now=end) == lapsed
    assert words.outcome(it, now=end) == "Never collected. Nothing was run."
    told = replace(it, outcome=DONE)
    assert words.state(told, voice, now=end) == "Approved by Dana Lee. Delivered: 201"
    for status in set(Status) - {Status.APPROVED}:
        assert not words.lapsed(replace(it, status=status), end)


@pytest.mark.parametrize(
    ("it", "tense"),
    [
        (case(), "will be"),
        (case(status=Status.APPROVED), "will be"),
        (case(status=Status.APPROVED, outcome=DONE), "was"),
        (case(status=Status.APPROVED, outcome=Outcome(False, 9)), "would have been"),
        (case(status=Status.APPROVED, outcome=Outcome(None, 9)), "may have been"),
        (case(status=Status.APPROVED, lapsed=True), "would have been"),
        *((case(status=status), "would have been")
          for status in (Status.DECLINED, Status.EXPIRED, Status.WITHDRAWN)),
    ],
    ids=range(9),
)  # fmt: skip
def test_the_tense_is_that_of_the_state(it: Case, tense: str) -> None:
    assert words.tense(it.status, it.outcome, lapsed=it.lapsed) == tense


def test_the_heading_over_the_bytes_claims_no_more_than_is_known() -> None:
    for tense, http, summary, said in (
        ("will be", True, False, "Exactly what will be sent"),
        ("was", False, False, "Exactly what was done"),
        ("may have been", True, False, "What may have been sent"),
        ("would have been", False, False, "What would have been done"),
        ("will be", True, True, "What will be sent, as the gateway sums it up"),
    ):
        assert words.over_the_bytes(tense, http=http, summary=summary) == said


def test_long_names_are_cut_and_hostile_ones_are_visible() -> None:
    voice = Voice(names={"dana": "D\u202ea\n" + "x" * 100})
    assert voice.name("dana").startswith("D\\u{202e}a⏎")
    assert len(voice.name("dana")) == words.NAME


def test_no_other_module_words_a_state() -> None:
    pattern = re.compile(
        r"Nothing was run|never collected|Not reported yet|Already (approved|declined)|Needs \w+"
        r" (person|people)|[Ss]till needed|Waiting for approval|You can approve"
    )
    found = [
        f"{path.name}: {line.strip()}"
        for folder in ("approvals", "adapters", "card_templates")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.suffix in (".py", ".j2") and path.name != "words.py"
        for line in path.read_text().splitlines()
        if pattern.search(line)
    ]
    assert [one for one in found if not one.startswith(EXAMPLES)] == []


EXAMPLES = ("model.py", "machine.py", "registered.py", "template_check.py", "result.html.j2")
"""Docstrings; Meta's example of a template's values; a card that a template is tried with; what
compares with the words."""


def test_a_channel_is_called_as_people_write_it() -> None:
    assert [words.channel(name) for name in ("google_chat", "slack")] == ["Google Chat", "Slack"]

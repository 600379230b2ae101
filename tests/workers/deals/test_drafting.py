"""The offline drafter: every question gets its fact, with the field it was taken from; what is unknown is said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.workers.deals.seeds import FOUNDRY, LOFT, QUESTION, SARAH
from workers.deals.rules.drafting import Drafted, drafted
from workers.deals.rules.facts import Facts, facts_of
from workers.deals.rules.questions import fresh_text, questions


def facts(body: str, *spaces: dict[str, Any]) -> Facts:
    rows = [{**each, "space_id": at, "status": "shown"} for at, each in enumerate(spaces or (FOUNDRY, LOFT), start=1)]
    mail = {"deal_id": 1, "email_id": 5, "from_address": SARAH["seeker_email"], "subject": "s", "body": body}
    return facts_of({**SARAH, **mail}, rows)


def reply(body: str, instruction: str | None = None) -> Drafted:
    return drafted(facts(body), instruction)


def test_each_question_is_answered_from_its_fields() -> None:
    made = reply(QUESTION)
    assert "The Foundry has parking (building garage), which costs $250 per month; 4 spots are available." in made.body
    assert "Dogs are welcome at The Foundry (under 40 lbs), with a deposit of $300." in made.body
    assert "You could see The Foundry on Tuesday at 2pm or 4pm or Wednesday at 10am, 11am or 2pm." in made.body
    assert "Harbor Loft" not in made.body
    assert len(made.reasoning.questions_addressed) == 3
    paths = {each.field_path: each.value for each in made.reasoning.data_used}
    assert paths["detailedAmenities.parking.costMonthly"] == 250
    assert paths["availability.tuesday"] == ["2pm", "4pm"]
    assert made.reasoning.scheduling_logic is not None
    assert made.confidence == 90


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (
            "What is the rent of Harbor Loft?",
            "The monthly rent of Harbor Loft is $6,400, within your budget of $9,000.",
        ),
        ("Are dogs allowed at Harbor Loft?", "Dogs are not allowed at Harbor Loft (building rule)."),
        ("Is there parking at Harbor Loft?", "There is no parking at Harbor Loft."),
        ("Where is Harbor Loft?", "Harbor Loft is at 22 Pier Avenue, Dogpatch."),
        ("Does The Foundry have a gym?", "The Foundry has no gym."),
        (
            "How many meeting rooms are at The Foundry?",
            "3 meeting rooms (for 4, 6 and 10 people), booked through Robin.",
        ),
        (
            "What does the rent of The Foundry include?",
            "utilities, internet (1 Gbps fiber) and cleaning (twice a week).",
        ),
        ("Can we use The Foundry on weekends?", "used after hours, with advance notice of 24 hours."),
        ("Is there a meeting room at Harbor Loft?", "I do not have the details on meeting rooms for Harbor Loft yet"),
        ("Is Mars far from Venus?", "I will check and come back to you."),
    ],
)
def test_a_question_gets_the_fact_or_the_truth_that_it_is_not_known(question: str, told: str) -> None:
    assert told in reply(question).body


def test_what_is_not_known_lowers_the_confidence() -> None:
    sure, unsure = reply("Is there parking at The Foundry?"), reply("Is there a meeting room at Harbor Loft?")
    assert sure.confidence > unsure.confidence
    assert reply("Hello.").confidence == 30


def test_the_same_mail_gets_the_same_reply() -> None:
    assert reply(QUESTION) == reply(QUESTION)


def test_quoted_mails_are_not_answered_again() -> None:
    body = "Is there parking?\n\nOn Mon, 2 Nov 2026, Agent wrote:\n> Are dogs allowed?\n> What is the rent?"
    assert fresh_text(body) == "Is there parking?"
    assert [each.topics for each in questions(facts(body))] == [("parking",)]


def test_an_instruction_changes_the_reply() -> None:
    plain, short = reply(QUESTION), reply(QUESTION, "make it shorter and mention the address")
    assert "410 Mission Street" in short.body
    assert "Thank you for your message." in plain.body
    assert "Thank you for your message." not in short.body
    assert reply(QUESTION, "more formal please").body.startswith("Dear Sarah Chen,")


def test_rejected_spaces_are_not_offered() -> None:
    rows: list[dict[str, Any]] = [
        {**FOUNDRY, "space_id": 1, "status": "rejected"},
        {**LOFT, "space_id": 2, "status": "shown"},
    ]
    mail = {"deal_id": 1, "email_id": 5, "from_address": "a@b", "subject": "s", "body": "When can we visit?"}
    assert "Foundry" not in drafted(facts_of({**SARAH, **mail}, rows)).body


odd = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["parking", "cost", "a"]), inner),
    max_leaves=6,
)


@given(st.text(max_size=300), odd, odd, odd)
def test_no_mail_and_no_document_is_a_surprise(body: str, amenities: Any, availability: Any, detail: Any) -> None:
    documents = {"amenities": amenities, "availability": availability, "detailed_amenities": detail}
    space = {**FOUNDRY, **{name: json.dumps(value) for name, value in documents.items()}}
    made = drafted(facts(body + " parking? dogs? rent? internet? tour? access? included?", space))
    assert made.body.startswith("Hi Sarah,")
    assert 0 <= made.confidence <= 100

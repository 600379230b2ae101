"""The offline drafter: a deterministic reply from the questions of a mail and the facts of the database. No model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from workers.deals.model import DataUsed, Question, Reasoning
from workers.deals.rules.answers import answer_of, listed
from workers.deals.rules.facts import Facts, Space
from workers.deals.rules.questions import Asked, days_of, questions, spoken, topics_of

MODEL: Final = "offline-drafter-1"
TOPIC_NAMES: Final = {
    "parking": "parking",
    "dogs": "dogs",
    "after_hours": "use after hours",
    "access": "access",
    "rent": "the rent",
    "meeting_rooms": "meeting rooms",
    "internet": "internet",
    "inclusions": "what the rent includes",
    "location": "the address",
}


@dataclass(frozen=True, slots=True)
class Drafted:
    """What a drafter gives back, whichever it is. `tokens` is what a model counted."""

    body: str
    confidence: int
    reasoning: Reasoning
    model: str = MODEL
    tokens: int = 0


@dataclass(slots=True)
class _Reply:
    """The reply as it grows; no sentence stands in it twice."""

    lines: list[str] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)
    used: list[DataUsed] = field(default_factory=list)
    logic: list[str] = field(default_factory=list)
    answered: int = 0
    open: int = 0

    def say(self, sentence: str) -> None:
        if sentence not in self.lines:
            self.lines.append(sentence)


def drafted(facts: Facts, instruction: str | None = None) -> Drafted:
    """A reply to `facts.mail`. An instruction adds its topics, and `shorter` and `formal` are understood."""
    reply, asked = _Reply(), questions(facts)
    if instruction:
        asked = [*asked, *_of_instruction(instruction, facts)]
    for each in asked:
        _answer(reply, each, facts)
    return Drafted(
        body=_body(reply, facts, instruction or ""),
        confidence=_confidence(reply, facts),
        reasoning=Reasoning(
            questions_addressed=tuple(reply.asked),
            data_used=tuple(reply.used),
            scheduling_logic=tuple(reply.logic) or None,
        ),
    )


def _of_instruction(instruction: str, facts: Facts) -> list[Asked]:
    topics = topics_of(instruction, facts)
    spaces = tuple(each for each in facts.open_spaces if each.name.lower() in instruction.lower())
    return [Asked(instruction, topics, spaces or facts.open_spaces, days_of(instruction))] if topics else []


def _answer(reply: _Reply, asked: Asked, facts: Facts) -> None:
    before = len(reply.lines)
    said: list[str] = []
    for topic in asked.topics:
        for space in asked.spaces:
            sentence = _tour(reply, asked, space) if topic == "tour" else _fact(reply, topic, space, facts)
            said.append(sentence)
            reply.say(sentence)
    if not asked.topics and "?" in asked.text:
        reply.open += 1
        said.append("I will check this and come back to you.")
        reply.say("On your other question I will check and come back to you.")
    if said or len(reply.lines) > before:
        reply.asked.append(
            Question(
                question=asked.text,
                answer=" ".join(dict.fromkeys(said)),
                source_email_id=facts.mail.id,
                source_text=asked.text,
            )
        )


def _fact(reply: _Reply, topic: str, space: Space, facts: Facts) -> str:
    find = answer_of(topic)
    found = find(space, facts) if find else None
    if found is None:
        reply.open += 1
        name = TOPIC_NAMES.get(topic) or f"the {spoken(topic.removeprefix('amenity:'))}"
        return f"I do not have the details on {name} for {space.name} yet; I will ask {space.host_company}."
    reply.answered += 1
    reply.used += [each for each in found.used if each not in reply.used]
    return found.text


def _tour(reply: _Reply, asked: Asked, space: Space) -> str:
    free = {day: slots for day, slots in space.availability.items() if slots}
    if not free:
        reply.open += 1
        reply.logic.append(f"{space.name}: no times of availability are known")
        return f"I will ask {space.host_company} for times when you can see {space.name}."
    wanted = {day: slots for day, slots in free.items() if day in asked.days}
    chosen = wanted or free
    why = f"the mail names {listed([day.title() for day in asked.days])}" if asked.days else "the mail names no day"
    reply.logic.append(f"{space.name}: {why}; {'of these' if wanted else 'all'} free times are offered")
    reply.answered += 1
    reply.used += [
        DataUsed(
            data_point="availability",
            source_type="space",
            source_id=space.id,
            field_path=f"availability.{day}",
            value=list(slots),
        )
        for day, slots in chosen.items()
    ]
    times = listed([f"{day.title()} at {listed(list(slots), 'or')}" for day, slots in chosen.items()], "or")
    return f"You could see {space.name} on {times}."


def _body(reply: _Reply, facts: Facts, instruction: str) -> str:
    formal = re.search(r"\bformal", instruction, re.IGNORECASE) is not None
    short = re.search(r"\b(?:short(?:er)?|brief(?:er)?|concise)\b", instruction, re.IGNORECASE) is not None
    greeting = f"Dear {facts.seeker_name}," if formal else f"Hi {facts.first_name},"
    opening = [] if short else ["Thank you for your message."]
    middle = reply.lines or ["I have received it and will come back to you with an answer."]
    closing = [] if short else ["Please let me know which of this suits you."]
    ending = "Kind regards" if formal else "Best regards"
    return "\n\n".join([greeting, *([" ".join(opening)] if opening else []), "\n".join(middle), *closing, ending])


def _confidence(reply: _Reply, facts: Facts) -> int:
    """90 where every question has a fact, less for each that has none; 30 where nothing known is asked."""
    if not facts.open_spaces or reply.answered + reply.open == 0:
        return 30
    return round(30 + 60 * reply.answered / (reply.answered + reply.open))

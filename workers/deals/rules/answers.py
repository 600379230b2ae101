"""Answers of the offline drafter: for each topic and space one plain sentence, and the fields it was taken from.

None = the database does not say; then the reply says that too and promises to ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from workers.deals.model import DataUsed
from workers.deals.rules.facts import Facts, Space
from workers.deals.rules.questions import spoken


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence and the fields it stands on."""

    text: str
    used: tuple[DataUsed, ...]


def money(value: float) -> str:
    return f"${value:,.0f}" if value == int(value) else f"${value:,.2f}"


def listed(parts: list[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"


def used(space: Space, path: str, value: Any, point: str) -> DataUsed:
    return DataUsed(data_point=point, source_type="space", source_id=space.id, field_path=path, value=value)


def parking(space: Space, _facts: Facts) -> Answer | None:
    has = space.flag("parking")
    if has is False:
        return Answer(f"There is no parking at {space.name}.", (used(space, "amenities.parking", False, "parking"),))
    if has is None and not space.of("parking"):
        return None
    sources = [used(space, "amenities.parking", has, "parking")]
    text = f"{space.name} has parking"
    if kind := space.words("parking", "type"):
        text += f" ({kind.replace('-', ' ')})"
        sources.append(used(space, "detailedAmenities.parking.type", kind, "type of parking"))
    if (cost := space.number("parking", "costMonthly")) is not None:
        text += f", which costs {money(cost)} per month"
        sources.append(used(space, "detailedAmenities.parking.costMonthly", cost, "cost of parking"))
    elif (daily := space.number("parking", "costPerDay")) is not None:
        text += f", which costs {money(daily)} per day"
        sources.append(used(space, "detailedAmenities.parking.costPerDay", daily, "cost of parking"))
    if spots := space.number("parking", "spotsAvailable"):
        text += f"; {spots:.0f} spots are available" if spots != 1 else "; 1 spot is available"
        sources.append(used(space, "detailedAmenities.parking.spotsAvailable", int(spots), "parking spots"))
    return Answer(text + ".", tuple(sources))


def dogs(space: Space, _facts: Facts) -> Answer | None:
    allowed = space.flag("dogFriendly", "dogPolicy", "allowed")
    if allowed is None:
        return None
    source = used(space, "amenities.dogFriendly", allowed, "dogs")
    if not allowed:
        reason = space.words("dogPolicy", "reason")
        return Answer(f"Dogs are not allowed at {space.name}" + (f" ({reason})." if reason else "."), (source,))
    text, sources = f"Dogs are welcome at {space.name}", [source]
    if limit := space.words("dogPolicy", "sizeLimit"):
        text += f" ({limit})"
        sources.append(used(space, "detailedAmenities.dogPolicy.sizeLimit", limit, "size of dogs"))
    if (deposit := space.number("dogPolicy", "deposit")) is not None:
        text += f", with a deposit of {money(deposit)}"
        sources.append(used(space, "detailedAmenities.dogPolicy.deposit", deposit, "deposit for dogs"))
    return Answer(text + ".", tuple(sources))


def after_hours(space: Space, _facts: Facts) -> Answer | None:
    allowed = space.flag("afterHours", "access", "afterHours")
    if allowed is None:
        return None
    source = used(space, "amenities.afterHours", allowed, "use after hours")
    text = f"{space.name} can be used after hours" if allowed else f"{space.name} cannot be used after hours"
    if allowed and (notice := space.words("access", "advanceNotice")):
        return Answer(
            f"{text}, with advance notice of {notice}.",
            (source, used(space, "detailedAmenities.access.advanceNotice", notice, "advance notice")),
        )
    return Answer(text + ".", (source,))


def access(space: Space, facts: Facts) -> Answer | None:
    hours, system = space.words("access", "hours"), space.words("access", "system")
    if hours is None and system is None:
        return after_hours(space, facts)
    text, sources = f"{space.name} is open", []
    if hours:
        text += f" {hours}"
        sources.append(used(space, "detailedAmenities.access.hours", hours, "opening hours"))
    if system:
        text = f"{text}, by {system}" if hours else f"Access to {space.name} is by {system}"
        sources.append(used(space, "detailedAmenities.access.system", system, "way in"))
    if (card := space.number("access", "costPerCard")) is not None:
        text += f"; each card costs {money(card)}"
        sources.append(used(space, "detailedAmenities.access.costPerCard", card, "cost of a card"))
    return Answer(text + ".", tuple(sources))


def rent(space: Space, facts: Facts) -> Answer | None:
    text = f"The monthly rent of {space.name} is {money(space.monthly_rate)}"
    within = space.monthly_rate <= facts.monthly_budget
    text += f", {'within' if within else 'above'} your budget of {money(facts.monthly_budget)}."
    budget = DataUsed(
        data_point="budget",
        source_type="deal",
        source_id=facts.deal_id,
        field_path="monthlyBudget",
        value=facts.monthly_budget,
    )
    return Answer(text, (used(space, "monthlyRate", space.monthly_rate, "rent"), budget))


def meeting_rooms(space: Space, _facts: Facts) -> Answer | None:
    count = space.number("meetingRooms", "count")
    if count is None:
        return None
    sources = [used(space, "detailedAmenities.meetingRooms.count", int(count), "meeting rooms")]
    if count == 0:
        return Answer(f"{space.name} has no meeting rooms.", tuple(sources))
    text = f"{space.name} has {count:.0f} meeting room{'s' if count != 1 else ''}"
    sizes = space.of("meetingRooms", "sizes")
    if isinstance(sizes, list) and sizes:
        text += f" (for {listed([str(each) for each in sizes])} people)"
        sources.append(used(space, "detailedAmenities.meetingRooms.sizes", sizes, "sizes of meeting rooms"))
    if system := space.words("meetingRooms", "bookingSystem"):
        text += f", booked through {system}"
        sources.append(used(space, "detailedAmenities.meetingRooms.bookingSystem", system, "booking"))
    return Answer(text + ".", tuple(sources))


def internet(space: Space, _facts: Facts) -> Answer | None:
    found = space.words("rentInclusions", "internet")
    if found is None:
        return None
    source = used(space, "detailedAmenities.rentInclusions.internet", found, "internet")
    return Answer(f"The rent of {space.name} includes internet ({found}).", (source,))


def inclusions(space: Space, _facts: Facts) -> Answer | None:
    parts, sources = [], []
    for name in ("utilities", "internet", "janitorial", "hvac", "kitchen"):
        value = space.of("rentInclusions", name)
        if value is True or (isinstance(value, str) and value):
            said = {"hvac": "air conditioning", "janitorial": "cleaning"}.get(name, name)
            parts.append(said if value is True else f"{said} ({value})")
            sources.append(used(space, f"detailedAmenities.rentInclusions.{name}", value, name))
    return Answer(f"The rent of {space.name} includes {listed(parts)}.", tuple(sources)) if parts else None


def location(space: Space, _facts: Facts) -> Answer | None:
    where = f"{space.address}, {space.neighborhood}" if space.neighborhood else space.address
    return Answer(f"{space.name} is at {where}.", (used(space, "address", space.address, "address"),))


def amenity(name: str) -> Callable[[Space, Facts], Answer | None]:
    """One of the further flags."""

    def answer(space: Space, _facts: Facts) -> Answer | None:
        has = space.amenities.get(name)
        if has is None:
            return None
        text = f"{space.name} has {'a' if has else 'no'} {spoken(name)}."
        return Answer(text, (used(space, f"amenities.{name}", has, spoken(name)),))

    return answer


ANSWERS: Final[dict[str, Callable[[Space, Facts], Answer | None]]] = {
    "parking": parking,
    "dogs": dogs,
    "after_hours": after_hours,
    "access": access,
    "rent": rent,
    "meeting_rooms": meeting_rooms,
    "internet": internet,
    "inclusions": inclusions,
    "location": location,
}


def answer_of(topic: str) -> Callable[[Space, Facts], Answer | None] | None:
    return amenity(topic.removeprefix("amenity:")) if topic.startswith("amenity:") else ANSWERS.get(topic)

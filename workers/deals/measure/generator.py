"""Drafts whose truth is known: random deals, replies in phrases of many kinds, and the same with one fact made wrong.

Shares no code with the check it measures, nor with the drafter: a contract of the imports holds it so. Seeded: the same
number gives the same drafts."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

KINDS: Final = ("wrong_price", "invented_amenity", "wrong_weekday", "other_client", "wrong_policy", "wrong_address")
FIRST: Final = ("Ana", "Boris", "Chloe", "Deepak", "Emil", "Farah", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Liam")
LAST: Final = ("Marsh", "Novak", "Okafor", "Petrov", "Quist", "Rahman", "Silva", "Tanaka", "Unger", "Vargas", "Weiss")
FIRMS: Final = ("Lumen", "Parcel", "Orbit", "Cobalt", "Verdant", "Quarry", "Halyard", "Juniper", "Saffron", "Tidal")
SORTS: Final = ("Labs", "Analytics", "Robotics", "Systems", "Studio", "Health")
PLACES: Final = ("The Arcade", "Copper Hall", "Old Mill", "The Glasshouse", "Granary", "Signal House", "Linden Court")
STREETS: Final = ("Mission Street", "Pier Avenue", "Oak Road", "Harrison Street", "Bryant Street", "Folsom Street")
AREAS: Final = ("SoMa", "Dogpatch", "Mission Bay", "Hayes Valley", "Potrero Hill")
DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday")
SLOTS: Final = ("9am", "10am", "11am", "1pm", "2pm", "3pm", "4pm", "5pm")
EXTRAS: Final = {
    "gym": "a gym", "sauna": "a sauna", "rooftopTerrace": "a rooftop terrace", "bikeStorage": "bike storage",
    "showers": "showers", "phoneBooths": "phone booths", "evCharging": "EV charging", "lockers": "lockers",
}  # fmt: skip
INVENTED: Final = (
    "a swimming pool",
    "a podcast studio",
    "a climbing wall",
    "an in-house barista",
    "a game room",
    "a nursery",
)


@dataclass(frozen=True, slots=True)
class Labelled:
    """A draft with the rows it was written from. `kind` is what was made wrong in `sentence`; None: all is true."""

    body: str
    kind: str | None
    sentence: str
    mail: dict[str, Any]
    spaces: list[dict[str, Any]]
    others: list[dict[str, Any]]  # as the database would find them: kind, name, whose


@dataclass(slots=True)
class _World:
    """One deal, its spaces, and others that the reply must not speak of."""

    rng: random.Random
    mail: dict[str, Any]
    spaces: list[dict[str, Any]]
    other_name: str
    other_firm: str
    other_place: str

    def any(self) -> dict[str, Any]:
        return self.rng.choice(self.spaces)


Phrase = Callable[[_World, dict[str, Any], bool], str]  # (world, space, wrong) -> sentence


def labelled(seed: int, per_kind: int, true_ones: int) -> list[Labelled]:
    """`per_kind` drafts with one wrong fact for each kind, and `true_ones` without."""
    rng = random.Random(seed)
    wanted: list[str | None] = [kind for kind in KINDS for _ in range(per_kind)] + [None] * true_ones
    return [_draft(rng, kind) for kind in wanted]


def _draft(rng: random.Random, kind: str | None) -> Labelled:
    world = _world(rng)
    pool = [(name, phrase) for name, phrases in PHRASES.items() for phrase in phrases]
    chosen = rng.sample(pool, rng.randint(2, 4))
    if kind is not None:
        chosen.append((kind, rng.choice(PHRASES.get(kind, PHRASES["wrong_price"]))))
    lines, wrong = [], ""
    for at, (_, phrase) in enumerate(chosen):
        spoils = kind is not None and at == len(chosen) - 1 and kind != "other_client"
        line = phrase(world, world.any(), spoils)
        lines.append(line)
        wrong = line if spoils else wrong
    if kind == "other_client":
        wrong = _leak(world)
        lines[-1] = wrong
    if wrong:
        lines.insert(rng.randrange(len(lines)), lines.pop())
    hello = rng.choice(("Hi {}", "Hello {}", "Dear {}")).format(world.mail["seeker_name"].split()[0])
    joint = rng.choice(("\n", " ", "\n\n"))
    body = f"{hello},\n\n{joint.join(lines)}\n\n{rng.choice(('Best regards', 'Kind regards', 'Many thanks'))}"
    others = [
        {"kind": "client", "name": world.other_name.lower(), "whose": 2},
        {"kind": "company", "name": world.other_firm.lower(), "whose": 2},
        {"kind": "address", "name": _address(world.other_name, world.other_firm), "whose": 2},
        {"kind": "space", "name": world.other_place.lower(), "whose": 99},
    ]
    return Labelled(body, kind, wrong, world.mail, world.spaces, others)


def _world(rng: random.Random) -> _World:
    names = [f"{first} {last}" for first, last in zip(rng.sample(FIRST, 2), rng.sample(LAST, 2), strict=True)]
    firms = [f"{firm} {rng.choice(SORTS)}" for firm in rng.sample(FIRMS, 5)]
    places = rng.sample(PLACES, 3)
    mail = {
        "deal_id": 1,
        "email_id": 1,
        "seeker_name": names[0],
        "seeker_email": _address(names[0], firms[0]),
        "from_address": _address(names[0], firms[0]),
        "company_name": firms[0],
        "team_size": rng.randint(3, 60),
        "monthly_budget": rng.randrange(40, 200) * 100,
        "requirements": {},
        "subject": "Questions",
        "body": "Could you tell me more?",
    }
    spaces = [_space(rng, at + 1, places[at], firms[at + 1]) for at in range(2)]
    if spaces[0]["neighborhood"] == spaces[1]["neighborhood"]:
        spaces[1]["neighborhood"] = next(each for each in AREAS if each != spaces[0]["neighborhood"])
    return _World(rng, mail, spaces, names[1], firms[4], places[2])


def _address(name: str, firm: str) -> str:
    return f"{name.split(maxsplit=1)[0]}@{firm.split(maxsplit=1)[0]}.example".lower()


def _space(rng: random.Random, number: int, name: str, host: str) -> dict[str, Any]:
    parking, dogs = rng.random() < 0.7, rng.random() < 0.6  # noqa: PLR2004 - shares
    detail: dict[str, Any] = {
        "access": {
            "costPerCard": rng.randrange(10, 60, 5),
            "hours": "7am-10pm",
            "advanceNotice": f"{rng.choice((12, 24, 48))} hours",
        },
        "meetingRooms": {"count": rng.randint(1, 6)},
        "rentInclusions": {"internet": f"{rng.choice((1, 2, 10))} Gbps fiber", "utilities": True},
    }
    if parking:
        detail["parking"] = {"costMonthly": rng.randrange(100, 400, 10), "spotsAvailable": rng.randint(2, 9)}
    if dogs:
        detail["dogPolicy"] = {
            "allowed": True,
            "deposit": rng.randrange(100, 600, 50),
            "sizeLimit": f"under {rng.choice((25, 35, 45))} lbs",
        }
    amenities = {"parking": parking, "dogFriendly": dogs, "afterHours": rng.random() < 0.7}  # noqa: PLR2004
    amenities |= {name: rng.random() < 0.6 for name in rng.sample(list(EXTRAS), 3)}  # noqa: PLR2004
    return {
        "space_id": number,
        "name": name,
        "address": f"{rng.randrange(10, 999)} {rng.choice(STREETS)}",
        "neighborhood": rng.choice(AREAS),
        "host_company": host,
        "host_email": f"host{number}@{host.split(maxsplit=1)[0].lower()}.example",
        "amenities": amenities,
        "availability": {day: sorted(rng.sample(SLOTS, 2), key=SLOTS.index) for day in rng.sample(DAYS, 2)},
        "monthly_rate": rng.randrange(30, 150) * 100,
        "detailed_amenities": detail,
        "status": "shown",
    }


def _off(rng: random.Random, value: int, step: int) -> int:
    """Another amount, near enough to be believed."""
    return (
        max(step, value + step * rng.choice((-3, -2, -1, 1, 2, 3)))
        if value > 3 * step
        else value + step * rng.randint(1, 3)
    )


def _rent(world: _World, space: dict[str, Any], wrong: bool) -> str:
    rate = _off(world.rng, space["monthly_rate"], 300) if wrong else space["monthly_rate"]
    return world.rng.choice(
        (
            f"{space['name']} rents for ${rate:,} per month.",
            f"The rent at {space['name']} is ${rate:,} a month.",
            f"{space['name']} comes in at ${rate:,}/month.",
            f"For {space['name']} the landlord asks {rate:,} dollars monthly.",
        )
    )


def _cost(world: _World, space: dict[str, Any], wrong: bool) -> str:
    parking = space["detailed_amenities"].get("parking")
    if parking is None:
        return _card(world, space, wrong)
    cost = _off(world.rng, parking["costMonthly"], 20) if wrong else parking["costMonthly"]
    return world.rng.choice(
        (
            f"Parking at {space['name']} is ${cost} a month.",
            f"{space['name']} charges ${cost} per month for each parking spot.",
            f"A parking place at {space['name']} adds ${cost} monthly.",
        )
    )


def _card(world: _World, space: dict[str, Any], wrong: bool) -> str:
    cost = space["detailed_amenities"]["access"]["costPerCard"]
    cost = _off(world.rng, cost, 5) if wrong else cost
    return world.rng.choice(
        (f"Key cards at {space['name']} are ${cost} each.", f"At {space['name']} every key card costs ${cost}.")
    )


def _amenity(world: _World, space: dict[str, Any], wrong: bool) -> str:
    """A flag as it is; wrong: turned around, or something that nobody knows of."""
    if wrong and world.rng.random() < 0.5:  # noqa: PLR2004 - half of them
        thing = world.rng.choice(INVENTED)
        return world.rng.choice((f"{space['name']} also has {thing}.", f"At {space['name']} there is {thing} too."))
    flag = world.rng.choice(list(space["amenities"]))
    has = space["amenities"][flag] is not wrong
    if flag == "dogFriendly":
        yes, no = (f"Dogs are welcome at {space['name']}.", f"Dogs are not allowed at {space['name']}.")
    elif flag == "afterHours":
        yes, no = (
            f"You can work after hours at {space['name']}.",
            f"There is no access after hours at {space['name']}.",
        )
    else:
        thing = EXTRAS.get(flag, flag)
        bare = thing.removeprefix("a ").removeprefix("an ")
        yes, no = world.rng.choice(
            (
                (f"{space['name']} offers {thing}.", f"{space['name']} does not have {bare}."),
                (f"There is {thing} at {space['name']}.", f"There is no {bare} at {space['name']}."),
            )
        )
    return yes if has else no


def _tour(world: _World, space: dict[str, Any], wrong: bool) -> str:
    free: dict[str, list[str]] = space["availability"]
    day = world.rng.choice(list(free))
    slot = world.rng.choice(free[day])
    if wrong and world.rng.random() < 0.5:  # noqa: PLR2004 - half of them
        day = world.rng.choice([each for each in DAYS if each not in free])
    elif wrong:
        slot = world.rng.choice([each for each in SLOTS if each not in free[day]])
    return world.rng.choice(
        (
            f"You could tour {space['name']} on {day.title()} at {slot}.",
            f"{day.title()} at {slot} works for a visit to {space['name']}.",
            f"How about {day.title()}, {slot}, at {space['name']}?",
            f"{space['name']} can be seen at {slot} on {day.title()}.",
        )
    )


def _policy(world: _World, space: dict[str, Any], wrong: bool) -> str:
    detail = space["detailed_amenities"]
    rooms = detail["meetingRooms"]["count"] + (world.rng.randint(1, 3) if wrong else 0)
    hours = int(detail["access"]["advanceNotice"].split()[0]) * (world.rng.choice((2, 3)) if wrong else 1)
    found = [
        f"{space['name']} has {rooms} meeting room{'s' if rooms > 1 else ''}.",
        f"{space['name']} needs {hours} hours notice for visits.",
    ]
    if "dogPolicy" in detail:
        limit = int(detail["dogPolicy"]["sizeLimit"].split()[1]) + (10 * world.rng.randint(1, 3) if wrong else 0)
        found.append(f"Dogs under {limit} lbs may come to {space['name']}.")
    team = world.mail["team_size"] + (world.rng.randint(1, 9) if wrong else 0)
    found.append(f"{space['name']} suits a team of {team}.")
    return world.rng.choice(found)


def _address_of(world: _World, space: dict[str, Any], wrong: bool) -> str:
    address, area = space["address"], space["neighborhood"]
    if wrong and world.rng.random() < 0.5:  # noqa: PLR2004 - half of them
        address = f"{int(address.split()[0]) + world.rng.randint(1, 40)} {address.split(' ', 1)[1]}"
    elif wrong:
        area = next(each["neighborhood"] for each in world.spaces if each is not space)
    return world.rng.choice(
        (f"{space['name']} is at {address} in {area}.", f"You find {space['name']} in {area}, {address}.")
    )


def _leak(world: _World) -> str:
    return world.rng.choice(
        (
            f"{world.other_name} is looking at the same offices.",
            f"We have shown it to {world.other_firm} as well.",
            f"Please write to {_address(world.other_name, world.other_firm)} about it.",
            f"{world.other_place} would be free, too.",
            f"Last week {world.other_name} from {world.other_firm} liked it.",
        )
    )


PHRASES: Final[dict[str, tuple[Phrase, ...]]] = {
    "wrong_price": (_rent, _cost, _card),
    "invented_amenity": (_amenity,),
    "wrong_weekday": (_tour,),
    "wrong_policy": (_policy,),
    "wrong_address": (_address_of,),
}

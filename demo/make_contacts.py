"""Makes demo/contacts.csv, the same file every time: a customer list as it comes out of three old systems.

python demo/make_contacts.py        writes the file beside this one
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final
from unicodedata import normalize

ROWS: Final = 1200
SEED: Final = 20240229
HEADER: Final = ("Customer", "Name", "E-mail", "Phone", "Joined", "Amount", "City", "Note")
CONTACTS: Final = Path(__file__).with_name("contacts.csv")

GIVEN: Final = (
    "Anna", "Jürgen", "Zoë", "Chloé", "Björn", "Søren", "Małgorzata", "Karl-Heinz", "Günther", "Mia", "Noah", "Ute",
    "François", "Ángel", "Nguyễn", "Renée", "Łukasz", "Ingeborg", "Sean", "Fatma", "İpek", "Dvořák",
    "Hans Peter", "Eva",
)  # fmt: skip
FAMILY: Final = (
    "Müller", "O'Brien", "Schäfer", "von der Heide", "McDonald", "Weiß", "D’Angelo", "Strauß", "Øster", "Kowalski",
    "Meyer-Lüdenscheidt", "García Márquez", "van Dijk", "Groß", "DeVito", "Yılmaz", "Nowák", "Smith", "Böhm", "Çelik",
)  # fmt: skip
COMPANIES: Final = (
    "nordwind-bau.example", "mueller-soehne.example", "kanzlei-weiss.example", "mail.blumen-eck.example",
    "hafen-logistik.example", "süd-dach.example", "oak-and-sons.example", "atelier22.example",
)  # fmt: skip
CITIES: Final = (
    "Köln",
    "  München ",
    "Zürich",
    "São Paulo",
    "Aix-en-Provence",
    "Łódź",
    "",
    "Wien\u00a0",
    "東京",
    "القاهرة",
)
MONTHS: Final = (
    ("Januar", "Feb.", "März", "Apr", "Mai", "Juni", "Juli", "Aug.", "September", "Okt", "November", "Dez."),
    ("January", "Feb", "March", "April", "May", "Jun", "July", "August", "Sept", "October", "Nov", "December"),
)  # fmt: skip
NOTES: Final = (
    "", "", "", "calls back\nafter lunch", 'says "no rush"', "=cmd|' /C calc'!A0", "+SUM(1;2)", "@risk", "-2+3",
    "Rechnung; Mahnung", "paid 👍🏽", "line one\r\nline two\r\n", "\u200bvip", '=HYPERLINK("http://evil.example";"x")',
)  # fmt: skip

GERMAN: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "ł": "l", "ı": "i", " ": "-"})


def main() -> None:
    CONTACTS.write_text(contacts(), encoding="utf-8", newline="")


def contacts() -> str:
    """The whole file."""
    chance = Random(SEED)
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=";", lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(contact(number, chance) for number in range(1, ROWS + 1))
    return text.getvalue()


def contact(number: int, chance: Random) -> Sequence[str]:
    given, family = chance.choice(GIVEN), chance.choice(FAMILY)
    return (
        f"K-{number:05}",
        name(given, family, chance),
        email(given, family, chance),
        phone(chance),
        joined(chance),
        amount(chance),
        chance.choice(CITIES),
        chance.choice(NOTES),
    )


def name(given: str, family: str, chance: Random) -> str:
    forms: tuple[str, ...] = (
        f"{given} {family}",
        f"  {given}   {family} ",
        f"{given}\u00a0{family}",
        f"{family}, {given}",
        f"{family.upper()},{given.upper()}",
        f"{given} {family}".lower(),
        f"{given} {family}".upper(),
        f"\u200b{given}\t{family}\u200f",
        f"Dr. {given} {family}",
        given.lower(),
        f"\u201e{given}\u201c {family}",
    )
    return mixed(chance, forms, forms, blank_until=0.02, broken_until=0.02)


def mixed(
    chance: Random, good: Sequence[str], broken: Sequence[str], *, blank_until: float, broken_until: float
) -> str:
    """A blank, a broken or a good text, by a draw between 0 and 1."""
    draw = chance.random()
    return "" if draw < blank_until else chance.choice(broken if draw < broken_until else good)


def email(given: str, family: str, chance: Random) -> str:
    local = plain(f"{given}.{family}")
    domain = chance.choice(COMPANIES)
    address = f"{local}@{domain}"
    good = (
        address,
        address,
        address.upper() if domain.isascii() else address,
        f"{local}@{domain.title()}",
        f"mailto:{address}",
        f"MAILTO:{address}?subject=Hallo%20Welt",
        f"{given} {family} <{address}>",
        f'"{family}, {given}" <{address}>',
        f" {address}\u00a0",
        f"{local}+news@{domain};",
    )
    broken = (
        f"{local}.{domain}",
        f"{local}@",
        f"{local}@@{domain}",
        f"{address}, zweite@{domain}",
        "keine",
        f"{local}..x@{domain}",
    )
    return mixed(chance, good, broken, blank_until=0.04, broken_until=0.1)


def plain(text: str) -> str:
    """What is left of a name in the old systems' addresses."""
    german = text.lower().translate(GERMAN)
    bare = (letter for letter in normalize("NFKD", german) if letter.isascii())
    return "".join(letter for letter in bare if letter.isalpha() or letter in ".-")


def phone(chance: Random) -> str:
    area, line = chance.choice(("30", "40", "221", "711")), str(chance.randint(2_000_000, 9_999_999))
    mobile = f"{chance.choice(('151', '160', '171', '176'))}{chance.randint(2_000_000, 9_999_999)}"
    good = (
        f"0{area} {line}",
        f"0{area}/{line[:3]} {line[3:]}",
        f"(0{area}) {line[:3]}-{line[3:]}",
        f"+49 (0){area} {line}",
        f"0049 {area} {line}",
        f"+49\u00a0{area}\u00a0{line[:4]}\u00a0{line[4:]}",
        f"tel:+49-{area}-{line}",
        f"0{mobile[:3]} {mobile[3:]}",
        f"\u202a+49 {mobile}\u202c",
        f"0{area} {line} ext. {chance.randint(1, 99)}",
        f"+1 (212) 555-{chance.randint(2000, 9999)}",
        f"+43 1 {chance.randint(200_000, 999_999)}",
        f"+41 44 {chance.randint(200, 999)} {chance.randint(10, 99)} {chance.randint(10, 99)}",
    )
    broken = ("123", "unbekannt", "0800", "+49", f"+999 {line}", "030 12345678901234", f"0{area} {line} oder mobil")
    return mixed(chance, good, broken, blank_until=0.05, broken_until=0.12)


def joined(chance: Random) -> str:
    day, month, year = chance.randint(1, 28), chance.randint(1, 12), chance.randint(1995, 2024)
    german, english = MONTHS[0][month - 1], MONTHS[1][month - 1]
    good = (
        f"{day:02}.{month:02}.{year}",
        f"{day}.{month}.{year % 100:02}",
        f"{year}-{month:02}-{day:02}",
        f"{day}/{month}/{year}",
        f"{day:02}-{month:02}-{year}",
        f"{day}. {german} {year}",
        f"{german} {day}, {year}",
        f"{english} {day}, {year}",
        f"{day} {english} {year % 100:02}",
        f"{month}/{max(day, 13)}/{year}",
        f"{year}-{month:02}-{day:02}T0{month % 10}:30:00Z",
        f"{day:02}.{month:02}.{year} 14:05 Uhr",
        f" {day:02}.{month:02}.\u00a0{year}",
    )
    broken = (
        f"31.02.{year}",
        f"{day}.13.{year}",
        f"29.02.{year // 4 * 4 + 1}",
        "gestern",
        f"{german} {year}",
        "00.00.0000",
        "k.A.",
    )
    return mixed(chance, good, broken, blank_until=0.05, broken_until=0.12)


def amount(chance: Random) -> str:
    cents = chance.choice((chance.randint(1, 99_999), chance.randint(100_000, 99_999_999)))
    english, german = f"{cents / 100:,.2f}", f"{cents / 100:,.2f}".translate(str.maketrans(",.", ".,"))
    good = (
        german,
        f"{german} €",
        f"EUR {german}",
        german.replace(".", "\u00a0"),
        german.replace(".", ""),
        english,
        f"${english}",
        f"({english})",
        f"−{german}",
        f"{german}-",
        f"{cents / 100:.2f}",
        f"{cents // 100},-",
        f"{english.replace(',', chr(0x2019))} CHF",
        f"{cents % 100}%",
        f"{cents // 100}.500",
    )
    broken = ("auf Anfrage", "12,34,5", "1.2.3", "5 T€", "n/a", "--", "10 bis 20")
    return mixed(chance, good, broken, blank_until=0.05, broken_until=0.1)


if __name__ == "__main__":
    main()

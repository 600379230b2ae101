"""The values of the spreadsheets domain: how a column is configured and what a transformation gives back.

Frozen and pure. Configuration comes from people and is checked here, once, so that the rules never meet a locale,
region or pattern they cannot use.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Final, Literal, Self

import regex
from babel import Locale, UnknownLocaleError
from phonenumbers import SUPPORTED_REGIONS
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

MAX_STEPS: Final = 20
MAX_TEXT: Final = 500  # characters of a pattern, separator or replacement
MAX_REPEATED_GROUPS: Final = 6  # the regex module unrolls nested repeats: 14 of them took 2 GB only to compile

CellType = Literal["text", "number", "date", "boolean", "phone", "email", "blank", "error"]


# --- checks of what people configure ---------------------------------------------------------------------------------

# A quantifier after a group; a comment or the verbose flag could hide one from the count, so both are refused.
_REPEATED_GROUP = regex.compile(r"\)[*+{]")
_HIDES_REPEATS = regex.compile(r"(?<!\\)(?:\\\\)*\(\?(?:#|[a-zA-WYZ0-9-]*x)")
_REFERENCE = regex.compile(r"\\(?:g<(?P<name>\w+)>|(?P<name>[0-9])|\\)")


def _known_locale(name: str) -> str:
    """The name as babel writes it (`de-de` becomes `de_DE`)."""
    try:
        return str(Locale.parse(name.replace("-", "_")))
    except (ValueError, UnknownLocaleError) as reason:
        raise ValueError(f"{name!r} is not a known locale; write it like de_DE or en_US") from reason


def _known_region(name: str) -> str:
    if name.upper() not in SUPPORTED_REGIONS:
        raise ValueError(f"{name!r} is not a telephone region; write two letters like DE or US")
    return name.upper()


def _storable(text: str) -> str:
    if "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("the text holds a NUL or half a character; remove it")
    return text


def _sound_pattern(pattern: str) -> str:
    """A pattern that compiles in bounded memory; how long it may run is limited where it runs."""
    if _HIDES_REPEATS.search(pattern):
        raise ValueError("verbose patterns and comments are not supported; write the pattern without them")
    if len(_REPEATED_GROUP.findall(pattern)) > MAX_REPEATED_GROUPS:
        raise ValueError(f"the pattern repeats more than {MAX_REPEATED_GROUPS} groups; make it simpler")
    try:
        regex.compile(pattern)
    except (regex.error, RecursionError, OverflowError, ValueError) as reason:
        raise ValueError(f"the pattern is not valid ({reason}); correct it") from reason
    return pattern


@dataclass(frozen=True, slots=True)
class Group:
    """A place in a replacement where the text of a group goes."""

    name: int | str


def replacement_pieces(replacement: str) -> list[str | Group]:
    r"""The replacement in plain texts and groups. A backslash that starts no \1, \g<name> or \\ stands for itself."""
    pieces: list[str | Group] = []
    end = 0
    for found in _REFERENCE.finditer(replacement):
        name = found["name"]
        pieces.append(replacement[end : found.start()])
        pieces.append("\\" if name is None else Group(int(name) if name.isdecimal() else name))
        end = found.end()
    return [*pieces, replacement[end:]]


def _known_group(pattern: str, group: int | str) -> bool:
    compiled = regex.compile(pattern)
    if isinstance(group, str):
        return group in compiled.groupindex
    return 0 <= group <= compiled.groups


def _whole_date_format(written: str) -> str:
    """A strptime format that names day, month and year, so that a date written with it comes back."""
    sample = datetime(2001, 2, 3)  # noqa: DTZ001 - a date without a place
    try:
        if datetime.strptime(sample.strftime(written), written).date() == sample.date():  # noqa: DTZ007 - the same
            return written
    except (ValueError, regex.error, UnicodeError) as reason:
        raise ValueError(f"{written!r} is not a date format; write it like %d.%m.%Y") from reason
    raise ValueError(f"{written!r} does not name day, month and year; write it like %d.%m.%Y")


def region_of(locale: str) -> str | None:
    """The telephone region a locale names: DE for de_DE, none for a bare de."""
    territory = Locale.parse(locale).territory
    return territory if territory in SUPPORTED_REGIONS else None


LocaleName = Annotated[str, Field(max_length=40), AfterValidator(_known_locale)]
RegionName = Annotated[str, Field(min_length=2, max_length=3), AfterValidator(_known_region)]
Text = Annotated[str, Field(max_length=MAX_TEXT), AfterValidator(_storable)]
SomeText = Annotated[str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_storable)]
DateFormat = Annotated[
    str, Field(min_length=1, max_length=80), AfterValidator(_storable), AfterValidator(_whole_date_format)
]
PatternText = Annotated[
    str, Field(min_length=1, max_length=MAX_TEXT), AfterValidator(_storable), AfterValidator(_sound_pattern)
]


# --- the steps of a transformation -----------------------------------------------------------------------------------


class Step(BaseModel):
    """What all steps share: they are frozen and refuse unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Trim(Step):
    """Removes white space, NBSP and zero width characters at both ends and collapses them inside."""

    op: Literal["trim"] = "trim"


class Case(Step):
    """Upper, lower, sentence or title case; what title case does with names stands in rules/text.py."""

    op: Literal["case"] = "case"
    to: Literal["upper", "lower", "title", "sentence"]


class Extract(Step):
    """The group of the first place the pattern matches. No match is an error; a group that took no part is blank."""

    op: Literal["extract"] = "extract"
    pattern: PatternText
    group: int | Text = 0

    @model_validator(mode="after")
    def _group_exists(self) -> Self:
        if not _known_group(self.pattern, self.group):
            raise ValueError(f"the pattern has no group {self.group!r}; choose one it has")
        return self


class Replace(Step):
    r"""Replaces every occurrence; with `as_pattern` the replacement may say \1, \g<name>, \g<0> and \\."""

    op: Literal["replace"] = "replace"
    find: SomeText
    replacement: Text = ""
    as_pattern: bool = False

    @model_validator(mode="after")
    def _pattern_and_groups_are_sound(self) -> Self:
        if self.as_pattern:
            _sound_pattern(self.find)
            for piece in replacement_pieces(self.replacement):
                if isinstance(piece, Group) and not _known_group(self.find, piece.name):
                    raise ValueError(f"the pattern has no group {piece.name!r}; choose one it has")
        return self


class Split(Step):
    """One part of the text: `index` counts from 0, from the end when negative; a part that is not there is blank."""

    op: Literal["split"] = "split"
    separator: SomeText | None = None  # None: any run of white space
    index: int = Field(default=0, ge=-1000, le=1000)


class Join(Step):
    """Makes one text of all inputs, leaving out blank ones."""

    op: Literal["join"] = "join"
    separator: Text = " "


class Number(Step):
    """A number in the notation of the locale, as a plain decimal string; `decimals` rounds half away from zero."""

    op: Literal["number"] = "number"
    locale: LocaleName | None = None
    decimals: int | None = Field(default=None, ge=0, le=20)


class Date(Step):
    """A date as ISO 8601. `formats` (strptime) are tried first; `day_first` overrules the locale."""

    op: Literal["date"] = "date"
    locale: LocaleName | None = None
    day_first: bool | None = None
    formats: tuple[DateFormat, ...] = Field(default=(), max_length=20)
    excel_serials: bool = False


class Phone(Step):
    """A telephone number as E.164; `region` is where a number without +49 and the like was written."""

    op: Literal["phone"] = "phone"
    locale: LocaleName | None = None
    region: RegionName | None = None


class Email(Step):
    """An e-mail address without its display name, its domain in lower case."""

    op: Literal["email"] = "email"


AnyStep = Annotated[
    Trim | Case | Extract | Replace | Split | Join | Number | Date | Phone | Email, Field(discriminator="op")
]


class Transform(BaseModel):
    """The configuration of a column filled in by `spreadsheets.transform`.

    Steps before a `join` apply to each input, those after it to the one text. The locale is that of the *input*; plain
    decimal strings, as other columns give them, are read right by the default.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    steps: tuple[AnyStep, ...] = Field(min_length=1, max_length=MAX_STEPS)
    locale: LocaleName = "en_US"

    @model_validator(mode="after")
    def _phones_have_a_region(self) -> Self:
        for step in self.steps:
            if isinstance(step, Phone) and step.region is None and region_of(step.locale or self.locale) is None:
                raise ValueError("a phone step needs a region, or a locale that names one such as de_DE")
        return self


# --- results ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Value:
    """What a cell holds: its content, what is shown beside it, and of which kind it is.

    An error has no content; `shown` then says `error` (a sentence) and `input` (shortened). Other kinds may
    show a `note`.
    """

    content: str | None
    shown: dict[str, str] | None
    cell_type: CellType

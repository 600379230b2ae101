"""A column that calls an API for each row: its configuration, its task, and what came back."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal
from uuid import UUID

from jsonpath_ng.parser import parse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from yarl import URL

from workers.spreadsheets.model.templates import template_of

MAX_PATH: Final = 500
MAX_URL: Final = 2000

Runs = Literal["always", "asked"]  # with every change, or only when somebody asks for it


def _sound_address(text: str) -> str:
    """Scheme and host are the configuration's own: no row chooses whom we call."""
    first = template_of(text).pieces[:1]
    begin = first[0] if first and isinstance(first[0], str) else ""
    try:
        url = URL(begin)
        sound = url.scheme in {"http", "https"} and bool(url.raw_host) and url.raw_path_qs.startswith("/")
    except ValueError:
        sound = False
    if not sound or begin.count("/") < 3:  # noqa: PLR2004 - the two of the scheme, and the first of the path
        raise ValueError("the address begins with http:// or https:// and a whole host; places may follow behind it")
    return text


def _sound_path(text: str) -> str:
    try:
        parse(text)
    except Exception as reason:
        raise ValueError(f"{text!r} is no JSONPath; write it like $.items[0].name") from reason
    return text


Path = Annotated[str, Field(min_length=1, max_length=MAX_PATH), AfterValidator(_sound_path)]


class CallApi(BaseModel):
    """Call the API of the cell's column with the values of its row."""

    cell_id: UUID


class HttpJson(BaseModel):
    """The configuration of a column filled in by `spreadsheets.http_json`.

    `url` is asked for with GET; `{1}` and the like are values of the inputs, written as in an address. The cell
    shows what `path` finds in the answer, `outputs` says which plain column gets what other paths find.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    url: Annotated[str, Field(min_length=1, max_length=MAX_URL), AfterValidator(_sound_address)]
    path: Path = "$"
    outputs: dict[Path, UUID] = Field(default_factory=dict, max_length=20)
    run: Runs = "always"

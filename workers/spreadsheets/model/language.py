"""A column that a language model fills in: its configuration, its task, and what is kept of each call."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Self
from uuid import UUID

import orjson
from jsonschema import Draft202012Validator, SchemaError
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core import Effect
from workers.spreadsheets.model.apis import Runs
from workers.spreadsheets.model.templates import template_of

MAX_TEMPLATE: Final = 8000  # characters
MAX_PROMPT: Final = 20_000  # characters, with the values of a row
MAX_SCHEMA: Final = 8000  # bytes
MAX_ANSWER_TOKENS: Final = 4000

# Of JSON Schema, what says how an answer looks. References could go round in circles, patterns could take for ever.
_KEYWORDS: Final = frozenset(
    {
        "type", "properties", "required", "additionalProperties", "items", "enum", "const", "description", "title",
        "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "anyOf", "$schema",
    }
)  # fmt: skip


def _sound_template(text: str) -> str:
    template_of(text)
    return text


def _sound_schema(schema: dict[str, Any]) -> dict[str, Any]:
    if len(orjson.dumps(schema)) > MAX_SCHEMA:
        raise ValueError(f"the schema is longer than {MAX_SCHEMA:,} bytes; make it simpler")
    if schema.get("type") != "object" or not isinstance(schema.get("properties"), dict) or not schema["properties"]:
        raise ValueError("the schema describes an object with properties; begin it with type and properties")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as reason:
        raise ValueError(f"this is no JSON Schema: {reason.message[:200]}") from reason
    _check_keywords(schema)
    return schema


def _check_keywords(schema: Any) -> None:
    if not isinstance(schema, dict):
        return
    if unknown := sorted(schema.keys() - _KEYWORDS):
        raise ValueError(f"{unknown[0]!r} is not understood here; use {', '.join(sorted(_KEYWORDS - {'$schema'}))}")
    parts = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    for part in (*parts, *schema.get("anyOf", ())):
        _check_keywords(part)


Schema = Annotated[dict[str, Any], AfterValidator(_sound_schema)]


class AskModel(BaseModel):
    """Ask the language model about the cell's row."""

    cell_id: UUID


class Language(BaseModel):
    """The configuration of a column filled in by `spreadsheets.llm`.

    `{1}` and the like in the prompt are values of the inputs. With a `schema` the answer is an object that fits it: the
    cell shows the property `field` (its first one where none is named), `outputs` says which plain column gets
    which other property. `max_tokens` is the longest answer.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    prompt: Annotated[str, Field(min_length=1, max_length=MAX_TEMPLATE), AfterValidator(_sound_template)]
    answer: Schema | None = Field(default=None, alias="schema")
    field: str | None = Field(default=None, max_length=200)
    outputs: dict[str, UUID] = Field(default_factory=dict, max_length=20)
    max_tokens: int = Field(default=300, ge=1, le=MAX_ANSWER_TOKENS)
    run: Runs = "always"

    @model_validator(mode="after")
    def _names_properties(self) -> Self:
        known = self.answer["properties"] if self.answer else {}
        for name in (*self.outputs, *filter(None, (self.field,))):
            if name not in known:
                raise ValueError(f"the schema has no property {name!r}; name one that it has")
        return self

    @property
    def shown_field(self) -> str | None:
        """The property that the cell shows; None where the answer is plain text."""
        return self.field or (next(iter(self.answer["properties"])) if self.answer else None)


@dataclass(frozen=True, slots=True)
class ReserveTokens(Effect):
    """Before a call: the most it can cost is taken out of the sheet's budget, if that holds it."""

    call_id: UUID
    spreadsheet_id: UUID
    cell_id: UUID
    tokens: int
    default_budget: int


@dataclass(frozen=True, slots=True)
class SettleTokens(Effect):
    """After a call: what it has cost takes the place of what was reserved."""

    call_id: UUID
    tokens: int


@dataclass(frozen=True, slots=True)
class KeepAnswer(Effect):
    """The answer to a prompt: whoever asks the same in this workspace gets it without a call."""

    spreadsheet_id: UUID
    prompt_hash: str
    answer: str
    model: str
    tokens: int


@dataclass(frozen=True, slots=True)
class SetBudget(Effect):
    """How many tokens the language-model columns of a sheet may use in all."""

    entity: ClassVar[str | None] = "spreadsheets"
    key: ClassVar[tuple[str, ...]] = ("spreadsheet_id",)
    folds: ClassVar[bool] = False
    spreadsheet_id: UUID
    tokens: int

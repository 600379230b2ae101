"""How a column sorts texts into classes: rules by words and patterns first, then likeness to examples. No network."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workers.spreadsheets.model.steps import PatternText, SomeText

MAX_RULES: Final = 200
MAX_CLASSES: Final = 1000
MAX_EXAMPLES: Final = 5000  # of all classes together

Words = Annotated[tuple[SomeText, ...], Field(max_length=100)]


class ClassRule(BaseModel):
    """The label of a text that contains one of these words or phrases, or a place the pattern matches."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    label: SomeText
    contains: Words = ()
    pattern: PatternText | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.contains and self.pattern is None:
            raise ValueError(f"the rule for {self.label!r} names neither words nor a pattern; give it one of them")
        return self


class Classify(BaseModel):
    """The configuration of a column filled in by `spreadsheets.classify`.

    The first rule that fits decides. Else the class whose label or example is most like the text, if it is like it to
    at least `threshold` percent. Else `otherwise`; without that the cell says that nothing fits.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    rules: tuple[ClassRule, ...] = Field(default=(), max_length=MAX_RULES)
    classes: dict[SomeText, Words] = Field(default_factory=dict, max_length=MAX_CLASSES)
    threshold: int = Field(default=85, ge=50, le=100)
    otherwise: SomeText | None = None

    @model_validator(mode="after")
    def _sorts(self) -> Self:
        if not self.rules and not self.classes:
            raise ValueError("there is nothing to sort into; give rules or classes")
        if sum(map(len, self.classes.values())) > MAX_EXAMPLES:
            raise ValueError(f"the classes have more than {MAX_EXAMPLES:,} examples; leave some out")
        return self

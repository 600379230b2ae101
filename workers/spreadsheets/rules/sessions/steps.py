"""What every step needs: the session as it was read, its columns, and the effects of a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid5

import orjson
from pydantic import ValidationError

from core import Cancel, Done, Fail, Outcome, Row, Wait
from workers.spreadsheets.model.sessions import INPUTS, AskPerson, FinishStep, Question, SessionStep

Column = Mapping[int, tuple[UUID, str | None]]  # row -> the id and content of its cell
CHUNK: Final = 1000  # effects of one commit of a step


@dataclass(frozen=True, slots=True)
class Session:
    """A session at one of its steps. `given` is its checked input, `found` what each step has found."""

    id: UUID
    spreadsheet_id: UUID
    step: int
    given: Any
    found: Mapping[str, Any]

    @property
    def before(self) -> dict[str, Any]:
        """The output of the step before: the input of this one."""
        return dict(self.found.get(str(self.step - 1), {}))

    @property
    def so_far(self) -> dict[str, Any]:
        """What this step had found when it asked."""
        return dict(self.found.get(str(self.step), {}))

    def part_id(self, part: str) -> UUID:
        """The id of something this session makes: the same one in every run."""
        return uuid5(self.id, part)

    def done(self, **output: Any) -> Done:
        return Done([FinishStep(self.id, self.step, output)], output)

    def asks(self, question: Question, **found: Any) -> Wait:
        """Asks, and waits as long as it takes."""
        ask = AskPerson(self.id, self.step, question.prompt, question.schema(), question.form(), found)
        return Wait(signal_of(self.id, self.step), effects=[ask])


def signal_of(session_id: UUID, step: int) -> str:
    """What a step that has asked waits for; `answer_session` sends it."""
    return f"session:{session_id} step {step}"


def opened(rows: Sequence[Row], asked: SessionStep) -> Session | Outcome:
    """The session, or the end of a task that is not its current step any more."""
    if not rows:
        return Cancel("the session is gone")
    row = rows[0]
    if row["cancelled_at"] is not None or row["is_completed"] or row["current_step"] != asked.step:
        return Cancel("the session has gone on without this step")
    try:
        given = INPUTS[row["kind"]].model_validate_json(row["initial_input"])
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        return Fail(f"the input of the session does not fit: {where}: {first['msg']}; start a new one")
    found = orjson.loads(row["step_data"])
    return Session(asked.session_id, row["spreadsheet_id"], asked.step, given, found)


def plain_columns(columns: Sequence[Row]) -> list[Row]:
    """Those that nothing fills in: the only ones a session writes into."""
    return [column for column in columns if column["operator"] is None]


def named(wanted: str | None, columns: Sequence[Row], words: Sequence[str]) -> Row | None:
    """The column of this id or title; without a name, the first whose title has one of these words."""
    if wanted is not None:
        exact = (column for column in columns if wanted in {str(column["id"]), column["title"]})
        return next(exact, None) or next((c for c in columns if c["title"].casefold() == wanted.casefold()), None)
    by_word = (column for word in words for column in columns if word in column["title"].casefold())
    return next(by_word, None)


def shown_of(row: int, cells: Mapping[str, Column]) -> dict[str, list[str]]:
    """What a person is shown of a row: the id and the content of its cells, by part. Rows get other numbers, and cells
    other contents, while a question waits."""
    return {part: [str(cell[0]), cell[1]] for part, by_row in cells.items() if (cell := by_row.get(row)) and cell[1]}


def chunks(effects: Sequence[Any], size: int = CHUNK) -> list[Sequence[Any]]:
    return [effects[at : at + size] for at in range(0, len(effects), size)]


def counted(number: int, thing: str, things: str | None = None) -> str:
    return f"{number:,} {thing if number == 1 else things or thing + 's'}"

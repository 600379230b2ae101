"""What people do with sessions, over HTTP and on the command line: one way to check it, and the same effects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from core import Effect, Row, RowmillError
from workers.spreadsheets.model.sessions import INPUTS, AnswerSession, CancelSession, RetryStep
from workers.spreadsheets.rules.sessions import answers

LIVE = ("running", "asks", "failed")


class SessionRefused(RowmillError):
    """A session cannot do this now. `field` is what was wrong in what was sent, None where the session's state was."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def checked_input(kind: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The input of a new session, with its defaults. Raises SessionRefused."""
    if kind not in INPUTS:
        raise SessionRefused(f"there is no kind of session {kind!r}; choose {', '.join(INPUTS)}", "kind")
    try:
        return INPUTS[kind].model_validate(dict(given)).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(("input", *(str(step) for step in first["loc"])))
        raise SessionRefused(f"{where}: {first['msg']}; correct it", where) from error


def answering(session: Row, step: int, answer: Mapping[str, Any]) -> list[Effect]:
    """Raises SessionRefused where nothing is asked, or the answer does not fit."""
    if session["state"] != "asks" or session["current_step"] != step:
        raise SessionRefused(f"the session asks nothing at step {step} (it is {session['state']}); read it again")
    if (fault := answers.fault(answer, orjson.loads(session["user_input_schema"]))) is not None:
        raise SessionRefused(f"the answer does not fit: {fault}", "answer")
    return [AnswerSession(session["id"], step, dict(answer))]


def retrying(session: Row) -> list[Effect]:
    if session["state"] != "failed":
        raise SessionRefused(f"the session is {session['state']}; only a step that has failed can be retried")
    return [RetryStep(session["id"])]


def cancelling(session: Row) -> list[Effect]:
    if session["state"] not in LIVE:
        raise SessionRefused(f"the session is {session['state']}; there is nothing left to cancel")
    return [CancelSession(session["id"])]

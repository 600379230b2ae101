"""What a draft stands on and is checked against, read from the database: the same for a task and for a person."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

import orjson

from core import Row
from workers.deals.model import Validation
from workers.deals.rules import checking
from workers.deals.rules.facts import Facts, facts_of

Rows = Callable[..., Awaitable[Sequence[Any]]]  # (statement, key=…, key=…): the rows of one key


async def facts_for(rows: Rows, mail: Row) -> Facts:
    """Of the deal of a mail, as `email_to_answer` gives it."""
    deal_id = mail["deal_id"]
    return facts_of(
        mail, *await asyncio.gather(*(rows(name, deal_id=deal_id) for name in ("spaces_of_deal", "thread_of_deal")))
    )


async def validated(rows: Rows, body: str, facts: Facts, now: datetime) -> Validation:
    names = orjson.dumps(checking.names_claimed(body, facts)).decode()
    elsewhere = await rows("named_elsewhere", deal_id=facts.deal_id, names=names)
    return checking.checked(body, facts, elsewhere, now)

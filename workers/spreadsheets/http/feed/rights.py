"""Whether a watcher may still see its sheet: a feed outlives tokens, logins, memberships and sharing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

import asyncpg

from core import RowmillError
from core.web import Call, Nothing, Refused, renewed
from workers.spreadsheets.http.feed.watcher import FAILED, GONE, Goodbye, Watcher
from workers.spreadsheets.http.models import AskedFeed
from workers.spreadsheets.http.seeing import seen_sheet

RIGHTS_S: Final = 10.0  # how long an answer about them counts
TROUBLE: Final = (RowmillError, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass(slots=True)
class Rights:
    """Those of the call that has opened the feed, checked at `checked_at`."""

    call: Call[AskedFeed, Nothing]
    checked_at: float = field(default_factory=_now)

    async def lost(self, watcher: Watcher) -> Goodbye | None:
        """To be asked before each message; looks when the answer is old, or when the sheet's sharing may have changed.
        Nobody can know while the database does not answer: only where there is a doubt does that end the feed."""
        now, doubted = _now(), watcher.doubted
        if not doubted and now - self.checked_at < RIGHTS_S:
            return None
        watcher.doubted = False
        try:
            await seen_sheet(await renewed(self.call), self.call.asked.id)
        except Refused:
            return GONE
        except TROUBLE:
            return FAILED if doubted else None
        self.checked_at = now
        return None

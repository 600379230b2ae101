"""Google Sheets through gspread-asyncio: one read and one write for any number of rows. Errors are raised, never
retried in here: the queue retries. Rows are never appended, so a write that was applied and failed may be repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

import gspread_asyncio
import requests
from google.auth.exceptions import GoogleAuthError, TransportError
from google.oauth2.service_account import Credentials
from gspread.exceptions import APIError
from requests.adapters import HTTPAdapter

from core.outside import BURST, GoogleAccount
from workers.work_orders.adapter.sheets.port import MustWait, QuotaMet, SheetFailed, Take, Unwritable
from workers.work_orders.rules.exports import Cell, header_row, keyed, next_step, places, verdict

SCOPE: Final = "https://www.googleapis.com/auth/spreadsheets"
GOOGLE: Final = "https://sheets.googleapis.com/"
TIMEOUT_S: Final = (5, 60)
AS_STORED: Final = {
    "valueRenderOption": "UNFORMATTED_VALUE"
}  # not as the spreadsheet's locale shows it: 120,5 or €120.50
SPREADSHEET_RATE: Final = 5.0  # exports of one spreadsheet in a second: its limit is there to be paused


class _Elsewhere(HTTPAdapter):
    """Sends what is meant for Google to an emulator."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        super().__init__()

    def send(self, request: requests.PreparedRequest, *given: Any, **named: Any) -> requests.Response:
        request.url = self._url + request.path_url
        return super().send(request, *given, **{**named, "proxies": {}})


class _OfAnEmulator(Credentials):
    """Asks for its token as every account does, and Google itself for nothing."""

    def _is_regional_access_boundary_lookup_required(self) -> bool:
        return False


class Manager(gspread_asyncio.AsyncioGspreadClientManager):  # type: ignore[misc]
    """One account in one event loop."""

    def __init__(self, account: GoogleAccount) -> None:
        def credentials() -> Credentials:
            kind = _OfAnEmulator if account.url else Credentials
            made: Credentials = kind.from_service_account_info(account.key, scopes=[SCOPE])  # type: ignore[no-untyped-call]
            return made

        super().__init__(credentials, gspread_delay=0, gspread_timeout=TIMEOUT_S)
        self._url = account.url

    async def _authorize(self) -> Any:
        client = await super()._authorize()
        if self._url:
            client.gc.http_client.session.mount(GOOGLE, _Elsewhere(self._url))
        return client

    async def handle_gspread_error(self, error: Exception, *_: Any) -> None:
        raise error

    async def handle_requests_error(self, error: Exception, *_: Any) -> None:
        raise error

    async def call(self, name: str, *given: Any) -> Any:
        """A method of gspread's HTTP client, in a thread."""
        client = await self.authorize()
        return await self._call(getattr(client.gc.http_client, name), *given)


_managers: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Manager]] = WeakKeyDictionary()


def _manager(account: GoogleAccount) -> Manager:
    known = _managers.setdefault(asyncio.get_running_loop(), {})
    name = f"{account.name} {account.url}"
    if name not in known:
        known[name] = Manager(account)
    return known[name]


class GoogleSheet:
    """One sheet of a spreadsheet at Google."""

    def __init__(self, account: GoogleAccount, spreadsheet_id: str, sheet_name: str, take: Take) -> None:
        self._account, self._id, self._name, self._take = account, spreadsheet_id, sheet_name, take
        self._tab = "'" + sheet_name.replace("'", "''") + "'"

    @property
    def limit(self) -> str:
        return f"sheet:{self._id}"

    async def take_turn(self) -> None:
        """First the spreadsheet's own, which may be paused; then a read and a write of the account."""
        await self._token(self.limit, SPREADSHEET_RATE, "the spreadsheet has asked for a pause")
        await self._account_token("write")
        await self._account_token("read")

    async def _account_token(self, kind: str) -> None:
        name = f"google {kind}:{self._account.name}"
        await self._token(name, self._account.rate, f"the account's {kind}s of this minute are used up")

    async def _token(self, name: str, rate: float, reason: str) -> None:
        if wait_s := await self._take(name, rate, BURST):
            raise MustWait(wait_s, reason)

    async def upsert(self, header: Sequence[str], rows: Mapping[str, Sequence[Cell]]) -> None:
        told = await self._call("values_batch_get", self._id, [f"{self._tab}!A1:A"])
        column = [str(row[0]) if row else "" for row in told["valueRanges"][0].get("values", [])]
        if (stands := header_row(column, header[0])) != 1:
            await self._change(lambda tab: _to_the_top(tab["sheetId"], stands))
            column.insert(0, column.pop(stands - 1) if stands else "")
        data = [self._range(1, header)] if column[:1] != [header[0]] else []
        at = places(column, list(rows))
        data += [self._range(at[key], [key, *cells]) for key, cells in rows.items()]
        body = {"valueInputOption": "RAW", "data": data}
        try:
            await self._call("values_batch_update", self._id, body)
        except Unwritable as reason:
            if "grid limits" not in str(reason):
                raise
            await self._grow(max(at.values(), default=1))
            await self._call("values_batch_update", self._id, body)

    def _range(self, number: int, row: Sequence[Cell]) -> dict[str, Any]:
        return {"range": f"{self._tab}!A{number}:{_letter(len(row))}{number}", "values": [list(row)]}

    async def _grow(self, wanted: int) -> None:
        """More rows for a full sheet, and a token to write to it again."""
        await self._account_token("write")
        await self._change(lambda tab: _more_rows(tab, wanted))

    async def _change(self, make: Callable[[Mapping[str, Any]], dict[str, Any]]) -> None:
        """Changes the sheet's grid, told of its properties: two calls more, so their tokens are taken first."""
        for kind in ("read", "write"):
            await self._account_token(kind)
        about = await self._call("fetch_sheet_metadata", self._id)
        for each in about["sheets"]:
            if each["properties"]["title"] == self._name:
                await self._call("batch_update", self._id, {"requests": [make(each["properties"])]})

    async def rows(self) -> dict[str, list[Any]]:
        await self._token(self.limit, SPREADSHEET_RATE, "the spreadsheet has asked for a pause")
        await self._account_token("read")
        told = await self._call("values_batch_get", self._id, [f"{self._tab}!A1:{_letter(26)}"], dict(AS_STORED))
        return keyed(told["valueRanges"][0].get("values", []))

    async def _call(self, name: str, *given: Any) -> Any:
        try:
            return await _manager(self._account).call(name, *given)
        except APIError as error:
            raise self._meant(error) from None
        except GoogleAuthError as error:  # before ValueError: some of its kinds are both
            if error.retryable or isinstance(error, TransportError):
                raise SheetFailed("Google gave no token; it may be in trouble") from None
            raise Unwritable(
                f"Google does not accept the account {self._account.name}; check its key and the clock, then retry"
            ) from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise SheetFailed(f"Google cannot be reached, or its answer not read ({type(error).__name__})") from None

    def _meant(self, error: APIError) -> Exception:
        status, message = error.response.status_code, str(error.error.get("message", ""))[:300]
        kinds: dict[str, Callable[[], Exception]] = {
            "quota": lambda: QuotaMet(f"Google's quota is used up ({message})"),
            "later": lambda: SheetFailed(f"Google answered {status} ({message})"),
            "never": lambda: Unwritable(next_step(status, message, self._account.name, self._name)),
        }
        return kinds[verdict(status, str(error.error.get("status", "")))]()


def _more_rows(tab: Mapping[str, Any], wanted: int) -> dict[str, Any]:
    missing = wanted - tab["gridProperties"]["rowCount"] + 500
    return {"appendDimension": {"sheetId": tab["sheetId"], "dimension": "ROWS", "length": max(missing, 1)}}


def _to_the_top(sheet_id: int, stands: int | None) -> dict[str, Any]:
    """The header's row moved to the top with all that stands in it, or a blank one made there."""
    first = (stands or 1) - 1
    rows = {"sheetId": sheet_id, "dimension": "ROWS", "startIndex": first, "endIndex": first + 1}
    if stands is None:
        return {"insertDimension": {"range": rows, "inheritFromBefore": False}}
    return {"moveDimension": {"source": rows, "destinationIndex": 0}}


def _letter(column: int) -> str:
    return "ABCDEFGHIJKLMNOPQRSTUVWXYZ"[column - 1]

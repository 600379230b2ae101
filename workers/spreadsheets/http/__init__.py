"""Spreadsheets over HTTP: routes that read by named statements and write by commands, and the live feed.

`sheets`, `columns`, `cells` and `history` are the routes, `models` what they take and give, `shown` how rows look,
`seeing` who may see and change what, `feed` the WebSocket, `pages` the files for the browser. No decisions but these.
"""

from workers.spreadsheets.http import cells, columns, history, pages, sheets
from workers.spreadsheets.http.feed import socket

__all__ = ["cells", "columns", "history", "pages", "sheets", "socket"]

"""Spreadsheets over HTTP: routes that read by named statements and write by commands, and the live feed.

`sheets`, `columns`, `structure`, `runs`, `cells`, `history`, `undo` and `sessions` are the routes, `models`, `shapes`
and `session_models` what they take and give, `shown` how rows look, `seeing` who may see and change what, `feed` the
WebSocket, `pages` the files for the browser. No decisions but these.
"""

from workers.spreadsheets.http import cells, columns, history, pages, runs, sessions, sheets, structure, undo
from workers.spreadsheets.http.feed import socket

__all__ = ["cells", "columns", "history", "pages", "runs", "sessions", "sheets", "socket", "structure", "undo"]

"""Spreadsheets over HTTP: routes that read by named statements and write by commands, and the live feed.

`sheets`, `columns`, `structure`, `runs`, `cells`, `history` and `undo` are the routes, `models` and `shapes` what
they take and give, `shown` how rows look, `seeing` who may see and change what, `feed` the WebSocket, `pages` the
files for the browser. No decisions but these."""

from workers.spreadsheets.http import cells, columns, history, pages, runs, sheets, structure, undo
from workers.spreadsheets.http.feed import socket

__all__ = ["cells", "columns", "history", "pages", "runs", "sheets", "socket", "structure", "undo"]

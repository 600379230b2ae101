"""What becomes of a row that was changed here and on the server. Pure.

Three-way, on the server's row that the changes began on (K14): only a column that both sides changed, to different
values, is a clash. Who wins it: `local` or `remote`; `merge` the later time, where the client has kept one; `user` a
person, who is asked.
"""

from __future__ import annotations

from datetime import datetime

from workers.turns.client.model import KEPT, Local, Row, Settled, Strategy, Value

WORDS = {"local": "local", "remote": "remote", "merge": "merged", "user": "user"}
WHOLE = "_row"  # names the row itself in what a person is asked


def rebase(local: Local, remote: Row | None, strategy: Strategy) -> Settled:
    """The row on top of what the server has now; None = it is gone there."""
    if remote is None:
        return _gone(local, strategy)
    if local.deleted:
        return _deleted(local, remote, strategy)
    return _changed(local, remote, strategy)


def _gone(local: Local, strategy: Strategy) -> Settled:
    """Gone on the server: changes here would bring it back as a new row."""
    if local.deleted or not local.modified:
        return Settled(None)
    if strategy == "local":
        own = frozenset(name for name, value in local.values.items() if value is not None) - KEPT
        return Settled(local.values, None, own, resolution="local")
    if strategy == "user":
        asked: dict[str, dict[str, Value]] = {WHOLE: {"base": "there", "local": "changed", "remote": None}}
        return Settled(local.values, local.base, local.modified, conflict=asked)
    return Settled(None, resolution=WORDS[strategy])


def _deleted(local: Local, remote: Row, strategy: Strategy) -> Settled:
    """Deleted here, and perhaps changed there since."""
    unchanged = local.base is not None and local.base["version"] == remote["version"]
    if unchanged or strategy == "local":
        return Settled(local.values, remote, local.modified, deleted=True, resolution=None if unchanged else "local")
    if strategy == "user":
        asked: dict[str, dict[str, Value]] = {WHOLE: {"base": "there", "local": None, "remote": "changed"}}
        return Settled(local.values, remote, local.modified, deleted=True, conflict=asked)
    return Settled(dict(remote), remote, resolution=WORDS[strategy])


def _changed(local: Local, remote: Row, strategy: Strategy) -> Settled:
    base = local.base or {}
    own = local.modified - KEPT
    theirs = {name for name in remote if name not in base or base[name] != remote[name]}
    kept = {name for name in own if name not in theirs and name not in local.asked}
    clash = {name for name in own - kept if local.values.get(name) != remote[name]}
    won = {name for name in clash if _wins(local, remote, name, strategy)}
    asked = {name for name in clash - won if _is_asked(local, name, strategy)}
    values = {**remote, **{name: local.values.get(name) for name in kept | won | asked}}
    conflict = {
        name: {"base": _before(local, name, base.get(name)), "local": local.values.get(name), "remote": remote[name]}
        for name in sorted(asked)
    }
    word = WORDS[strategy] if clash and not asked else None
    return Settled(values, remote, frozenset(kept | won | asked), conflict=conflict or None, resolution=word)


def _before(local: Local, name: str, base: Value) -> Value:
    """The value that both sides began on, also where the person was asked before."""
    return local.asked[name]["base"] if name in local.asked else base


def _wins(local: Local, remote: Row, name: str, strategy: Strategy) -> bool:
    if strategy == "merge":
        return (
            name not in local.asked
            and name in local.times
            and _time(local.times[name]) > _time(remote.get("updated_at"))
        )
    return strategy == "local"


def _is_asked(local: Local, name: str, strategy: Strategy) -> bool:
    return strategy == "user" or (strategy == "merge" and (name not in local.times or name in local.asked))


def _time(written: Value) -> datetime:
    """The server prints `2026-03-01 10:00:00.5+00`."""
    text = written or "0001-01-01 00:00:00+00"
    return datetime.fromisoformat(f"{text}:00" if text[-3] in "+-" else text)


def after_sent(local: Local, sent: Row, answered: Row) -> Local:
    """The row when an operation was applied: what was changed since it was sent is all that is left to send."""
    left = frozenset(name for name in local.modified if name not in sent or local.values.get(name) != sent[name])
    values = {**answered, **{name: local.values.get(name) for name in left}}
    return Local(values, answered, left, local.times, local.deleted)

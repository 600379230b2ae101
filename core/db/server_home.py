"""The embedded server's directory: where it lies, who can reach it, and the two lock files in it.

`lock` is held while something is started or stopped. `users` is held shared by each process that uses the server,
so that the kernel itself forgets a process that was killed. Nothing here starts a program or removes data.
"""

import fcntl
import hashlib
import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from core.db.account import Account
from core.errors import ServerUnavailable

SOCKET_DIRECTORY_LIMIT = 85  # bytes; a socket's whole path may have 107
RELOCATED = Path("/var/tmp")  # noqa: S108  the owner of what is found there is checked
SHORT = Path("/tmp")  # noqa: S108  the same


class ServerHome:
    """The directory asked for; for root, unless a person chose it, one under /var/tmp, where nobody can reach it."""

    def __init__(self, asked: Path, account: Account, *, explicit: bool) -> None:
        asked = asked.expanduser().resolve()
        self._tag = hashlib.sha256(os.fsencode(asked)).hexdigest()[:10]
        self._account = account
        self._relocated = account.user is not None and not explicit
        self._user: IO[str] | None = None
        self.path = RELOCATED / f"rowmill-{self._tag}" if self._relocated else asked
        self.log = self.path / "postgres.log"

    def data(self, major: int) -> Path:
        return self.path / f"data{major}"

    @property
    def sockets(self) -> Path:
        inside = self.path / "run"
        if len(os.fsencode(inside)) <= SOCKET_DIRECTORY_LIMIT and "," not in str(inside):
            return inside  # in a DSN a comma would part two hosts
        return SHORT / f"rowmill-{os.geteuid()}-{self._tag}"

    # --- making it, and refusing what is not ours ---

    def prepare(self) -> None:
        """Make the directory if there is none. Raises ServerUnavailable if the server's account cannot reach it."""
        try:
            if not self.path.exists():
                self.path.mkdir(parents=True, exist_ok=True)
                self.path.chmod(0o700 if self._account.user is None else 0o755)
            reached = os.access(self.path, os.W_OK) and self._account.reaches(self.path)
        except OSError:
            reached = False
        if not reached:
            raise ServerUnavailable(
                f"The data directory {self.path} cannot be reached by {self._account}, who runs the server: "
                "choose another one with --data-dir, or open it and the directories above it to that account."
            )
        if self._relocated:
            _refuse_foreign(self.path, owner=0)

    def prepare_sockets(self) -> None:
        """Make the socket's directory; its mode is the authentication: only the server's account, and root, connect."""
        if not self.sockets.exists():
            self.sockets.mkdir(mode=0o700)
            self._account.own(self.sockets)
        _refuse_foreign(self.sockets, owner=os.geteuid() if self._account.user is None else self._account.user)

    def remove_sockets(self) -> None:
        """Leave nothing in /tmp; a directory that is not empty stays."""
        if self.sockets.parent == SHORT:
            with suppress(OSError):
                self.sockets.rmdir()

    def refuse_other_major(self, major: int, binaries: Path) -> None:
        """Data of another major version cannot be opened, and an empty database beside it would look like a loss."""
        others = [int(path.name[4:]) for path in self.path.glob("data*") if path.name[4:].isdigit()]
        if not others or major in others:
            return
        theirs = max(others)
        other, sockets = shlex.quote(str(self.data(theirs))), shlex.quote(str(self.sockets))
        options = shlex.quote(f"-c listen_addresses= -k {sockets}")
        raise ServerUnavailable(
            f"The data in {self.data(theirs)} was made by PostgreSQL {theirs}, "
            f"and the programs in {binaries} are PostgreSQL {major}. Save it with the programs of {theirs}: "
            f"`pg_ctl -D {other} -o {options} -w start && pg_dumpall -h {sockets} -U postgres -f rowmill.sql; "
            f"pg_ctl -D {other} stop`. Then move it away, start again and restore it with "
            f"`psql -h {sockets} -U postgres -d postgres -f rowmill.sql`."
        )

    # --- the locks ---

    @contextmanager
    def lock(self) -> Iterator[None]:
        with (self.path / "lock").open("a", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def joined(self) -> bool:
        return self._user is not None

    def join(self) -> None:
        self._user = (self.path / "users").open("a", encoding="utf-8")
        fcntl.flock(self._user, fcntl.LOCK_SH)

    def leave(self) -> None:
        if self._user is not None:
            self._user.close()
            self._user = None

    def is_unused(self) -> bool:
        with (self.path / "users").open("a", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True


def _refuse_foreign(directory: Path, owner: int) -> None:
    """Where everybody may write, somebody else's directory or link may stand under our name: it is not ours to use."""
    if directory.is_symlink() or directory.lstat().st_uid != owner:
        raise ServerUnavailable(f"{directory} belongs to another user: remove it, then run this again.")

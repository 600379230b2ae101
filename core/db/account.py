"""The account the embedded server runs under: ourselves, or `nobody` for root, whom PostgreSQL refuses.

Owns how the server's programs are started and whether that account can reach a path. Knows nothing of data directories.
"""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

NOBODY = 65534  # the id Linux gives to nobody, also where no passwd entry says so
# LC_ALL: initdb fails on a LANG that is not installed. Nothing else of our environment is the server's business.
ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/local/bin", "LC_ALL": "C"}


@dataclass(frozen=True, slots=True)
class Account:
    """Who runs the server; `user` and `group` are None when it is the caller."""

    user: int | None = None
    group: int | None = None

    def run(self, command: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
        """Run a program as this account, in a session of its own: Ctrl-C at a terminal must not reach the server.

        It runs in / because nobody may not be able to stand where the caller stands.
        """
        return subprocess.run(
            [str(word) for word in command],
            cwd="/",
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            start_new_session=True,
            user=self.user,
            group=self.group,
            extra_groups=None if self.user is None else [],
        )

    def reaches(self, path: Path) -> bool:
        """Tell whether this account can enter the directory, or execute the file, with everything above it."""
        return self.run(["test", "-x", path]).returncode == 0

    def own(self, path: Path) -> None:
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)

    @property
    def named(self) -> bool:
        """initdb, and it alone, refuses a user id without a passwd entry (`docker run --user 12345`)."""
        try:
            pwd.getpwuid(os.geteuid() if self.user is None else self.user)
        except KeyError:
            return False
        return True

    def __str__(self) -> str:
        user = os.geteuid() if self.user is None else self.user
        return pwd.getpwuid(user).pw_name if self.named else f"user id {user}"


def server_account() -> Account:
    if os.geteuid() != 0:
        return Account()
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        return Account(NOBODY, NOBODY)
    return Account(nobody.pw_uid, nobody.pw_gid)

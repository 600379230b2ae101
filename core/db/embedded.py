"""The embedded PostgreSQL: made on first use, shared by all who ask for it, stopped by the last one that leaves.

Owns making, starting and stopping it. Only `destroy` removes data, and another major version never opens it.
"""

import os
import shutil
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import quote

from core.db import postmaster
from core.db.account import server_account
from core.db.binaries import find_binaries, has_statement_statistics, major_version, reachable_binaries
from core.db.server_home import ServerHome
from core.errors import ServerUnavailable

START_LIMIT = 300.0  # seconds; recovery after a crash reads the log since the last checkpoint
STOP_LIMIT = 120  # seconds; a fast stop writes a checkpoint
LOG_LIMIT = 16 * 2**20  # bytes, looked at before a start
POLL = 0.02  # seconds
FIRST_BUILTIN_LOCALE = 17  # the major version that brought C.UTF-8 without the system's locales

DEFAULTS = MappingProxyType(
    {
        "listen_addresses": "",  # no TCP: that is what makes trust authentication safe
        "max_connections": "200",
        "max_wal_size": "2GB",
        "checkpoint_timeout": "15min",
        "wal_compression": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_min_messages": "warning",
        "log_line_prefix": "%m [%p] %q%a ",
        "track_activity_query_size": "4096",
    }
)
UNSAFE = MappingProxyType({"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})


class EmbeddedServer:
    """One server on one data directory. Cheap to make; `start` and `stop`, or `with`, do the work.

    `durable=False` is for tests: quick, but a killed server may lose what it had just committed. `explicit` says
    that a person chose the directory: then the data lies there also for root, or the start is refused; otherwise
    root's data lies under /var/tmp, where the server's account can reach it.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        durable: bool = True,
        explicit: bool = False,
        settings: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._wanted_binaries = binaries
        self._durable = durable
        self._settings = settings
        self._account = server_account()
        self._home = ServerHome(data_dir, self._account, explicit=explicit)

    # --- what it is ---

    @cached_property
    def _binaries(self) -> Path:
        return reachable_binaries(find_binaries(self._wanted_binaries), self._account)

    @cached_property
    def major(self) -> int:
        return major_version(self._binaries)

    @property
    def data_path(self) -> Path:
        """Where the data really lies; for root that is not the directory asked for, unless it was explicit."""
        return self._home.data(self.major)

    @property
    def log_path(self) -> Path:
        return self._home.log

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster, or None if it does not run."""
        return postmaster.pid(self.data_path)

    def dsn(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@/{quote(database, safe='')}?host={quote(str(self._home.sockets))}"

    # --- start and stop ---

    def start(self) -> Self:
        """Return with a server that answers; whoever starts it, this process is one of its users until `stop`.

        Raises ServerUnavailable.
        """
        if not self._home.joined:
            major = self.major  # first: without programs that run, nothing is made
            self._home.prepare()
            with self._home.lock():
                self._home.refuse_other_major(major, self._binaries)
                self._home.prepare_sockets()
                self._home.join()
                try:
                    self._create_data()
                    self._bring_up()
                except BaseException:
                    self._home.leave()
                    raise
        return self

    def stop(self) -> None:
        """Leave the server; the last user stops it."""
        if self._home.joined:
            with self._home.lock():
                self._home.leave()
                if self._home.is_unused():
                    self._shut_down()

    def destroy(self) -> None:
        """Remove the data of this major version, for ever. Raises ServerUnavailable while somebody uses the server."""
        self._home.prepare()
        with self._home.lock():
            if not self._home.is_unused():
                raise ServerUnavailable(f"The server on {self.data_path} is in use: stop what uses it, then try again.")
            self._shut_down()
            if self.data_path.exists():
                shutil.rmtree(self.data_path)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- the server ---

    def _create_data(self) -> None:
        """Run initdb beside the data and rename: it writes PG_VERSION half a second before it is done."""
        if self.data_path.exists():
            return
        unfinished = self._home.path / "unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        self._account.own(unfinished)
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8") if self.major >= FIRST_BUILTIN_LOCALE else ()
        sync = () if self._durable else ("--no-sync",)
        options = ("-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-instructions", *locale, *sync)
        stranger = () if self._account.named else ("unshare", "--user", "--map-user=65534")
        made = self._account.run([*stranger, self._binaries / "initdb", "-D", unfinished, *options])
        if made.returncode:
            why = (made.stderr or made.stdout).strip()
            raise ServerUnavailable(
                f"No database could be made in {self._home.path}: {why}. Mend that, then try again."
            )
        unfinished.rename(self.data_path)

    def _bring_up(self) -> None:
        """Wait until the server is ready; start it, again if need be, while there is none."""
        limit, launched, log_start = time.monotonic() + START_LIMIT, None, 0
        while (now := postmaster.state(self.data_path)) is not postmaster.State.READY:
            if time.monotonic() > limit:
                raise ServerUnavailable(f"The server is not ready after {START_LIMIT:.0f} s: read {self.log_path}.")
            gone = launched is None or not postmaster.runs(launched)
            if now is postmaster.State.ABSENT and gone:
                if launched is not None:
                    self._refuse_broken(log_start)
                log_start, launched = self._log_size(), self._launch()
            time.sleep(POLL)

    def _launch(self) -> int:
        """Start the server as an orphan: it must outlive us, and must not be our zombie when it is killed."""
        postmaster.remove_leavings(self.data_path, self._home.sockets)
        if self._log_size() > LOG_LIMIT:
            self.log_path.replace(self.log_path.with_suffix(".old.log"))
        self.log_path.touch(mode=0o600)
        self._account.own(self.log_path)
        options = [word for name, value in self._options().items() for word in ("-c", f"{name}={value}")]
        script = 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 & echo $!'
        server = (self._binaries / "postgres", "-D", self.data_path)
        return int(self._account.run(["/bin/sh", "-c", script, "sh", self.log_path, *server, *options]).stdout)

    def _options(self) -> dict[str, str]:
        quoted = str(self._home.sockets).replace('"', '""')
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return {
            **DEFAULTS,
            "shared_buffers": "256MB" if memory >= 2 * 2**30 else "64MB",
            "unix_socket_directories": f'"{quoted}"',
            **({"shared_preload_libraries": "pg_stat_statements"} if has_statement_statistics(self._binaries) else {}),
            **({} if self._durable else UNSAFE),
            **self._settings,
        }

    def _log_size(self) -> int:
        return self.log_path.stat().st_size if self.log_path.exists() else 0

    def _refuse_broken(self, log_start: int) -> None:
        """A server that ended while starting is an error, unless a killed one's processes are still going."""
        with self.log_path.open("rb") as log:
            log.seek(log_start)
            said = log.read().decode(errors="replace").strip()
        if "still in use" not in said:
            last = " ".join(said.splitlines()[-2:]) or "it said nothing"
            raise ServerUnavailable(f"The server does not start: {last}. The whole story stands in {self.log_path}.")

    def _shut_down(self) -> None:
        if postmaster.state(self.data_path) is postmaster.State.ABSENT:
            return
        limit = ("-m", "fast", "-w", "-t", str(STOP_LIMIT))
        stopped = self._account.run([self._binaries / "pg_ctl", "-D", self.data_path, *limit, "stop"])
        if stopped.returncode and postmaster.state(self.data_path) is not postmaster.State.ABSENT:
            raise ServerUnavailable(f"The server does not stop: {stopped.stderr.strip()}. Read {self.log_path}.")
        self._home.remove_sockets()

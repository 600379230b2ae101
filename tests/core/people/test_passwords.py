"""What may be a password, and what is kept of it."""

from __future__ import annotations

import asyncio
import threading

import pytest
from argon2 import PasswordHasher

from core.people import passwords
from core.people.passwords import AT_ONCE, WAITING, Hashing, Overrun, UnfitPassword

GOOD = "correct horse battery"


def test_what_is_kept_is_argon2id_with_a_salt_of_its_own() -> None:
    first, second = passwords.hashed(GOOD), passwords.hashed(GOOD)
    assert first.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert first != second
    assert GOOD not in first
    assert len(first) < 255
    assert passwords.matches(GOOD, first)
    assert not passwords.matches(GOOD + " ", first)


def test_accents_match_however_a_keyboard_composes_them() -> None:
    assert passwords.matches("pa\u0301ssword läng", passwords.hashed("p\u00e1ssword la\u0308ng"))


def test_nobody_has_the_password_of_nobody() -> None:
    assert not passwords.matches("", None)
    assert not passwords.matches("x" * 201, passwords.hashed("x" * 201))
    assert not passwords.matches(GOOD, "no hash at all")


def test_a_hash_of_weaker_parameters_is_outdated() -> None:
    weak = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(GOOD)
    assert passwords.matches(GOOD, weak)
    assert passwords.is_outdated(weak)
    assert not passwords.is_outdated(passwords.hashed(GOOD))


@pytest.mark.parametrize(
    "unfit",
    [
        "",
        "short",
        "x" * 11,
        "x" * 201,
        "aaaaaaaaaaaaaaa",
        "ada.lovelace@example.org",
        "ADA.LOVELACE",
        "a\x00bcdefghijklmn",
    ],
)
def test_what_is_guessed_at_once_is_no_password(unfit: str) -> None:
    with pytest.raises(UnfitPassword):
        passwords.check(unfit, "ada.lovelace@example.org")


def test_a_long_password_of_any_signs_is_one() -> None:
    for fit in (GOOD, "пароль длинный", "x y z 1 2 3 4 5", passwords.made_up()):
        passwords.check(fit, "ada@example.org")


async def test_hashing_leaves_the_loop_free_and_a_queue_that_is_full_says_so() -> None:
    hashing, gate = Hashing(), threading.Event()
    try:
        held = [asyncio.create_task(hashing.run(gate.wait)) for _ in range(AT_ONCE + WAITING)]
        await asyncio.sleep(0)  # the loop is free: everybody has asked
        with pytest.raises(Overrun):
            await hashing.run(gate.wait)
        gate.set()
        assert await asyncio.gather(*held) == [True] * (AT_ONCE + WAITING)
        assert await hashing.run(lambda: 7) == 7
    finally:
        gate.set()
        hashing.close()

"""The completion scripts are scripts of their shells and know the commands."""

from __future__ import annotations

import asyncio

import pytest

from tests.core.cli.conftest import Rowmill


async def test_bash_takes_the_script_and_completes_a_command(rowmill: Rowmill) -> None:
    script = (await rowmill("completion", "bash")).out
    asked = f"{script}\nCOMP_WORDS=(rowmill ret); COMP_CWORD=1; _rowmill; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    command = ("bash", "--norc", "-c", asked)
    ran = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    answer, _ = await ran.communicate()
    assert sorted(answer.decode().split()) == ["retention", "retry"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
async def test_other_shells_have_theirs(rowmill: Rowmill, shell: str) -> None:
    said = (await rowmill("completion", shell)).out
    assert [name for name in ("doctor", "recovered", "top") if name not in said] == []

"""`rowmill completion`: the script that lets a shell complete commands and options."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

Shell = Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell that shall complete.")]


def completion(shell: Shell, /) -> None:
    """Print the completion script of a shell. For bash: source <(rowmill completion bash)."""
    from core.cli.main import app

    print(app.generate_completion(prog_name="rowmill", shell=shell))  # noqa: T201 - the answer

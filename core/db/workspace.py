"""In which workspace a transaction acts. Row policies read it; logins they do not bind (the owner) never say it."""

from __future__ import annotations

from typing import Final
from uuid import UUID

DEFAULT_WORKSPACE: Final = UUID("00000000-0000-4000-8000-000000000001")  # as rowmill.default_workspace() has it


def entering(workspace_id: UUID | None) -> str:
    """Goes behind `begin`, in the same round trip. A task without a workspace belongs to the default one."""
    return f"set local app.workspace_id = '{workspace_id or DEFAULT_WORKSPACE}'"

"""Whether bells arrive: behind a pooler in transaction mode LISTEN looks healthy and hears nothing."""

from __future__ import annotations

from core.cli.doctor.findings import Finding, ok, warning
from core.cli.doctor.patient import Patient
from core.db.connect import is_pooled
from core.queue.listen import hears_bells


async def pooler(patient: Patient) -> list[Finding]:
    """The same bell of our own that a worker rings when it starts."""
    between = "a pooler stands in between" if is_pooled(patient.connection) else "sessions are the server's own"
    listens = patient.settings.listen_url or patient.dsn
    if await hears_bells(listens, patient.connection, patient.settings):
        return [ok("pooler", f"bells arrive; {between}")]
    step = "set ROWMILL_LISTEN_URL to the server's own address, or accept that workers look once a second"
    return [warning("pooler", f"bells do not arrive, and workers poll; {between}", step)]

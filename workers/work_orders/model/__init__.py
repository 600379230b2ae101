"""The values of the work orders domain: `profiles` how documents look, `reading` what is read, `tasks` what comes in,
`effects` what is written. Frozen and pure."""

from workers.work_orders.model.effects import (
    BeginExport,
    FailExport,
    FinishExport,
    ForgetRuns,
    HoldExport,
    IngestOrder,
    IngestSigned,
    MatchSigned,
    RecordReading,
    RecordSigned,
    ResolveReview,
    RestartExport,
    SaveProfile,
)
from workers.work_orders.model.profiles import Profile
from workers.work_orders.model.tasks import CheckSheet, ExportSheet, ForgetOldRuns, ReadSigned, ReadSource

__all__ = [
    "BeginExport",
    "CheckSheet",
    "ExportSheet",
    "FailExport",
    "FinishExport",
    "ForgetOldRuns",
    "ForgetRuns",
    "HoldExport",
    "IngestOrder",
    "IngestSigned",
    "MatchSigned",
    "Profile",
    "ReadSigned",
    "ReadSource",
    "RecordReading",
    "RecordSigned",
    "ResolveReview",
    "RestartExport",
    "SaveProfile",
]

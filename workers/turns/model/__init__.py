"""What the turns domain speaks of: `shapes` and their tables, `writes` that devices send, `tasks`, their effects."""

from workers.turns.model.tasks import AddNotice, CompactLog, FindOverdue, ForgetShapes, NotifyApprovers, PruneLog

__all__ = ["AddNotice", "CompactLog", "FindOverdue", "ForgetShapes", "NotifyApprovers", "PruneLog"]

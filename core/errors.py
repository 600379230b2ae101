"""Every error this system raises on purpose. A message is one sentence that ends in the next step."""


class RowmillError(Exception):
    """Base of all our errors; the command line prints its message and no traceback."""


class PayloadRejected(RowmillError):
    """A payload does not fit its operator; the message names the field and holds no value."""


class LostClaim(RowmillError):
    """The task is no longer this run's: cancelled, reaped, or claimed anew. This commit wrote nothing."""


class StartOver(RowmillError):
    """This run cannot go on, through no fault of the task: its reads are stale, or a row stays locked.

    The task returns to pending without using an attempt. An operator lets it pass.
    """

    def __init__(self, reason: str, delay_s: float = 0.0) -> None:
        super().__init__(reason)
        self.delay_s = delay_s


class CommandRefused(RowmillError):
    """A command cannot be applied; the message says why and what to do."""


class ServerUnavailable(RowmillError):
    """There is no PostgreSQL to work with: none installed, none that starts, or data it must not touch."""

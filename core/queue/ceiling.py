"""The memory ceiling of a process: whoever asks for too much meets it, and not the database beside.

RLIMIT_DATA counts what a process may write to by itself. Its address space (RLIMIT_AS) would be no measure: 32 threads
reserve 1.2 GB of it and use 80 MB. Only the soft limit is set, so that a child can have another one.
"""

from __future__ import annotations

import math
import os
import resource
from typing import Final

MET: Final = 72  # exit code of a process that has met its ceiling
_LAST_WORDS: Final = b'{"room": "ceiling", "event": "memory_ceiling_met", "level": "error"}\n'


def hold_memory(megabytes: int) -> None:
    """From now on this process has so much memory and no more; 0 = no limit. Servers it starts later have it too."""
    if megabytes:
        _set(resource.RLIMIT_DATA, megabytes * 2**20)


def hold_processor(seconds: int) -> None:
    """The system ends this process when it has used so much more processor time. A crash leaves no core file."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _set(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime) + seconds)
    _set(resource.RLIMIT_CORE, 0)


def end_if_met(error: BaseException) -> None:
    """Ends this process if the error says that its ceiling was met: who of its runs asked for too much is not known,
    and all of them may have met it. It is a crash, so none of them uses an attempt."""
    if isinstance(error, MemoryError) and resource.getrlimit(resource.RLIMIT_DATA)[0] != resource.RLIM_INFINITY:
        os.write(2, _LAST_WORDS)  # logging would ask for memory
        os._exit(MET)


def _set(what: int, limit: int) -> None:
    hard = resource.getrlimit(what)[1]
    resource.setrlimit(what, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))

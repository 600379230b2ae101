"""The far side of `aside.py`: answers one call after the other on stdin and stdout, within limits it sets itself.

Run as a file (`python -P aside_child.py module:function memory_bytes limit_s`), never imported: it must start fast, so
it loads nothing but the function it serves. A message is four bytes of length, then the bytes. An answer begins with
`+` for a result and `-` for a sentence.
"""

from __future__ import annotations

import ctypes
import faulthandler
import importlib
import os
import resource
import sys
from collections.abc import Callable

HEAD = 4  # bytes of a message's length
OWN_USERS, OWN_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of sched.h
PARTING_S = 1.0  # the parent ends this process at its limit; should the parent be gone, it ends itself


def serve(function: Callable[[bytes], bytes], limit_s: float) -> None:
    source, target = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    while head := source.read(HEAD):
        argument = source.read(int.from_bytes(head, "big"))
        faulthandler.dump_traceback_later(limit_s + PARTING_S, exit=True, file=sys.stderr)
        answer = answered(function, argument)
        faulthandler.cancel_dump_traceback_later()
        target.write(len(answer).to_bytes(HEAD, "big") + answer)
        target.flush()


def answered(function: Callable[[bytes], bytes], argument: bytes) -> bytes:
    try:
        return b"+" + function(argument)
    except MemoryError:
        return b"-it needed too much memory"
    except Exception as error:  # noqa: BLE001 - whatever the function raises is the answer of this call
        return f"-{type(error).__name__}: {error}".encode("utf-8", "replace")


def limit_memory(wanted: int) -> None:
    """A lower limit that is in force already stays. Systems that know no such limit go without."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ValueError, OSError):
        print("no memory limit on this system", file=sys.stderr)  # noqa: T201 - stderr is all there is


def leave_network() -> None:
    """Into a network of its own, which reaches nothing. Systems that do not allow it go without."""
    try:
        ctypes.CDLL(None).unshare(OWN_USERS | OWN_NETWORK)
    except (OSError, AttributeError, TypeError):
        print("no network of its own on this system", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    limit_memory(int(sys.argv[2]))
    leave_network()  # while this process has one thread
    serve(getattr(importlib.import_module(module), name), float(sys.argv[3]))

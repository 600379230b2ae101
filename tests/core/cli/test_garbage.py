"""The garbage collector of a worker or a web server walks what its tasks and requests make, and no module."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from core.cli.garbage import BATCH, keep_what_is_loaded


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()


def test_what_is_loaded_is_walked_no_more() -> None:
    before = len(gc.get_objects())
    keep_what_is_loaded()
    assert len(gc.get_objects()) < before / 10
    assert gc.get_threshold()[0] == BATCH

"""Committers without a worker around them."""

from tests.committing import bench, benches
from tests.core.queue.commit import acts

__all__ = ["acts", "bench", "benches"]

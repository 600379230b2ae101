"""A proxy that loses the COMMITs of others' sessions, on order (tests/proxy.py): the reply, the request, or both in
limbo."""

from __future__ import annotations

import random

from tests.proxy import Loss, Proxy


def order(proxy: Proxy, choose: random.Random, count: int) -> None:
    """So many of the next commits are lost, each in a way of its own."""
    proxy.orders.extend(choose.choice(list(Loss)) for _ in range(count))

"""Figures of the turns domain: convergence of devices that are killed, latency, initial sync, many live clients.

`python -m benchmarks.turns` prints them; `--help` tells the sizes.
"""

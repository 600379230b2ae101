"""The benchmark: workloads, hand-written limits, other queues in the same run. `python3 run.py bench --help`."""

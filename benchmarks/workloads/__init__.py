"""The workloads, one file each: `NAME`, `TITLE`, and `run(bench)`, which returns figures."""

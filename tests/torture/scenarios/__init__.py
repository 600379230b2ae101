"""One file each, named by what it shows; see `tests/torture/scenario.py`."""

"""The domain that the benchmarks run on, written with nothing but the public operator API.

Its tables stand in its migration alone: they are in no installation's metadata.
"""

"""The values of the reports domain: `parsed` is what a file holds. Frozen and pure."""

"""The demo: a messy customer list in a sheet that fills itself in, and what its cells must hold in the end."""

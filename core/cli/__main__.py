"""`python -m core.cli` is the same as `rowmill`."""

from core.cli import main

main()

"""What runs in a process of its own (core/outside/aside.py): pure functions from bytes to bytes over strangers' input.

Nothing of the domain is imported here and nobody imports these modules: they start in a fraction of a second.
"""

"""Real processes, real signals, real servers: what holds when any of them ends at any moment."""

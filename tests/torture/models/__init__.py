"""T26: models in pure Python, every reachable state of which is visited. Each has broken variants: a search that finds
nothing wrong with those would prove nothing."""

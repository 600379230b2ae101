"""Other queues in the same run, each in an environment of its own: one adapter file per peer, public API only.

An adapter is a program with the verbs setup, load, single, steady, probe, work and left; `kit.py` and `kit.mjs` hold
what they share. A peer's time ends with its last handler: its completions may come later, which is in its favour.
"""

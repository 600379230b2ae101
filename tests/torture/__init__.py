"""The torture suite: real processes and a real server under every harm we know, and an independent checker that says
whether anything was lost or done twice.

    ledger      what producers were told is theirs, on disk before anybody believes it
    checker     invariants I1 to I8 over the tables, in SQL of its own
    nemeses     one harm each: kill, stall, cut, fill, pin ...
    scenarios   one file each: a load, nemeses, the checker, figures with their limits
    models      every interleaving of claim and gate, in pure Python, and the same steps against PostgreSQL
    mutants     bugs planted in a copy of the sources, each of which a test must notice

`python3 run.py torture --help` runs it; docs/reliability.md holds what it found.
"""

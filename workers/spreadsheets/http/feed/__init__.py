"""The live feed: every committed change of a sheet, to everybody who watches it, once.

`place` is where a watcher stands, `changes` reads on from there, `poller` does so for all watchers of this process,
`watcher` is one of them with its bounded buffer, `rights` asks whether it may still watch, `socket` speaks to the
browser.
"""

"""Serves shapes: snapshots in chunks, then the log, to any number of followers. Knows no HTTP.

`layouts` a table as it is now · `printing` SQL made for one definition · `snapshots` makes a shape · `store` finds it
again · `log` what happened since · `tail` who waits for more. The only room that puts SQL together: names and
conditions come from `rules`, which has written them anew.
"""

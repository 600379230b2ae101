"""The one way to write: batches of finished runs, and commands, each in one fenced transaction.

`batch` decides which runs share a transaction, `transaction` is its steps, `writes` locks and writes rows, `changes`
turns effects into arrays, `faults` says what an error means, `committer` is a pool's loop, `commands` are for people.
"""

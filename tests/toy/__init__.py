"""A sixth domain, in one folder: what a newcomer would write, and what the engine's tests run on.

Task types: `toy.set`, `toy.copy`, `toy.note`, `toy.act`, `toy.narrow`, `toy.batch`, `toy.step`. Effects: `SetValue`,
`SetOnce`, `AddNote`.
"""

"""How well the check of drafts finds what is wrong: cases written by hand before it, and drafts mutated by a generator
that shares no code with it. `rowmill deals measure` prints the figures."""

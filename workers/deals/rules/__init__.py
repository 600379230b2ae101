"""Pure decisions of the deals domain: rows and a time in, effects and sentences out."""

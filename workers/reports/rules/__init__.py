"""Pure decisions: dates, headings, names, parsers, what a new text means for a stored one, how reports are written."""

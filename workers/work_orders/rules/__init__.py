"""The decisions of the work orders domain: how a document is read, what a reading becomes, how it is exported."""

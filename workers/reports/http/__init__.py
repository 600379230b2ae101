"""Reports over HTTP: routes that read by named statements and write by commands.

`files` takes files in and tells what became of them, `texts` are the stored rows and the search, `generated` the
reports that are written from them, `pages` all of it for a browser, `models` what goes in and out. No decisions but
these.
"""

from workers.reports.http import files, generated, pages, texts

__all__ = ["files", "generated", "pages", "texts"]

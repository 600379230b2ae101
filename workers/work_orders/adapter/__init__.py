"""PDFs and their bytes, letters, sheets. The only room of this domain that touches the outside."""

from __future__ import annotations

from core.outside import AsideFailed, BlobsFailed, blob_store
from workers.work_orders.adapter.mail import Attachment, NoLetter, attachments
from workers.work_orders.adapter.pdf import draw_page, read_pdf
from workers.work_orders.adapter.sheets import MustWait, QuotaMet, Sheet, SheetFailed, Unwritable, sheet

__all__ = [
    "AsideFailed",
    "Attachment",
    "BlobsFailed",
    "MustWait",
    "NoLetter",
    "QuotaMet",
    "Sheet",
    "SheetFailed",
    "Unwritable",
    "attachments",
    "blob_store",
    "draw_page",
    "read_pdf",
    "sheet",
]

"""PDFs and their bytes, letters, sheets. The only room of this domain that touches the outside."""

from __future__ import annotations

from core.outside import AsideFailed, BlobsFailed, blobs
from workers.work_orders.adapter.pdf import draw_page, read_pdf

__all__ = ["AsideFailed", "BlobsFailed", "blobs", "draw_page", "read_pdf"]

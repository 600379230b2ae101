"""Whether documents are stored on this installation, and if not, in which words to say so."""

from functools import cache

from core.settings import Settings


@cache
def storing() -> str | None:
    """None where they are; else a sentence with the next step. Read once per process."""
    settings = Settings()
    if not settings.store_documents:
        return "storing documents is switched off; set ROWMILL_STORE_DOCUMENTS=true (or ENABLE_NEON_DB_STORAGE=true)"
    if not settings.store_blobs:
        return "the blob store is switched off; set ROWMILL_STORE_BLOBS=true (or ENABLE_VERCEL_BLOB_UPLOAD=true)"
    return None

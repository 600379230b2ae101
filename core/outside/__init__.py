"""The door to the outside world for the adapters of domains. Knows no domain."""

from core.outside.aside import Aside, AsideFailed
from core.outside.blobs import Blob, Blobs, BlobsFailed, blobs
from core.outside.fetch import Fetched
from core.outside.files import files_root
from core.outside.guard import FetchFailed, FetchRefused, Guard
from core.outside.polite import MustWait, Web, limit_of, web
from core.outside.switches import storing

__all__ = [
    "Aside",
    "AsideFailed",
    "Blob",
    "Blobs",
    "BlobsFailed",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "Guard",
    "MustWait",
    "Web",
    "blobs",
    "files_root",
    "limit_of",
    "storing",
    "web",
]

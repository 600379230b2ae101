"""The door to the outside world for the adapters of domains. Knows no domain."""

from core.outside.aside import Aside, AsideFailed
from core.outside.blobs import Blob, Blobs, BlobsFailed, blob_store
from core.outside.fetch import Fetched
from core.outside.files import files_root
from core.outside.google import BURST, GoogleAccount, NoGoogleAccount, google_account, sheet_format
from core.outside.guard import FetchFailed, FetchRefused, Guard
from core.outside.polite import MustWait, Web, limit_of, web
from core.outside.switches import storing

__all__ = [
    "BURST",
    "Aside",
    "AsideFailed",
    "Blob",
    "Blobs",
    "BlobsFailed",
    "FetchFailed",
    "FetchRefused",
    "Fetched",
    "GoogleAccount",
    "Guard",
    "MustWait",
    "NoGoogleAccount",
    "Web",
    "blob_store",
    "files_root",
    "google_account",
    "limit_of",
    "sheet_format",
    "storing",
    "web",
]

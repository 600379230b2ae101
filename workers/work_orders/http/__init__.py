"""Work orders over HTTP: ingestion, the admin preview, signed documents, the review list, the export queue, profiles,
pages as images.

A change is a command with the same effects as everywhere; a reading is a named statement. No decisions here.
"""

from workers.work_orders.http import exports, ingest, orders, profiles, reviews, signed

__all__ = ["exports", "ingest", "orders", "profiles", "reviews", "signed"]

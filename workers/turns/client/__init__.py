"""The client half in Python: a local store on SQLite that is written without a network and converges when it is back.

    async with open_client("turns.db", "https://…", token) as client:
        await client.initialize_user_shapes()
        await client.update("turns", turn_id, wo_number="WO-7")     # at once, offline too

`merging` decides, pure: three-way, by field · `schema` tables, sync columns and triggers · `store` what the database
holds · `queue` operations on their way · `pulling` shapes · `pushing` writes · `client` the face. Stands on nothing of
the server: it talks to it over HTTP.
"""

from workers.turns.client.client import TurnsClient, log_in, open_client
from workers.turns.client.model import Strategy, SyncMetrics

__all__ = ["Strategy", "SyncMetrics", "TurnsClient", "log_in", "open_client"]

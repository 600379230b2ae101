"""psycopg: a refusal has a code, and its message names the key of the payload."""

import os

import psycopg
from psycopg.types.json import Jsonb

with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    ask = "select id, created from enqueue_task(%s, %s, dedupe_key => %s)"
    print(connection.execute(ask, ("toy.set", Jsonb({"row_id": 20, "value": "from psycopg"}), "psycopg 20")).fetchone())
    try:
        with connection.transaction():
            connection.execute(ask, ("toy.set", Jsonb({"row_id": "twenty", "value": "x"}), None))
    except psycopg.Error as error:
        print(error.sqlstate, error)

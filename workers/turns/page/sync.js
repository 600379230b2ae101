// Shapes into PGlite, local changes to the server. Which rows there are decides the server; how they merge, sql/client.
import { PGlite } from "@electric-sql/pglite";
import { electricSync } from "@electric-sql/pglite-sync";

export const TABLES = ["turn_stages", "vendors", "properties", "turns"];
const BASE = ["id", "created_at", "updated_at", "version", "created_by", "updated_by"];
const QUIET = "300 milliseconds"; // edits of a row within this time are one operation
const BACK_OFF_MS = [500, 30000];

// The files are this tab's alone for as long as it lives: another one would write over them. `waits` is called while
// another tab has them. Browsers know locks where the page is secure.
async function hold(waits) {
  if (!navigator.locks) return;
  const taken = (options) => new Promise((told) => navigator.locks.request("turns-management", options, (lock) => {
    told(lock);
    return lock && new Promise(() => {});
  }));
  if (await taken({ ifAvailable: true })) return;
  waits();
  await taken({});
}

export async function initializeDatabase(waits) {
  await hold(waits);
  const schema = await (await fetch("/turns/schema.sql")).text();
  const pg = await PGlite.create({ dataDir: "idb://turns-management", extensions: { electric: electricSync() } });
  await pg.exec(schema);
  return pg;
}

export class SyncManager {
  constructor(pg, changed) {
    this.pg = pg;
    this.changed = changed;
    this.shapes = new Map();
    this.silent = new Set(); // the shapes whose last request the server did not serve
    this.ended = new Set(); // the shapes that it refused
    this.online = false;
    this.begun = false; // all shapes are asked for
    this.failed = false; // the last try to send
    this.waitMs = BACK_OFF_MS[0];
    this.note = "";
    this.refused = false; // the server does not let this person in
    this.closed = false;
  }

  // Rows with changes that the server has not taken.
  async waiting() {
    const counted = TABLES.map((table) => `select count(*)::int as number from ${table} where not _synced`);
    const { rows } = await this.pg.query(`select sum(number)::int as number from (${counted.join(" union all ")}) c`);
    return rows[0].number;
  }

  async refuse(note) {
    this.refused = true;
    await this.goOffline(note);
  }

  async columns(table) {
    const { rows } = await this.pg.query(
      "select column_name from information_schema.columns where table_name = $1 and column_name not like '\\_%'", [table]);
    return rows.map((row) => row.column_name);
  }

  async subscribeToShape(name, table, params = {}) {
    const shape = await this.pg.electric.syncShapeToTable({
      shape: {
        url: `${location.origin}/v1/shape`,
        params: { table, columns: await this.columns(table), ...params },
        fetchClient: (url, options) => this.follow(name, url, options),
      },
      table,
      primaryKey: ["id"],
      shapeKey: name,
      initialInsertMethod: "json",
      // What is not sent stays: a row that left the shape may still be there, the answer tells.
      onMustRefetch: (tx) => tx.exec(`delete from ${table} where _synced`),
      onError: (error) => (error.status === 401 ? this.refuse("Please log in again") : this.end(name)),
    });
    if (this.online) this.shapes.set(name, { shape, table });
    else await shape.unsubscribe();
  }

  // One request of a shape's stream.
  async follow(name, url, options) {
    try {
      const answer = await fetch(url, { ...options, credentials: "same-origin" });
      this.hear(name, answer.ok || answer.status === 409); // 409: begin the shape anew
      return answer;
    } catch (error) {
      if (!options.signal?.aborted) this.hear(name, false);
      throw error;
    }
  }

  hear(name, reached) {
    if (reached) this.silent.delete(name);
    else this.silent.add(name);
    if (this.begun) this.tell();
  }

  // The server has refused a shape, and its stream is over.
  end(name) {
    this.ended.add(name);
    if (this.begun) this.tell();
  }

  // The document's four shapes, narrowed as they were. The server adds what this person may see.
  async initializeUserShapes() {
    const { rows } = await this.pg.query("select name, params from sync_filters");
    const filters = new Map(rows.map(({ name, params }) => [name, params]));
    for (const table of TABLES)
      if (this.online && !this.shapes.has(table)) await this.subscribeToShape(table, table, filters.get(table));
  }

  // The shape of this name shows other rows from now on; what is not sent stays. The subscription goes first: whoever
  // is cut off in between begins one anew, and never resumes behind rows that are gone.
  async updateShapeFilter(name, params) {
    const { shape, table } = this.shapes.get(name) ?? { table: name };
    await shape?.unsubscribe();
    this.shapes.delete(name);
    await this.pg.electric.deleteSubscription(name);
    await this.pg.transaction(async (tx) => {
      await tx.exec(`set local electric.syncing = true; delete from ${table} where _synced;`);
      await tx.query("insert into sync_filters values ($1, $2) on conflict (name) do update set params = excluded.params",
        [name, params]);
    });
    if (this.online) await this.subscribeToShape(name, table, params);
  }

  async goOnline() {
    if (this.online) return;
    this.online = true;
    this.refused = this.begun = this.failed = false;
    this.silent.clear();
    this.ended.clear();
    this.say("Connecting");
    await this.begin();
  }

  async begin() {
    try {
      await this.initializeUserShapes();
      this.begun = true;
    } catch {
      return this.later();
    }
    return this.syncPendingWrites();
  }

  async goOffline(note = "Offline") {
    this.online = false;
    clearTimeout(this.retry);
    for (const { shape } of this.shapes.values()) await shape.unsubscribe();
    this.shapes.clear();
    this.say(note);
  }

  // Whether edits and shapes get through.
  tell() {
    if (!this.online) return;
    if (this.ended.size) this.say("Not up to date: go offline and online again");
    else this.say(this.failed || this.silent.size || !this.begun ? "Waiting for the server" : "Online");
  }

  say(note) {
    this.note = note;
    this.changed();
  }

  // Sends what is there. One at a time; what comes meanwhile is sent next.
  async syncPendingWrites(quiet = QUIET) {
    if (!this.online || this.sending) return;
    this.sending = true;
    try {
      for (const table of TABLES) while (await this.send(table, quiet, false));
      // Deletes go last, and what names before what is named.
      for (const table of [...TABLES].reverse()) while (await this.send(table, quiet, true));
      this.waitMs = BACK_OFF_MS[0];
      this.failed = false;
      if (this.begun) this.tell();
    } catch (error) {
      this.later(error);
    } finally {
      this.sending = false;
    }
  }

  later() {
    if (!this.online) return;
    this.failed = true;
    this.tell();
    clearTimeout(this.retry);
    this.retry = setTimeout(() => (this.begun ? this.syncPendingWrites() : this.begin()), this.waitMs * (0.5 + Math.random() / 2));
    this.waitMs = Math.min(this.waitMs * 2, BACK_OFF_MS[1]);
  }

  async send(table, quiet, deletes) {
    const { rows } = await this.pg.query(
      `select operation from sync_collect($1, $2::interval) as operation
       where (operation ->> 'operation' = 'delete') = $3`,
      [table, quiet, deletes]);
    if (!rows.length) return false;
    const answer = await fetch(`/api/write/${table}`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(rows.map((row) => row.operation)),
    });
    if (answer.status === 401) await this.refuse("Please log in again");
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    for (const told of await answer.json())
      await this.pg.query("select sync_answered($1, $2::jsonb)", [table, JSON.stringify(told)]);
    return true;
  }
}

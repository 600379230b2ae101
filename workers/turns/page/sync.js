// Shapes into PGlite, local changes to the server. Which rows there are decides the server; how they merge, sql/client.
import { PGlite } from "@electric-sql/pglite";
import { electricSync } from "@electric-sql/pglite-sync";

export const TABLES = ["turn_stages", "vendors", "properties", "turns"];
const BASE = ["id", "created_at", "updated_at", "version", "created_by", "updated_by"];
const QUIET = "300 milliseconds"; // edits of a row within this time are one operation
const BACK_OFF_MS = [500, 30000];

export async function initializeDatabase() {
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
    this.online = false;
    this.waitMs = BACK_OFF_MS[0];
    this.note = "";
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
        fetchClient: (url, options) => fetch(url, { ...options, credentials: "same-origin" }),
      },
      table,
      primaryKey: ["id"],
      shapeKey: `${name}:${JSON.stringify(params)}`,
      initialInsertMethod: "json",
      onError: (error) => this.say(error.status === 401 ? "Log in again" : "Waiting for the server"),
    });
    this.shapes.set(name, { shape, table });
    return shape;
  }

  // The document's four shapes. The server adds what this person may see.
  async initializeUserShapes() {
    for (const table of TABLES) await this.subscribeToShape(table, table);
  }

  async updateShapeFilter(name, params) {
    const { shape, table } = this.shapes.get(name);
    await shape.unsubscribe();
    await this.pg.exec(`begin; set local electric.syncing = true; delete from ${table} where _synced; commit;`);
    return this.subscribeToShape(name, table, params);
  }

  async goOnline() {
    if (this.online) return;
    this.online = true;
    this.say("Connecting");
    try {
      await this.initializeUserShapes();
      await this.syncPendingWrites();
    } catch {
      this.later();
    }
  }

  async goOffline() {
    this.online = false;
    for (const { shape } of this.shapes.values()) await shape.unsubscribe();
    this.shapes.clear();
    this.say("Offline");
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
      for (const table of TABLES) while (await this.send(table, quiet));
      this.waitMs = BACK_OFF_MS[0];
      this.say("Online");
    } catch (error) {
      this.later(error);
    } finally {
      this.sending = false;
    }
  }

  later() {
    this.say(this.online ? "Waiting for the server" : "Offline");
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.syncPendingWrites(), this.waitMs * (0.5 + Math.random() / 2));
    this.waitMs = Math.min(this.waitMs * 2, BACK_OFF_MS[1]);
  }

  async send(table, quiet) {
    const { rows } = await this.pg.query("select sync_collect($1, $2::interval) as operation", [table, quiet]);
    if (!rows.length) return false;
    const answer = await fetch(`/api/write/${table}`, {
      method: "POST",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(rows.map((row) => row.operation)),
    });
    if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
    for (const told of await answer.json())
      await this.pg.query("select sync_answered($1, $2::jsonb)", [table, JSON.stringify(told)]);
    return true;
  }
}

// What the Node adapters share; the same verbs and lines as kit.py.
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

// Packages lie in the peer's own environment, not beside this file.
export const load = createRequire(path.join(process.env.BENCH_PEER_HOME, "package.json"));
const pg = load("pg");
const now = () => Number(process.hrtime.bigint()) / 1e9; // CLOCK_MONOTONIC, as Python's time.monotonic
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const say = (line) => fs.writeSync(1, JSON.stringify(line) + "\n");
const REPORT_MS = 20;
const CHUNK = 500;
const CELL_POOL = 10;
const INSERT_EDIT = "insert into bench_cell_edits (cell_id, after) values ($1, $2)";
const UPDATE_CELL = "update bench_cells set content = $2, version = nextval('bench_version') where id = $1";

// libpq's ?host= form is not read the same way by every driver: give the parts.
export function connection(dsn) {
  const url = new URL(dsn.replace("@/", "@localhost/"));
  const host = url.searchParams.get("host") ?? url.hostname;
  const port = Number(url.port || 5432);
  return { host, port, user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) || undefined, database: url.pathname.slice(1) };
}

export const pool = (dsn, max) => new pg.Pool({ ...connection(dsn), max });

const payloadOf = (kind, n, rows) => (kind === "audited" ? { cell_id: (n % rows) + 1, content: `v${n + 1}` } : { n, at: 0 });

class Handlers {
  constructor(kind, cells) {
    Object.assign(this, { kind, cells, first: 0, done: 0, startsMs: [] });
  }

  async handle(payload) {
    this.first ||= now();
    if (this.kind === "probe") this.startsMs.push((now() - payload.at) * 1000);
    else if (this.kind === "audited") await this.write(payload);
    this.done += 1;
  }

  async write({ cell_id, content }) {
    const client = await this.cells.connect();
    try {
      await client.query("begin");
      await client.query({ name: "edit", text: INSERT_EDIT, values: [cell_id, content] });
      await client.query({ name: "cell", text: UPDATE_CELL, values: [cell_id, content] });
      await client.query("commit");
    } finally {
      client.release();
    }
  }
}

const verbs = {
  async setup(adapter) {
    await adapter.setup();
    return { set_up: true };
  },
  async load(adapter, { kind, count, rows }) {
    await adapter.producing(1);
    const payloads = Array.from({ length: count }, (_, n) => payloadOf(kind, n, rows));
    const began = now();
    for (let at = 0; at < count; at += adapter.bulk) await adapter.enqueueMany(kind, payloads.slice(at, at + adapter.bulk));
    return { count, seconds: now() - began };
  },
  async single(adapter, { connections, seconds }) {
    await adapter.producing(connections);
    const took = [];
    const began = now();
    const insert = async () => {
      for (let start = now(); start < began + seconds; start = now()) {
        await adapter.enqueue("noop", { n: 1 });
        took.push((now() - start) * 1000);
      }
    };
    await Promise.all(Array.from({ length: connections }, insert));
    const spent = now() - began;
    return { count: took.length, seconds: spent, median_ms: took.sort((a, b) => a - b)[took.length >> 1] };
  },
  async steady(adapter, { kind, seconds, most }) {
    await adapter.producing(1);
    const file = process.env.BENCH_COUNT_FILE;
    const began = now();
    let count = 0;
    say({ began });
    while (now() < began + seconds) {
      const done = fs.existsSync(file) ? Number(fs.readFileSync(file, "ascii") || 0) : 0;
      if (most - (count - done) < CHUNK) {
        await sleep(2);
        continue;
      }
      await adapter.enqueueMany(kind, Array.from({ length: CHUNK }, (_, n) => payloadOf(kind, count + n, 1)));
      count += CHUNK;
    }
    return { count, seconds: now() - began };
  },
  async probe(adapter, { count, spacing_s }) {
    await adapter.producing(1);
    for (let n = 0; n < count; n += 1) {
      const at = now();
      await adapter.enqueue("probe", { n, at });
      await sleep(Math.max((spacing_s - (now() - at)) * 1000, 1));
    }
    return { count };
  },
  async work(adapter, { kind }) {
    const cells = kind === "audited" ? pool(adapter.dsn, CELL_POOL) : null;
    const handlers = new Handlers(kind, cells);
    const stopped = new Promise((done) => process.once("SIGTERM", done));
    let told = 0;
    const parent = process.ppid;
    const telling = setInterval(() => {
      if (process.ppid !== parent) process.exit(1);
      if (handlers.done === told) return;
      told = handlers.done;
      say({ first: handlers.first, done: told, at: now() });
      fs.writeFileSync(process.env.BENCH_COUNT_FILE, String(told));
    }, REPORT_MS);
    const stop = await adapter.work(kind, handlers);
    await stopped;
    await stop();
    clearInterval(telling);
    return { done: handlers.done, at: now(), starts_ms: handlers.startsMs };
  },
  async left(adapter) {
    return { left: await adapter.left() };
  },
};

export async function main(Adapter) {
  const [verb, dsn, options] = process.argv.slice(2);
  const adapter = new Adapter(dsn);
  say(await verbs[verb](adapter, JSON.parse(options)));
  process.exit(0);
}

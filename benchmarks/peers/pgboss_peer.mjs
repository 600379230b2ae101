// pg-boss: queue with notify, batches of 1,000 over two local workers, burst while batches come full; handlers that use
// the database get batches of 20 over four local workers. Bulk is `insert` of 5,000.
import { connection, load, main, pool } from "./kit.mjs";

const { PgBoss } = load("pg-boss");
const WIDE = { batchSize: 1000, localConcurrency: 2, burstWhenBatchFull: true };
const NARROW = { batchSize: 20, localConcurrency: 4, burstWhenBatchFull: true };

class Boss {
  bulk = 5000;

  constructor(dsn) {
    this.dsn = dsn;
  }

  async start(max, options = {}) {
    const boss = new PgBoss({ ...connection(this.dsn), max, ...options });
    boss.on("error", (error) => console.error(error));
    await boss.start();
    return boss;
  }

  async setup() {
    const boss = await this.start(4);
    for (const kind of ["noop", "audited", "probe"]) await boss.createQueue(kind, { notify: true });
    await boss.stop({ graceful: false });
  }

  async producing(connections) {
    this.boss = await this.start(Math.max(connections, 2), { supervise: false, schedule: false });
  }

  async enqueue(kind, payload) {
    await this.boss.send(kind, payload);
  }

  async enqueueMany(kind, payloads) {
    await this.boss.insert(kind, payloads.map((data) => ({ data })));
  }

  async work(kind, handlers) {
    const boss = await this.start(10, { useListenNotify: true });
    await boss.work(kind, { pollingIntervalSeconds: 0.5, ...(kind === "audited" ? NARROW : WIDE) }, async (jobs) => {
      if (kind === "audited") await Promise.all(jobs.map((job) => handlers.handle(job.data)));
      else for (const job of jobs) await handlers.handle(job.data);
    });
    return () => boss.stop({ graceful: true, timeout: 10_000 });
  }

  async left() {
    // Its own statistics are kept for an hour.
    const rows = await pool(this.dsn, 1).query("select count(*)::int as left from pgboss.job where state < 'completed'");
    return rows.rows[0].left;
  }
}

await main(Boss);

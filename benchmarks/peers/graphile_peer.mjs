// graphile-worker: its own performance preset (24 concurrent jobs, pool of 25, local queue of 500, refetch delay 10 ms,
// completions batched); bulk is `add_jobs` from JSON, 5,000 a call.
import { load, main, pool } from "./kit.mjs";

const { makeWorkerUtils, run } = load("graphile-worker");
const quiet = () => () => {};
const { Logger } = load("graphile-worker");
const logger = new Logger(quiet);
const BULK = `select count(*) from graphile_worker.add_jobs(array(
  select json_populate_recordset(null::graphile_worker.job_spec, $1::json)))`;

class Graphile {
  bulk = 5000;

  constructor(dsn) {
    this.dsn = dsn;
  }

  async setup() {
    const utils = await makeWorkerUtils({ pgPool: pool(this.dsn, 2), logger });
    await utils.migrate();
    await utils.release();
  }

  async producing(connections) {
    this.pool = pool(this.dsn, Math.max(connections, 2));
    this.utils = await makeWorkerUtils({ pgPool: this.pool, logger });
  }

  async enqueue(kind, payload) {
    await this.utils.addJob(kind, payload);
  }

  async enqueueMany(kind, payloads) {
    await this.pool.query({ name: "bulk", text: BULK, values: [JSON.stringify(payloads.map((payload) => ({ identifier: kind, payload })))] });
  }

  async work(kind, handlers) {
    const runner = await run({
      pgPool: pool(this.dsn, 25),
      taskList: { [kind]: (payload) => handlers.handle(payload) },
      noHandleSignals: true,
      logger,
      preset: {
        worker: {
          concurrentJobs: 24,
          maxPoolSize: 25,
          localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
    });
    return () => runner.stop();
  }

  async left() {
    const rows = await pool(this.dsn, 1).query("select count(*)::int as left from graphile_worker.jobs");
    return rows.rows[0].left;
  }
}

await main(Graphile);

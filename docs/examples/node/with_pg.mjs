// node-postgres: a plain INSERT, a checked one, and a refusal with its code.
import pg from "pg";

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();
try {
  const insert = "insert into task_queue (task_type, payload) values ($1, $2) returning id";
  const { rows } = await client.query(insert, ["toy.set", { row_id: 30, value: "from node" }]);
  console.log(rows[0].id);

  const ask = "select id, created from enqueue_task($1, $2, dedupe_key => $3)";
  console.log((await client.query(ask, ["toy.set", { row_id: 31, value: "checked" }, "node 31"])).rows[0].created);

  await client.query(ask, ["toy.set", { value: "no row" }, null]);
} catch (refused) {
  if (refused.code !== "RM002") throw refused;
  console.log(refused.code, refused.message);
} finally {
  await client.end();
}

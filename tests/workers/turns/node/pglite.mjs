// Syncs tables into PGlite with @electric-sql/pglite-sync and prints what is in them, one JSON line for each state.
// node pglite.mjs '{"url": …, "token": …, "ddl": "create table …", "shapes": [{"table": …, "params": {…}}], "method": "json"}'
// A line on stdin is SQL to run; its rows are printed as {"answer": …}.
import { createInterface } from "node:readline"
import { PGlite } from "@electric-sql/pglite"
import { electricSync } from "@electric-sql/pglite-sync"

const { url, token, ddl, shapes, method = "json", dir, keepsUnsent } = JSON.parse(process.argv[2])
const headers = token ? { Authorization: `Bearer ${token}` } : {}
const text = (told) => JSON.stringify(told, (_, v) => (typeof v === "bigint" ? `${v}n` : v))
const print = (told) => process.stdout.write(text(told) + "\n")
// This PGlite writes no BigInt as JSON, so int8 stays a text there.
const parser = method === "json" ? { int8: (value) => value } : {}
process.on("unhandledRejection", (error) => print({ rejected: String(error) }))
const pg = await PGlite.create({ dataDir: dir, extensions: { electric: electricSync() } })
if (ddl) await pg.exec(ddl)
const state = async () => {
  const tables = {}
  for (const { table } of shapes) tables[table] = (await pg.query(`select * from ${table} order by 1`)).rows
  return text(tables)
}
for (const { table, params = {}, primaryKey = ["id"] } of shapes)
  await pg.electric.syncShapeToTable({
    shape: { url, params: { table, ...params }, headers, parser },
    table, primaryKey, shapeKey: table, initialInsertMethod: method,
    onError: (error) => print({ error: String(error) }),
    onMustRefetch: async (tx) => {
      print({ refetch: table })
      await tx.exec(`delete from ${table}${keepsUnsent ? " where _synced" : ""}`) // as page/sync.js does
    },
  })
let last = ""
const look = async () => {
  const now = await state()
  if (now !== last) print({ tables: JSON.parse((last = now)) })
  setTimeout(look, 20)
}
look()
for await (const sql of createInterface({ input: process.stdin })) {
  try {
    print({ answer: (await pg.query(sql)).rows })
  } catch (error) {
    print({ answer: null, error: String(error) })
  }
}
await pg.close()
process.exit(0)

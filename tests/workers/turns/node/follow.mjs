// Follows a shape with @electric-sql/client and prints its rows, one JSON line for each state.
// node follow.mjs '{"url": …, "params": {…}, "token": …, "liveSse": false}'
import { Shape, ShapeStream } from "@electric-sql/client"

const { url, params, token, liveSse = false, log } = JSON.parse(process.argv[2])
const headers = token ? { Authorization: `Bearer ${token}` } : {}
const print = (told) => process.stdout.write(JSON.stringify(told, (_, v) => (typeof v === "bigint" ? `${v}n` : v)) + "\n")
const stream = new ShapeStream({ url, params, headers, liveSse, log, onError: (error) => print({ error: error.status ?? String(error) }) })
stream.subscribe(() => {}, (error) => print({ ended: error.status ?? String(error) }))
new Shape(stream).subscribe(({ rows }) => print({ rows, handle: stream.shapeHandle, upToDate: stream.isUpToDate }))
process.stdin.on("data", () => process.exit(0)).on("end", () => process.exit(0))

// Drizzle lists every column of its table and writes DEFAULT for what is not given: that passes. Say which columns come
// back: a bare returning() asks for all of them, and a producer may not read payloads.
import { drizzle } from "drizzle-orm/node-postgres";
import { eq } from "drizzle-orm";
import { integer, jsonb, pgTable, text, timestamp, uuid, varchar } from "drizzle-orm/pg-core";

export const taskQueue = pgTable("task_queue", {
  id: uuid().primaryKey().defaultRandom(),
  taskType: varchar("task_type", { length: 100 }).notNull(),
  payload: jsonb().notNull(),
  status: varchar({ length: 20 }).default("pending"),
  priority: integer().default(5),
  attempts: integer().default(0),
  maxAttempts: integer("max_attempts").default(3),
  scheduledFor: timestamp("scheduled_for", { withTimezone: true }).defaultNow(),
  startedAt: timestamp("started_at", { withTimezone: true }),
  completedAt: timestamp("completed_at", { withTimezone: true }),
  failedAt: timestamp("failed_at", { withTimezone: true }),
  errorMessage: text("error_message"),
  workerId: text("worker_id"),
  createdAt: timestamp("created_at", { withTimezone: true }).defaultNow(),
  updatedAt: timestamp("updated_at", { withTimezone: true }).defaultNow().$onUpdate(() => new Date()),
});

const db = drizzle(process.env.DATABASE_URL);
try {
  const [made] = await db
    .insert(taskQueue)
    .values({ taskType: "toy.set", payload: { row_id: 40, value: "from drizzle" } })
    .onConflictDoNothing()
    .returning({ id: taskQueue.id });
  const seen = await db.select({ status: taskQueue.status }).from(taskQueue).where(eq(taskQueue.id, made.id));
  console.log(made.id, seen[0].status);
} finally {
  await db.$client.end();
}

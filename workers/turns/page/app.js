// Turns, offline first: what a person sees and edits is the local database; the network comes and goes.
import { initializeDatabase, SyncManager } from "/turns/sync.js";
import { draw, rows } from "/turns/view.js";

const body = document.querySelector("#turns");
const state = document.querySelector("#state");
const network = document.querySelector("#network");
const dialog = document.querySelector("#conflict");
let wanted = true;

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/turns/sw.js").catch(() => {});
const pg = await initializeDatabase();
const manager = new SyncManager(pg, () => show());

async function show() {
  const found = await rows(pg);
  draw(body, found, edit, decide);
  const waiting = found.filter((row) => !row._synced).length;
  state.textContent = waiting ? `${manager.note || "Offline"}, ${waiting} not sent` : manager.note || "Offline";
}

async function edit(id, column, value) {
  await pg.query(`update turns set ${column} = $2 where id = $1`, [id, value]);
  await show();
  setTimeout(() => manager.syncPendingWrites(), 320);
}

async function decide(row) {
  const list = document.querySelector("#clash");
  list.replaceChildren();
  for (const [name, { local, remote }] of Object.entries(row._conflict_data)) {
    const term = document.createElement("dt");
    term.textContent = name;
    const said = document.createElement("dd");
    said.textContent = `mine: ${local ?? "nothing"}; theirs: ${remote ?? "nothing"}`;
    list.append(term, said);
  }
  dialog.returnValue = "";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (!dialog.returnValue) return;
  await pg.query("select sync_resolve('turns', $1, $2)", [row.id, dialog.returnValue]);
  await show();
  manager.syncPendingWrites();
}

async function connect() {
  network.setAttribute("aria-pressed", String(!wanted));
  network.textContent = wanted ? "Go offline" : "Go online";
  if (wanted && navigator.onLine) await manager.goOnline();
  else await manager.goOffline();
}

network.addEventListener("click", () => {
  wanted = !wanted;
  connect();
});
addEventListener("online", connect);
addEventListener("offline", connect);
await show();
setInterval(show, 250);
setInterval(() => manager.syncPendingWrites(), 2000);
await connect();

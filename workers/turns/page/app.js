// Turns, offline first: what a person sees and edits is the local database; the network comes and goes.
import { leave, own, owner, whoIsLoggedIn } from "/turns/people.js";
import { initializeDatabase, SyncManager } from "/turns/sync.js";
import { draw, drawClash, rows, SHOWN_AT_ONCE, stages } from "/turns/view.js";

const LOOK_MS = 250;
const [body, state, network, find] = ["turns", "state", "network", "find"].map((id) => document.getElementById(id));
let wanted = true;
let isStranger = false; // the rows here are another person's

if ("serviceWorker" in navigator) navigator.serviceWorker.register("/turns/sw.js").catch(() => {});
const pg = await initializeDatabase(() => (state.textContent = "Open in another tab; close that one to go on here"));
const manager = new SyncManager(pg, () => show());
globalThis.turns = { pg, manager }; // for the console

// One at a time: a slow device must not queue its looks in front of the sync.
let drawing = null;
function show() {
  return (drawing ??= drawn().finally(() => (drawing = null)));
}

async function drawn() {
  const found = isStranger ? [] : await rows(pg, find.value.trim());
  const [known, waiting] = [await stages(pg), await manager.waiting()];
  draw(body, found, known, { edit, decide });
  const note = manager.note || "Offline";
  state.textContent = waiting ? `${note}, ${waiting} not sent` : note;
  state.dataset.kind = manager.refused ? "refused" : note.toLowerCase();
  showCount(found);
  document.getElementById("log-in").hidden = !manager.refused;
  document.getElementById("log-out").hidden = !owner();
  document.getElementById("who").textContent = owner()?.email ?? "";
}

function showCount(found) {
  const altogether = Number(found[0]?.altogether ?? 0);
  const words = altogether === 1 ? "1 turn" : `${altogether.toLocaleString()} turns`;
  document.getElementById("count").textContent =
    altogether > SHOWN_AT_ONCE ? `the first ${SHOWN_AT_ONCE} of ${words}; narrow them` : words;
  const empty = document.getElementById("empty");
  empty.hidden = altogether > 0;
  empty.textContent = find.value ? "No turn fits." : "No turns here yet. They appear when the device has been online once.";
}

async function edit(id, column, value) {
  await pg.query(`update turns set ${column} = $2 where id = $1`, [id, value]).catch((error) => alert(error.message));
  await show();
  setTimeout(() => manager.syncPendingWrites(), 320);
}

function asked(id) {
  const dialog = document.getElementById(id);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((closed) => dialog.addEventListener("close", () => closed(dialog.returnValue), { once: true }));
}

async function decide(row) {
  drawClash(document.getElementById("clash"), row._conflict_data);
  const by = await asked("conflict");
  if (!by) return;
  await pg.query("select sync_resolve('turns', $1, $2)", [row.id, by]);
  await show();
  manager.syncPendingWrites();
}

async function logOut() {
  const waiting = await manager.waiting();
  document.getElementById("left").textContent = waiting
    ? `${waiting} ${waiting === 1 ? "row was" : "rows were"} not sent to the server and will be lost.`
    : "Everything has been sent to the server.";
  if (!(await asked("leave"))) return;
  await manager.goOffline();
  manager.closed = true;
  await leave(pg);
}

async function connect() {
  network.setAttribute("aria-pressed", String(!wanted));
  network.textContent = wanted ? "Go offline" : "Go online";
  if (!wanted || !navigator.onLine) return manager.goOffline();
  const person = await whoIsLoggedIn();
  if (person === "nobody") return manager.refuse("Please log in again");
  isStranger = Boolean(person) && !own(person);
  if (isStranger) return manager.refuse(`This device holds the turns of ${owner().email}; log out first`);
  await manager.goOnline();
}

network.addEventListener("click", () => {
  wanted = !wanted;
  connect();
});
document.getElementById("log-out").addEventListener("click", logOut);
find.addEventListener("input", show);
addEventListener("online", connect);
addEventListener("offline", connect);
await show();
setInterval(() => document.hidden || manager.closed || show(), LOOK_MS);
setInterval(() => manager.syncPendingWrites(), 2000);
await connect();

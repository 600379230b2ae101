// Whose device this is. The rows here are one person's: nobody else sees them, and a logout takes them away.
const OWNER = "turns-owner";

export function owner() {
  return JSON.parse(localStorage.getItem(OWNER));
}

// "nobody" = not logged in, null = the server cannot be asked.
export async function whoIsLoggedIn() {
  try {
    const answer = await fetch("/api/me");
    if (answer.status === 401) return "nobody";
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

// Whether the rows on this device are this person's; the first one takes it.
export function own({ id, email }) {
  const before = owner();
  if (before && before.id !== id) return false;
  localStorage.setItem(OWNER, JSON.stringify({ id, email }));
  return true;
}

export async function leave(pg) {
  await fetch("/logout", { method: "POST", redirect: "manual" }).catch(() => {});
  await pg.close();
  for (const { name } of await indexedDB.databases())
    if (name.includes("turns-management")) await gone(indexedDB.deleteDatabase(name));
  for (const name of await caches.keys()) await caches.delete(name);
  for (const worker of await navigator.serviceWorker.getRegistrations()) await worker.unregister();
  localStorage.removeItem(OWNER);
  location.assign("/login?next=/turns/");
}

function gone(request) {
  return new Promise((done) => {
    request.onsuccess = request.onerror = done; // blocked is not done: it goes on when the other tab is closed
  });
}

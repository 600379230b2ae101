// Keeps the page and its packages, so that it starts without a network. Data is not its business: that is in IndexedDB.
const CACHE = "turns-2";

addEventListener("install", (event) => {
  event.waitUntil((async () => {
    const listed = await (await fetch("/turns/files.json")).json();
    const cache = await caches.open(CACHE);
    await cache.addAll(listed.map((path) => `/turns/${path === "./" ? "" : path}`));
    await skipWaiting();
  })());
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

// The network first: a new page is seen at once; without one, what was kept.
addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin || !url.pathname.startsWith("/turns/")) return;
  event.respondWith((async () => {
    const cache = await caches.open(CACHE);
    if (url.pathname.startsWith("/turns/vendor/")) {
      const kept = await cache.match(event.request);
      if (kept) return kept;
    }
    try {
      const answer = await fetch(event.request);
      if (answer.ok) await cache.put(event.request, answer.clone());
      return answer;
    } catch (error) {
      const kept = await cache.match(event.request, { ignoreSearch: true });
      if (kept) return kept;
      throw error;
    }
  })());
});

// Speaks to the HTTP API. Every change has a key: sent again, it is written once.

export class Refused extends Error {
  constructor(status, error) {
    super(error.message ?? `the server answered ${status}`);
    this.status = status;
    this.error = error;
  }
}

export class Unreachable extends Error {}

export function key() {
  return crypto.randomUUID ? crypto.randomUUID() : ("" + 1e7 + -1e3 + -4e3 + -8e3 + -1e11).replace(/[018]/g, (digit) =>
    (digit ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (digit / 4)))).toString(16));
}

export const get = (path, signal) => ask(path, { signal });

export const post = (path, body, id = key()) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json", "Idempotency-Key": id }, body: JSON.stringify(body) });

async function ask(path, options) {
  let answer;
  try {
    answer = await fetch(path, { ...options, credentials: "same-origin", redirect: "error" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Unreachable("the server cannot be reached");
  }
  if (answer.status === 401) location.reload(); // the login form stands in the place of this page
  if (answer.status === 429) {
    await new Promise((go) => setTimeout(go, 1000 * Number(answer.headers.get("Retry-After") ?? 1)));
    return ask(path, options);
  }
  if (answer.status >= 502) throw new Unreachable("the server is not ready");
  const body = await answer.json();
  if (!answer.ok) throw new Refused(answer.status, body.error ?? {});
  return body;
}

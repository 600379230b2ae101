// Makes elements. Text is always a text node: nothing that comes from a cell is ever parsed as HTML.

export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child) => child !== null && child !== undefined).map(asNode));
  return made;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

export function byId(id) {
  return document.getElementById(id);
}

// `act`: [word, what to do] for a button beside the text. One that `stays` has what is nowhere else.
export function notice(text, kind = "bad", act = null, stays = false) {
  const shown = element("p", { class: `notice ${kind}` }, element("span", {}, text));
  if (act) shown.append(element("button", { type: "button", class: "quiet", onclick: () => { shown.remove(); act[1](); } }, act[0]));
  shown.append(element("button", { type: "button", class: "quiet", "aria-label": "Dismiss", onclick: () => shown.remove() }, "×"));
  byId("notices").append(shown);
  if (!stays) setTimeout(() => shown.remove(), 12000);
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const STEPS = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [Infinity, "day", 86400]];

export function ago(moment) {
  const seconds = (Date.parse(moment) - Date.now()) / 1000;
  const [, unit, size] = STEPS.find(([limit]) => Math.abs(seconds) < limit);
  return RELATIVE.format(Math.round(seconds / size), unit);
}

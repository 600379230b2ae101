// A menu below whatever opened it. One at a time; it closes with Escape, a click elsewhere, or a choice.

import { element } from "./dom.js";

let open = null;

export function closeMenu() {
  if (!open) return;
  const { menu, from, away } = open;
  open = null;
  menu.remove();
  removeEventListener("pointerdown", away, true);
  from?.setAttribute("aria-expanded", "false");
}

// `entries`: [text, act] or null for a line; an act without a value is not offered.
export function openMenu(from, label, entries) {
  const again = open?.from === from;
  closeMenu();
  if (again) return;
  const buttons = entries.map((entry) => entry === null ? element("hr") :
    element("button", { type: "button", role: "menuitem", class: entry[2] ?? "", onclick: () => { closeMenu(); entry[1](); } }, entry[0]));
  const menu = element("div", { class: "menu", role: "menu", "aria-label": label, onkeydown: (event) => key(event, menu, from) }, ...buttons);
  document.body.append(menu);
  const place = from.getBoundingClientRect();
  menu.style.left = `${Math.max(4, Math.min(place.left, innerWidth - menu.offsetWidth - 8))}px`;
  menu.style.top = `${Math.min(place.bottom + 2, innerHeight - menu.offsetHeight - 8)}px`;
  const away = (event) => !menu.contains(event.target) && !from.contains(event.target) && closeMenu();
  open = { menu, from, away };
  addEventListener("pointerdown", away, true);
  from.setAttribute("aria-expanded", "true");
  menu.querySelector("button").focus();
}

function key(event, menu, from) {
  const items = [...menu.querySelectorAll("button")];
  const at = items.indexOf(document.activeElement);
  const go = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
  if (go !== undefined) items[(go + items.length) % items.length].focus();
  else if (event.key === "Escape" || event.key === "Tab") {
    closeMenu();
    from.focus();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

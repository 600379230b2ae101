// The past of the chosen cell in a panel: who changed it, when, from what to what.

import { get, post } from "./api.js";
import { ago, element, notice } from "./dom.js";

export class History {
  // `editable`: whether edits may be undone here.
  constructor(panel, button, path, editable) {
    Object.assign(this, { panel, button, path, editable, open: false });
    button.hidden = false;
    this.toggled = () => this.toggle();
    this.keyed = (event) => event.altKey && event.key.toLowerCase() === "h" && this.toggle();
    button.addEventListener("click", this.toggled);
    addEventListener("keydown", this.keyed);
  }

  close() {
    this.button.removeEventListener("click", this.toggled);
    removeEventListener("keydown", this.keyed);
    this.button.hidden = this.panel.hidden = true;
  }

  toggle() {
    this.open = !this.open;
    this.button.setAttribute("aria-expanded", String(this.open));
    this.panel.hidden = !this.open;
    if (this.open) this.load();
  }

  show(row, column, cell) {
    if (this.cell?.id === cell?.id && this.row === row && this.column === column) return;
    Object.assign(this, { row, column, cell });
    if (this.open) this.load();
  }

  news(changes) {
    const mine = (change) => change.row === this.row && change.column_id === this.column?.id;
    const newest = changes.findLast(mine);
    if (!newest) return;
    this.cell = { ...this.cell, id: newest.cell_id };
    if (this.open) this.load();
  }

  async load() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.read(), 80);
  }

  async read(before) {
    const { cell, row, column } = this;
    const title = element("h2", {}, column ? `${column.title} · row ${row}` : "History");
    if (!cell?.id) {
      this.panel.replaceChildren(title, element("p", { class: "empty" }, "Nothing has happened to this cell yet."));
      return;
    }
    const query = before ? `?limit=30&before=${before}` : "?limit=30";
    const page = await get(`${this.path}/cells/${cell.id}/history${query}`).catch((error) => ({ error }));
    if (this.cell?.id !== cell.id) return;
    if (page.error) {
      this.panel.replaceChildren(title, element("p", { class: "empty" }, page.error.message));
      return;
    }
    const entries = page.changes.map((change) => entry(change, this.editable && (() => undo(this.path, { edits: [change.id] }))));
    if (!before) {
      this.list = element("ol", { class: "past" });
      this.panel.replaceChildren(title, this.list);
      if (!entries.length) this.panel.append(element("p", { class: "empty" }, "Nothing has happened to this cell yet."));
    }
    this.panel.querySelector(".older")?.remove();
    this.list.append(...entries);
    if (page.more) this.panel.append(element("button", { class: "quiet older", type: "button", onclick: () => this.read(page.changes.at(-1).id) }, "Older"));
  }
}

// What has changed since is shown, and the person decides.
export async function undo(path, what) {
  try {
    await post(`${path}/undo`, what);
  } catch (error) {
    const now = error.error?.details?.cells?.[0];
    if (!now) notice(error.message);
    else notice(`The cell has changed since: it holds “${now.content ?? ""}” now.`, "calm", ["Undo anyway", () => undo(path, { ...what, anyway: true })]);
  }
}

function entry(change, undone) {
  return element("li", {},
    element("div", { class: "by" }, element("span", { class: `who ${kind(change)}` }, who(change)),
      element("time", { datetime: change.at, title: new Date(change.at).toLocaleString() }, ago(change.at))),
    element("div", { class: "values" }, value(change.old, "old"), element("span", { class: "arrow", "aria-label": "to" }, "→"), value(change.new, "new")),
    undone ? element("button", { type: "button", class: "quiet undo", "aria-label": `Undo the change to ${change.new ?? "blank"}`, onclick: undone }, change.edit === "undo" ? "Redo" : "Undo") : null,
    change.by.task ? element("div", { class: "run" }, `${change.by.operator ?? "task"} · run ${change.by.run} · task ${change.by.task}`) : null);
}

function value(text, name) {
  return text === null ? element("span", { class: `${name} blank` }, "blank") : element("span", { class: name }, text);
}

const kind = ({ by }) => (by.task ? "robot" : by.user ? "person" : "sql");
const who = ({ by, edit }) => (by.task ? (edit === "import" ? "Import" : "Robot") : by.user ? by.email ?? by.user : `${by.sql_user} (SQL)`);

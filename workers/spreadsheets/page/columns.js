// What a person does with columns: the menu in their heads, their widths, the dialog that says what fills one in.

import { get, post } from "./api.js";
import { byId, element, notice } from "./dom.js";
import { configured } from "./forms.js";
import { openMenu } from "./menu.js";
import { OPERATORS, estimated } from "./operators.js";

export class Columns {
  constructor(sheet) {
    this.sheet = sheet; // path, columns, all, reshape()
  }

  menu(from, column) {
    const shown = this.sheet.columns;
    const at = shown.indexOf(column);
    const entries = [
      ["Rename …", () => this.rename(column)],
      [column.operator ? "Change what fills it in …" : "Fill it in …", () => this.configure(column)],
      null,
    ];
    if (at > 0) entries.push(["Move left", () => this.move(column, shown[at - 1].id)]);
    if (at < shown.length - 1) entries.push(["Move right", () => this.move(column, shown[at + 2]?.id ?? null)]);
    entries.push(["Hide", () => this.change(column, { is_visible: false })]);
    if (column.operator) {
      entries.push(null, ["Run all rows", () => this.run(column, {})], ["Run what is missing", () => this.run(column, { only: "missing" })]);
      entries.push(["Run this row", () => this.run(column, { rows: [[this.sheet.grid.row, this.sheet.grid.row]] })]);
      if (column.operator === "spreadsheets.llm") entries.push(["What would it cost?", () => this.estimate(column)]);
      entries.push(["Cancel what runs", () => this.act(column, "cancel", {})]);
    }
    entries.push(null, ["Delete", () => this.remove(column), "bad"]);
    openMenu(from, `Column ${column.title}`, entries);
  }

  async act(column, verb, body, told) {
    try {
      await post(`${this.sheet.path}/columns/${column.id}${verb ? `/${verb}` : ""}`, body);
      if (told) notice(told, "calm");
      return true;
    } catch (error) {
      notice(error.message);
      return false;
    }
  }

  change(column, what) {
    return this.act(column, "", what);
  }

  move(column, before) {
    return this.act(column, "move", { before });
  }

  async run(column, what) {
    if (await this.act(column, "run", what)) this.sheet.lookAgain();
  }

  async remove(column) {
    if (await this.act(column, "delete", {})) {
      notice(`“${column.title}” was deleted.`, "calm", ["Undo", () => this.act(column, "restore", {})]);
    }
  }

  rename(column) {
    this.ask(`Rename “${column.title}”`, "Rename", [
      element("input", { name: "title", required: true, maxlength: 255, "aria-label": "New title", value: column.title }),
    ], (form) => this.change(column, { title: form.title.value }));
  }

  async estimate(column) {
    try {
      notice(estimated(await post(`${this.sheet.path}/estimate`, { column_id: column.id })), "calm");
    } catch (error) {
      notice(error.message);
    }
  }

  // `column` null makes a new one.
  configure(column) {
    const known = this.sheet.columns.filter((each) => each !== column);
    const kind = element("select", { name: "operator", "aria-label": "What fills it in" },
      element("option", { value: "" }, "people (a plain column)"),
      ...Object.entries(OPERATORS).map(([name, { label }]) => element("option", { value: name, selected: column?.operator === name }, label)));
    const inputs = element("div", { class: "chips", role: "group", "aria-label": "Columns it reads" }, ...known.map((each) =>
      element("label", {}, element("input", { type: "checkbox", value: each.id, checked: column?.inputs.includes(each.id) }), each.title)));
    const hint = element("p", { class: "hint" });
    const config = element("textarea", { name: "config", rows: 9, spellcheck: "false", "aria-label": "Configuration" });
    const form = configured(config);
    const cost = element("p", { class: "hint", role: "status" });
    const chosen = () => {
      // In the order in which they were read before; new ones behind them.
      const ids = [...inputs.querySelectorAll(":checked")].map((each) => each.value);
      const before = (column?.inputs ?? []).filter((id) => ids.includes(id));
      return [...before, ...ids.filter((id) => !before.includes(id))];
    };
    const told = () => {
      const found = OPERATORS[kind.value];
      inputs.hidden = !found;
      hint.textContent = found ? found.hint : "Whatever is typed in stays as it is.";
      price.hidden = kind.value !== "spreadsheets.llm";
      cost.textContent = "";
    };
    const begin = () => {
      form.show(kind.value, kind.value && kind.value === column?.operator ? column.config : OPERATORS[kind.value]?.example ?? {});
      told();
    };
    kind.addEventListener("change", begin);
    const price = element("button", { type: "button", class: "quiet", onclick: async () => {
      try {
        const planned = { config: JSON.parse(config.value), inputs: chosen() };
        cost.textContent = estimated(await post(`${this.sheet.path}/estimate`, planned));
      } catch (error) {
        cost.textContent = error.message;
      }
    } }, "What would it cost?");
    const title = element("input", { name: "title", required: true, maxlength: 255, "aria-label": "Title", value: column?.title ?? "", placeholder: "Title" });
    this.ask(column ? `Column “${column.title}”` : "New column", column ? "Save" : "Add",
      [title, element("label", { class: "field" }, "Filled in by ", kind), inputs, hint, ...form.parts, price, cost], async () => {
        const operator = kind.value;
        const body = { title: title.value, operator: operator || (column ? "" : null), config: operator ? JSON.parse(config.value) : {}, inputs: operator ? chosen() : [] };
        if (column) return this.change(column, body);
        return post(`${this.sheet.path}/columns`, body);
      });
    begin();
  }

  ask(title, word, fields, then) {
    const wrong = element("p", { class: "wrong", role: "alert" });
    const form = element("form", { method: "dialog" }, element("h2", {}, title), ...fields, wrong,
      element("div", { class: "inline end" }, element("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"), element("button", {}, word)));
    const dialog = element("dialog", { class: "ask" }, form);
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        if (await then(form.elements)) dialog.close();
      } catch (error) {
        wrong.textContent = error instanceof SyntaxError ? `The configuration is no JSON: ${error.message}` : error.message;
      }
    });
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
    dialog.querySelector("input").select();
  }

  // What is not shown: hidden columns and rows, and what was deleted.
  async more(from) {
    const hidden = this.sheet.all.filter((column) => !column.is_visible);
    const { deleted } = await get(`${this.sheet.path}/deleted`);
    const rows = this.sheet.shapes.hidden;
    const entries = hidden.map((column) => [`Show the column “${column.title}”`, () => this.change(column, { is_visible: true })]);
    if (rows.length) entries.push([`Show ${rows.length === 1 ? "the hidden row" : `${rows.length} hidden rows`}`, () => this.sheet.showRows(rows)]);
    if (entries.length && deleted.length) entries.push(null);
    for (const each of deleted.slice(0, 12)) {
      const words = each.kind === "column" ? `the column “${each.title}”` : each.first_row === each.last_row ? `row ${each.first_row}` : `rows ${each.first_row} to ${each.last_row}`;
      const path = each.kind === "column" ? `columns/${each.id}/restore` : `rows/restore/${each.id}`;
      entries.push([`Bring back ${words}`, () => post(`${this.sheet.path}/${path}`, {}).catch((error) => notice(error.message))]);
    }
    if (!entries.length) notice("Nothing is hidden, and nothing was deleted.", "calm");
    else openMenu(from, "Hidden and deleted", entries);
  }

  // A drag at the right edge of a head.
  resize(event, column) {
    event.preventDefault();
    const began = event.clientX;
    const width = column.width;
    const drag = (moved) => {
      column.width = Math.max(40, Math.min(2000, width + moved.clientX - began));
      this.sheet.grid.widths();
    };
    const drop = () => {
      removeEventListener("pointermove", drag);
      removeEventListener("pointerup", drop);
      if (column.width !== width) this.change(column, { width: Math.round(column.width) });
    };
    addEventListener("pointermove", drag);
    addEventListener("pointerup", drop);
    byId("view").dataset.dragged = column.id;
  }
}

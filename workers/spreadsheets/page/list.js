// The sheets that one may see.

import { get, post } from "./api.js";
import { ago, byId, element, notice } from "./dom.js";

export class List {
  async open(host) {
    byId("title").textContent = "Sheets";
    byId("facts").textContent = "";
    document.title = "Sheets · Rowmill";
    this.rows = element("ul", { class: "sheets" });
    const name = element("input", { name: "name", placeholder: "New sheet", "aria-label": "Name of the new sheet", required: true, maxlength: 255, autocomplete: "off" });
    const form = element("form", { class: "inline", onsubmit: (event) => this.make(event, name) }, name, element("button", {}, "Create"));
    this.page = element("section", { class: "start" }, form, this.rows);
    host.replaceChildren(this.page);
    await this.more();
  }

  close() {}

  async more(after) {
    const page = await get(`/api/spreadsheets?limit=100${after ? `&after=${after}` : ""}`);
    this.rows.append(...page.sheets.map(line));
    if (!page.sheets.length && !after) this.page.append(element("p", { class: "empty" }, "No sheet yet. Name one above and type into it."));
    if (page.more) {
      const button = element("button", { class: "quiet", type: "button", onclick: () => { button.remove(); this.more(page.sheets.at(-1).id); } }, "More");
      this.page.append(button);
    }
  }

  async make(event, name) {
    event.preventDefault();
    try {
      const made = await post("/api/spreadsheets", { name: name.value, columns: ["A", "B", "C"], rows: 30 });
      location.hash = `#/sheet/${made.id}`;
    } catch (error) {
      notice(error.message);
    }
  }
}

function line(sheet) {
  const columns = sheet.columns === 1 ? "1 column" : `${sheet.columns} columns`;
  return element("li", {}, element("a", { href: `#/sheet/${sheet.id}` }, element("strong", {}, sheet.name),
    element("span", { class: "facts" }, `${columns} · ${sheet.owner} · changed ${ago(sheet.updated_at)}`)));
}

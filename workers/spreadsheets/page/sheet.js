// One sheet: its cells, what was typed, the feed, and the grid that shows them.

import { get, post } from "./api.js";
import { Cells } from "./cells.js";
import { byId, element, notice } from "./dom.js";
import { Columns } from "./columns.js";
import { Edits } from "./edits.js";
import { Feed } from "./feed.js";
import { Grid } from "./grid.js";
import { History, undo } from "./history.js";
import { closeMenu } from "./menu.js";
import { Rows } from "./rows.js";
import { RowShapes } from "./shapes.js";
import { Sessions } from "./sessions.js";

const MORE_ROWS = 20;
// What gives rows other numbers: every cell is read again.
const MOVES = new Set(["rows_moved", "rows_inserted", "rows_deleted", "rows_restored"]);
const STALE_MS = 700; // how often cells that are being computed are looked at, while some can be seen

export class Sheet {
  constructor(id) {
    this.id = id;
    this.path = `/api/spreadsheets/${id}`;
    this.seen = [1, 50];
  }

  async open(host) {
    this.host = host;
    const [sheet, window, rows] = await Promise.all([get(this.path), get(`${this.path}/cells?first=1&last=100`), get(`${this.path}/rows`)]);
    this.shapes = new RowShapes(rows.rows);
    this.columnActs = new Columns(this);
    this.rowActs = new Rows(this);
    this.cells = new Cells((first, last) => get(`${this.path}/cells?first=${first}&last=${last}`));
    this.cells.take(window);
    this.cells.blocks.set(0, "there");
    this.shape(sheet);
    this.edits = new Edits(this.id, this.cells, {
      changed: () => this.changed(), written: () => this.grid.soon(), refused: (why) => notice(why),
      conflict: (cells) => this.conflict(cells), token: () => this.feed?.token ?? window.token,
    });
    this.history = new History(byId("history"), byId("toggle-history"), this.path, sheet.may_edit);
    this.sessions = new Sessions(byId("sessions"), byId("toggle-sessions"), this.path, this.editable);
    this.page = element("div", { class: "page" });
    host.replaceChildren(this.page);
    this.grid = new Grid(this.page, this, {
      seen: (first, last) => this.look(first, last), chosen: (row, column) => this.chosen(row, column),
      typed: (row, column, text) => this.edits.put(row, column.id, text || null),
      begins: (row, column) => this.edits.begin(row, column.id, this.entered(row, column)),
      ends: (draft, text) => this.edits.end(draft, text),
      columnMenu: (from, column) => this.columnActs.menu(from, column), rowMenu: (from, row) => this.rowActs.menu(from, row),
      resize: (event, column) => this.columnActs.resize(event, column), undo: () => this.undo(),
    });
    this.bar();
    this.feed = new Feed(this.id, this.edits.since || window.token, {
      live: () => this.state("live"), lost: () => this.state("lost"), reload: () => this.reload(),
      changes: (changes) => this.changes(changes), ended: (why) => this.ended(why),
    });
    this.grid.choose(1, 0);
  }

  close() {
    this.closed = true;
    closeMenu();
    this.feed?.close();
    this.grid?.close();
    this.history?.close();
    this.sessions?.close();
    clearTimeout(this.watching);
  }

  // --- what the grid shows ---------------------------------------------------------------------------------------

  shape(sheet) {
    this.sheet = sheet;
    this.editable = sheet.may_edit;
    this.all = sheet.columns;
    this.columns = sheet.columns.filter((column) => column.is_visible);
    this.byId = new Map(sheet.columns.map((column) => [column.id, column]));
    this.rows = Math.max(sheet.rows, this.rows ?? 0);
    byId("title").textContent = sheet.name;
    document.title = `${sheet.name} · Rowmill`;
    if (this.sharing) this.sharing.textContent = sheet.is_public ? "Public to read" : "Private";
    this.facts();
  }

  facts() {
    const count = this.rows.toLocaleString("en");
    byId("facts").textContent = `${count} rows · ${this.columns.length} columns${this.editable ? "" : " · read only"}`;
  }

  cell(row, column) {
    const cell = this.cells.at(row, column.id);
    const edit = this.edits?.at(row, column.id);
    const kinds = [];
    if (column.operator) kinds.push("derived");
    if (edit) kinds.push(edit.theirs ? "conflict" : "unsaved");
    else if (!cell && !this.cells.has(row)) kinds.push("unread");
    if (cell?.state === "stale") kinds.push("stale");
    if (edit) return { text: edit.content ?? "", kinds, told: edit.theirs ? "somebody else has changed this cell" : "not saved yet" };
    if (!cell) return { text: "", kinds };
    if (cell.error) return { text: cell.input ?? "error", kinds: [...kinds, "error"], told: cell.error };
    if (cell.type === "number") kinds.push("figure");
    return { text: cell.value ?? cell.content ?? "", kinds, told: cell.note ?? (cell.state === "stale" ? "being computed" : undefined) };
  }

  entered(row, column) {
    const edit = this.edits.at(row, column.id);
    return (edit ? edit.content : this.cells.at(row, column.id)?.content) ?? "";
  }

  async look(first, last) {
    this.seen = [first, last];
    clearTimeout(this.looking);
    this.looking = setTimeout(() => {
      this.cells.need(first, last, () => this.grid.soon()).catch(() => setTimeout(() => !this.closed && this.grid.soon(), 1500));
      this.watch();
    }, this.cells.has(first) && this.cells.has(last) ? 0 : 60);
  }

  // --- what comes in ---------------------------------------------------------------------------------------------

  changes(changes) {
    let shape = false;
    let moved = false;
    for (const change of changes) {
      if (change.kind !== "sheet") this.change(change);
      else {
        shape = true;
        moved ||= MOVES.has(change.action);
      }
    }
    if (moved) this.letGo();
    if (shape) this.reshape(moved);
    if (this.grown) {
      this.grown = false;
      this.facts();
      this.grid.resize();
    }
    this.grid.soon();
    this.watch();
    this.history.news(changes);
    this.say();
  }

  change({ row, column_id: column, cell_id: id, cell, edit }) {
    if (row > this.rows) {
      this.rows = row;
      this.grown = true;
    }
    if (!this.cells.has(row)) return;
    const news = this.cells.put(row, column, cell && { ...cell, id, state: cell.error ? "error" : "ok" });
    if (news) this.grid.flash(row, column, edit === "robot" ? "robot" : "other");
    for (const dependent of this.columns) {
      if (!dependent.operator || !dependent.inputs.includes(column)) continue;
      const known = this.cells.at(row, dependent.id) ?? { content: null, type: "text", version: 0 };
      this.cells.put(row, dependent.id, { ...known, state: "stale" });
    }
  }

  // A result may change nothing, or end in an error that is no change of content: what is stale on the screen is read
  // again until it is not.
  watch() {
    clearTimeout(this.watching);
    if (this.closed || !this.someStale()) return;
    this.watching = setTimeout(async () => {
      const [first, last] = this.seen;
      try {
        if (this.cells.take(await get(`${this.path}/cells?first=${first}&last=${Math.max(first, last)}`))) this.grid.soon();
      } catch { /* the connection says so by itself */ }
      this.say();
      this.watch();
    }, STALE_MS);
  }

  someStale() {
    for (let row = this.seen[0]; row <= this.seen[1]; row += 1) {
      if (this.columns.some((column) => this.cells.at(row, column.id)?.state === "stale")) return true;
    }
    return false;
  }

  // An editor stands at a row number, and so does an edit that is not written: another row's now.
  letGo() {
    const typed = this.grid.drop();
    if (typed !== undefined) notice(`Rows have moved, so what you typed was not written: “${typed}”; type it again where it belongs.`, "bad", null, true);
    const gone = this.edits.letGo();
    const texts = gone.map((each) => `“${each}”`).join(", ");
    if (gone.length) notice(`Rows have moved, and what was not saved yet was let go: ${texts}; type it again where it belongs, if it is not there.`, "bad", null, true);
  }

  // Rows that have moved make every known cell one of another place.
  async reshape(moved) {
    try {
      const [sheet, rows] = await Promise.all([get(this.path), get(`${this.path}/rows`)]);
      this.shapes = new RowShapes(rows.rows);
      if (moved) {
        this.cells.clear();
        this.rows = 0;
      }
      this.shape(sheet);
      this.grid.reshape();
    } catch { /* a sheet that is gone ends its feed */ }
  }

  async showRows(rows) {
    for (const row of rows) await this.rowActs.shape(row, { is_visible: true });
  }

  // Cells that are being computed from now on show it.
  lookAgain() {
    this.cells.blocks.clear();
    this.grid.soon();
  }

  // The last batch that was typed here.
  undo() {
    const last = this.edits.last.pop();
    if (last) undo(this.path, { command: last });
    else notice("Nothing typed here is left to undo; the history of a cell has the rest.", "calm");
  }

  reload() {
    this.edits.since = ""; // what happened since they were typed cannot be told any more
    this.edits.changed();
    notice("This page was away for too long and reads the sheet anew.", "calm");
    this.close();
    dispatchEvent(new Event("hashchange"));
  }

  ended(why) {
    this.state("ended");
    notice(why);
    this.editable = false;
  }

  // --- what is said ----------------------------------------------------------------------------------------------

  state(now) {
    if (now === "lost" && this.connection === "live") this.edits.held = true;
    this.connection = now ?? this.connection;
    if (now === "live") {
      this.edits.held = false;
      this.edits.send();
    }
    const kept = this.edits.count;
    const edits = kept === 1 ? "1 edit" : `${kept} edits`;
    const words = {
      live: kept ? `Saving ${edits}` : "Live", ended: "Ended",
      lost: kept ? `Offline · ${edits} kept` : "Reconnecting",
    };
    const chip = byId("state");
    const shown = words[this.connection] ?? "Connecting";
    chip.hidden = false;
    chip.className = `chip ${this.connection ?? "lost"}`;
    if (chip.textContent !== shown) chip.textContent = shown;
  }

  changed() {
    this.grid?.soon();
    this.state();
    this.say();
  }

  chosen(row, column) {
    this.now = [row, column];
    this.history.show(row, column, column && this.cells.at(row, column.id));
    this.say();
  }

  say() {
    if (!this.now?.[1]) return;
    const [row, column] = this.now;
    const shown = this.cell(row, column);
    const edit = this.edits.at(row, column.id);
    byId("foot").hidden = false;
    byId("where").textContent = `${column.title} · row ${row.toLocaleString("en")}`;
    const said = byId("said");
    said.className = `said ${shown.kinds.includes("error") ? "bad" : ""}`;
    if (edit?.theirs) {
      said.replaceChildren(this.choice(row, column, edit));
      return;
    }
    const cell = this.cells.at(row, column.id);
    said.textContent = shown.kinds.includes("error") ? `${shown.text}: ${shown.told}` : shown.kinds.includes("stale") ? "being computed …"
      : cell?.note ? `${shown.text} (${cell.note})` : this.entered(row, column);
  }

  choice(row, column, edit) {
    const take = (mine) => () => {
      this.edits.decide(row, column.id, mine);
      this.grid.choose(row, this.grid.column);
    };
    return element("span", { class: "choice", role: "group", "aria-label": "Two values" },
      element("span", { class: "why" }, "Somebody else has changed this cell."),
      element("span", { class: "value" }, "yours ", element("q", {}, edit.content ?? "")),
      element("span", { class: "value" }, "theirs ", element("q", {}, edit.theirs.content ?? "")),
      element("button", { type: "button", onclick: take(true) }, "Keep yours"),
      element("button", { type: "button", onclick: take(false) }, "Take theirs"));
  }

  conflict(cells) {
    const [first] = cells;
    const column = this.columns.findIndex((each) => each.id === first.column_id);
    this.grid.choose(first.row, Math.max(0, column));
  }

  // --- more of it ------------------------------------------------------------------------------------------------

  bar() {
    if (!this.editable) return;
    const more = element("button", { type: "button", class: "quiet", onclick: () => this.moreRows() }, `Add ${MORE_ROWS} rows`);
    const title = element("input", { name: "title", placeholder: "New column", "aria-label": "Title of the new column", required: true, maxlength: 255, autocomplete: "off" });
    const form = element("form", { class: "inline", onsubmit: (event) => this.addColumn(event, title) }, title, element("button", { class: "quiet" }, "Add column"),
      element("button", { type: "button", class: "quiet", onclick: () => this.columnActs.configure(null) }, "Add one that fills itself in …"));
    const hidden = element("button", { type: "button", class: "quiet end", "aria-haspopup": "menu", onclick: () => this.columnActs.more(hidden) }, "Hidden and deleted");
    const share = element("button", { type: "button", class: "quiet", onclick: () => this.share() }, this.sheet.is_public ? "Public to read" : "Private");
    this.page.append(element("div", { class: "tools" }, more, form, hidden, share));
    this.sharing = share;
  }

  moreRows() {
    this.rows += MORE_ROWS;
    this.facts();
    this.grid.reshape();
    this.grid.choose(this.rows - MORE_ROWS + 1, this.grid.column);
  }

  async share() {
    try {
      await post(`${this.path}/share`, { is_public: !this.sheet.is_public });
    } catch (error) {
      notice(error.message);
    }
  }

  async addColumn(event, title) {
    event.preventDefault();
    try {
      await post(`${this.path}/columns`, { title: title.value });
      title.value = "";
    } catch (error) {
      notice(error.message);
    }
  }
}

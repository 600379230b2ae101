// The sheet on the screen: only the rows that can be seen are elements. Knows nothing of the network.

import { element } from "./dom.js";
import { ROW_PX } from "./shapes.js";

const GUTTER_PX = 60;
const SPARE = 8; // rows above and below

export class Grid {
  // `model`: columns, rows, shapes, cell(row, column) -> what to show, editable; `acts`: seen, chosen, typed, begins, ends, menus, resize
  constructor(host, model, acts) {
    Object.assign(this, { model, acts, row: 1, column: 0, lines: new Map(), flashes: new Map(), editor: null });
    this.head = element("div", { class: "line head", role: "row", "aria-rowindex": 1 });
    this.body = element("div", { class: "body", role: "rowgroup" });
    this.root = element("div", { class: "grid", role: "grid", "aria-label": "Sheet", "aria-readonly": String(!model.editable) },
      element("div", { class: "top", role: "rowgroup" }, this.head), this.body);
    host.replaceChildren(this.root);
    this.root.addEventListener("scroll", () => this.soon(), { passive: true });
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("mousedown", (event) => this.pointed(event));
    this.body.addEventListener("click", (event) => event.target.matches("button.number") && this.acts.rowMenu(event.target, Number(event.target.dataset.row)));
    this.body.addEventListener("dblclick", (event) => event.target.closest(".cell") && !this.editor && this.edit());
    this.sizes = new ResizeObserver(() => this.soon());
    this.sizes.observe(this.root);
    this.reshape();
  }

  close() {
    this.sizes.disconnect();
  }

  reshape() {
    const { columns, rows } = this.model;
    this.resize();
    this.root.setAttribute("aria-colcount", columns.length + 1);
    this.widths();
    this.head.replaceChildren(element("div", { class: "corner", role: "columnheader", "aria-label": "Row" }),
      ...columns.map((each, at) => this.title(each, at)));
    this.lines.forEach((line) => line.remove());
    this.lines.clear();
    this.row = Math.min(this.row, rows);
    this.column = Math.max(0, Math.min(this.column, columns.length - 1));
    this.soon();
  }

  title(column, at) {
    const words = element("span", { class: "words" }, column.title);
    const head = element("div", { class: column.operator ? "title derived" : "title", role: "columnheader", "aria-colindex": at + 2,
      title: column.operator ? `filled in by ${column.operator}` : column.title }, words);
    if (!this.model.editable) return head;
    const more = element("button", { type: "button", class: "more", "aria-haspopup": "menu", "aria-expanded": "false",
      "aria-label": `Menu of the column ${column.title}`, onclick: () => this.acts.columnMenu(more, column) });
    head.append(more, element("span", { class: "edge", "aria-hidden": "true", onpointerdown: (event) => this.acts.resize(event, column) }));
    return head;
  }

  widths() {
    const { columns } = this.model;
    this.root.style.setProperty("--columns", `${GUTTER_PX}px ${columns.map((each) => `${each.width}px`).join(" ")}`);
    this.body.style.width = `${GUTTER_PX + columns.reduce((sum, each) => sum + each.width, 0)}px`;
  }

  resize() {
    this.root.setAttribute("aria-rowcount", this.model.rows + 1);
    this.body.style.height = `${this.model.shapes.top(this.model.rows + 1)}px`;
  }

  span() {
    const { shapes, rows } = this.model;
    const top = this.root.scrollTop;
    return [shapes.at(top, rows), shapes.at(top + this.root.clientHeight, rows)];
  }

  soon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = undefined;
      this.draw();
    });
  }

  draw() {
    const [first, last] = this.span();
    const from = Math.max(1, first - SPARE);
    const to = Math.min(this.model.rows, last + SPARE);
    for (const [row, line] of this.lines) {
      if ((row < from || row > to) && row !== this.row) {
        line.remove();
        this.lines.delete(row);
      }
    }
    for (let row = from; row <= to; row += 1) if (this.model.shapes.height(row)) this.line(row);
    if (this.row <= this.model.rows) this.line(this.row);
    this.acts.seen(first, last);
  }

  line(row) {
    let line = this.lines.get(row);
    if (!line) {
      line = element("div", { class: "line", role: "row", "aria-rowindex": row + 1 },
        element("div", { class: "number", role: "rowheader" }, this.model.editable ? element("button", { type: "button", class: "number", tabindex: -1,
          "aria-haspopup": "menu", "aria-label": `Menu of row ${row}`, "data-row": row }, row) : row),
        ...this.model.columns.map((_, at) => element("div", { class: "cell", role: "gridcell", "aria-colindex": at + 2 })));
      line.style.transform = `translateY(${this.model.shapes.top(row)}px)`;
      line.style.setProperty("--row", `${this.model.shapes.height(row)}px`);
      this.lines.set(row, line);
      this.body.append(line);
    }
    this.model.columns.forEach((column, at) => this.fill(line.children[at + 1], row, column, at));
    return line;
  }

  fill(cell, row, column, at) {
    const shown = this.model.cell(row, column);
    const active = row === this.row && at === this.column;
    const names = ["cell", ...shown.kinds];
    const flash = this.flashes.get(`${row}/${column.id}`);
    if (flash) names.push(`flash-${flash}`);
    if (active) names.push("active");
    const name = names.join(" ");
    if (cell.className !== name) cell.className = name;
    if (cell.textContent !== shown.text) cell.textContent = shown.text;
    if (active) cell.tabIndex = 0;
    else cell.removeAttribute("tabindex");
    cell.setAttribute("aria-selected", String(active));
    if (shown.told) cell.setAttribute("aria-description", shown.told);
    else cell.removeAttribute("aria-description");
    if (cell.title !== (shown.told ?? "")) cell.title = shown.told ?? "";
  }

  // A change that was not typed here shows itself for a moment.
  flash(row, column, kind) {
    const where = `${row}/${column}`;
    this.flashes.set(where, kind);
    setTimeout(() => {
      if (this.flashes.get(where) === kind && this.flashes.delete(where)) this.soon();
    }, 1600);
  }

  get active() {
    return this.lines.get(this.row)?.children[this.column + 1];
  }

  choose(row, column, focus = true) {
    const before = this.row;
    const { rows, shapes } = this.model;
    this.row = shapes.seen(Math.max(1, Math.min(rows, row)), row < before ? -1 : 1, rows);
    this.column = Math.max(0, Math.min(this.model.columns.length - 1, column));
    const top = shapes.top(this.row);
    const room = this.root.clientHeight - ROW_PX * 2;
    if (top < this.root.scrollTop) this.root.scrollTop = top;
    else if (top > this.root.scrollTop + room) this.root.scrollTop = top - room;
    if (this.lines.has(before)) this.line(before);
    this.line(this.row);
    this.active?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (focus) this.active?.focus({ preventScroll: true });
    this.draw();
    this.acts.chosen(this.row, this.model.columns[this.column]);
  }

  pointed(event) {
    const cell = event.target.closest(".cell");
    if (!cell || event.target === this.editor) return;
    this.commit();
    event.preventDefault();
    const row = Number(cell.parentElement.getAttribute("aria-rowindex")) - 1;
    this.choose(row, [...cell.parentElement.children].indexOf(cell) - 1);
  }

  key(event) {
    if (this.editor) return this.editing(event);
    const page = Math.max(1, Math.floor(this.root.clientHeight / ROW_PX) - 2);
    const far = event.ctrlKey || event.metaKey;
    const { row, column, model } = this;
    const moves = {
      ArrowUp: [far ? 1 : row - 1, column], ArrowDown: [far ? model.rows : row + 1, column],
      ArrowLeft: [row, far ? 0 : column - 1], ArrowRight: [row, far ? Infinity : column + 1],
      PageUp: [row - page, column], PageDown: [row + page, column],
      Home: [far ? 1 : row, 0], End: [far ? model.rows : row, Infinity],
    };
    if (event.target.closest("button, .title")) return;
    if (far && event.key.toLowerCase() === "z") this.acts.undo();
    else if (moves[event.key] && !event.altKey) this.choose(...moves[event.key]);
    else if (event.key === "Tab" && this.step(event.shiftKey ? -1 : 1)) { /* moved on */ }
    else if (event.key === "Enter" || event.key === "F2") this.edit();
    else if (event.key === "Delete" || event.key === "Backspace") this.type("");
    else if (event.key.length === 1 && !far && !event.altKey) this.edit(event.key);
    else return;
    event.preventDefault();
  }

  // Along the row, then to the next one; false at an end of the sheet, where Tab leaves it.
  step(by) {
    const at = this.column + by;
    const count = this.model.columns.length;
    if (at >= 0 && at < count) this.choose(this.row, at);
    else if (at >= count && this.row < this.model.rows) this.choose(this.row + 1, 0);
    else if (at < 0 && this.row > 1) this.choose(this.row - 1, count - 1);
    else return false;
    return true;
  }

  edit(begin) {
    if (!this.model.editable || !this.model.columns.length) return;
    const column = this.model.columns[this.column];
    const label = `${column.title}, row ${this.row}`;
    this.editor = element("textarea", { class: "editor", rows: 1, "aria-label": label, spellcheck: "false", maxlength: 50000 });
    this.editor.draft = this.acts.begins(this.row, column);
    this.editor.value = begin ?? this.editor.draft.shown;
    this.editor.addEventListener("blur", () => this.commit(false));
    this.editor.style.transform = `translateY(${this.model.shapes.top(this.row)}px)`;
    this.editor.style.left = `${this.active.offsetLeft}px`;
    this.editor.style.minWidth = `${column.width}px`;
    this.editor.addEventListener("input", () => this.grow());
    this.body.append(this.editor);
    this.editor.focus();
    this.editor.setSelectionRange(this.editor.value.length, this.editor.value.length);
    this.grow();
  }

  grow() {
    this.editor.style.height = "auto";
    this.editor.style.height = `${Math.min(240, Math.max(ROW_PX + 1, this.editor.scrollHeight + 2))}px`;
  }

  editing(event) {
    if (event.key === "Escape") this.commit(true, true);
    else if (event.key === "Enter" && !event.altKey && !event.shiftKey) {
      this.commit();
      this.choose(this.row + (event.shiftKey ? -1 : 1), this.column);
    } else if (event.key === "Tab") {
      this.commit();
      this.step(event.shiftKey ? -1 : 1);
    } else return;
    event.preventDefault();
  }

  commit(focus = true, drop = false) {
    const editor = this.editor;
    if (!editor) return;
    this.editor = null; // first: taking the element away is a blur, too
    editor.remove();
    if (!drop) this.acts.ends(editor.draft, editor.value);
    if (focus) this.active?.focus({ preventScroll: true });
  }

  // What was being typed, undefined where that is nothing. No cell gets the focus: the keys still to come are none of its.
  drop() {
    const { editor } = this;
    this.commit(false, true);
    return editor && editor.value !== editor.draft.shown ? editor.value : undefined;
  }

  type(text) {
    if (!this.model.editable) return;
    const column = this.model.columns[this.column];
    if (text !== this.model.entered(this.row, column)) this.acts.typed(this.row, column, text);
  }
}

// What was typed and is not written yet. One batch is under way at a time, each with a key of its own, and it is sent
// until the server answers; a cell typed into again meanwhile waits for the next one. Kept over a reload.
// An edit names a place. What was typed while nothing was heard of the sheet is held until the feed has told what
// happened since `since`: rows that have moved make its place another one.

import { Refused, Unreachable, key, post } from "./api.js";
import { place } from "./cells.js";

const MOST = 200;
const AGAIN_MS = 2000;

export class Edits {
  constructor(sheet, cells, tells) {
    Object.assign(this, { sheet, cells, tells, busy: false });
    this.store = `rowmill edits ${sheet}`;
    const kept = JSON.parse(sessionStorage.getItem(this.store) ?? "{}");
    this.open = new Map(kept.open ?? []); // place -> {row, column_id, content, version, theirs?}
    this.batch = kept.batch ?? null; // {id, edits}
    this.since = kept.since ?? null; // the feed's token when the oldest of these was typed
    this.held = this.count > 0;
    this.last = []; // ids of batches that were written, for undo
  }

  get count() {
    return this.open.size + (this.batch?.edits.length ?? 0);
  }

  // What a person sees at a place before the server has it.
  at(row, column) {
    const where = place(row, column);
    return this.open.get(where) ?? this.batch?.edits.find((edit) => place(edit.row, edit.column_id) === where);
  }

  // What an editor is opened on: others may change the cell under it.
  begin(row, column, shown) {
    this.draft = { row, column_id: column, shown, version: this.version(row, column) };
    return this.draft;
  }

  end(draft, text) {
    if (text !== draft.shown) this.put(draft.row, draft.column_id, text || null, draft.version);
  }

  version(row, column) {
    return this.cells.at(row, column)?.version ?? 0;
  }

  put(row, column, content, version = this.version(row, column)) {
    const before = this.open.get(place(row, column));
    this.open.set(place(row, column), { row, column_id: column, content, version: before?.version ?? version });
    this.changed();
    this.send();
  }

  // The person has seen both values and decided.
  decide(row, column, mine) {
    const edit = this.open.get(place(row, column));
    if (!edit?.theirs) return;
    this.open.delete(place(row, column));
    if (mine) this.open.set(place(row, column), { row, column_id: column, content: edit.content, version: edit.theirs.version });
    this.changed();
    this.send();
  }

  async send() {
    if (this.busy || this.held) return;
    clearTimeout(this.timer);
    this.batch ??= this.next();
    if (!this.batch) return;
    this.busy = true;
    this.changed();
    const { id, edits } = this.batch;
    try {
      const answer = await post(`/api/spreadsheets/${this.sheet}/cells`, { edits }, id);
      this.last = [...this.last.slice(-49), id];
      this.written(answer.cells);
    } catch (error) {
      if (error instanceof Unreachable || error.status === 503) this.timer = setTimeout(() => this.send(), AGAIN_MS);
      else if (error instanceof Refused) this.refused(edits, error);
      else throw error;
    } finally {
      this.busy = false;
      this.changed();
    }
    if (!this.batch && this.ready().length) this.send();
  }

  ready() {
    return [...this.open].filter(([, edit]) => !edit.theirs).slice(0, MOST);
  }

  next() {
    const ready = this.ready();
    if (!ready.length) return null;
    ready.forEach(([where]) => this.open.delete(where));
    return { id: key(), edits: ready.map(([, edit]) => edit) };
  }

  written(cells) {
    this.batch = null;
    for (const cell of cells) {
      this.cells.put(cell.row, cell.column_id, { content: cell.content, version: cell.version, type: "text", id: cell.cell_id, state: "ok" });
      const later = this.open.get(place(cell.row, cell.column_id));
      if (later && !later.theirs) later.version = cell.version;
      if (this.draft?.row === cell.row && this.draft.column_id === cell.column_id) this.draft.version = cell.version;
    }
    this.tells.written(cells);
  }

  refused(edits, error) {
    this.batch = null;
    const changed = error.status === 409 ? error.error.details?.cells ?? [] : [];
    if (!changed.length) {
      this.tells.refused(error.message);
      return;
    }
    edits.forEach((edit, at) => {
      const theirs = changed.find((cell) => cell.edit === at);
      const where = place(edit.row, edit.column_id);
      const mine = this.open.get(where) ?? edit;
      this.open.set(where, theirs ? { ...mine, theirs } : mine);
      if (theirs) this.cells.put(edit.row, edit.column_id, { content: theirs.content, version: theirs.version, type: "text", id: theirs.cell_id, state: "ok" });
    });
    this.tells.conflict(changed);
  }

  // Rows have other numbers now. Returns what was typed and not written yet, as far as is known; what is under way is
  // for the server to answer.
  letGo() {
    const gone = [...this.open.values()];
    this.open.clear();
    if (!this.busy) {
      gone.push(...(this.batch?.edits ?? []));
      this.batch = null;
    }
    this.changed();
    return gone.map((edit) => edit.content ?? "");
  }

  changed() {
    this.since = this.count ? this.since ?? this.tells.token() : null;
    if (this.count) sessionStorage.setItem(this.store, JSON.stringify({ open: [...this.open], batch: this.batch, since: this.since }));
    else sessionStorage.removeItem(this.store);
    this.tells.changed();
  }
}

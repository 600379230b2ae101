// The cells that are known, by place. A cell only ever becomes newer: versions come from one sequence, so windows and
// changes may arrive in any order.

const BLOCK = 100; // rows that are read together
const KEPT = 150; // blocks in memory

export const place = (row, column) => `${row}/${column}`;

export class Cells {
  constructor(read) {
    this.read = read; // (first, last, signal) -> window
    this.known = new Map();
    this.blocks = new Map(); // number -> "loading" | "there"
  }

  clear() {
    this.known.clear();
    this.blocks.clear();
  }

  at(row, column) {
    return this.known.get(place(row, column));
  }

  // Whether something was new.
  put(row, column, cell) {
    const where = place(row, column);
    const before = this.known.get(where);
    if (cell === null) return this.known.delete(where);
    if (before && before.version > cell.version) return false;
    const same = before && before.version === cell.version && before.content === cell.content &&
      before.value === cell.value && before.error === cell.error && before.state === cell.state;
    this.known.set(where, cell);
    return !same;
  }

  has(row) {
    return this.blocks.has(Math.floor((row - 1) / BLOCK));
  }

  // Reads what is missing of these rows; calls `then` as it comes.
  async need(first, last, then) {
    const wanted = [];
    for (let block = Math.floor((first - 1) / BLOCK); block <= Math.floor((last - 1) / BLOCK); block += 1) {
      if (!this.blocks.has(block)) wanted.push(block);
    }
    if (!wanted.length) return;
    wanted.forEach((block) => this.blocks.set(block, "loading"));
    try {
      this.take(await this.read(wanted[0] * BLOCK + 1, (wanted.at(-1) + 1) * BLOCK));
      wanted.forEach((block) => this.blocks.set(block, "there"));
    } catch (error) {
      wanted.forEach((block) => this.blocks.delete(block));
      throw error;
    }
    this.forget(wanted[0]);
    then();
  }

  take(window) {
    let news = false;
    for (const cell of window.cells) news = this.put(cell.row, cell.column_id, cell) || news;
    return news;
  }

  forget(near) {
    if (this.blocks.size <= KEPT) return;
    const far = [...this.blocks.keys()].sort((one, other) => Math.abs(other - near) - Math.abs(one - near)).slice(0, KEPT / 3);
    const gone = new Set(far);
    far.forEach((block) => this.blocks.delete(block));
    for (const where of this.known.keys()) {
      if (gone.has(Math.floor((parseInt(where, 10) - 1) / BLOCK))) this.known.delete(where);
    }
  }
}

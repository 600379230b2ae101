// What a person does with rows: the menu of their numbers.

import { post } from "./api.js";
import { notice } from "./dom.js";
import { openMenu } from "./menu.js";
import { ROW_PX } from "./shapes.js";

export class Rows {
  constructor(sheet) {
    this.sheet = sheet; // path, shapes, rows
  }

  menu(from, row) {
    const { shapes, rows } = this.sheet;
    const tall = shapes.height(row) > ROW_PX;
    const entries = [["Insert a row above", () => this.act("insert", { before: row })], ["Insert a row below", () => this.act("insert", { before: row + 1 })], null];
    if (row > 1) entries.push(["Move up", () => this.act("move", { first: row, last: row, before: row - 1 })]);
    if (row < rows) entries.push(["Move down", () => this.act("move", { first: row, last: row, before: row + 2 })]);
    entries.push([tall ? "As high as the others" : "Higher", () => this.shape(row, { height: tall ? ROW_PX : ROW_PX * 3 })]);
    entries.push(["Hide", () => this.shape(row, { is_visible: false })], null, ["Delete", () => this.remove(row), "bad"]);
    openMenu(from, `Row ${row}`, entries);
  }

  shape(row, what) {
    return this.act("shape", { first: row, last: row, ...what });
  }

  async remove(row) {
    const gone = await this.act("delete", { first: row, last: row });
    if (gone) notice(`Row ${row} was deleted.`, "calm", ["Undo", () => this.act(`restore/${gone.id}`, {})]);
  }

  async act(verb, body) {
    try {
      return await post(`${this.sheet.path}/rows/${verb}`, body);
    } catch (error) {
      notice(error.message);
      return null;
    }
  }
}

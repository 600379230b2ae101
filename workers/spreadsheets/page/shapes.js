// Where rows stand on the screen: most are alike, some are hidden or have a height of their own.

export const ROW_PX = 30;

export class RowShapes {
  constructor(rows = []) {
    let more = 0;
    this.own = rows.map(({ row, height, is_visible: visible }) => {
      const px = visible ? height ?? ROW_PX : 0;
      more += px - ROW_PX;
      return { row, px, more };
    });
    this.hidden = this.own.filter((each) => !each.px).map((each) => each.row);
  }

  // How many of the own ones stand above a row.
  above(row) {
    let low = 0;
    let high = this.own.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.own[middle].row < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  height(row) {
    const own = this.own[this.above(row)];
    return own?.row === row ? own.px : ROW_PX;
  }

  top(row) {
    const above = this.above(row);
    return (row - 1) * ROW_PX + (above ? this.own[above - 1].more : 0);
  }

  // The row at a height.
  at(px, rows) {
    let low = 1;
    let high = rows;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.top(middle) <= px) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // The next row that can be seen, in a direction; the row itself where it can.
  seen(row, by, rows) {
    let found = row;
    while (found >= 1 && found <= rows && !this.height(found)) found += by;
    return found >= 1 && found <= rows ? found : this.height(row) ? row : this.seen(row, -by, rows);
  }
}

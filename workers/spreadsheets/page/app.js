// Where one is: `#/` the list, `#/sheet/<id>` a sheet.

import { byId, notice } from "./dom.js";
import { List } from "./list.js";
import { Sheet } from "./sheet.js";

let shown = null;

async function go() {
  const found = location.hash.match(/^#\/sheet\/([0-9a-f-]{36})$/);
  shown?.close();
  byId("state").hidden = byId("foot").hidden = true;
  byId("view").replaceChildren();
  const now = (shown = found ? new Sheet(found[1]) : new List());
  document.body.className = found ? "in-sheet" : "in-list";
  try {
    await now.open(byId("view"));
  } catch (error) {
    if (shown !== now) return;
    notice(error.message);
    if (error.status === 404) location.hash = "#/";
    else setTimeout(() => shown === now && go(), 2000);
  }
}

addEventListener("hashchange", go);
go();

// The table of turns. Texts are set as texts, never as HTML.
const SHOWN = `
  select t.*, t.turn_amount::text as amount, p.name as property, t._modified_columns::text as modified
  from turns t left join properties p on p.id = t.property_id
  where not t._deleted order by t.turn_id, t.id limit 500`;

export async function rows(pg) {
  return (await pg.query(SHOWN)).rows;
}

export function syncState(row) {
  if (row._conflict_data) return "conflict";
  if (row._sync_error) return "refused";
  return row._synced ? "synced" : "pending";
}

export function draw(body, found, edit, decide) {
  const known = new Map([...body.children].map((line) => [line.dataset.id, line]));
  for (const row of found) {
    const line = known.get(row.id) ?? made(body, row.id, edit, decide);
    known.delete(row.id);
    line.dataset.sync = syncState(row);
    line.row = row;
    text(line, ".turn", row.turn_id);
    text(line, ".property", row.property ?? "");
    text(line, ".approval", row.approval_status ?? "");
    text(line, ".sync", line.dataset.sync + (row._sync_error ? `: ${row._sync_error}` : ""));
    value(line, ".number", row.wo_number ?? "");
    value(line, ".amount", row.amount ?? "");
    line.querySelector(".decide").hidden = line.dataset.sync !== "conflict";
  }
  for (const line of known.values()) line.remove();
}

function made(body, id, edit, decide) {
  const line = body.insertRow();
  line.dataset.id = id;
  for (const name of ["turn", "property"]) cell(line, name);
  for (const [name, column, label] of [["number", "wo_number", "Work order"], ["amount", "turn_amount", "Amount"]]) {
    const input = document.createElement("input");
    input.className = name;
    input.setAttribute("aria-label", label);
    input.addEventListener("change", () => edit(id, column, input.value || null));
    cell(line, "").append(input);
  }
  for (const name of ["approval", "sync"]) cell(line, name);
  const button = document.createElement("button");
  button.className = "decide";
  button.textContent = "Decide";
  button.addEventListener("click", () => decide(line.row));
  cell(line, "").append(button);
  return line;
}

function cell(line, name) {
  const made = line.insertCell();
  made.className = name;
  return made;
}

function text(line, place, told) {
  const found = line.querySelector(place);
  if (found.textContent !== told) found.textContent = told;
}

function value(line, place, told) {
  const found = line.querySelector(place);
  if (document.activeElement !== found && found.value !== told) found.value = told;
}

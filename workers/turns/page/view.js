// The table of turns. Texts are set as texts, never as HTML.
export const SHOWN_AT_ONCE = 500;
const SHOWN = `
  select t.*, t.turn_amount::text as amount, t.expected_completion_date::text as ready, p.name as property,
    count(*) over () as altogether
  from turns t left join properties p on p.id = t.property_id
  where not t._deleted and ($1 = '' or concat_ws(' ', t.turn_id, p.name, t.wo_number) ilike '%' || $1 || '%')
  order by t.turn_id, t.id limit ${SHOWN_AT_ONCE}`;
const FIELDS = [["number", "wo_number", "Work order", "text"], ["amount", "turn_amount", "Amount", "text"],
  ["ready", "expected_completion_date", "Ready by", "date"]];

export async function rows(pg, wanted) {
  return (await pg.query(SHOWN, [wanted.replace(/[\\%_]/g, "\\$&")])).rows;
}

export async function stages(pg) {
  return (await pg.query("select id, name from turn_stages where not _deleted order by display_order, id")).rows;
}

export function syncState(row) {
  if (row._conflict_data) return "conflict";
  if (row._sync_error) return "refused";
  return row._synced ? "synced" : "pending";
}

export function draw(body, found, known_stages, acts) {
  const known = new Map([...body.children].map((line) => [line.dataset.id, line]));
  for (const [at, row] of found.entries()) {
    const line = known.get(row.id) ?? made(body, row.id, acts);
    known.delete(row.id);
    if (body.children[at] !== line) body.insertBefore(line, body.children[at] ?? null);
    line.dataset.sync = syncState(row);
    line.row = row;
    text(line, ".turn", row.turn_id);
    text(line, ".property", row.property ?? "");
    text(line, ".approval", (row.approval_status ?? "").replaceAll("_", " ").toLowerCase());
    text(line, ".sync", line.dataset.sync + (row._sync_error ? `: ${row._sync_error}` : ""));
    options(line.querySelector(".stage"), known_stages);
    value(line, ".stage", row.stage_id ?? "");
    value(line, ".number", row.wo_number ?? "");
    value(line, ".amount", row.amount ?? "");
    value(line, ".ready", row.ready ?? "");
    line.querySelector(".decide").hidden = line.dataset.sync !== "conflict";
  }
  for (const line of known.values()) line.remove();
}

function made(body, id, { edit, decide }) {
  const line = body.insertRow();
  line.dataset.id = id;
  for (const name of ["turn", "property"]) cell(line, name);
  const stage = field(document.createElement("select"), "stage", "Stage");
  stage.addEventListener("change", () => edit(id, "stage_id", stage.value));
  cell(line, "").append(stage);
  for (const [name, column, label, type] of FIELDS) {
    const input = field(document.createElement("input"), name, label);
    input.type = type;
    input.addEventListener("change", () => edit(id, column, input.value || null));
    cell(line, "").append(input);
  }
  cell(line, "approval");
  const told = document.createElement("span");
  told.className = "sync";
  const button = document.createElement("button");
  button.className = "decide";
  button.textContent = "Decide";
  button.addEventListener("click", () => decide(line.row));
  cell(line, "end").append(told, button);
  return line;
}

function field(element, name, label) {
  element.className = name;
  element.setAttribute("aria-label", label);
  return element;
}

function options(select, stages) {
  const wanted = stages.map(({ id, name }) => `${id} ${name}`).join();
  if (select.dataset.stages === wanted) return;
  select.dataset.stages = wanted;
  select.replaceChildren(...stages.map(({ id, name }) => new Option(name, id)));
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

// What both sides did to a row, for a person who decides.
export function drawClash(body, clash) {
  body.replaceChildren();
  for (const [name, { base, local, remote }] of Object.entries(clash)) {
    const line = body.insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name === "_row" ? "the turn" : name.replaceAll("_", " ");
    line.append(head);
    for (const side of [base, local, remote])
      cell(line, "").textContent = side ?? (name === "_row" ? "deleted" : "nothing");
  }
}

// Small forms for what a column is configured with. A form owns a copy of the configuration, changes it in place and calls
// `tell`; what it has no field for stays as it is. `redraw` where other fields are needed from now on.

import { get } from "./api.js";
import { element } from "./dom.js";

// What stands in a step, and with what it begins; a list is a choice.
const STEPS = {
  trim: ["trim", {}],
  case: ["letters", { to: ["title", "upper", "lower", "sentence"] }],
  extract: ["take out by a pattern", { pattern: "([A-Z]+)", group: 0 }],
  replace: ["replace", { find: " GmbH", replacement: "" }],
  split: ["take a part", { separator: ",", index: 0 }],
  join: ["join the columns", { separator: " " }],
  number: ["read a number", {}],
  date: ["read a date", {}],
  phone: ["read a telephone number", { region: "DE" }],
  email: ["read an e-mail address", {}],
};

const line = (label, input) => element("label", { class: "field" }, `${label} `, input);
const options = (pairs, chosen) => pairs.map(([value, label]) => element("option", { value, selected: value === chosen }, label));

// A text, a long text or a number under one name; what is left blank is not said.
function field(config, tell, name, label, kind = "text", properties = {}) {
  const made = element(kind === "long" ? "textarea" : "input", { rows: 3, type: kind, ...properties, oninput: () => {
    config[name] = made.value === "" ? undefined : kind === "number" ? Number(made.value) : made.value;
    tell();
  } });
  made.value = config[name] ?? "";
  return line(label, made);
}

function onlyAsked(config, tell) {
  return line("Run only when somebody says so", element("input", { type: "checkbox", checked: config.run === "asked", onchange: (event) => {
    config.run = event.target.checked ? "asked" : undefined;
    tell();
  } }));
}

function transform(config, tell, redraw) {
  config.steps ??= [];
  if (config.steps.some((step) => !STEPS[step.op])) return [];
  const begun = (op) => ({ op, ...Object.fromEntries(Object.entries(STEPS[op][1]).map(([name, usual]) => [name, [usual].flat()[0]])) });
  const kinds = Object.entries(STEPS).map(([op, [label]]) => [op, label]);
  const rows = config.steps.map((step, at) => element("li", {},
    element("select", { "aria-label": `Step ${at + 1}`, onchange: (event) => { config.steps[at] = begun(event.target.value); redraw(); } }, ...options(kinds, step.op)),
    ...Object.entries(STEPS[step.op][1]).map(([name, usual]) => part(step, name, usual, tell)),
    element("button", { type: "button", class: "quiet", "aria-label": `Remove step ${at + 1}`, onclick: () => { config.steps.splice(at, 1); redraw(); } }, "×")));
  return [element("ol", { class: "steps" }, ...rows),
    element("button", { type: "button", class: "quiet", onclick: () => { config.steps.push(begun("trim")); redraw(); } }, "Add a step"),
    field(config, tell, "locale", "Written as in", "text", { placeholder: "en_US" })];
}

function part(step, name, usual, tell) {
  const change = (event) => { step[name] = typeof usual === "number" ? Number(event.target.value) : event.target.value; tell(); };
  if (Array.isArray(usual)) return element("select", { "aria-label": name, onchange: change }, ...options(usual.map((each) => [each, each]), step[name]));
  return element("input", { "aria-label": name, placeholder: name, type: typeof usual === "number" ? "number" : "text", value: step[name] ?? "", oninput: change });
}

// One class a line, its words behind a colon: `Invoice: invoice, bill`.
const written = (pairs) => pairs.map(([label, words]) => (words.length ? `${label}: ${words.join(", ")}` : label)).join("\n");
const read = (text) => text.split("\n").filter((each) => each.trim()).map((each) => {
  const [label, ...words] = each.split(":");
  return [label.trim(), words.join(":").split(",").map((word) => word.trim()).filter(Boolean)];
});

function classify(config, tell) {
  const patterns = (config.rules ?? []).filter((rule) => rule.pattern);
  const words = (config.rules ?? []).filter((rule) => !rule.pattern).map((rule) => [rule.label, rule.contains ?? []]);
  const area = (label, text, change) => {
    const made = element("textarea", { rows: 3, "aria-label": label, oninput: () => { change(read(made.value)); tell(); } });
    made.value = text;
    return line(label, made);
  };
  return [
    area("Contains (label: word, word)", written(words), (found) => { config.rules = [...found.map(([label, contains]) => ({ label, contains })), ...patterns]; }),
    area("Is like (label: example, example)", written(Object.entries(config.classes ?? {})), (found) => { config.classes = Object.fromEntries(found); }),
    field(config, tell, "threshold", "Like to at least, in percent", "number", { min: 50, max: 100 }),
    field(config, tell, "otherwise", "Otherwise"),
  ];
}

function lookup(config, tell, redraw) {
  const places = element("div", { class: "config" });
  const choice = (label, name, pairs, then) => line(label, element("select", { "aria-label": label, onchange: (event) => { config[name] = event.target.value; then(); } },
    ...options([["", "choose …"], ...pairs], config[name] ?? "")));
  const draw = async () => {
    const { sheets } = await get("/api/spreadsheets?limit=200");
    places.append(choice("Sheet", "spreadsheet_id", sheets.map(({ id, name }) => [id, name]), () => { config.match = config.value = ""; redraw(); }));
    if (!config.spreadsheet_id) return;
    const { columns } = await get(`/api/spreadsheets/${encodeURIComponent(config.spreadsheet_id)}`);
    const titles = columns.map(({ id, title }) => [id, title]);
    places.append(choice("Found in its column", "match", titles, tell), choice("Shown from its column", "value", titles, tell));
  };
  draw().catch((error) => places.append(element("p", { class: "hint" }, error.message)));
  return [places, field(config, tell, "missing", "Shown where nothing is found")];
}

export const FORMS = {
  "spreadsheets.transform": transform,
  "spreadsheets.classify": classify,
  "spreadsheets.lookup": lookup,
  "spreadsheets.http_json": (config, tell) => [field(config, tell, "url", "Address"), field(config, tell, "path", "Shown of the answer", "text", { placeholder: "$.name" }), onlyAsked(config, tell)],
  "spreadsheets.llm": (config, tell) => [field(config, tell, "prompt", "What is asked", "long"), field(config, tell, "max_tokens", "Tokens of an answer, at most", "number", { min: 1 }), onlyAsked(config, tell)],
};

// The form of an operator, and below it the configuration as JSON, which is what counts; each follows the other.
export function configured(text) {
  const form = element("div", { class: "config" });
  const json = element("details", {}, element("summary", {}, "As JSON"), text);
  let operator = "";
  const draw = (config) => {
    const tell = () => { text.value = JSON.stringify(config, null, 2); };
    const redraw = () => { tell(); draw(config); };
    form.replaceChildren(...(FORMS[operator]?.(config, tell, redraw) ?? []));
  };
  text.addEventListener("input", () => { // while typing, so that nothing moves under a click
    try {
      draw(JSON.parse(text.value));
    } catch {
      form.replaceChildren(); // no JSON yet, or none that the form knows
    }
  });
  return {
    parts: [form, json],
    show(chosen, config) {
      operator = chosen;
      text.value = JSON.stringify(config, null, 2);
      json.hidden = !chosen;
      json.open = !FORMS[chosen];
      draw(JSON.parse(text.value));
    },
  };
}

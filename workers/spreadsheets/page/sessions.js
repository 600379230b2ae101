// The sessions of a sheet in a panel: how far each is, what it asks, and the answer of a person.

import { get, post } from "./api.js";
import { ago, element, notice } from "./dom.js";

const BUSY_MS = 1000; // how often sessions under way are looked at
const CALM_MS = 8000;
const LIVE = new Set(["running", "asks", "failed"]);
// What each kind must be told; the rest is found by the titles of the columns.
const KINDS = {
  clean_contacts: ["Clean and deduplicate contacts", []],
  import_mapped: ["Import a file and map its columns", [["file", "File in the files folder"]]],
  enrich_from_web: ["Enrich from the web", []],
};

export class Sessions {
  constructor(panel, button, path, editable) {
    Object.assign(this, { panel, button, path, editable, open: false, shown: "" });
    button.hidden = false;
    this.toggled = () => this.toggle(!this.open);
    button.addEventListener("click", this.toggled);
    this.look();
  }

  close() {
    this.closed = true;
    clearTimeout(this.timer);
    this.button.removeEventListener("click", this.toggled);
    this.button.hidden = this.panel.hidden = true;
    this.button.classList.remove("asks");
  }

  toggle(open) {
    this.open = open;
    this.button.setAttribute("aria-expanded", String(open));
    this.panel.hidden = !open;
    if (open) this.look();
  }

  async look() {
    clearTimeout(this.timer);
    let busy = false;
    try {
      const { sessions } = await get(`${this.path}/sessions?limit=10`);
      if (this.closed) return;
      busy = sessions.some((session) => session.state === "running" || session.state === "asks");
      this.show(sessions);
    } catch { /* the connection says so by itself */ }
    if (!this.closed) this.timer = setTimeout(() => this.look(), busy ? BUSY_MS : CALM_MS);
  }

  // Drawn anew only where something is new: a person may be in the middle of an answer.
  show(sessions) {
    const asks = sessions.filter((session) => session.state === "asks");
    this.button.textContent = asks.length ? `Sessions · ${asks.length} to answer` : "Sessions";
    this.button.classList.toggle("asks", asks.length > 0);
    const now = JSON.stringify(sessions.map((session) => [session.id, session.version, session.state, session.rows_done]));
    if (now === this.shown) return;
    this.shown = now;
    this.start ??= this.editable ? this.starter() : null; // one for good: somebody may be writing in it
    const parts = [element("h2", {}, "Sessions"), this.start, ...sessions.map((session) => this.entry(session))];
    this.panel.replaceChildren(...parts.filter(Boolean));
    if (!sessions.length) this.panel.append(element("p", { class: "empty" }, "No session yet."));
  }

  starter() {
    const kind = element("select", { "aria-label": "Kind of session" }, ...Object.entries(KINDS).map(([value, [label]]) => element("option", { value }, label)));
    const fields = element("span", { class: "inline" });
    const ask = () => fields.replaceChildren(...KINDS[kind.value][1].map(([name, label]) => element("input", { name, required: true, maxlength: 1000, "aria-label": label, placeholder: label })));
    kind.addEventListener("change", ask);
    return element("form", { class: "inline starter", onsubmit: (event) => {
      event.preventDefault();
      const input = Object.fromEntries([...fields.children].map((each) => [each.name, each.value]));
      this.act(`${this.path}/sessions`, { kind: kind.value, input });
    } }, kind, fields, element("button", {}, "Start"));
  }

  entry(session) {
    const done = session.rows_done ? ` · ${session.rows_done.toLocaleString("en")} rows` : "";
    const where = LIVE.has(session.state) ? `step ${session.current_step} of ${session.total_steps}${done}` : ago(session.updated_at);
    return element("section", { "aria-label": session.name },
      element("h3", {}, element("span", {}, session.name), element("span", { class: "facts" }, `${session.state} · ${where}`)),
      session.problem ? element("p", { class: "bad" }, session.problem) : null,
      session.question ? this.question(session) : null,
      this.editable && LIVE.has(session.state) ? this.buttons(session) : null);
  }

  question(session) {
    const selects = session.question.form.map((choice) => [choice.key, element("select", { "aria-label": choice.label, disabled: !this.editable },
      ...choice.options.map((option) => element("option", { value: option.value, selected: option.value === choice.default }, option.label)))]);
    const fields = session.question.form.map((choice, at) => element("fieldset", {}, element("legend", {}, choice.label),
      choice.detail ? element("pre", {}, choice.detail) : null, selects[at][1]));
    return element("form", { onsubmit: (event) => {
      event.preventDefault();
      const choices = Object.fromEntries(selects.map(([key, select]) => [key, select.value]));
      this.act(`/api/sessions/${session.id}/answer`, { step: session.current_step, version: session.version, answer: { choices } });
    } }, element("p", { class: "prompt" }, session.question.prompt), ...fields, this.editable ? element("button", {}, "Answer") : null);
  }

  buttons(session) {
    const button = (verb, name) => element("button", { type: "button", class: "quiet", onclick: () => this.act(`/api/sessions/${session.id}/${verb}`, {}) }, name);
    return element("div", { class: "acts" }, session.state === "failed" ? button("retry", "Retry the step") : null, button("cancel", "Cancel the session"));
  }

  async act(path, body) {
    try {
      await post(path, body);
    } catch (error) {
      notice(error.message);
    }
    this.look();
  }
}

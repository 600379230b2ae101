// What may fill a column in: a word for it, an example to begin with, and how to go on.

export const OPERATORS = {
  "spreadsheets.transform": {
    label: "cleaning up", hint: "Steps, one after the other: trim, case, extract, replace, split, join, number, date, phone, email.",
    example: { steps: [{ op: "trim" }, { op: "case", to: "title" }] },
  },
  "spreadsheets.classify": {
    label: "sorting into classes", hint: "The first rule that fits decides; else the class that is most like the text.",
    example: { rules: [{ label: "Invoice", contains: ["invoice"] }], classes: { "Acme Ltd": ["acme"] }, threshold: 85, otherwise: "Other" },
  },
  "spreadsheets.lookup": {
    label: "looking up in another sheet", hint: "Reads one column, and looks for what it holds in a column of another sheet.",
    example: { spreadsheet_id: "", match: "", value: "" },
  },
  "spreadsheets.llm": {
    label: "a language model", hint: "{1} is the first column it reads, {2} the second. With “asked” it runs only when you say so.",
    example: { prompt: "In one word, what industry is {1} in?", max_tokens: 50, run: "asked" },
  },
  "spreadsheets.http_json": {
    label: "an API", hint: "GET for each row; {1} is the first column it reads. The path says what of the answer is shown.",
    example: { url: "https://api.example.org/places/{1}", path: "$.name", run: "asked" },
  },
  "spreadsheets.fetch_page": {
    label: "web pages", hint: "Reads one column of addresses; outputs say which column gets title, description, text, links.",
    example: { outputs: { title: "" } },
  },
  "spreadsheets.formula": { label: "a formula", hint: "{row} is the row’s number; without a formula each cell has its own.", example: { formula: "=A{row}*2" } },
};

const number = (value) => value.toLocaleString("en");

export function estimated(told) {
  const rows = told.rows === 1 ? "1 row" : `${number(told.rows)} rows`;
  const calls = told.calls === 1 ? "1 call" : `${number(told.calls)} calls`;
  const cost = told.cost === null ? "" : `, at most ${told.cost.toFixed(2)} in all`;
  const left = number(Math.max(0, told.budget - told.used));
  const budget = told.fits ? `The budget has ${left} tokens left.` : `That is more than the ${left} tokens that are left of the budget.`;
  const model = told.model === null ? " No language model is set up yet." : "";
  const exact = told.exact ? "" : "at least ";
  return `${rows}: ${exact}${calls}, ${number(told.answered_already)} answered already; about ${number(told.tokens_asked)} tokens asked, at most ${number(told.tokens_answered)} answered${cost}. ${budget}${model}`;
}

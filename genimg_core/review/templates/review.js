"use strict";
// What is decided, by image: an image may stand on several cards.
const decided = new Map();
const history = [];
const cards = [...document.querySelectorAll(".card")];
const { dataset, digest } = document.body.dataset;
const place = `genimg-review:${dataset}:${digest}`;
const before = new Map();  // what was decided when the page was written
const empty = () => ({ decision: "", label: "", why: "" });
const of = (id) => decided.get(id) || empty();

function show(card) {
  const { decision, label, why } = of(card.dataset.id);
  card.classList.toggle("keep", decision === "keep");
  card.classList.toggle("reject", decision === "reject");
  card.classList.toggle("named", !decision && !!label);
  for (const button of card.querySelectorAll("[data-choice]"))
    button.setAttribute("aria-pressed", String(button.dataset.choice === decision));
  const right = card.querySelector("[data-right]");
  if (right) right.setAttribute("aria-pressed", String(label === right.dataset.right));
  const chooser = card.querySelector("select, .label");
  if (chooser && chooser.value !== label) chooser.value = label;
  const text = card.querySelector(".why");
  if (text.value !== why) text.value = why;
}

function showAll() {
  cards.forEach(show);
  count();
}

function count() {
  const all = [...decided.values()];
  const taken = [...before.keys()].filter((id) => !decided.has(id)).length;
  const parts = [
    [all.filter((d) => d.decision === "keep").length, "kept"],
    [all.filter((d) => d.decision === "reject").length, "rejected"],
    [all.filter((d) => d.label).length, "labelled"],
    [taken, "taken back"],
  ].filter(([n]) => n).map(([n, what]) => `${n} ${what}`);
  document.getElementById("count").textContent = parts.join(", ") || "nothing decided yet";
  for (const id of ["json", "csv"]) document.getElementById(id).disabled = !parts.length;
  document.getElementById("undo").disabled = !history.length;
}

function change(id, part, remember = true) {
  const earlier = of(id);
  const after = { ...earlier, ...part };
  if (remember) history.push([id, earlier]);
  put(id, after);
  save();
}

function put(id, entry) {
  if (entry.decision || entry.label) decided.set(id, entry); else decided.delete(id);
  cards.filter((card) => card.dataset.id === id).forEach(show);
  count();
}

function save() {
  try { localStorage.setItem(place, JSON.stringify([...decided])); } catch { /* a private window: nothing is kept */ }
}

function rows() {
  return [...new Set([...decided.keys(), ...before.keys()])].map((id) => {
    const now = of(id);
    const was = before.get(id) || empty();
    const undo = (was.decision && !now.decision) || (was.label && !now.label) ? "undo" : "";
    return { image_id: id, decision: [undo, now.decision].filter(Boolean).join(" "), label: now.label, why: now.why };
  });
}

function asJson() {
  const lines = rows().map((row) => JSON.stringify(row)).join(",\n");
  return `{"genimg_review": 1, "dataset": ${JSON.stringify(dataset)}, "decisions": [\n${lines}\n]}\n`;
}

// A spreadsheet must not compute what a person typed: as genimg_core/review/cells.py.
const safe = (text) => (/^(?:'*[\t\r]|[' \t\r\n]*[=+\-@＝＋－＠])/.test(text) ? "'" + text : text);
const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function asCsv() {
  const lines = rows().map((r) => [r.image_id, r.decision, r.label, r.why].map((text) => quoted(safe(text))).join(","));
  return ["image_id,decision,new_label,why", ...lines].join("\n") + "\n";
}

function download(text, type, suffix) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = `decisions-${dataset}.${suffix}`;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-choice], [data-right]");
  if (!button) return;
  const { id } = button.closest(".card").dataset;
  const { right } = button.dataset;
  if (right) change(id, { label: of(id).label === right ? "" : right });
  else change(id, { decision: of(id).decision === button.dataset.choice ? "" : button.dataset.choice });
});
document.addEventListener("change", (event) => {
  const card = event.target.closest(".card");
  if (card && event.target.matches("select, .label")) change(card.dataset.id, { label: event.target.value.trim() });
});
document.addEventListener("input", (event) => {
  const card = event.target.closest(".card");
  if (card && event.target.matches(".why")) change(card.dataset.id, { why: event.target.value }, false);
});
document.getElementById("undo").addEventListener("click", () => {
  const [id, earlier] = history.pop();
  put(id, earlier);
  save();
});
document.getElementById("json").addEventListener("click", () => download(asJson(), "application/json", "json"));
document.getElementById("csv").addEventListener("click", () => download(asCsv(), "text/csv", "csv"));

for (const { dataset: d } of cards)
  if (d.decision || d.label) before.set(d.id, { decision: d.decision, label: d.label, why: d.why });
for (const [id, entry] of before) decided.set(id, entry);
try {
  const here = new Set(cards.map((card) => card.dataset.id));
  const kept = localStorage.getItem(place);
  if (kept) decided.clear();
  for (const [id, entry] of JSON.parse(kept || "[]"))
    if (here.has(id)) decided.set(id, { ...empty(), ...entry });
} catch { /* nothing was kept */ }
showAll();

// The view of the questions that were asked in this browser.

import { askAgain, showAgain, showWelcome } from "./ask.js";
import { button, confirmed, fill, h } from "./dom.js";
import { forget, forgetAll, history, onHistory } from "./history.js";
import { momentWords } from "./text.js";

const SAID = { answered: "answered", not_found: "not in your documents", no_documents: "nothing to search" };

/** Keep the view true to what other tabs ask and forget. */
export function startPast() {
  onHistory(showPast);
}

/** Draw the view anew. */
export function showPast() {
  const kept = history();
  fill(
    document.getElementById("past"),
    kept.length === 0
      ? h("p", { class: "nothing" }, "Nothing has been asked in this browser yet.")
      : [h("ul", { class: "rows" }, kept.map(row)), button("trash", "Clear history", { class: "plain", click: forgetEverything })],
  );
}

function row(entry) {
  const answer = entry.reply.status === "answered" ? entry.reply.answer_short : SAID[entry.reply.status];
  return h(
    "li",
    {},
    h(
      "div",
      { class: "grow" },
      h("button", { type: "button", class: "title", dir: "auto", click: () => showAgain(entry) }, entry.question),
      h("p", { class: "clip", dir: "auto" }, answer),
      h("p", { class: "where" }, [momentWords(entry.asked), entry.collection, entry.where].filter(Boolean).join(" · ")),
    ),
    h(
      "div",
      { class: "tools" },
      button("retry", `Ask again: ${entry.question}`, { class: "bare", click: () => askAgain(entry) }, true),
      button("trash", `Forget: ${entry.question}`, { class: "bare", click: () => drop(entry) }, true),
    ),
  );
}

function drop(entry) {
  const at = history().findIndex((one) => one.id === entry.id);
  forget(entry.id);
  showPast();
  showWelcome();
  const rows = document.querySelectorAll("#past li");
  const next = rows[Math.min(at, rows.length - 1)]?.querySelector("button");
  (next ?? document.querySelector("nav a[aria-current]")).focus();
}

async function forgetEverything() {
  if (!(await confirmed("Clear the history?", "Its questions and answers are stored in this browser only, and will be gone.", "Clear"))) return;
  forgetAll();
  showPast();
  showWelcome();
}

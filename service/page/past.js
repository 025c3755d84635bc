// The view of the questions that were asked in this browser.

import { edit, showAgain, showWelcome } from "./ask.js";
import { button, confirmed, fill, h } from "./dom.js";
import { forget, forgetAll, history } from "./history.js";
import { momentWords } from "./text.js";

const SAID = { answered: "answered", not_found: "not in your documents", no_documents: "nothing to search" };

/** Draw the view anew. */
export function showPast() {
  const kept = history();
  fill(
    document.getElementById("past"),
    kept.length === 0
      ? h("p", { class: "nothing" }, "Nothing has been asked in this browser yet.")
      : [h("ul", { class: "rows" }, kept.map(row)), button("trash", "Forget all", { class: "plain", click: forgetEverything })],
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
      button("retry", `Ask again: ${entry.question}`, { class: "bare", click: () => askAnew(entry) }, true),
      button("trash", `Forget: ${entry.question}`, { class: "bare", click: () => drop(entry) }, true),
    ),
  );
}

function askAnew(entry) {
  location.hash = "#ask";
  edit(entry);
}

function drop(entry) {
  forget(entry.id);
  showPast();
  showWelcome();
}

async function forgetEverything() {
  if (!(await confirmed("Forget all questions?", "They are kept in this browser alone, and will be gone.", "Forget all"))) return;
  forgetAll();
  showPast();
  showWelcome();
}

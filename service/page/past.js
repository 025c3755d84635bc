// The view of the conversations that were held in this browser.

import { askAgain, leaveConversation, openConversation, showWelcome } from "./ask.js";
import { isCurrent } from "./conversation.js";
import { button, confirmed, fill, h } from "./dom.js";
import { conversations, forget, forgetAll, onHistory } from "./history.js";
import { answerPieces, counted, momentWords, withoutMarkers } from "./text.js";
import { isWritten, markedWords, unsupportedMark } from "./written.js";

const SAID = { answered: "answered", not_found: "not in your documents", no_documents: "nothing to search", stopped: "stopped" };

/** Keep the view true to what other tabs ask and forget. */
export function startPast() {
  onHistory(showPast);
}

/** Draw the view anew. */
export function showPast() {
  const kept = conversations();
  fill(
    document.getElementById("past"),
    kept.length === 0
      ? h("p", { class: "nothing" }, "Nothing has been asked in this browser yet.")
      : [h("ul", { class: "rows" }, kept.map(row)), button("trash", "Clear history", { class: "plain", click: forgetEverything })],
  );
}

function row({ id, entries }) {
  const [first] = entries;
  const last = entries.at(-1);
  const number = entries.length > 1 ? counted(entries.length, "question") : "";
  return h(
    "li",
    {},
    h(
      "div",
      { class: "grow" },
      h("button", { type: "button", class: "title", dir: "auto", click: () => openConversation(id) }, first.question),
      entries.length > 1 ? h("p", { class: "clip last", dir: "auto" }, `… ${last.question}`) : null,
      h("p", { class: "clip", dir: "auto" }, gist(last.reply)),
      h("p", { class: "where" }, [momentWords(last.asked), number, last.collection, last.where, markedWords(last.reply)].filter(Boolean).join(" · ")),
    ),
    h(
      "div",
      { class: "tools" },
      entries.length > 1 ? null : button("retry", `Ask again: ${first.question}`, { class: "bare", click: () => askAgain(first) }, true),
      button("trash", `Forget: ${first.question}`, { class: "bare", click: () => drop(id) }, true),
    ),
  );
}

/** Return how an answer begins. What is marked may be cut off, so the line below counts the marks. */
function gist(reply) {
  if (reply.status === "answered" && (!reply.generation?.model || reply.generation.fallback)) return reply.answer_short;
  const text = withoutMarkers(reply.answer, reply.citations);
  if (text === "") return SAID[reply.status];
  return answerPieces(text, [], isWritten(reply)).map((piece) => (piece.unsupported ? unsupportedMark() : piece.text));
}

function drop(id) {
  const at = conversations().findIndex((one) => one.id === id);
  if (isCurrent(id)) leaveConversation();
  forget(id);
  showPast();
  showWelcome();
  const rows = document.querySelectorAll("#past li");
  const next = rows[Math.min(at, rows.length - 1)]?.querySelector("button");
  (next ?? document.querySelector("nav a[aria-current]")).focus();
}

async function forgetEverything() {
  if (!(await confirmed("Clear the history?", "Its conversations are stored in this browser only, and will be gone.", "Clear"))) return;
  leaveConversation();
  forgetAll();
  showPast();
  showWelcome();
}

// How it begins: what can be asked, and what was asked before.

import { collection, known } from "./collections.js";
import { fill, h, icon } from "./dom.js";
import { conversations } from "./history.js";
import { writes } from "./manner.js";
import { counted } from "./text.js";

const RECENT = 3;
const TITLE = "What do you want to know?";

/** Draw it; `open` is what pressing a conversation does. */
export function drawWelcome(place, open) {
  if (known() === null) {
    fill(place, h("h2", {}, TITLE), h("p", {}, "Looking at your documents…"));
    return;
  }
  const { documents, problem } = known();
  const empty = documents === 0 && problem === null;
  fill(
    place,
    h("h2", {}, empty ? "There is nothing to read yet" : TITLE),
    h("p", {}, problem ?? words(empty, documents)),
    empty
      ? h("p", {}, h("a", { class: "button primary", href: "#documents" }, icon("upload"), "Add documents"))
      : recent(open),
  );
}

function words(empty, documents) {
  if (empty) return "Add documents first. Answers then quote them word for word, or say that the answer is not there.";
  if (writes()) return `A language model writes answers from your ${counted(documents, "document")}, and every sentence is checked against them.`;
  return `Answers quote your ${counted(documents, "document")} word for word, or say that the answer is not there.`;
}

function recent(open) {
  const newest = conversations()
    .filter(({ entries }) => entries.at(-1).collection === collection())
    .slice(0, RECENT);
  if (newest.length === 0) return null;
  const items = newest.map(({ id, entries }) =>
    h(
      "li",
      {},
      h("button", { type: "button", class: "plain", dir: "auto", click: () => open(id) }, entries[0].question),
      entries.length > 1 ? h("span", { class: "where" }, counted(entries.length, "question")) : null,
    ),
  );
  return [h("h3", { class: "label" }, "Asked before"), h("ul", { class: "recent" }, items)];
}

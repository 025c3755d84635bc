// One question with what became of it, drawn as it arrives.

import { button, fill, h } from "./dom.js";
import { openSource, placeOf } from "./source.js";
import { answerPieces, asPlainText, counted, dateWords, flowing, kindName, placeWords } from "./text.js";

const SHORT_ENOUGH = 160;
const SHOWN_PASSAGES = 3;

/** Return the element of a question; `drawn` puts into it what is known so far. */
export function turnElement(entry) {
  return h(
    "article",
    { class: "turn", "data-entry": entry.id, "aria-labelledby": `question-${entry.id}` },
    h("h2", { id: `question-${entry.id}`, tabindex: "-1", dir: "auto", title: entry.question }, entry.question),
    h("div", { class: "outcome" }),
  );
}

/** Draw the way to the answer: what is done, and the words that are there already. */
export function drawProgress(element, progress) {
  const { passages, answer, citations } = progress;
  const documents = new Set((passages ?? []).map((one) => one.document_id)).size;
  const doing = passages === null ? "Searching…" : `Reading ${counted(documents, "document")}…`;
  fill(
    outcome(element),
    h("p", { class: "waiting" }, doing),
    answer === ""
      ? h("div", { class: "bones", "aria-hidden": "true" }, h("i"), h("i"), h("i"))
      : answerWords(answer, citations, () => {}),
  );
}

/** Draw the whole reply. `acts` are what the person can do about it. */
export function drawReply(element, entry, acts) {
  const draw = { answered, not_found: notFound, no_documents: noDocuments }[entry.reply.status];
  fill(outcome(element), draw(entry, acts), foot(entry, acts));
}

/** Draw what went wrong. */
export function drawProblem(element, problem, acts) {
  fill(
    outcome(element),
    h(
      "div",
      { class: "notice trouble", role: "alert" },
      h("h3", {}, TROUBLE[problem.code] ?? "This could not be answered"),
      h("p", {}, problem.message),
      button("retry", "Ask again", { click: acts.again }),
    ),
  );
}

/** Draw that the person stopped it. */
export function drawStopped(element, acts) {
  fill(
    outcome(element),
    h("div", { class: "notice" }, h("p", {}, "Stopped."), button("retry", "Ask again", { click: acts.again })),
  );
}

const TROUBLE = {
  unreachable: "No connection",
  too_many_requests: "The service is busy",
  not_ready: "The service is still loading",
  key_refused: "A key is needed",
  index_damaged: "This collection is damaged",
  collection_not_found: "There is no such collection",
};

function outcome(element) {
  return element.querySelector(".outcome");
}

function answered(entry) {
  const { reply, collection } = entry;
  const places = reply.citations.map((one) => placeOf(one, collection));
  const open = (at) => openSource(places[at], places);
  const short = reply.answer_short;
  const says = short !== "" && short.length <= SHORT_ENOUGH && short !== reply.citations[0]?.quote;
  return [
    says ? h("p", { class: "short", dir: "auto" }, h("span", { class: "label" }, "In short"), " ", short) : null,
    answerWords(reply.answer, reply.citations, open),
    h(
      "ol",
      { class: "citations", "aria-label": "Citations" },
      reply.citations.map((one, at) => citation(one, says && at === 0 ? short : "", () => open(at))),
    ),
    passagesFold(entry, "What was looked at", 0),
  ];
}

function answerWords(answer, citations, open) {
  const isPdf = citations.length > 0 && citations.every(isOfPdf);
  const pieces = answerPieces(answer, citations).map(({ text, citation: at }) => {
    if (at === null) return isPdf ? flowing(text) : text;
    const one = citations[at];
    const name = `Citation ${at + 1}: ${[one.title, placeWords(one)].filter(Boolean).join(", ")}`;
    return h("button", { type: "button", class: "marker", "aria-label": name, title: name, click: () => open(at) }, `${at + 1}`);
  });
  return h("p", { class: "answer", dir: "auto" }, pieces);
}

function isOfPdf({ uri }) {
  return /\.pdf$/i.test(uri);
}

function citation(one, short, open) {
  const place = placeWords(one);
  return h(
    "li",
    {},
    h("span", { class: "number", "aria-hidden": "true" }, one.marker.replace(/\D/g, "")),
    h(
      "div",
      {},
      h("button", { type: "button", class: "title", click: open }, h("span", { dir: "auto" }, one.title || one.uri)),
      h(
        "p",
        { class: "where" },
        [place, one.as_of && `as of ${dateWords(one.as_of)}`, one.recognised && "read by text recognition"].filter(Boolean).join(" · "),
      ),
      h("blockquote", { dir: "auto", click: () => String(getSelection()) === "" && open() }, markedOnce(isOfPdf(one) ? flowing(one.quote) : one.quote, short)),
    ),
  );
}

function markedOnce(text, words) {
  const at = words === "" ? -1 : text.indexOf(words);
  if (at < 0) return text;
  return [text.slice(0, at), h("mark", {}, words), text.slice(at + words.length)];
}

function notFound(entry, acts) {
  const { reply } = entry;
  const none = reply.passages.length === 0;
  return [
    h(
      "div",
      { class: "notice" },
      h("h3", {}, acts.limited ? "Not in the documents that pass the filters" : "Not in your documents"),
      h(
        "p",
        {},
        none
          ? "Nothing was found that has to do with it."
          : "Nothing that was found answers this. These passages came closest; judge for yourself.",
      ),
      acts.limited ? button("filter", "Search everywhere", { click: acts.everywhere }) : null,
    ),
    none ? null : passagesFold(entry, "Closest passages", SHOWN_PASSAGES),
  ];
}

function noDocuments(entry, acts) {
  const limited = acts.limited;
  return h(
    "div",
    { class: "notice" },
    h("h3", {}, "Nothing to search"),
    h("p", {}, limited ? "No document passes the filters." : "This collection has no documents yet."),
    limited
      ? button("filter", "Search everywhere", { click: acts.everywhere })
      : button("upload", "Add documents", { click: acts.add }),
  );
}

function passagesFold(entry, title, open) {
  const { passages } = entry.reply;
  if (passages.length === 0) return null;
  const places = passages.map((one) => placeOf(one, entry.collection));
  const items = places.map((place) => passage(place, () => openSource(place, places)));
  const list = (some) => h("ul", { class: "passages" }, some);
  const rest = items.slice(open);
  return [
    open > 0 ? [h("h3", { class: "label" }, title), list(items.slice(0, open))] : null,
    rest.length === 0
      ? null
      : h(
          "details",
          {},
          h("summary", {}, open > 0 ? `${counted(rest.length, "more passage")}` : `${title}: ${counted(rest.length, "passage")}`),
          list(rest),
        ),
  ];
}

function passage(place, open) {
  const where = [placeWords(place), place.as_of && `as of ${dateWords(place.as_of)}`].filter(Boolean).join(" · ");
  return h(
    "li",
    {},
    h("button", { type: "button", class: "title", click: open }, h("span", { dir: "auto" }, place.title)),
    h("span", { class: "figures" }, `score ${place.score.toFixed(2)}`),
    where ? h("p", { class: "where" }, where) : null,
    h("p", { class: "text", dir: "auto" }, place.text),
  );
}

function foot(entry, acts) {
  const { reply } = entry;
  const figures = `Score ${reply.score.toFixed(2)} (threshold ${reply.threshold.toFixed(2)}) · ${Math.round(reply.timings.total)} ms`;
  const copy = button("copy", "Copy", { class: "plain", "aria-label": "Copy the answer with its citations" });
  copy.addEventListener("click", () => acts.copy(asPlainText(entry.question, reply), copy));
  return h(
    "footer",
    {},
    reply.status === "answered" ? copy : null,
    button("retry", "Ask again", { class: "plain", click: acts.again }),
    entry.where ? h("span", { class: "where" }, entry.where) : null,
    reply.status === "no_documents" ? null : h("span", { class: "figures" }, figures),
  );
}

/** Say in a few words what a question was limited to. */
export function whereWords(limits) {
  const words = [
    ...limits.documents.map((one) => one.title),
    ...limits.types.map(kindName),
    limits.from && `from ${dateWords(limits.from)}`,
    limits.until && `until ${dateWords(limits.until)}`,
  ].filter(Boolean);
  return words.length > 0 ? `Only ${words.join(", ")}` : "";
}

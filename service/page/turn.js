// One question with what became of it, drawn as it arrives.

import { Answer, wholeAnswer } from "./answer.js";
import { button, fill, h } from "./dom.js";
import { openSource, placeOf } from "./source.js";
import { asPlainText, counted, dateWords, kindName, placeWords } from "./text.js";
import { problemNotice } from "./trouble.js";
import { cutShort, fallbackNotice, leftOut, reasoningFold, writtenWords } from "./written.js";

const SHORT_ENOUGH = 160;
const SHOWN_PASSAGES = 3;

/** Return the element of a question; the functions below put into it what is known so far. */
export function turnElement(entry) {
  return h(
    "article",
    { class: "turn", "data-entry": entry.id, "aria-labelledby": `question-${entry.id}` },
    h("h2", { id: `question-${entry.id}`, tabindex: "-1", dir: "auto", title: entry.question }, entry.question),
    h("div", { class: "outcome" }),
  );
}

/** Make room for an answer that is to come; `written` where a language model writes it. */
export function beginAnswer(element, entry, written) {
  const answer = new Answer(entry.collection, written);
  put(element, answer);
  return { answer, written, question: entry.question, query: "", passages: null, reasoning: "" };
}

/** Draw what is done at present. */
export function drawProgress(element, progress) {
  const { answer, question, query, reasoning } = progress;
  drawReasoning(element, reasoning);
  fill(
    slot(element, "before"),
    searchedFor(question, query),
    h("p", { class: "waiting" }, doing(progress)),
    answer.text === "" && reasoning === "" ? bones() : null,
  );
}

/** Draw the reasoning so far; whoever has unfolded it reads on. */
function drawReasoning(element, reasoning) {
  const place = slot(element, "thoughts");
  if (reasoning.trim() === "") return;
  if (place.childElementCount === 0) fill(place, reasoningFold());
  place.querySelector(".text").textContent = reasoning;
}

function doing({ passages, answer, written, reasoning }) {
  if (passages === null) return "Searching…";
  const documents = counted(new Set(passages.map((one) => one.document_id)).size, "document");
  if (!written) return `Reading ${documents}…`;
  return reasoning !== "" && answer.text === "" ? `Reasoning about ${documents}…` : `Writing from ${documents}…`;
}

function bones() {
  return h("div", { class: "bones", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
}

/** Draw the whole reply; `progress` is what stands there already. `acts` are what can be done about it. */
export function drawReply(element, entry, acts, progress = null) {
  const { reply } = entry;
  const draw = { answered, stopped, not_found: notFound, no_documents: noDocuments }[reply.status];
  const { lead = [], after = [] } = draw(entry, acts);
  const came = progress?.answer;
  const asTold = came?.text === reply.answer && came.citations.length === reply.citations.length;
  const answer = asTold ? came : wholeAnswer(reply, entry.collection);
  if (!asTold) put(element, answer);
  drawReasoning(element, reply.generation?.reasoning ?? "");
  fill(slot(element, "before"), searchedFor(entry.question, reply.query));
  fill(slot(element, "lead"), lead);
  fill(slot(element, "after"), after, foot(entry, acts));
  if (says(reply)) answer.markShort(reply.answer_short);
}

/** Draw what went wrong, under what had come until then. */
export function drawProblem(element, problem, acts, progress) {
  fill(slot(element, "before"));
  fill(slot(element, "after"), problemNotice(problem, acts));
}

function outcome(element) {
  return element.querySelector(".outcome");
}

function slot(element, name) {
  return outcome(element).querySelector(`:scope > .${name}`);
}

/** Make the places of an outcome: what is put into one moves nothing in the others. */
function put(element, answer) {
  const [before, thoughts, lead, after] = ["before", "thoughts", "lead", "after"].map((name) => h("div", { class: name }));
  fill(outcome(element), before, thoughts, lead, answer.words, answer.citations.length > 0 ? answer.list : null, after);
}

/** Tell what was searched for, where that is not the question as it was asked. */
function searchedFor(question, query) {
  const plain = (text) => text.normalize("NFC").replace(/\s+/g, " ").trim();
  if (!query || plain(query) === plain(question)) return null;
  return h("p", { class: "searched" }, h("span", { class: "label" }, "Searched for"), " ", h("span", { dir: "auto" }, query));
}

/** Tell whether the words that answer are worth to be shown ahead of the quotes. */
function says(reply) {
  const short = reply.answer_short ?? "";
  const quoted = !reply.generation?.model || reply.generation.fallback;
  return reply.status === "answered" && quoted && short !== "" && short.length <= SHORT_ENOUGH && short !== reply.citations[0]?.quote;
}

function answered(entry) {
  const { reply } = entry;
  const short = reply.answer_short;
  return {
    lead: [
      fallbackNotice(reply),
      says(reply) ? h("p", { class: "short", dir: "auto" }, h("span", { class: "label" }, "In short"), " ", short) : null,
    ],
    after: [cutShort(reply), leftOut(reply), passagesFold(entry, "What was looked at", 0)],
  };
}

function stopped({ reply }) {
  const words = reply.answer === "" ? "Stopped." : "Stopped. This answer is not whole.";
  return { after: [h("div", { class: "notice slim" }, h("p", {}, words))] };
}

function notFound(entry, acts) {
  const { reply } = entry;
  const none = reply.passages.length === 0;
  const unwritten = Boolean(reply.generation?.fallback);
  return {
    lead: [
      h(
        "div",
        { class: "notice" },
        h("h3", {}, acts.limited ? "Not in the documents that pass the filters" : "Not in your documents"),
        h("p", {}, closestWords(none, unwritten)),
        h(
          "div",
          { class: "choices" },
          acts.limited ? button("filter", "Search everywhere", { click: acts.everywhere }) : null,
          unwritten && !none ? button("quote", "Quote what comes closest", { click: acts.quoted }) : null,
        ),
      ),
    ],
    after: [leftOut(reply), none ? null : passagesFold(entry, "Closest passages", SHOWN_PASSAGES)],
  };
}

function closestWords(none, unwritten) {
  if (none) return "Nothing was found that has to do with it.";
  return unwritten
    ? "The language model finds no answer in these passages. Judge for yourself."
    : "Nothing that was found answers this. These passages came closest; judge for yourself.";
}

function noDocuments(entry, acts) {
  const limited = acts.limited;
  const notice = h(
    "div",
    { class: "notice" },
    h("h3", {}, "Nothing to search"),
    h("p", {}, limited ? "No document passes the filters." : "This collection has no documents yet."),
    limited
      ? button("filter", "Search everywhere", { click: acts.everywhere })
      : button("upload", "Add documents", { click: acts.add }),
  );
  return { lead: [notice] };
}

function passagesFold(entry, title, open) {
  const { passages } = entry.reply;
  if (passages.length === 0) return null;
  const unread = new Map((entry.reply.dropped ?? []).map((one) => [one.chunk_id, one.reason]));
  const places = passages.map((one) => placeOf(one, entry.collection));
  const items = places.map((place) => passage(place, unread.get(place.chunk_id), () => openSource(place, places)));
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

function passage(place, unread, open) {
  const where = [placeWords(place), place.as_of && `as of ${dateWords(place.as_of)}`].filter(Boolean).join(" · ");
  return h(
    "li",
    {},
    h("button", { type: "button", class: "title", click: open }, h("span", { dir: "auto" }, place.title)),
    h("span", { class: "figures" }, `score ${place.score.toFixed(2)}`),
    where ? h("p", { class: "where" }, where) : null,
    unread ? h("p", { class: "finding" }, `Not read: ${unread}`) : null,
    h("p", { class: "text", dir: "auto" }, place.text),
  );
}

function foot(entry, acts) {
  const { reply } = entry;
  const copy = button("copy", "Copy", { class: "plain", "aria-label": "Copy the answer with its citations" });
  copy.addEventListener("click", () => acts.copy(asPlainText(entry.question, reply), copy));
  return h(
    "footer",
    {},
    reply.answer !== "" ? copy : null,
    button("retry", "Ask again", { class: "plain", click: acts.again }),
    entry.where ? h("span", { class: "where" }, entry.where) : null,
    h("span", { class: "figures" }, figures(reply)),
  );
}

function figures(reply) {
  if (!["answered", "not_found"].includes(reply.status)) return "";
  const score = `Score ${reply.score.toFixed(2)} (threshold ${reply.threshold.toFixed(2)})`;
  return [writtenWords(reply), score, `${Math.round(reply.timings.total)} ms`].filter(Boolean).join(" · ");
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

// Asking: the box, the way of a question, and what is done with its answer.

import { Problem, events, problemOf } from "./api.js";
import { collection, known, onCollection, refresh } from "./collections.js";
import { announce, button, fill, h, icon } from "./dom.js";
import { asRequest, chooseLimits, clearLimits, isLimited, limits, setLimits, startFilters } from "./filters.js";
import { history, keep } from "./history.js";
import { noticed } from "./notice.js";
import { counted } from "./text.js";
import { drawProblem, drawProgress, drawReply, drawStopped, turnElement, whereWords } from "./turn.js";
import { showView } from "./views.js";

const RECENT = 3;
const COPIED_MS = 2000;
let running = null;
let asked = null;

const part = (id) => document.getElementById(id);

/** Make the box work. */
export function startAsking() {
  const form = part("ask-form");
  const field = part("question");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running !== null) running.abort();
    else if (field.value.trim() !== "") ask(field.value.trim());
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (running === null) form.requestSubmit();
    }
  });
  field.addEventListener("input", fit);
  part("filter-button").addEventListener("click", chooseLimits);
  startFilters(part("limits"), () => part("filter-button").classList.toggle("on", isLimited()));
  onCollection(() => {
    if (asked !== collection()) clearLimits(); // they name documents of another collection
    asked = collection();
    showWelcome();
  });
  showWelcome();
  showRunning();
}

/** Show a question that was asked before; where it stands there still, go to it. */
export function showAgain(entry) {
  let element = part("turns").querySelector(`[data-entry="${CSS.escape(entry.id)}"]`);
  if (element === null) {
    element = turnElement(entry);
    addTurn(element);
    drawReply(element, entry, actsOf(entry, element));
  }
  goTo(element);
  announce(spoken(entry.reply));
}

/** Ask a question of the history anew, with its filters. */
export async function askAgain(entry) {
  if (entry.collection !== collection() && !(await noticed(() => refresh(entry.collection)))) return;
  setLimits(entry.limits);
  await ask(entry.question, entry.limits);
}

/** Show how it begins, as long as nothing has been asked. */
export function showWelcome() {
  document.body.classList.toggle("welcoming", part("turns").childElementCount === 0);
  if (known() === null) {
    fill(part("welcome"), h("h2", {}, "What do you want to know?"), h("p", {}, "Looking at your documents…"));
    return;
  }
  const { documents, problem } = known();
  const empty = documents === 0 && problem === null;
  fill(
    part("welcome"),
    h("h2", {}, empty ? "There is nothing to read yet" : "What do you want to know?"),
    h("p", {}, problem ?? welcomeWords(empty, documents)),
    empty
      ? h("p", {}, h("a", { class: "button primary", href: "#documents" }, icon("upload"), "Add documents"))
      : recent(),
  );
}

function welcomeWords(empty, documents) {
  if (empty) return "Add documents first. Answers then quote them word for word, or say that the answer is not there.";
  return `Answers quote your ${counted(documents, "document")} word for word, or say that the answer is not there.`;
}

function recent() {
  const newest = history()
    .filter((one) => one.collection === collection())
    .slice(0, RECENT);
  if (newest.length === 0) return null;
  const items = newest.map((one) =>
    h("li", {}, h("button", { type: "button", class: "plain", dir: "auto", click: () => showAgain(one) }, one.question)),
  );
  return [h("h3", { class: "label" }, "Asked before"), h("ul", { class: "recent" }, items)];
}

async function ask(question, where = limits()) {
  const entry = {
    id: crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`,
    asked: Date.now(),
    question,
    collection: collection(),
    limits: where,
    where: whereWords(where),
    reply: null,
  };
  const element = turnElement(entry);
  addTurn(element);
  part("question").value = "";
  fit();
  await run(entry, element);
}

async function run(entry, element) {
  running?.abort();
  const work = new AbortController();
  running = work;
  showRunning();
  announce("Searching");
  const acts = actsOf(entry, element);
  try {
    entry.reply = await followed(entry, element, work.signal);
    keep(entry);
    drawReply(element, entry, acts);
    announce(spoken(entry.reply));
  } catch (error) {
    if (work.signal.aborted) {
      drawStopped(element, acts);
      announce("Stopped");
    } else if (error instanceof Problem) drawProblem(element, error, acts);
    else throw error;
  } finally {
    if (running === work) running = null;
    showRunning();
  }
}

async function followed(entry, element, signal) {
  const body = {
    question: entry.question,
    collection: entry.collection,
    stream: true,
    ...asRequest(entry.limits),
  };
  const progress = { passages: null, answer: "", citations: [] };
  drawProgress(element, progress);
  for await (const { name, data } of events("v1/query", body, signal)) {
    if (name === "final") return data;
    if (name === "error") throw problemOf(data, data.status);
    if (name === "search") progress.passages = data.passages;
    if (name === "token") progress.answer += data.text;
    if (name === "citation") progress.citations.push(data);
    drawProgress(element, progress);
  }
  throw new Problem("unreachable", "The connection broke off before the answer was whole.");
}

function actsOf(entry, element) {
  return {
    again: () => {
      element.querySelector("h2").focus();
      run(entry, element);
    },
    limited: isLimited(entry.limits),
    everywhere: () => {
      clearLimits();
      ask(entry.question);
    },
    add: () => {
      location.hash = "#documents";
    },
    copy: copied,
  };
}

async function copied(text, control) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copiedByHand(text); // pages without TLS have no clipboard
  }
  announce("Copied");
  fill(control, icon("check"), h("span", {}, "Copied"));
  setTimeout(() => fill(control, icon("copy"), h("span", {}, "Copy")), COPIED_MS);
}

function copiedByHand(text) {
  const field = h("textarea", { class: "hidden", "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

function addTurn(element) {
  part("turns").append(element);
  document.body.classList.remove("welcoming");
  window.history.replaceState(null, "", "#ask");
  showView();
  element.scrollIntoView({ block: "start" });
}

function goTo(element) {
  window.history.replaceState(null, "", "#ask");
  showView();
  element.scrollIntoView({ block: "start" });
  element.querySelector("h2").focus({ preventScroll: true });
}

function spoken(reply) {
  if (reply.status === "not_found") return "Not in your documents";
  if (reply.status === "no_documents") return "There is nothing to search";
  return `Answered with ${counted(reply.citations.length, "citation")}: ${reply.answer_short}`;
}

function showRunning() {
  const control = part("ask-button");
  const [name, words] = running === null ? ["up", "Ask"] : ["stop", "Stop"];
  fill(control, icon(name), h("span", {}, words));
  document.body.classList.toggle("asking", running !== null);
}

function fit() {
  const field = part("question");
  field.style.height = "auto";
  field.style.height = `${field.scrollHeight}px`;
}

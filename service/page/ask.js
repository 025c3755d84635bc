// Asking: the box, the way of a question, and what is done with its answer.

import { Problem, events, problemOf } from "./api.js";
import { collection, onCollection, refresh } from "./collections.js";
import { add, beginAnew, currentId, isCurrent, newId, resume, saidBefore, turns } from "./conversation.js";
import { copied } from "./copy.js";
import { announce, announceMore, button, fill, h, icon } from "./dom.js";
import { asRequest, chooseLimits, clearLimits, isLimited, limits, setLimits, startFilters } from "./filters.js";
import { keep } from "./history.js";
import * as manner from "./manner.js";
import { noticed } from "./notice.js";
import { counted } from "./text.js";
import { beginAnswer, drawProblem, drawProgress, drawReply, turnElement, whereWords } from "./turn.js";
import { showView } from "./views.js";
import { drawWelcome } from "./welcome.js";

let running = null;
let asked = collection();

const part = (id) => document.getElementById(id);

/** Make the box work, and show the conversation that this tab was in. */
export function startAsking() {
  startBox();
  part("filter-button").addEventListener("click", chooseLimits);
  startFilters(part("limits"), () => part("filter-button").classList.toggle("on", isLimited()));
  onCollection(() => {
    if (asked !== collection()) clearLimits(); // they name documents of another collection
    asked = collection();
    showWelcome();
  });
  manner.startManner();
  manner.onManner(showWelcome);
  // Whoever leaves the page in the middle finds what had come until then.
  window.addEventListener("pagehide", stop);
  showTurns();
  if (turns().length > 0) setLimits(turns().at(-1).limits);
  showRunning();
}

function startBox() {
  const form = part("ask-form");
  const field = part("question");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running !== null) {
      stop();
      announce("Stopped");
    } else if (field.value.trim() !== "") ask(field.value.trim());
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      if (running === null) form.requestSubmit();
    }
  });
  field.addEventListener("input", fit);
}

/** Show a conversation of the history, to be gone on with, and go to its end. */
export async function openConversation(id) {
  const there = isCurrent(id);
  if (!there) {
    stop();
    resume(id);
    showTurns();
  }
  const last = turns().at(-1);
  goTo(part("turns").lastElementChild);
  announce(spoken(last.reply));
  if (there) return;
  if (last.collection !== collection()) await noticed(() => refresh(last.collection));
  setLimits(last.collection === collection() ? last.limits : {});
}

/** Take the conversation off the page; it stays in the history. */
export function leaveConversation() {
  stop();
  beginAnew();
  showTurns();
}

/** Ask a question of the history anew, with its filters, in a conversation of its own. */
export async function askAgain(entry) {
  if (entry.collection !== collection() && !(await noticed(() => refresh(entry.collection)))) return;
  leaveConversation();
  setLimits(entry.limits);
  await ask(entry.question, entry.limits);
}

/** Show how it begins, as long as nothing has been asked. */
export function showWelcome() {
  const begun = turns().length > 0;
  document.body.classList.toggle("welcoming", !begun);
  part("question").placeholder = begun ? "Ask a follow-up question" : "Ask your documents";
  fill(part("new-place"), begun ? button("chat", "New conversation", { class: "plain", title: "New conversation", click: newConversation }) : null);
  drawWelcome(part("welcome"), openConversation);
}

function newConversation() {
  leaveConversation();
  window.history.replaceState(null, "", "#ask");
  showView();
  window.scrollTo(0, 0);
  part("question").focus();
  announce("New conversation");
}

/** Draw the turns of the conversation anew. */
function showTurns() {
  fill(part("turns"));
  for (const entry of turns()) {
    const element = turnElement(entry);
    part("turns").append(element);
    drawReply(element, entry, actsOf(entry, element));
  }
  showWelcome();
  part("turns").lastElementChild?.scrollIntoView({ block: "start" });
}

async function ask(question, where = limits()) {
  const entry = {
    id: newId(),
    conversation: currentId(),
    asked: Date.now(),
    question,
    collection: collection(),
    limits: where,
    where: whereWords(where),
    reply: null,
  };
  add(entry);
  const element = turnElement(entry);
  part("turns").append(element);
  showWelcome();
  window.history.replaceState(null, "", "#ask");
  showView();
  element.scrollIntoView({ block: "start" });
  part("question").value = "";
  fit();
  await run(entry, element);
}

async function run(entry, element, how = manner.asRequest()) {
  stop();
  const work = new AbortController();
  const progress = beginAnswer(element, entry, (how.generator ?? "quote") !== "quote");
  const acts = actsOf(entry, element);
  running = { work, entry, element, progress };
  showRunning();
  announce("Searching");
  try {
    const reply = await followed(entry, element, how, progress, work.signal);
    running = null;
    settle(entry, element, reply, progress);
    announce(progress.written ? spokenAtLast(reply) : spoken(reply));
  } catch (error) {
    if (work.signal.aborted) return; // whoever stopped it has drawn that
    running = null;
    if (!(error instanceof Problem)) throw error;
    drawProblem(element, error, acts, progress);
  } finally {
    showRunning();
  }
}

async function followed(entry, element, how, progress, signal) {
  const said = saidBefore(entry);
  const body = {
    question: entry.question,
    collection: entry.collection,
    stream: true,
    ...asRequest(entry.limits),
    ...how,
    ...(said.length > 0 ? { history: said } : {}),
  };
  drawProgress(element, progress);
  for await (const { name, data } of events("v1/query", body, signal)) {
    if (name === "final") return data;
    if (name === "error") throw problemOf(data, data.status);
    take(name, data, progress);
    drawProgress(element, progress);
  }
  throw new Problem("unreachable", "The connection broke off before the answer was whole.");
}

function take(name, data, progress) {
  const { answer } = progress;
  if (name === "search") Object.assign(progress, { passages: data.passages, query: data.query });
  if (name === "reasoning") progress.reasoning += data.text;
  if (name === "citation") answer.cite(data);
  if (name !== "token") return;
  answer.say(data.text);
  if (progress.written) announceMore(data.text.replaceAll(/\[\d+\]/g, "").trim());
}

/** Stop what is being answered: what came until then stays. */
function stop() {
  if (running === null) return;
  const { work, entry, element, progress } = running;
  running = null;
  work.abort();
  const nothing = progress.answer.text === "";
  settle(entry, element, nothing && entry.reply !== null ? entry.reply : stoppedReply(entry, progress), progress);
  showRunning();
}

function settle(entry, element, reply, progress) {
  entry.reply = reply;
  keep(entry);
  drawReply(element, entry, actsOf(entry, element), progress);
}

function stoppedReply(entry, { answer, passages, query, reasoning, written }) {
  return {
    status: "stopped",
    answer: answer.text,
    answer_short: "",
    query: query || entry.question,
    citations: answer.citations,
    passages: passages ?? [],
    generation: { reasoning, unsupported: [], written },
  };
}

function actsOf(entry, element) {
  const again = (how) => {
    element.querySelector("h2").focus();
    run(entry, element, how);
  };
  return {
    again: () => again(),
    quoted: () => again({ generator: "quote" }),
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

function goTo(element) {
  window.history.replaceState(null, "", "#ask");
  showView();
  element.scrollIntoView({ block: "start" });
  element.querySelector("h2").focus({ preventScroll: true });
}

function spoken(reply) {
  if (reply.status === "not_found") return "Not in your documents";
  if (reply.status === "no_documents") return "There is nothing to search";
  if (reply.status === "stopped") return "Stopped";
  return `Answered with ${counted(reply.citations.length, "citation")}: ${reply.answer_short}`;
}

/** What is left to be said where each sentence has been said as it came. */
function spokenAtLast(reply) {
  if (reply.status !== "answered") return spoken(reply);
  const how = reply.generation.fallback ? "Quoted, not written" : "The answer is whole";
  return `${how}, with ${counted(reply.citations.length, "citation")}`;
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

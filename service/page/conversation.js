// The conversation on this page: its questions in their order, and what of it goes with the next.

import { entriesOf } from "./history.js";
import { drop, keep as keepText, kept } from "./store.js";
import { withoutMarkers } from "./text.js";

const CURRENT = "afterword.conversation";
const MOST_TURNS = 100;
// Under the service's limit on a request, whatever letters they are.
const MOST_CHARACTERS = 150_000;
const NOTHING_FOUND = "The documents do not say.";
let id = kept(CURRENT, "session");
let entries = id === null ? [] : entriesOf(id);

/** Return an id that nothing else has. */
export function newId() {
  return crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`; // pages without TLS have none
}

/** Return the questions of the conversation, in their order. */
export function turns() {
  return entries;
}

/** Tell whether this conversation is the one on the page. */
export function isCurrent(other) {
  return id === other && entries.length > 0;
}

/** Return the conversation's id; a new one gets it with its first question. */
export function currentId() {
  if (id === null) {
    id = newId();
    keepText(CURRENT, id, "session");
  }
  return id;
}

/** Go on with a conversation that is kept. */
export function resume(other) {
  id = other;
  keepText(CURRENT, id, "session");
  entries = entriesOf(id);
}

/** Begin a new conversation. */
export function beginAnew() {
  id = null;
  entries = [];
  drop(CURRENT, "session");
}

/** Take a question into the conversation. */
export function add(entry) {
  entries.push(entry);
}

/** Return what was said before a question, as a request has it: the newest of it that has room. */
export function saidBefore(entry) {
  const said = [];
  let room = MOST_CHARACTERS;
  const earlier = entries.slice(0, entries.indexOf(entry)).reverse();
  for (const { question, reply } of earlier) {
    const answer = answerOf(reply);
    if (answer === null) continue;
    room -= question.length + answer.length;
    if (room < 0 || said.length === 2 * MOST_TURNS) break;
    said.unshift({ role: "user", content: question }, { role: "assistant", content: answer });
  }
  return said;
}

/** Return the words of an answer without the markers of its citations, null where there are none. */
function answerOf(reply) {
  if (reply === null) return null;
  if (reply.answer !== "") return withoutMarkers(reply.answer, reply.citations);
  return reply.status === "stopped" ? null : NOTHING_FOUND;
}

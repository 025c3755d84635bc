// The conversations held in this browser, turn by turn: kept here alone.

import { drop, keep as keepText, kept } from "./store.js";

const STORED = "afterword.history";
const MOST = 200;
const KEPT_WHERE_FULL = 0.75;
const STATUSES = ["answered", "not_found", "no_documents", "stopped"];

/** Return the kept questions with their replies, the newest first. */
function history() {
  try {
    const entries = JSON.parse(kept(STORED) ?? "[]");
    return Array.isArray(entries) ? entries.filter(isWhole).map(inConversation) : [];
  } catch {
    return [];
  }
}

function isWhole(entry) {
  const { question, reply, limits } = entry ?? {};
  return (
    typeof question === "string" &&
    STATUSES.includes(reply?.status) &&
    Array.isArray(reply.citations) &&
    Array.isArray(reply.passages) &&
    Array.isArray(limits?.documents)
  );
}

/** Questions that were kept before there were conversations are one each. */
function inConversation(entry) {
  return { ...entry, conversation: entry.conversation ?? entry.id };
}

/** Return the conversations, the one that was last gone on with first: `{id, entries}`, in their order. */
export function conversations() {
  const found = new Map();
  for (const entry of history()) {
    if (!found.has(entry.conversation)) found.set(entry.conversation, []);
    found.get(entry.conversation).push(entry);
  }
  return [...found].map(([id, entries]) => ({ id, entries: entries.sort((one, other) => one.asked - other.asked) }));
}

/** Return the questions of a conversation in their order; none where it is not kept. */
export function entriesOf(id) {
  return conversations().find((one) => one.id === id)?.entries ?? [];
}

/** Keep a question with its reply; where the browser's room is used up, the oldest go. */
export function keep(entry) {
  let entries = [entry, ...history().filter((one) => one.id !== entry.id)].slice(0, MOST);
  while (entries.length > 0 && !keepText(STORED, JSON.stringify(entries))) {
    entries = entries.slice(0, Math.floor(entries.length * KEPT_WHERE_FULL));
  }
}

/** Forget one conversation. */
export function forget(id) {
  keepText(STORED, JSON.stringify(history().filter((one) => one.conversation !== id)));
}

/** Forget all conversations. */
export function forgetAll() {
  drop(STORED);
}

/** Call `listener` when another tab keeps or forgets one. */
export function onHistory(listener) {
  window.addEventListener("storage", (event) => event.key === STORED && listener());
}

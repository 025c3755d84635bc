// The questions asked in this browser: kept here alone, never sent anywhere.

import { drop, keep as keepText, kept } from "./store.js";

const STORED = "afterword.history";
const MOST = 100;
const STATUSES = ["answered", "not_found", "no_documents"];

/** Return the kept questions with their replies, the newest first. */
export function history() {
  try {
    const entries = JSON.parse(kept(STORED) ?? "[]");
    return Array.isArray(entries) ? entries.filter(isWhole) : [];
  } catch {
    return [];
  }
}

function isWhole(entry) {
  return typeof entry?.question === "string" && STATUSES.includes(entry.reply?.status) && Array.isArray(entry.limits?.documents);
}

/** Keep a question with its reply; where the browser's room is used up, the oldest go. */
export function keep(entry) {
  let entries = [entry, ...history().filter((one) => one.id !== entry.id)].slice(0, MOST);
  while (entries.length > 0 && !keepText(STORED, JSON.stringify(entries))) {
    entries = entries.slice(0, Math.floor(entries.length / 2));
  }
}

/** Forget one question. */
export function forget(id) {
  keepText(STORED, JSON.stringify(history().filter((one) => one.id !== id)));
}

/** Forget all questions. */
export function forgetAll() {
  drop(STORED);
}

/** Call `listener` when another tab keeps or forgets one. */
export function onHistory(listener) {
  window.addEventListener("storage", (event) => event.key === STORED && listener());
}

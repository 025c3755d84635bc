// The questions asked in this browser: kept here alone, never sent anywhere.

const STORED = "afterword.history";
const MOST = 100;

/** Return the kept questions with their replies, the newest first. */
export function history() {
  try {
    const kept = JSON.parse(localStorage.getItem(STORED) ?? "[]");
    return Array.isArray(kept) ? kept : [];
  } catch {
    return [];
  }
}

/** Keep a question with its reply; where the browser's room is used up, the oldest go. */
export function keep(entry) {
  let kept = [entry, ...history().filter((one) => one.id !== entry.id)].slice(0, MOST);
  while (kept.length > 0 && !stored(kept)) kept = kept.slice(0, Math.floor(kept.length / 2));
}

/** Forget one question. */
export function forget(id) {
  stored(history().filter((one) => one.id !== id));
}

/** Forget all questions. */
export function forgetAll() {
  localStorage.removeItem(STORED);
}

function stored(entries) {
  try {
    localStorage.setItem(STORED, JSON.stringify(entries));
    return true;
  } catch {
    return false;
  }
}

// What this browser keeps. Where it keeps nothing (blocked, or full), the page does for this visit.

const memory = new Map();

/** Return what is kept under a name, or null; `area` is "local" or "session" (this tab alone). */
export function kept(name, area = "local") {
  try {
    return window[`${area}Storage`].getItem(name) ?? memory.get(area + name) ?? null;
  } catch {
    return memory.get(area + name) ?? null;
  }
}

/** Keep a text; false where the browser has no room for it, or allows none. */
export function keep(name, text, area = "local") {
  memory.set(area + name, text);
  try {
    window[`${area}Storage`].setItem(name, text);
    return true;
  } catch {
    return false;
  }
}

/** Keep it no more. */
export function drop(name, area = "local") {
  memory.delete(area + name);
  try {
    window[`${area}Storage`].removeItem(name);
  } catch {
    // there is nothing to be dropped
  }
}

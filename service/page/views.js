// One view is shown at a time: the one that the address names.

import { closeSource } from "./source.js";

const VIEWS = { ask: "Ask", documents: "Documents", history: "History" };
const listeners = [];

/** Call `listener` with the name of each view that is shown. */
export function onView(listener) {
  listeners.push(listener);
}

/** Return the name of the view that is shown. */
export function view() {
  const wanted = location.hash.slice(1);
  return wanted in VIEWS ? wanted : "ask";
}

/** Show the view that the address names. */
export function showView() {
  const now = view();
  for (const name of Object.keys(VIEWS)) {
    document.getElementById(`view-${name}`).hidden = name !== now;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === now) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = now === "ask" ? "Afterword" : `${VIEWS[now]} · Afterword`;
  listeners.forEach((listener) => listener(now));
}

/** Follow the address; what was open beside the view before is closed. */
export function startViews() {
  window.addEventListener("hashchange", () => {
    if (document.getElementById("source").open) closeSource();
    showView();
    if (view() !== "ask") {
      window.scrollTo(0, 0);
      return;
    }
    document.querySelector(".turn:last-child")?.scrollIntoView({ block: "start" });
    document.getElementById("question").focus({ preventScroll: true });
  });
  showView();
}

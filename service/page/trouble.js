// What went wrong with a question, in words, and what can be done about it.

import { announce, button, fill, h, icon } from "./dom.js";
import { counted } from "./text.js";

const TITLES = {
  unreachable: "No connection",
  too_many_requests: "The service is busy",
  rate_limited: "Too many questions in a minute",
  not_ready: "The service is still loading",
  key_refused: "A key is needed",
  index_damaged: "This collection is damaged",
  collection_not_found: "There is no such collection",
  model_not_set: "There is no language model",
  model_missing: "The language model is missing",
  model_failed: "The language model failed",
  model_busy: "The language model is busy",
  model_too_slow: "The language model took too long",
  prompt_too_long: "Too long for the language model",
};
const MODEL = /^(model|prompt)_/;
// Waits between these, in seconds, are counted down.
const SHORTEST_WAIT = 2;
const LONGEST_WAIT = 600;

/** Return what is said of a problem. `acts` has what asks again, as before or by quoting. */
export function problemNotice(problem, acts) {
  const ofModel = MODEL.test(problem.code);
  return h(
    "div",
    { class: "notice trouble", role: "alert" },
    h("h3", {}, TITLES[problem.code] ?? "This could not be answered"),
    h("p", {}, problem.message),
    h(
      "div",
      { class: "choices" },
      again(problem.retryAfter, acts.again),
      ofModel ? button("quote", "Quote instead", { click: acts.quoted }) : null,
    ),
    problem.detail === problem.message || !ofModel ? null : told(problem.detail),
  );
}

function told(detail) {
  return h("details", {}, h("summary", {}, "What the service says"), h("p", { class: "detail", dir: "auto" }, detail));
}

/** Return what asks again, not before the service wants to be asked. */
function again(seconds, ask) {
  let left = seconds >= SHORTEST_WAIT ? Math.min(seconds, LONGEST_WAIT) : 0;
  const control = button("retry", "Ask again", { click: () => left > 0 || ask() });
  if (left === 0) return control;
  const show = () => {
    if (left > 0) control.setAttribute("aria-disabled", "true");
    else control.removeAttribute("aria-disabled");
    fill(control, icon("retry"), h("span", {}, left > 0 ? `Ask again in ${counted(left, "second")}` : "Ask again"));
  };
  const ticking = setInterval(() => {
    left -= 1;
    show();
    if (left === 0 && control.isConnected) announce("It can be asked again now.");
    if (left === 0 || !control.isConnected) clearInterval(ticking);
  }, 1000);
  show();
  return control;
}

// How answers are made: by quoting or, where the service has a language model, by writing.

import { Problem, call } from "./api.js";
import { keep, kept } from "./store.js";

const CHOSEN = "afterword.manner";
const REASONED = "afterword.reasoning";
const QUOTE = "quote";
const listeners = [];
let generators = [QUOTE];

const part = (id) => document.getElementById(id);
const writer = () => generators.find((name) => name !== QUOTE) ?? null;

/** Call `listener` whenever answers will be made in another way. */
export function onManner(listener) {
  listeners.push(listener);
}

/** Tell whether the next answer is to be written. */
export function writes() {
  if (writer() === null) return false;
  const chosen = kept(CHOSEN);
  return chosen === "write" || (chosen !== QUOTE && generators[0] !== QUOTE);
}

/** Return what is asked for beside the question; nothing where there is no choice. */
export function asRequest() {
  if (writer() === null) return {};
  if (!writes()) return { generator: QUOTE };
  const reasoned = kept(REASONED) === "yes" ? { strategy: "cot", reasoning: true } : {};
  return { generator: writer(), ...reasoned };
}

/** Ask the service whether it has a language model, and let the person choose where it has. */
export async function learnManner() {
  try {
    const told = await call("health/ready", { also: [503] });
    if (told.generators?.length > 0) generators = told.generators;
  } catch (error) {
    if (!(error instanceof Problem)) throw error; // whatever is amiss, a question will tell of it
  }
  show();
}

/** Make the switches work. */
export function startManner() {
  for (const box of part("manner").querySelectorAll("input")) {
    box.addEventListener("change", () => {
      keep(CHOSEN, box.value);
      show();
    });
  }
  part("reasoning").addEventListener("change", (event) => keep(REASONED, event.target.checked ? "yes" : "no"));
}

function show() {
  part("manner").hidden = writer() === null;
  part("reasoning-switch").hidden = !writes();
  part("manner").querySelector(`[value="${writes() ? "write" : QUOTE}"]`).checked = true;
  part("reasoning").checked = kept(REASONED) === "yes";
  listeners.forEach((listener) => listener());
}

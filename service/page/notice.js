// The line at the top that says what is wrong with the page as a whole.

import { Problem } from "./api.js";
import { button, fill, h } from "./dom.js";

const place = () => document.getElementById("notice");

/** Say what is wrong; `again`, if given, is what trying again does. */
export function showNotice(message, again = null) {
  if (!place().hidden && place().firstChild?.textContent === message) return; // it is said already
  fill(place(), h("p", {}, message), again && button("retry", "Try again", { class: "plain", click: again }));
  place().hidden = false;
}

/** Say no more. */
export function hideNotice() {
  place().hidden = true;
}

/** Do some work; where the service refuses it, say so at the top. True where it was done. */
export async function noticed(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    showNotice(error.message);
    return false;
  }
  hideNotice();
  return true;
}

// Copying: a text goes into the clipboard, and its button says so for a moment.

import { announce, fill, h, icon } from "./dom.js";

const COPIED_MS = 2000;

/** Copy a text; `control` is the button that was pressed. */
export async function copied(text, control) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    copiedByHand(text); // pages without TLS have no clipboard
  }
  announce("Copied");
  fill(control, icon("check"), h("span", {}, "Copied"));
  setTimeout(() => fill(control, icon("copy"), h("span", {}, "Copy")), COPIED_MS);
}

function copiedByHand(text) {
  const field = h("textarea", { class: "hidden", "aria-hidden": "true" });
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

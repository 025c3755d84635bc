// What a reply says of how a language model wrote it: its reasoning, and what became of its sentences.

import { h } from "./dom.js";
import { UNSUPPORTED, answerPieces, counted } from "./text.js";

/** Return the place of the model's reasoning, folded away. */
export function reasoningFold() {
  return h(
    "details",
    { class: "reasoning" },
    h("summary", {}, "Reasoning"),
    h("p", { class: "hint" }, "How the language model came to its answer. Nothing of it is checked."),
    h("p", { class: "text", dir: "auto" }),
  );
}

/** Say why an answer that was to be written is quoted. */
export function fallbackNotice({ generation }) {
  if (!generation?.fallback) return null;
  return h(
    "div",
    { class: "notice slim" },
    h("p", {}, h("strong", {}, "Quoted, not written."), " ", sentence(generation.fallback)),
  );
}

/** Tell whether a language model wrote the answer: its sentences may be marked as unsupported. */
export function isWritten({ generation }) {
  return Boolean(generation?.model || generation?.written);
}

/** Return the mark behind a sentence that nothing bears out. */
export function unsupportedMark() {
  return h("span", { class: "unsupported", title: "Nothing in the documents bears this sentence out." }, "unsupported");
}

/** Say how many sentences of the answer are marked, "" for none. */
export function markedWords(reply) {
  const marks = answerPieces(reply.answer, [], isWritten(reply)).filter(({ unsupported }) => unsupported);
  return marks.length === 0 ? "" : `${counted(marks.length, "sentence")} unsupported`;
}

/** Say that there was no room or time for more. */
export function cutShort({ generation }) {
  if (generation?.finish_reason !== "length") return null;
  return h("p", { class: "finding" }, "The answer ends here because there was no room or no time for more.");
}

/** Return the sentences that nothing bears out, folded away, each with the reason. */
export function leftOut({ answer, generation }) {
  const sentences = generation?.unsupported ?? [];
  if (sentences.length === 0) return null;
  const marked = answer.includes(UNSUPPORTED);
  const number = counted(sentences.length, "sentence");
  return h(
    "details",
    { class: "left-out" },
    h("summary", {}, marked ? `${number} that the documents do not bear out` : `${number} left out: the documents do not bear ${sentences.length === 1 ? "it" : "them"} out`),
    h(
      "ul",
      {},
      sentences.map(({ text, reason }) =>
        h("li", {}, h("p", { class: "text", dir: "auto" }, text), h("p", { class: "where", dir: "auto" }, sentence(reason))),
      ),
    ),
  );
}

/** Say which model wrote, and how much it read and wrote. */
export function writtenWords({ generation, usage }) {
  if (!generation?.model) return "";
  const { prompt_tokens: read, completion_tokens: written } = usage ?? {};
  const tokens = read === undefined ? "" : ` (${read.toLocaleString("en-GB")} tokens read, ${written.toLocaleString("en-GB")} written)`;
  return `${generation.model}${tokens}`;
}

function sentence(words) {
  const text = words.trim();
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?…]$/.test(text) ? "" : "."}`;
}

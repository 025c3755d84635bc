// The words of an answer with their citations, as they come: each leads to its place at once.

import { h } from "./dom.js";
import { openSource, placeOf } from "./source.js";
import { answerPieces, cellWords, dateWords, flowing, placeWords } from "./text.js";
import { isWritten, unsupportedMark } from "./written.js";

/** An answer that grows; what stands there already stays, so that nobody loses their place in it. */
export class Answer {
  #pieces = [];
  #places = [];

  /** Of what a language model has `written`, sentences may be marked as unsupported. */
  constructor(collection, written = false) {
    this.collection = collection;
    this.written = written;
    this.text = "";
    this.citations = [];
    this.words = h("p", { class: "answer", dir: "auto" });
    this.list = h("ol", { class: "citations", "aria-label": "Citations" });
  }

  /** Take the next words. */
  say(text) {
    const piece = { text, element: h("span") };
    this.text += text;
    this.#pieces.push(piece);
    this.words.append(piece.element);
    this.#draw(piece);
  }

  /** Take a citation, which the words name by its marker. */
  cite(citation) {
    const wasPdf = this.#isPdf();
    const at = this.citations.length;
    this.citations.push(citation);
    this.#places.push(placeOf(citation, this.collection));
    this.list.append(item(citation, () => this.#open(at)));
    if (at === 0) this.words.after(this.list);
    const anew = this.#isPdf() === wasPdf ? this.#pieces.filter(({ text }) => text.includes(citation.marker)) : this.#pieces;
    for (const piece of anew) this.#draw(piece);
  }

  /** Mark, in the first quote, the words that answer. */
  markShort(short) {
    const quote = this.list.querySelector("blockquote");
    const at = short === "" || quote === null ? -1 : quote.textContent.indexOf(short);
    if (at < 0) return;
    const text = quote.textContent;
    quote.replaceChildren(text.slice(0, at), h("mark", {}, short), text.slice(at + short.length));
  }

  #draw({ text, element }) {
    const shown = answerPieces(text, this.citations, this.written).map((piece) => this.#piece(piece));
    element.replaceChildren(...shown);
  }

  #piece({ text, citation: at, unsupported }) {
    if (unsupported) return unsupportedMark();
    if (at === null) return this.#isPdf() ? flowing(text) : text;
    const one = this.citations[at];
    const name = `Citation ${at + 1}: ${[one.title, placeWords(one)].filter(Boolean).join(", ")}`;
    return h("button", { type: "button", class: "marker", "aria-label": name, title: name, click: () => this.#open(at) }, `${at + 1}`);
  }

  #open(at) {
    openSource(this.#places[at], [...this.#places]);
  }

  #isPdf() {
    return this.citations.length > 0 && this.citations.every(isOfPdf);
  }
}

/** Return the answer of a reply, whole. */
export function wholeAnswer(reply, collection) {
  const answer = new Answer(collection, isWritten(reply));
  for (const citation of reply.citations) answer.cite(citation);
  if (reply.answer !== "") answer.say(reply.answer);
  return answer;
}

function isOfPdf({ uri }) {
  return /\.pdf$/i.test(uri);
}

function item(one, open) {
  const place = placeWords(one);
  const quote = isOfPdf(one) ? flowing(one.quote) : one.quote;
  const where = [place, one.as_of && `as of ${dateWords(one.as_of)}`, one.recognised && "read by text recognition"];
  return h(
    "li",
    {},
    h("span", { class: "number", "aria-hidden": "true" }, one.marker.replace(/\D/g, "")),
    h(
      "div",
      {},
      h("button", { type: "button", class: "title", click: open }, h("span", { dir: "auto" }, one.title || one.uri)),
      h("p", { class: "where" }, where.filter(Boolean).join(" · ")),
      h("blockquote", { dir: "auto", click: () => String(getSelection()) === "" && open() }, quote),
      (one.cells ?? []).length > 0 && h("p", { class: "where", dir: "auto" }, cellWords(one.cells)),
    ),
  );
}

// The panel that shows a document's own text around a quote, with the quote marked.

import { Problem, call } from "./api.js";
import { announce, button, fill, h, icon } from "./dom.js";
import { cutAt, dateWords, kindName, pageName, withoutHardBreaks } from "./text.js";

const AROUND = 1200;
const MORE = 4000;
const PDF = "application/pdf";
// A link to an original with a key is good for ten minutes.
const LINK_MS = 5 * 60 * 1000;
const WIDE = window.matchMedia("(min-width: 72rem)");
let opener = null;
let shown = 0;

const panel = () => document.getElementById("source");

/**
 * Show a place of a document: `{collection, document_id, title, start, end, text_sha256}` and what
 * a citation says besides. `siblings` are the places to go on to, `place` being one of them.
 */
export async function openSource(place, siblings = [place]) {
  const turn = ++shown;
  if (!panel().open) opener = document.activeElement;
  fill(panel(), head(place, siblings), h("p", { class: "waiting" }, "Fetching the text…"));
  present();
  document.getElementById("source-title").focus();
  let content;
  try {
    const { facts, body } = await loaded(place);
    content = [head(place, siblings, facts), body];
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    content = [head(place, siblings), h("p", { class: "trouble", role: "alert" }, problem.message)];
  }
  if (turn !== shown) return;
  fill(panel(), ...content);
  const mark = panel().querySelector("mark");
  mark?.scrollIntoView({ block: "center" });
  document.getElementById("source-title").focus({ preventScroll: true });
  announce(`Showing ${place.title}${mark ? ", with the quote marked" : ""}`);
}

/** Close the panel and go back to where it was opened from. */
export function closeSource() {
  shown += 1;
  panel().close();
}

/** Make the panel a part of the page where there is room, else a layer over it. */
export function startSource() {
  panel().addEventListener("close", () => {
    if (window.history.state?.source) window.history.back();
    document.body.classList.remove("with-source");
    // The event comes a moment after: whoever has gone on meanwhile is left where they are.
    const nowhere = document.activeElement === document.body || panel().contains(document.activeElement);
    if (nowhere && opener?.isConnected) opener.focus();
    opener = null;
  });
  document.addEventListener("keydown", (event) => {
    const open = panel().open && document.querySelector("dialog.dialog[open]") === null;
    if (event.key === "Escape" && open) closeSource();
  });
  // Where the panel covers the page, going back means closing it.
  window.addEventListener("popstate", () => panel().matches(":modal") && closeSource());
  WIDE.addEventListener("change", () => panel().open && present());
}

function present() {
  const dialog = panel();
  const modal = dialog.matches(":modal");
  if (dialog.open && modal === !WIDE.matches) return;
  if (dialog.open) {
    const back = opener;
    opener = null;
    dialog.close();
    opener = back;
  }
  if (WIDE.matches) dialog.show();
  else {
    dialog.showModal();
    if (!window.history.state?.source) window.history.pushState({ source: true }, "");
  }
  document.body.classList.toggle("with-source", WIDE.matches);
}

function head(place, siblings, facts = null) {
  const at = siblings.indexOf(place);
  const to = (step, name, words) =>
    button(
      name,
      words,
      { class: "bare", disabled: !siblings[at + step], click: () => openSource(siblings[at + step], siblings) },
      true,
    );
  const close = button("close", "Close", { class: "bare", click: closeSource }, true);
  const steps = siblings.length > 1 ? [to(-1, "back", "Previous place"), to(1, "next", "Next place")] : [];
  const title = [place.marker ? `${place.marker} ` : "", place.title || place.uri];
  return h(
    "div",
    { class: "head" },
    h("h2", { id: "source-title", tabindex: "-1", dir: "auto" }, title),
    h("div", { class: "tools" }, steps, close),
    facts === null ? null : about(facts, place),
  );
}

async function loaded(place) {
  const path = `v1/documents/${encodeURIComponent(place.document_id)}`;
  const query = { collection: place.collection };
  const from = Math.max(0, place.start - AROUND);
  const [facts, part] = await Promise.all([
    call(path, { query }),
    call(`${path}/text`, { query: { ...query, start: from, end: place.end + AROUND, sha256: place.text_sha256 } }),
  ]);
  Object.assign(facts, { loaded: Date.now(), path, query });
  const body = h("div", { class: "page", dir: "auto", tabindex: "0", role: "region", "aria-label": "Text of the document" });
  const window_ = { path, query: { ...query, sha256: part.sha256 }, facts, place, start: part.start, end: part.end, parts: [part] };
  draw(body, window_);
  return { facts, body };
}

function about(facts, place) {
  const page = place.page ?? null;
  const pages = facts.pages.length;
  const name = pageName(facts.media_type);
  const items = [
    page !== null && h("li", { class: "strong" }, pages > 1 ? `${name} ${page} of ${pages}` : `${name} ${page}`),
    place.row && h("li", { class: "strong" }, `Row ${place.row}`),
    facts.as_of && h("li", {}, `as of ${dateWords(facts.as_of)}`),
    h("li", {}, kindName(facts.media_type)),
    place.recognised && h("li", { class: "warn" }, "read by text recognition, may have mistakes"),
  ];
  return h(
    "div",
    { class: "about" },
    h("ul", { class: "facts" }, items.filter(Boolean)),
    originalLink(facts, page),
    h("p", { class: "uri", title: facts.uri }, facts.uri),
  );
}

function originalLink(facts, page) {
  const original = facts.original ?? null;
  if (original === null) return null;
  const paged = page !== null && original.media_type === PDF;
  const fragment = paged ? `#page=${page}` : "";
  const words = original.inline ? `Open the original${paged ? ` at page ${page}` : ""}` : "Download the original";
  return h(
    "a",
    {
      class: "original",
      href: `${original.url}${fragment}`,
      target: "_blank",
      rel: "noopener",
      click: (event) => renewed(event, facts, fragment),
      ...(original.inline ? {} : { download: original.filename }),
    },
    icon("open"),
    words,
  );
}

/** Put a fresh address into a link that has stood there for long, before it is followed. */
function renewed(event, facts, fragment) {
  const link = event.currentTarget;
  if (Date.now() - facts.loaded < LINK_MS) return;
  event.preventDefault();
  call(facts.path, { query: facts.query }).then(
    (fresh) => {
      Object.assign(facts, { loaded: Date.now(), original: fresh.original });
      if (fresh.original === null) link.replaceWith(h("span", { class: "trouble" }, "The original is not there any more."));
      else link.href = `${fresh.original.url}${fragment}`;
      if (fresh.original !== null) link.click();
    },
    (problem) => link.after(h("p", { class: "trouble", role: "alert" }, problem.message)),
  );
}

function draw(body, view) {
  const { facts, place } = view;
  const starts = new Map(facts.pages.map((page) => [page.start, page.number]));
  const whole = view.parts.map((part) => part.text).join("");
  // The lines of a PDF end where its page does; those of all other formats were ended by someone.
  const text = facts.media_type === PDF ? withoutHardBreaks(whole) : whole;
  const places = [place.start, place.end, ...starts.keys()];
  const marked = place.end > place.start;
  const pieces = cutAt(text, view.start, places).map((piece) => {
    const inside = marked && piece.start >= place.start && piece.end <= place.end;
    const number = starts.get(piece.start);
    return [
      number === undefined ? null : h("span", { class: "page-start" }, `${pageName(facts.media_type)} ${number}`),
      inside ? h("mark", {}, piece.text) : piece.text,
    ];
  });
  fill(
    body,
    view.start > 0 ? null : facts.findings.map((finding) => h("p", { class: "finding" }, finding.message)),
    view.start > 0 ? button("up", "Show earlier text", { class: "more", click: () => grow(body, view, -1) }) : null,
    pieces,
    view.end < facts.characters
      ? button("plus", "Show later text", { class: "more", click: () => grow(body, view, 1) })
      : null,
  );
}

async function grow(body, view, direction) {
  const range =
    direction < 0
      ? { start: Math.max(0, view.start - MORE), end: view.start }
      : { start: view.end, end: view.end + MORE };
  try {
    const part = await call(`${view.path}/text`, { query: { ...view.query, ...range } });
    if (direction < 0) view.parts.unshift(part);
    else view.parts.push(part);
    view.start = Math.min(view.start, part.start);
    view.end = Math.max(view.end, part.end);
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem;
    body.prepend(h("p", { class: "trouble", role: "alert" }, problem.message));
    return;
  }
  const fromEnd = panel().scrollHeight - panel().scrollTop;
  draw(body, view);
  if (direction < 0) panel().scrollTop = panel().scrollHeight - fromEnd;
  body.focus({ preventScroll: true });
}

/** Return a citation or passage as a place of this collection. */
export function placeOf(one, collection) {
  return { ...one, collection, title: one.title || one.uri };
}


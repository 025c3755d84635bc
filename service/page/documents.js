// The view of a collection's documents: find, look at, delete; and of the collections themselves.

import { Problem, call } from "./api.js";
import { collection, known, onCollection, refresh } from "./collections.js";
import { announce, button, confirmed, fill, h, leaveButton, shownUntilClosed } from "./dom.js";
import { noticed } from "./notice.js";
import { openSource } from "./source.js";
import { counted, dateWords, kindName } from "./text.js";

const PAGE = 50;
const TYPING_MS = 200;
let listed = null;
let turn = 0;
let timer = 0;

const part = (id) => document.getElementById(id);

/** Make the view work. */
export function startDocuments() {
  part("find").addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(list, TYPING_MS);
  });
  part("new-collection").addEventListener("click", newCollection);
  part("delete-collection").addEventListener("click", deleteCollection);
  onCollection(list);
}

async function list() {
  const now = ++turn;
  if (known() === null) return;
  if (listed !== collection()) part("find").value = "";
  listed = collection();
  const { documents, chunks, problem, language } = known();
  const facts = [counted(documents, "document"), counted(chunks, "passage"), language && language !== "en" ? `language “${language}”` : ""];
  fill(part("documents-about"), problem ?? facts.filter(Boolean).join(" · "));
  part("find-form").hidden = documents === 0;
  part("delete-collection").hidden = known().name === undefined;
  const rows = h("ul", { class: "rows" });
  await page(rows, null, now);
}

async function page(rows, after, now) {
  let found = { items: [], next: null };
  let trouble = null;
  try {
    const words = part("find").value.trim();
    if (known().documents > 0) {
      found = await call("v1/documents", { query: { collection: collection(), q: words, limit: PAGE, after } });
    }
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    trouble = h("p", { class: "trouble", role: "alert" }, error.message);
  }
  if (now !== turn) return;
  const fresh = found.items.map(row);
  rows.append(...fresh);
  fill(part("documents-list"), trouble, rows, nothing(rows, trouble), more(rows, found.next, now));
  if (after !== null) fresh[0]?.querySelector("button").focus();
}

function nothing(rows, trouble) {
  if (rows.childElementCount > 0 || trouble !== null) return null;
  return h("p", { class: "nothing" }, known().documents > 0 ? "No document has these words in its title or name." : "No documents yet.");
}

function more(rows, next, now) {
  return next === null ? null : button("plus", "Show more", { class: "plain", click: () => page(rows, next, now) });
}

function row(one) {
  const title = one.title || one.uri;
  const where = [kindName(one.media_type), one.as_of && `as of ${dateWords(one.as_of)}`, `${one.characters.toLocaleString("en-GB")} characters`];
  const place = { ...one, collection: listed, title, start: 0, end: 0 };
  return h(
    "li",
    {},
    h(
      "div",
      { class: "grow" },
      h("button", { type: "button", class: "title", click: () => openSource(place) }, h("span", { dir: "auto" }, title)),
      h("p", { class: "where" }, where.filter(Boolean).join(" · ")),
      h("p", { class: "uri" }, one.uri),
      one.findings.map((finding) => h("p", { class: "finding" }, finding.message)),
    ),
    button("trash", `Delete ${title}`, { class: "bare", click: (event) => remove(place, event.currentTarget) }, true),
  );
}

async function remove(place, control) {
  const { title } = place;
  const kept = /^(upload|https?):/.test(place.uri) ? "" : " The file is kept; the document returns when its folder is ingested again.";
  const words = `“${title}” is erased from this collection: its text, and all that was made of it.${kept}`;
  if (!(await confirmed("Delete this document?", words, "Delete"))) return;
  control.disabled = true;
  try {
    const path = `v1/documents/${encodeURIComponent(place.document_id)}`;
    await call(path, { method: "DELETE", query: { collection: place.collection } });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    control.closest("li").querySelector(".grow").append(h("p", { class: "trouble", role: "alert" }, error.message));
    control.disabled = false;
    return;
  }
  announce(`Deleted ${title}`);
  const row = control.closest("li");
  const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("[aria-label^='Delete']");
  row.remove();
  (next ?? part("find")).focus();
  await noticed(() => refresh());
}

async function newCollection() {
  const name = h("input", {
    id: "collection-name",
    required: true,
    pattern: "[A-Za-z0-9][A-Za-z0-9._\\-]{0,63}",
    autocomplete: "off",
    "aria-describedby": "collection-hint",
  });
  const language = h(
    "select",
    { id: "collection-language" },
    h("option", { value: "en" }, "English"),
    h("option", { value: "cjk" }, "Chinese, Japanese or Korean"),
    h("option", { value: "other" }, "Any other"),
  );
  const trouble = h("p", { class: "trouble", role: "alert" });
  const make = async (event) => {
    event.preventDefault();
    try {
      await call("v1/collections", { method: "POST", body: { name: name.value, language: language.value } });
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(trouble, error.message);
      return;
    }
    dialog.close("made");
  };
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "collection-title" },
    h("h2", { id: "collection-title" }, "New collection"),
    h("p", {}, "A collection is a set of documents that are searched together."),
    h(
      "form",
      { method: "dialog", submit: make },
      h("label", { for: "collection-name" }, "Name"),
      name,
      h("p", { class: "hint", id: "collection-hint" }, "Letters a to z, digits, “.”, “_” and “-”."),
      h("label", { for: "collection-language" }, "Language of its documents"),
      language,
      trouble,
      h(
        "div",
        { class: "actions" },
        leaveButton("Cancel"),
        h("button", { value: "make", class: "primary" }, "Create"),
      ),
    ),
  );
  if ((await shownUntilClosed(dialog)) === "made") await noticed(() => refresh(name.value));
}

async function deleteCollection() {
  const name = collection();
  const words = `Its ${counted(known().documents, "document")} will be erased. Files of ingested folders stay where they are.`;
  if (!(await confirmed(`Delete the collection “${name}”?`, words, "Delete"))) return;
  try {
    await call(`v1/collections/${encodeURIComponent(name)}`, { method: "DELETE" });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fill(part("documents-about"), h("span", { class: "trouble", role: "alert" }, error.message));
    return;
  }
  announce(`Deleted the collection ${name}`);
  await noticed(() => refresh());
  document.getElementById("collection").focus();
}

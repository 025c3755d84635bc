// What a question is limited to: documents, the date they speak of, their type.

import { call } from "./api.js";
import { collection } from "./collections.js";
import { announce, button, fill, h, leaveButton } from "./dom.js";
import { counted, dateWords, kindName } from "./text.js";

const NOTHING = { documents: [], types: [], from: "", until: "" };
let chosen = { ...NOTHING };
let changed = () => {};

/** Return the limits in force; a copy, to be kept with a question. */
export function limits() {
  return structuredClone(chosen);
}

/** Put other limits in force. */
export function setLimits(other) {
  chosen = { ...structuredClone(NOTHING), ...structuredClone(other) };
  changed();
}

/** Drop all limits. */
export function clearLimits() {
  setLimits(NOTHING);
}

/** Tell whether there is any limit. */
export function isLimited(some = chosen) {
  return some.documents.length + some.types.length > 0 || some.from !== "" || some.until !== "";
}

/** Return the limits as a request has them. */
export function asRequest(some = chosen) {
  const conditions = [];
  if (some.documents.length > 0) conditions.push(condition("id", "in", some.documents.map((one) => one.id)));
  if (some.types.length > 0) conditions.push(condition("media_type", "in", some.types));
  if (some.from) conditions.push(condition("as_of", ">=", some.from));
  const filter = conditions.length > 1 ? { operator: "and", conditions } : (conditions[0] ?? null);
  return { filter, as_of: some.until || null };
}

function condition(field, operator, value) {
  return { field, operator, value };
}

/** Return each limit in words with what takes it away. */
function inWords() {
  const { documents, types, from, until } = chosen;
  return [
    ...documents.map((one) => [one.title, { documents: documents.filter((other) => other !== one) }]),
    ...types.map((type) => [kindName(type), { types: types.filter((other) => other !== type) }]),
    ...(from ? [[`from ${dateWords(from)}`, { from: "" }]] : []),
    ...(until ? [[`until ${dateWords(until)}`, { until: "" }]] : []),
  ];
}

/** Show the limits as chips in `place`; `onChange` hears of every change. */
export function startFilters(place, onChange) {
  changed = () => {
    fill(place, inWords().map(([words, without]) => chip(words, without, place)));
    place.hidden = !isLimited();
    onChange();
  };
  changed();
}

function chip(words, without, place) {
  const click = (event) => {
    const at = [...place.children].indexOf(event.currentTarget.closest("li"));
    setLimits({ ...chosen, ...without });
    announce(`Filter removed: ${words}`);
    const next = place.children[Math.min(at, place.childElementCount - 1)]?.querySelector("button");
    (next ?? document.getElementById("filter-button")).focus();
  };
  return h(
    "li",
    { class: "chip" },
    h("span", { dir: "auto" }, words),
    button("close", `Remove the filter “${words}”`, { class: "bare", click }, true),
  );
}

/** Let the person choose the limits in a dialog. */
export function chooseLimits() {
  const draft = limits();
  const dialog = h(
    "dialog",
    { class: "dialog wide", "aria-labelledby": "filter-title" },
    h("h2", { id: "filter-title" }, "Filters"),
    h(
      "form",
      { method: "dialog" },
      documentsPart(draft),
      typesPart(draft),
      datesPart(draft),
      h(
        "div",
        { class: "actions" },
        leaveButton("Clear filters", "clear"),
        h("button", { value: "apply", class: "primary" }, "Apply"),
      ),
    ),
  );
  dialog.addEventListener("close", () => {
    if (dialog.returnValue === "apply") setLimits(draft);
    if (dialog.returnValue === "clear") clearLimits();
    if (dialog.returnValue !== "") announce(isLimited() ? "Filters applied" : "No filters");
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
}

function documentsPart(draft) {
  const picked = h("ul", { class: "chips" });
  const found = h("ul", { class: "found" });
  const field = h("input", {
    id: "filter-documents",
    type: "search",
    placeholder: "Words of a title or file name",
    autocomplete: "off",
    input: () => look(field.value),
    keydown: (event) => event.key === "Enter" && event.preventDefault(),
  });
  const showPicked = () =>
    fill(
      picked,
      draft.documents.map((one, at) =>
        h(
          "li",
          { class: "chip" },
          h("span", { dir: "auto" }, one.title),
          button("close", `Leave out ${one.title}`, { class: "bare", click: () => leave(one, at) }, true),
        ),
      ),
    );
  const toggle = (one) => {
    const at = draft.documents.findIndex((other) => other.id === one.id);
    if (at < 0) draft.documents.push(one);
    else draft.documents.splice(at, 1);
    showPicked();
    const box = document.getElementById(`filter-document-${one.id}`);
    if (box !== null) box.checked = at < 0;
  };
  const leave = (one, at) => {
    toggle(one);
    (picked.children[Math.min(at, picked.childElementCount - 1)]?.querySelector("button") ?? field).focus();
  };
  let last = 0;
  const look = async (words) => {
    const turn = ++last;
    const listed = await suggested(words);
    if (turn === last) fill(found, listed.map((one) => suggestion(one, draft, toggle)));
  };
  showPicked();
  look("");
  return h("fieldset", {}, h("legend", {}, "Documents"), picked, h("label", { for: "filter-documents" }, "Find"), field, found);
}

async function suggested(words) {
  try {
    const { items } = await call("v1/documents", { query: { collection: collection(), q: words.trim(), limit: 6 } });
    return items.map((item) => ({ id: item.document_id, title: item.title || item.uri, uri: item.uri }));
  } catch {
    return []; // the question itself will tell what is wrong
  }
}

function suggestion(one, draft, toggle) {
  const on = draft.documents.some((other) => other.id === one.id);
  const id = `filter-document-${one.id}`;
  return h(
    "li",
    {},
    h(
      "label",
      { class: "check", for: id },
      h("input", { id, type: "checkbox", checked: on, change: () => toggle(one) }),
      h("span", { dir: "auto" }, one.title, h("small", {}, one.uri)),
    ),
  );
}

function typesPart(draft) {
  const boxes = h("div", { class: "boxes" });
  const set = h("fieldset", { hidden: true }, h("legend", {}, "Types"), boxes);
  call(`v1/collections/${encodeURIComponent(collection())}`).then(
    ({ media_types: types }) => {
      set.hidden = types.length < 2;
      fill(boxes, types.map(({ media_type: type, documents }) => typeBox(type, documents, draft)));
    },
    () => {}, // the question itself will tell what is wrong
  );
  return set;
}

function typeBox(type, documents, draft) {
  const id = `filter-type-${type}`;
  const change = (event) => {
    draft.types = event.target.checked ? [...draft.types, type] : draft.types.filter((other) => other !== type);
  };
  return h(
    "label",
    { class: "check", for: id },
    h("input", { id, type: "checkbox", checked: draft.types.includes(type), change }),
    h("span", {}, kindName(type), " ", h("small", {}, counted(documents, "document"))),
  );
}

function datesPart(draft) {
  const field = (name, words) => [
    h("label", { for: `filter-${name}` }, words),
    h("input", {
      id: `filter-${name}`,
      type: "date",
      value: draft[name],
      change: (event) => {
        draft[name] = event.target.value;
        const backwards = draft.from && draft.until && draft.from > draft.until;
        document.getElementById("filter-until").setCustomValidity(backwards ? "“Until” lies before “from”." : "");
      },
    }),
  ];
  return h(
    "fieldset",
    {},
    h("legend", {}, "Date"),
    h("div", { class: "pair" }, h("div", {}, field("from", "From")), h("div", {}, field("until", "Until"))),
    h("p", { class: "hint" }, "The date that a document speaks of. Those without one stay in, unless there is a “from”."),
  );
}

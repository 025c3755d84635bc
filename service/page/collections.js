// Which collection this tab is about, and what is known of it.

import { call } from "./api.js";
import { fill, h } from "./dom.js";
import { noticed } from "./notice.js";
import { keep, kept } from "./store.js";

const CHOSEN = "afterword.collection";
const listeners = [];
// Another tab may choose another one: what is kept in the browser says only with which a new tab begins.
let current = kept(CHOSEN, "session") ?? kept(CHOSEN) ?? "default";
let all = null;

/** Return the name of the collection that is asked. */
export function collection() {
  return current;
}

/**
 * Return what is known of it: null as long as nothing is, no documents where it does not exist.
 */
export function known() {
  if (all === null) return null;
  return all.find((one) => one.name === current) ?? { documents: 0, chunks: 0, problem: null };
}

/** Call `listener` whenever the collection is another, or holds something else. */
export function onCollection(listener) {
  listeners.push(listener);
}

/** Look anew at what there is, and ask `wanted` from now on, if it exists. */
export async function refresh(wanted = current) {
  const found = (await call("v1/collections")).items;
  all = found;
  current = found.length === 0 || found.some((one) => one.name === wanted) ? wanted : preferred();
  keep(CHOSEN, current);
  keep(CHOSEN, current, "session");
  show();
  listeners.forEach((listener) => listener());
}

function preferred() {
  const full = all.filter((one) => one.documents > 0);
  return (full.find((one) => one.name === "default") ?? full[0] ?? all[0]).name;
}

function show() {
  const names = all === null || all.length === 0 ? [current] : all.map((one) => one.name);
  const select = document.getElementById("collection");
  fill(
    select,
    names.map((name) => h("option", { value: name }, name)),
  );
  select.value = current;
}

/** Make the control in the header work. */
export function startCollections() {
  show();
  document.getElementById("collection").addEventListener("change", async (event) => {
    const done = await noticed(() => refresh(event.target.value));
    if (!done) event.target.value = current; // what is shown is what is asked
  });
}

// Which collection the page is about, and what is known of it.

import { call } from "./api.js";
import { fill, h } from "./dom.js";

const CHOSEN = "afterword.collection";
const NO_COLLECTION = { documents: 0, chunks: 0, problem: null };
const listeners = [];
let all = [];

/** Return the name of the collection that is asked. */
export function collection() {
  return localStorage.getItem(CHOSEN) ?? "default";
}

/** Return what is known of it. */
export function known() {
  return all.find((one) => one.name === collection()) ?? NO_COLLECTION;
}

/** Call `listener` whenever the collection is another, or holds something else. */
export function onCollection(listener) {
  listeners.push(listener);
}

/** Ask another collection from now on. */
export function choose(name) {
  localStorage.setItem(CHOSEN, name);
  return refresh();
}

/** Look anew at what there is. */
export async function refresh() {
  all = (await call("v1/collections")).items;
  if (all.length > 0 && !all.some((one) => one.name === collection())) {
    localStorage.setItem(CHOSEN, preferred());
  }
  show();
  listeners.forEach((listener) => listener());
}

function preferred() {
  const full = all.filter((one) => one.documents > 0);
  return (full.find((one) => one.name === "default") ?? full[0] ?? all[0]).name;
}

function show() {
  const names = all.length > 0 ? all.map((one) => one.name) : [collection()];
  fill(
    document.getElementById("collection"),
    names.map((name) => h("option", { value: name }, name)),
  ).value = collection();
}

/** Make the control in the header work. */
export function startCollections() {
  document.getElementById("collection").addEventListener("change", (event) => choose(event.target.value));
}

// Uploads: files on their way into a collection, and the report on each.

import { Problem, call, passes, send } from "./api.js";
import { collection, refresh } from "./collections.js";
import { announce, button, fill, h } from "./dom.js";
import { noticed } from "./notice.js";
import { drop, keep, kept } from "./store.js";
import { counted, pageName, sizeWords } from "./text.js";

const SENT_AT_ONCE = 2;
const ASKED_AT_ONCE = 3;
const POLL_MS = 400;
const MOST_FAILURES = 60;
const SHOWN = 8;
const FOLLOWED = "afterword.uploads";
const OUTCOMES = ["added", "updated", "unchanged", "removed", "partial", "failed"];
const WORDS = { waiting: "waiting to be sent", queued: "waiting to be read", running: "being read" };
const ENDED = ["done", "failed", "unknown"];
const FOLDER = "Folders are ingested by the command `afterword ingest`, which also follows their changes. Drop files here.";

const uploads = [];
let sending = 0;
let following = false;
let drawing = 0;

const place = () => document.getElementById("uploads");

/** Make the drop field, and the whole window, take files; follow what an earlier visit sent. */
export function startUploads() {
  const field = document.getElementById("files");
  field.addEventListener("change", () => {
    add([...field.files]);
    field.value = "";
  });
  startDropping();
  window.addEventListener("beforeunload", (event) => {
    if (uploads.some((one) => ["waiting", "sending"].includes(one.state))) event.preventDefault();
  });
  for (const one of followed()) uploads.push({ ...made(one.name, one.collection), job: one.job, state: "queued" });
  if (uploads.length > 0) follow();
}

function startDropping() {
  const zone = document.body;
  let depth = 0;
  const on = (kind, act) =>
    zone.addEventListener(kind, (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      act(event);
      zone.classList.toggle("dragging", depth > 0);
    });
  on("dragenter", () => (depth += 1));
  on("dragleave", () => (depth -= 1));
  on("dragover", () => {});
  on("drop", (event) => {
    depth = 0;
    dropped(event.dataTransfer);
  });
}

function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  const folders = entries.filter((entry) => entry?.isDirectory);
  for (const folder of folders) uploads.push({ ...made(folder.name, collection()), state: "failed", message: FOLDER });
  location.hash = "#documents";
  add([...transfer.files].filter((file, at) => !entries[at]?.isDirectory));
}

function made(name, into) {
  return { name, collection: into, file: null, fields: {}, job: null, state: "waiting", items: [], message: "", share: null };
}

function add(files) {
  const as_of = document.getElementById("upload-date").value;
  for (const file of files) {
    const fields = { collection: collection(), ...(as_of ? { as_of } : {}) };
    uploads.push({ ...made(file.name, collection()), file, fields });
  }
  draw();
  while (sending < SENT_AT_ONCE && uploads.some((one) => one.state === "waiting")) sendNext();
}

async function sendNext() {
  const one = uploads.find(({ state }) => state === "waiting");
  if (one === undefined) return;
  one.state = "sending";
  sending += 1;
  try {
    one.job = (await sent(one)).job_id;
    one.state = "queued";
    one.share = null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    Object.assign(one, { state: "failed", message: error.message });
  } finally {
    sending -= 1;
    one.file = null;
    remember();
    draw();
    sendNext();
  }
  follow();
}

async function sent(one) {
  for (;;) {
    try {
      return await send(one.file, one.fields, (share) => {
        one.share = share;
        draw();
      });
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 429) throw error;
      await pause((error.retryAfter ?? 1) * 1000);
    }
  }
}

/** Ask how far the oldest jobs are until all have ended: they are worked on in their order. */
async function follow() {
  if (following) return;
  following = true;
  const left = () => uploads.filter(({ state }) => ["queued", "running"].includes(state));
  while (left().length > 0) {
    await Promise.all(left().slice(0, ASKED_AT_ONCE).map(look));
    remember();
    draw();
    if (left().length > 0) await pause(POLL_MS);
  }
  following = false;
  if (uploads.some(({ state }) => ["waiting", "sending"].includes(state))) return;
  announce(totals());
  await noticed(() => refresh());
}

async function look(one) {
  try {
    const job = await call(`v1/jobs/${one.job}`);
    const { done, total } = job.progress;
    Object.assign(one, { state: job.state, items: job.items, share: total > 0 ? done / total : null, failures: 0 });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    one.failures = (one.failures ?? 0) + 1;
    if (passes(error) && one.failures < MOST_FAILURES) return pause(one.failures * 100);
    Object.assign(one, { state: "unknown", message: "It was sent; what became of it is not known. See whether it is listed below." });
  }
}

function remember() {
  const open = uploads.filter(({ job, state }) => job !== null && !ENDED.includes(state));
  keep(FOLLOWED, JSON.stringify(open.map(({ name, collection: into, job }) => ({ name, collection: into, job }))), "session");
}

function followed() {
  try {
    return JSON.parse(kept(FOLLOWED, "session") ?? "[]");
  } catch {
    drop(FOLLOWED, "session");
    return [];
  }
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function totals() {
  const items = uploads.flatMap((one) => one.items);
  const words = OUTCOMES.map((outcome) => [outcome, items.filter((item) => item.outcome === outcome).length])
    .filter(([, number]) => number > 0)
    .map(([outcome, number]) => `${number} ${outcome}`);
  const unsent = uploads.filter((one) => one.state === "failed" && one.items.length === 0).length;
  return [...words, ...(unsent > 0 ? [`${unsent} not taken`] : [])].join(" · ");
}

/** Draw once for all that has changed since the last frame. */
function draw() {
  if (drawing === 0) {
    drawing = requestAnimationFrame(() => {
      drawing = 0;
      drawNow();
    });
  }
}

function drawNow() {
  const open = uploads.filter(({ state }) => !ENDED.includes(state));
  const ended = uploads.filter(({ state }) => ENDED.includes(state));
  const amiss = ended.filter(needsAPerson);
  const fine = ended.filter((one) => !needsAPerson(one));
  if (uploads.length === 0) {
    fill(place());
    return;
  }
  const moving = open.filter(({ state }) => state !== "waiting");
  const next = [...moving, ...open.filter(({ state }) => state === "waiting")].slice(0, SHOWN);
  fill(
    place(),
    reportHead(open, ended),
    rows([...next, ...amiss]),
    open.length > next.length ? h("p", { class: "where" }, `${counted(open.length - next.length, "more file")} waiting`) : null,
    fine.length > SHOWN && amiss.length + open.length > 0
      ? h("details", {}, h("summary", {}, `${counted(fine.length, "file")} without a problem`), rows(fine))
      : rows(fine),
  );
}

function reportHead(open, ended) {
  const busy = open.length > 0;
  const into = [...new Set(uploads.map((one) => one.collection))].filter((name) => name !== collection());
  return h(
    "div",
    { class: "report" },
    h("h3", {}, busy ? `Adding ${ended.length} of ${counted(uploads.length, "file")}` : "Report"),
    h("p", { class: "totals" }, totals(), into.length > 0 ? ` (also into ${into.join(", ")})` : ""),
    busy ? null : button("close", "Clear the report", { class: "bare", click: clear }, true),
    busy && uploads.length > 1
      ? h("progress", { "aria-label": "Files added", max: String(uploads.length), value: ended.length })
      : null,
  );
}

/** What failed, and what was stored in part. */
function needsAPerson({ state, items }) {
  return state !== "done" || items.some((item) => ["failed", "partial"].includes(item.outcome));
}

function clear() {
  uploads.length = 0;
  drawNow();
  document.getElementById("files").focus();
}

function rows(some) {
  return some.length === 0 ? null : h("ul", { class: "rows" }, some.map(row));
}

function row(one) {
  const words = one.state === "sending" ? `being sent${one.file ? `, ${sizeWords(one.file.size)}` : ""}` : WORDS[one.state];
  const moving = ["sending", "running"].includes(one.state);
  const [only] = one.items.length === 1 ? one.items : [];
  const said = only?.outcome ?? (one.state === "failed" && one.message ? "failed" : null);
  return h(
    "li",
    { class: "upload" },
    h(
      "div",
      { class: "grow" },
      h("p", { class: "name" }, h("span", { dir: "auto" }, one.name), said ? outcomeWord(said) : null),
      words ? h("p", { class: "where" }, words) : null,
      moving ? h("progress", { "aria-label": `${one.name}: ${words}`, max: "1", ...(one.share === null ? {} : { value: one.share }) }) : null,
      one.message ? h("p", { class: "trouble" }, one.message) : null,
      one.items.map((item) => itemLines(item, item !== only)),
    ),
  );
}

function outcomeWord(outcome) {
  return h("span", { class: `outcome-word ${outcome}` }, outcome);
}

/** Return what became of one document of a file; `apart` where the file has several. */
function itemLines(item, apart) {
  const lines = [];
  if (item.message) lines.push([item.message, item.pages]);
  item.findings.forEach((finding) => lines.push([finding.message, finding.pages]));
  const style = item.outcome === "failed" ? "trouble" : "finding";
  return h(
    "div",
    { class: "item" },
    apart ? h("p", {}, h("span", { class: "uri" }, item.uri.replace(/^upload:/, "")), " ", outcomeWord(item.outcome)) : null,
    [...new Map(lines).entries()].map(([message, pages]) => h("p", { class: style }, `${message}${pagesWords(pages, item.uri)}`)),
  );
}

function pagesWords(pages, uri) {
  if (pages.length === 0) return "";
  return ` (${pageName(uri).toLowerCase()}${pages.length > 1 ? "s" : ""} ${pages.join(", ")})`;
}

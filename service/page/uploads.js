// Uploads: files on their way into a collection, and the report on each.

import { Problem, call, send } from "./api.js";
import { collection, refresh } from "./collections.js";
import { announce, button, fill, h } from "./dom.js";
import { counted, pageName, sizeWords } from "./text.js";

const AT_ONCE = 2;
const POLL_MS = [150, 300, 500, 1000];
const OUTCOMES = ["added", "updated", "unchanged", "removed", "partial", "failed"];
const WORDS = {
  waiting: "waiting to be sent",
  queued: "waiting to be read",
  running: "being read",
};
const waiting = [];
const shown = [];
let atWork = 0;

const list = () => document.getElementById("uploads");

/** Make the drop field, and the whole window, take files. */
export function startUploads() {
  const field = document.getElementById("files");
  field.addEventListener("change", () => {
    add([...field.files]);
    field.value = "";
  });
  const zone = document.body;
  let depth = 0;
  const carries = (event) => event.dataTransfer?.types.includes("Files");
  zone.addEventListener("dragenter", (event) => {
    if (!carries(event)) return;
    depth += 1;
    zone.classList.add("dragging");
  });
  zone.addEventListener("dragleave", (event) => {
    if (!carries(event)) return;
    depth -= 1;
    if (depth <= 0) zone.classList.remove("dragging");
  });
  zone.addEventListener("dragover", (event) => carries(event) && event.preventDefault());
  zone.addEventListener("drop", (event) => {
    if (!carries(event)) return;
    event.preventDefault();
    depth = 0;
    zone.classList.remove("dragging");
    dropped(event.dataTransfer);
  });
}

function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  const folders = entries.filter((entry) => entry?.isDirectory).map((entry) => entry.name);
  const files = [...transfer.files].filter((file, at) => !entries[at]?.isDirectory);
  location.hash = "#documents";
  if (folders.length > 0) {
    const message = "Folders are ingested by the command `afterword ingest`, which also follows their changes. Drop files here.";
    folders.forEach((name) => put({ name, state: "failed", items: [], message, share: null }));
  }
  add(files);
}

function add(files) {
  const as_of = document.getElementById("upload-date").value;
  for (const file of files) {
    waiting.push({
      file,
      name: file.name,
      size: file.size,
      fields: { collection: collection(), ...(as_of ? { as_of } : {}) },
      state: "waiting",
      items: [],
      message: "",
      share: null,
    });
    put(waiting.at(-1));
  }
  while (atWork < AT_ONCE && waiting.length > 0) next();
}

async function next() {
  const one = waiting.shift();
  if (one === undefined) return;
  atWork += 1;
  try {
    await carried(one);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    one.state = "failed";
    one.message = error.message;
  } finally {
    atWork -= 1;
    draw();
    next();
  }
  if (atWork === 0) {
    announce(totals());
    await refresh().catch(() => {}); // the list tells what is wrong
  }
}

async function carried(one) {
  one.state = "sending";
  const { job_id: id } = await sent(one);
  for (let look = 0; ; look += 1) {
    const job = await call(`v1/jobs/${id}`);
    const { done, total } = job.progress;
    Object.assign(one, { state: job.state, items: job.items, share: total > 0 ? done / total : null });
    draw();
    if (job.state === "done" || job.state === "failed") return;
    await pause(POLL_MS[Math.min(look, POLL_MS.length - 1)]);
  }
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

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

function put(one) {
  shown.push(one);
  draw();
}

function totals() {
  const counts = OUTCOMES.map((outcome) => [outcome, shown.flatMap((one) => one.items).filter((item) => item.outcome === outcome).length]);
  const unsent = shown.filter((one) => one.state === "failed" && one.items.length === 0).length;
  const words = counts.filter(([, number]) => number > 0).map(([outcome, number]) => `${number} ${outcome}`);
  if (unsent > 0) words.push(`${unsent} not taken`);
  return words.join(" · ");
}

function draw() {
  const busy = shown.some((one) => !["done", "failed"].includes(one.state));
  fill(
    list(),
    shown.length === 0
      ? null
      : h(
          "div",
          { class: "report" },
          h("h3", {}, busy ? `Reading ${counted(shown.length, "file")}` : "Report"),
          h("p", { class: "totals" }, totals()),
          busy ? null : button("close", "Clear the report", { class: "bare", click: clear }, true),
        ),
    h("ul", { class: "rows" }, (busy ? shown : [...shown].sort(byUrgency)).map(row)),
  );
}

/** What needs a person comes first. */
function byUrgency(one, other) {
  const urgency = ({ state, items }) => (state === "failed" ? 2 : items.some((item) => item.outcome === "partial") ? 1 : 0);
  return urgency(other) - urgency(one);
}

function clear() {
  shown.length = 0;
  draw();
  document.getElementById("files").focus();
}

function row(one) {
  const words = one.state === "sending" ? `being sent${one.size ? `, ${sizeWords(one.size)}` : ""}` : WORDS[one.state];
  const moving = ["sending", "queued", "running"].includes(one.state);
  const [only] = one.items.length === 1 ? one.items : [];
  const said = only?.outcome ?? (one.message ? "failed" : null);
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
    lines.map(([message, pages]) => h("p", { class: style }, `${message}${pagesWords(pages)}`)),
  );
}

function pagesWords(pages) {
  if (pages.length === 0) return "";
  return ` (${pageName().toLowerCase()}${pages.length > 1 ? "s" : ""} ${pages.join(", ")})`;
}

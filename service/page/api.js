// The service's HTTP interface: calls, problems, the key, and answers that arrive in events.

import { h, leaveButton, shownUntilClosed } from "./dom.js";
import { drop, keep, kept } from "./store.js";

const KEY = "afterword.key";
let asking = null;

/**
 * What the service, or the way to it, refused: `code` is stable, the message is for people, and
 * `detail` for those who run the service. `retryAfter` is in seconds.
 */
export class Problem extends Error {
  constructor(code, message, { status = 0, retryAfter = null, detail = message } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.retryAfter = retryAfter;
    this.detail = detail;
  }
}

/** Tell whether this browser keeps a key. */
export function hasKey() {
  return storedKey() !== null;
}

/** Forget the key. */
export function forgetKey() {
  drop(KEY, "session");
  drop(KEY);
}

/**
 * Call the service and give what it answers, as JSON; null where it answers nothing. `also` are
 * statuses whose answers are no problems.
 */
export async function call(path, { method = "GET", query = {}, body, signal, also = [] } = {}) {
  const response = await answered(path, { method, query, body, signal, also });
  if (response.status === 204) return null;
  const found = jsonOr(await response.text(), null);
  if (found === null) throw problemOf(null, response.status);
  return found;
}

/** Ask with a stream and give its events, `{name, data}`, as they come. */
export async function* events(path, body, signal) {
  const response = await answered(path, { method: "POST", body, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        const event = parsed(block);
        if (event !== null) yield event;
      }
    }
  } catch (error) {
    throw signal.aborted || error instanceof Problem ? error : unreachable();
  }
}

/** Send a file with its fields; `onSent` hears which share of it is on its way. */
export async function send(file, fields, onSent) {
  for (;;) {
    const { status, body, retryAfter } = await sentOnce(file, fields, onSent);
    if (status === 401 && (await newKey())) continue;
    if (status === 202 && body?.job_id) return body;
    throw problemOf(body, status, retryAfter);
  }
}

function sentOnce(file, fields, onSent) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append("file", file, file.name);
  const request = new XMLHttpRequest();
  request.open("POST", address("v1/documents"));
  for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
  request.upload.onprogress = (event) => onSent(event.total ? event.loaded / event.total : 0);
  return new Promise((resolve, reject) => {
    request.onerror = () => reject(unreachable());
    request.onload = () =>
      resolve({
        status: request.status,
        body: jsonOr(request.responseText, null),
        retryAfter: Number(request.getResponseHeader("Retry-After")) || null,
      });
    request.send(form);
  });
}

async function answered(path, { method, query = {}, body, signal, also = [] }) {
  for (;;) {
    const response = await fetched(path, { method, query, body, signal });
    if (response.ok || also.includes(response.status)) return response;
    if (response.status === 401 && (await newKey())) continue;
    const retryAfter = Number(response.headers.get("Retry-After")) || null;
    throw problemOf(jsonOr(await response.text(), null), response.status, retryAfter);
  }
}

async function fetched(path, { method, query, body, signal }) {
  const headers = authorization();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  try {
    return await fetch(address(path, query), {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
    });
  } catch (error) {
    throw signal?.aborted ? error : unreachable();
  }
}

function address(path, query = {}) {
  const url = new URL(path, document.baseURI);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  return url.href;
}

function authorization() {
  const key = storedKey();
  return key === null ? {} : { Authorization: `Bearer ${key}` };
}

function storedKey() {
  return kept(KEY, "session") ?? kept(KEY);
}

/** Ask the person for the key, once for all calls that wait for it; false where none is given. */
function newKey() {
  asking ??= askForKey().finally(() => {
    asking = null;
  });
  return asking;
}

async function askForKey() {
  const refused = hasKey();
  forgetKey();
  const field = h("input", { id: "key", type: "password", autocomplete: "current-password", required: true });
  const lasting = h("input", { id: "keep-key", type: "checkbox" });
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "key-title" },
    h("h2", { id: "key-title" }, refused ? "That key was refused" : "Enter the access key"),
    h("p", {}, "Whoever runs this service can give it to you."),
    h(
      "form",
      { method: "dialog" },
      h("label", { for: "key" }, "Key"),
      field,
      h("label", { class: "check", for: "keep-key" }, lasting, "Remember it in this browser"),
      h(
        "div",
        { class: "actions" },
        leaveButton("Cancel"),
        h("button", { value: "key", class: "primary" }, "Continue"),
      ),
    ),
  );
  if ((await shownUntilClosed(dialog)) !== "key" || field.value.trim() === "") return false;
  keep(KEY, field.value.trim(), lasting.checked ? "local" : "session");
  return true;
}

function parsed(block) {
  const fields = { event: "", data: "" };
  for (const line of block.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) fields[line.slice(0, colon)] += line.slice(colon + 1).replace(/^ /, "");
  }
  if (fields.event === "") return null;
  const data = jsonOr(fields.data, null);
  if (data === null) throw problemOf(null, 0);
  return { name: fields.event, data };
}

// What people at the page can do is not what programs can: for these there are words of our own.
const WORDS = {
  collection_not_found: "This collection does not exist, or not any more.",
  document_not_found: "This document has been deleted since.",
  document_changed: "This document has another text now. Ask again for citations of the new text.",
  key_refused: "An access key is needed.",
  model_busy: "It takes no more work at present. Try again in a moment, or let the answer be quoted.",
  model_failed: "It did not answer, or broke off. Try again, or let the answer be quoted.",
  model_not_set: "This service has none. Answers can be quoted all the same.",
  model_missing: "It cannot be used on this service. Answers can be quoted all the same.",
  model_too_slow: "Its time was over before there was an answer. Try again, or let the answer be quoted.",
  prompt_too_long: "The question does not fit into what it can read at once. Shorten the question, or let the answer be quoted.",
  scope_refused: "Your access key does not allow this. Whoever runs this service can give you another one.",
  rate_limited: "You have asked very often. Wait a little, then ask again.",
  too_large: "It is larger than this service accepts.",
  too_many_requests: "It is busy with other questions. Try again in a moment.",
  not_understood: "What came back cannot be read. Something between here and the service, such as a proxy, may have answered in its place.",
};

/** Return the problem that an answer, or an event, tells of. */
export function problemOf(body, status, retryAfter = null) {
  const code = body?.code ?? "not_understood";
  const words = WORDS[code] ?? body.detail;
  return new Problem(code, words, { status, retryAfter: retryAfter ?? body?.retry_after ?? null, detail: body?.detail ?? words });
}

/** Tell whether the same call may well be answered in a moment. */
export function passes(problem) {
  return problem.code === "unreachable" || problem.status === 429 || problem.status >= 500;
}

function unreachable() {
  return new Problem("unreachable", "The service cannot be reached. Is it still running, and the network up?");
}

function jsonOr(text, otherwise) {
  try {
    return JSON.parse(text);
  } catch {
    return otherwise;
  }
}

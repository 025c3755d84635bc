// Elements built from data: text only ever becomes text, so no document can put markup on the page.

const SVG = "http://www.w3.org/2000/svg";

const SAID_MS = 10_000;

// Each icon is one path on a 24 by 24 field, drawn as a line.
const ICONS = {
  up: "M12 19V5M6 11l6-6 6 6",
  stop: "M7 7h10v10H7z",
  close: "M6 6l12 12M18 6L6 18",
  filter: "M4 6h16M7 12h10M10 18h4",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "M5 13l4 4L19 7",
  trash: "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
  upload: "M12 16V4M7 9l5-5 5 5M4 16v4h16v-4",
  open: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  back: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  theme: "M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z",
  key: "M14 10a4 4 0 1 0-3 3l2 2h2v2h2v2h3v-3z",
  plus: "M12 5v14M5 12h14",
  chat: "M20 11V8a3 3 0 0 0-3-3H7a3 3 0 0 0-3 3v6a3 3 0 0 0 3 3v4l4-4h2M18 14v6M15 17h6",
  quote: "M10 8H5v5h4c0 2-1 3-3 4M19 8h-5v5h4c0 2-1 3-3 4",
  retry: "M4 12a8 8 0 1 0 3-6.2M4 4v5h5",
};

/** Return an element; `props` are attributes, properties that are functions are listeners. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) set(element, name, value);
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (typeof value === "function") element.addEventListener(name, value);
  else if (name === "value" || name === "checked" || name === "disabled") element[name] = value;
  else element.setAttribute(name, value === true ? "" : String(value));
}

/** Return an icon, which says nothing to a screen reader: what it stands in has a name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Return a button with an icon and, unless `quiet`, its words. */
export function button(name, words, props = {}, quiet = false) {
  const label = quiet ? { "aria-label": words, title: words } : {};
  const shown = quiet ? null : h("span", {}, words);
  return h("button", { type: "button", ...label, ...props }, icon(name), shown);
}

/** Put these children in the place of those that an element has. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== false));
  return element;
}

/** Say something to people who listen to the page. */
export function announce(words) {
  document.getElementById("announcer").textContent = words;
}

/** Say more to people who listen, behind what is being said; it stands nowhere for long. */
export function announceMore(words) {
  if (words === "") return;
  const said = h("p", {}, words);
  document.getElementById("said").append(said);
  setTimeout(() => said.remove(), SAID_MS);
}

/** Ask a question of yes or no; give true for yes. */
export function confirmed(title, words, yes) {
  const dialog = h(
    "dialog",
    { class: "dialog", "aria-labelledby": "confirm-title" },
    h("h2", { id: "confirm-title" }, title),
    h("p", {}, words),
    h(
      "form",
      { method: "dialog", class: "actions" },
      leaveButton("Cancel"),
      h("button", { value: "yes", class: "danger" }, yes),
    ),
  );
  return shownUntilClosed(dialog).then((value) => value === "yes");
}

/** Return a button that leaves its dialog; never the one that Enter presses. */
export function leaveButton(words, value = "") {
  return h("button", { type: "button", class: "plain", click: (event) => event.target.closest("dialog").close(value) }, words);
}

/** Show a dialog and give the value that it is closed with; it is gone afterwards. */
export function shownUntilClosed(dialog) {
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue);
    });
  });
}

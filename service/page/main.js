// The page's start: its parts are put together, and one view is shown at a time.

import { forgetKey, hasKey } from "./api.js";
import { showWelcome, startAsking } from "./ask.js";
import { refresh, startCollections } from "./collections.js";
import { startDocuments } from "./documents.js";
import { button, fill, h } from "./dom.js";
import { showPast } from "./past.js";
import { startSource } from "./source.js";
import { startUploads } from "./uploads.js";

const VIEWS = ["ask", "documents", "history"];
const THEME = "afterword.theme";
const THEMES = ["system", "light", "dark"];
const RETRY_MS = 2000;

/** Show the view that the address names; each begins at its top, the answers at the newest. */
function showView() {
  const wanted = location.hash.slice(1);
  const view = VIEWS.includes(wanted) ? wanted : "ask";
  for (const name of VIEWS) {
    document.getElementById(`view-${name}`).hidden = name !== view;
    const link = document.querySelector(`nav a[href="#${name}"]`);
    if (name === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view === "history") showPast();
  if (view !== "ask") {
    window.scrollTo(0, 0);
    return;
  }
  document.querySelector(".turn:last-child")?.scrollIntoView({ block: "start" });
  document.getElementById("question").focus({ preventScroll: true });
}

function showTheme() {
  const theme = localStorage.getItem(THEME) ?? "system";
  document.documentElement.dataset.theme = theme;
  const control = button("theme", `Colours: ${theme}`, { class: "bare", click: nextTheme }, true);
  fill(document.getElementById("theme"), control);
}

function nextTheme() {
  const now = THEMES.indexOf(localStorage.getItem(THEME) ?? "system");
  localStorage.setItem(THEME, THEMES[(now + 1) % THEMES.length]);
  showTheme();
  document.querySelector("#theme button").focus();
}

function showKey() {
  const forget = () => {
    forgetKey();
    location.reload();
  };
  fill(
    document.getElementById("key-place"),
    hasKey() ? button("key", "Forget the key", { class: "bare", click: forget }, true) : null,
  );
}

/** Load what there is; a service that is still loading is asked again until it has. */
async function begin() {
  const notice = document.getElementById("notice");
  try {
    await refresh();
  } catch (error) {
    const again = error.code === "not_ready" || error.code === "unreachable";
    fill(
      notice,
      h("p", {}, error.message),
      again ? null : button("retry", "Try again", { class: "plain", click: begin }),
    );
    notice.hidden = false;
    if (again) setTimeout(begin, RETRY_MS);
    return;
  } finally {
    showKey();
  }
  notice.hidden = true;
}

function typedAnywhere(event) {
  const typing = event.target.closest("input, textarea, select, dialog:modal") !== null;
  if (event.key !== "/" || typing || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  location.hash = "#ask";
  document.getElementById("question").focus();
}

showTheme();
startCollections();
startAsking();
startDocuments();
startUploads();
startSource();
showWelcome();
showView();
window.addEventListener("hashchange", showView);
document.addEventListener("keydown", typedAnywhere);
begin();

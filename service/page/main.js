// The page's start: its parts are put together.

import { Problem, forgetKey, hasKey, passes } from "./api.js";
import { startAsking } from "./ask.js";
import { refresh, startCollections } from "./collections.js";
import { startDocuments } from "./documents.js";
import { button, fill } from "./dom.js";
import { learnManner } from "./manner.js";
import { hideNotice, showNotice } from "./notice.js";
import { showPast, startPast } from "./past.js";
import { startSource } from "./source.js";
import { keep, kept } from "./store.js";
import { startUploads } from "./uploads.js";
import { onView, startViews } from "./views.js";

const THEME = "afterword.theme";
const THEMES = ["system", "light", "dark"];
const RETRY_MS = 2000;

function theme() {
  const chosen = kept(THEME);
  return THEMES.includes(chosen) ? chosen : "system";
}

function showTheme() {
  document.documentElement.dataset.theme = theme();
  const control = button("theme", `Colours: ${theme()}`, { class: "bare", click: nextTheme }, true);
  fill(document.getElementById("theme"), control);
}

function nextTheme() {
  keep(THEME, THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
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

/** Look at what there is; a service that cannot tell yet is asked again until it can. */
async function begin() {
  try {
    await refresh();
    hideNotice();
    learnManner();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    const soon = passes(error);
    showNotice(error.message, soon ? null : begin);
    if (soon) setTimeout(begin, RETRY_MS);
  } finally {
    showKey();
  }
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
startPast();
onView((name) => name === "history" && showPast());
startViews();
document.getElementById("question").focus({ preventScroll: true });
document.addEventListener("keydown", typedAnywhere);
begin();

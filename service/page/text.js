// Texts: offsets that count code points, names of things, and an answer as plain text.

const KINDS = {
  "application/pdf": "PDF",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "PowerPoint",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "Excel",
  "application/vnd.ms-excel.sheet.binary.macroEnabled.12": "Excel, binary",
  "application/vnd.ms-excel": "Excel 97",
  "application/vnd.oasis.opendocument.text": "OpenDocument text",
  "application/vnd.oasis.opendocument.spreadsheet": "OpenDocument sheet",
  "application/vnd.oasis.opendocument.presentation": "OpenDocument slides",
  "application/vnd.ms-outlook": "Outlook mail",
  "application/epub+zip": "EPUB",
  "application/rtf": "RTF",
  "application/json": "JSON",
  "application/jsonl": "JSON lines",
  "application/x-ndjson": "JSON lines",
  "application/xml": "XML",
  "application/x-ipynb+json": "Notebook",
  "application/x-ooxml-encrypted": "Locked Office file",
  "text/x-tex": "TeX",
  "message/rfc822": "Mail",
  "text/html": "HTML",
  "text/markdown": "Markdown",
  "text/plain": "Text",
  "text/csv": "CSV",
  "text/tab-separated-values": "TSV",
  "text/x-rst": "reStructuredText",
};
/** What stands behind a sentence that nothing bears out. */
export const UNSUPPORTED = "[unsupported]";
const LONG_LINE = 50;
// Scripts that put spaces between words, which a line's end stands for; no item of a list.
const ENDS_IN_A_WORD = /[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\d,;.)’'”"]$/u;
const BEGINS_WITH_A_WORD = /^(?!\d+[.)] )[\p{Script=Latin}\p{Script=Cyrillic}\p{Script=Greek}\d(“"'‘]/u;

/** Return the name that people have for a media type. */
export function kindName(mediaType) {
  return KINDS[mediaType] ?? mediaType.replace(/^(application|text|image)\/(x-|vnd\.)?/, "").toUpperCase();
}

/** Return what the pages of a document are called, by its media type or the end of its uri. */
export function pageName(kind = "") {
  if (/presentation|\.(pptx|odp)$/i.test(kind)) return "Slide";
  if (/sheet|excel|\.(xls[xmb]?|ods)$/i.test(kind)) return "Sheet";
  return "Page";
}

/** Return an ISO date as people write it. */
export function dateWords(iso) {
  const time = Date.parse(`${iso}T00:00:00Z`);
  if (Number.isNaN(time)) return iso;
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeZone: "UTC" }).format(time);
}

/** Return a moment as people tell it. */
export function momentWords(milliseconds) {
  return new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" }).format(milliseconds);
}

/** Return a number with its noun. */
export function counted(number, noun) {
  return `${number.toLocaleString("en-GB")} ${noun}${number === 1 ? "" : "s"}`;
}

/** Return a size in bytes as people tell it. */
export function sizeWords(bytes) {
  const steps = ["bytes", "kB", "MB", "GB"];
  let size = bytes;
  while (size >= 1000 && steps.length > 1) {
    size /= 1000;
    steps.shift();
  }
  return `${size < 10 && steps[0] !== "bytes" ? size.toFixed(1) : Math.round(size)} ${steps[0]}`;
}

/**
 * Cut the text of `[start, …)` at places of the document, in code points.
 *
 * JavaScript counts UTF-16 units, of which an emoji has two, so nothing may be cut by `slice`.
 */
export function cutAt(text, start, places) {
  const points = Array.from(text);
  const inside = [...new Set(places)]
    .filter((place) => place > start && place < start + points.length)
    .sort((a, b) => a - b);
  const bounds = [start, ...inside, start + points.length];
  return bounds.slice(0, -1).map((from, i) => ({
    start: from,
    end: bounds[i + 1],
    text: points.slice(from - start, bounds[i + 1] - start).join(""),
  }));
}

/**
 * Return the text with a space where a line ends only because the page it was set on was narrow.
 *
 * A character takes the place of a character, so offsets stay what they are. Rows of tables, items
 * of lists, headings and short lines keep their ends.
 */
export function withoutHardBreaks(text) {
  const lines = text.split("\n");
  return lines.reduce((whole, line, at) => `${whole}${goesOn(lines[at - 1], line) ? " " : "\n"}${line}`);
}

function goesOn(line, next) {
  const row = line.includes(" | ") || next.includes(" | ");
  return line.length >= LONG_LINE && !row && ENDS_IN_A_WORD.test(line) && BEGINS_WITH_A_WORD.test(next);
}

/** Return a quote of a PDF without the ends of its lines; lists, tables and paragraphs keep theirs. */
export function flowing(text) {
  return text.replace(/(?<=[^\n|])\n(?![\n•*–-]|[ \t]*(?:[-+*•–>]|\d+[.)]|[a-z][.)]) |[^\n]* \| )/g, " ");
}

/**
 * Cut an answer into its words and the markers of its citations; where there may be `marks`, those
 * of sentences that nothing bears out are pieces of their own.
 */
export function answerPieces(answer, citations, marks = false) {
  const known = new Map(citations.map((citation, i) => [citation.marker, i]));
  return answer
    .split(marks ? /(\[\d+\]|\[unsupported\])/ : /(\[\d+\])/)
    .filter((piece) => piece !== "")
    .map((piece) => ({ text: piece, citation: known.get(piece) ?? null, unsupported: marks && piece === UNSUPPORTED }));
}

/** Return an answer without the markers of its citations. */
export function withoutMarkers(answer, citations) {
  return citations.reduce((text, { marker }) => text.replaceAll(` ${marker}`, "").replaceAll(marker, ""), answer).trim();
}

/** Say where in its document something stands: page, row, section. */
export function placeWords(place) {
  const words = [];
  const kind = place.media_type ?? place.uri;
  if (place.page !== null && place.page !== undefined) words.push(`${pageName(kind).toLowerCase()} ${place.page}`);
  if (place.row) words.push(`row ${place.row}`);
  const section = place.section?.split(" > ").pop();
  if (section && section !== place.title) words.push(section);
  return words.join(" · ");
}

/** Return the cells of a table's row with the names of their columns. */
export function cellWords(cells) {
  return cells.map(({ column, text }) => (column === "" ? text : `${column}: ${text}`)).join(" · ");
}

/** Return a question with its answer and citations as plain text, to be put elsewhere. */
export function asPlainText(question, reply) {
  const lines = [question, "", reply.answer];
  if (reply.citations.length > 0) lines.push("");
  for (const one of reply.citations) {
    const place = placeWords(one);
    const date = one.as_of ? `as of ${one.as_of}` : "";
    const where = [one.title, place, date, one.uri].filter(Boolean).join(", ");
    lines.push(`${one.marker} ${where}`, `    “${one.quote}”`);
    if ((one.cells ?? []).length > 0) lines.push(`    ${cellWords(one.cells)}`);
  }
  return `${lines.join("\n")}\n`;
}

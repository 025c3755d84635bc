"""The pages that are mostly one table: settings, formats, reports, filters, metrics."""

from collections.abc import Iterator, Mapping
from typing import Final

from docs.generate.markdown import code, codes, page, table
from indexes import filters
from indexes.settings import ENV_FILE, TOML_FILE, settings_table
from ingest.codes import CODES, NOTES, Told
from ingest.readers import PICTURES, READERS
from ingest.report import FAILING, HARMLESS, MEANINGS
from service.metrics import Metrics, Stock

_SETTINGS: Final = f"""\
They come from the environment, then from `{ENV_FILE}`, then from `{TOML_FILE}` of the folder that
you are in; the first that has one counts. In `{TOML_FILE}` a name is written without `AFTERWORD_`
and in small letters: `data = "…"`. All mistakes are reported together at start, and a name that
begins with `AFTERWORD_` and is no setting is one.

Names of other software keep their meaning: `HF_HUB_OFFLINE=1` keeps models of the Hugging Face hub
from asking the network. Encoder, language and chunk size are of new collections: afterwards the
collection decides, until `afterword reindex`."""
_FORMATS: Final = """\
What a file is, its content decides; its name only breaks ties. A page is what a citation counts,
and a date is the day that the document itself states (`as_of`); where a cell is empty, the format
has none. The date that you give goes over it. Pictures are read with [text
recognition](../how-to/ingest.md#scans-and-pictures) only. Archives, DOC, PPT, films, photos of
phones, sound, fonts and programs are not read, and a report says so by name."""
_REPORT: Final = """\
What `afterword ingest` prints, and with `--json` prints as an object, and what a job of the HTTP
service has under `items`. Every input ends in exactly one outcome."""
_CODES_ABOUT: Final = f"""\
A code beside *failed* says why nothing was stored, beside *partial* what is missing.
{codes(sorted(HARMLESS))} may also stand beside a document that was stored in full. An input that
met an error of the whole run has the [code of that error](http-api.md#problems), such as
`model_missing`."""
_FILTERS: Final = """\
For `--filter` of `ask` and `search`, and `filter` of the HTTP service. A comparison is `{"field":
…, "operator": …, "value": …}`, a combination `{"operator": …, "conditions": [ … ]}`. [How to
filter](../how-to/filter.md) has examples."""
_COMPARED: Final = """\
A field that a document lacks makes every comparison false, `!=` and `not in` too. A field that
holds a list fits where one of its elements does. Values compare with their own kind only: text
with text, number with number, true and false with `==` and `!=` alone."""
_LIMITS: Final = f"""\
A filter has at most {filters.MOST_CONDITIONS} conditions, {filters.DEEPEST} deep,
{filters.MOST_MEMBERS:,} values in a list and {filters.MOST_VALUES:,} in all. What is wrong with one
is said with its place: `bad_filter`, exit status 2, HTTP 422."""
_METRICS: Final = "What `GET /metrics` gives to Prometheus; it needs the key where one is set."


def settings_page() -> str:
    """Return the page on settings."""
    return page("Settings", _SETTINGS, [settings_table().strip()])


def formats_page() -> str:
    """Return the page on formats, a row a media type."""
    rows = [
        (entry.title, code(entry.suffix), code(media_type), entry.pages, entry.dates)
        for media_type, entry in READERS.items()
        if media_type not in PICTURES
    ]
    pictures = [
        (READERS[media_type].title, code(READERS[media_type].suffix), code(media_type), "pages", "")
        for media_type in PICTURES
    ]
    heads = ("format", "usual ending", "media type", "pages", "date")
    return page("Formats", _FORMATS, [table(heads, [*rows, *pictures])])


def report_page() -> str:
    """Return the page on outcomes, codes and notes of an ingestion."""
    outcomes = [(code(name), meaning) for name, meaning in MEANINGS.items()]
    return page(
        "What ingestion reports",
        _REPORT,
        ["## Outcomes", table(("outcome", "meaning"), outcomes)],
        ["## Codes", _CODES_ABOUT, *_told(CODES)],
        ["## Notes", "They are of the run as a whole.", *_told(NOTES)],
        [f"The exit status is 1 with {codes(sorted(FAILING))}, and where documents were kept."],
    )


def _told(meanings: Mapping[str, Told]) -> Iterator[str]:
    rows = [(code(name), told.meaning, told.remedy) for name, told in meanings.items()]
    yield table(("code", "meaning", "what to do"), rows)


def filters_page() -> str:
    """Return the page on fields, operators and limits of filters."""
    tables = [
        ("Fields", "field", filters.FIELDS),
        ("Operators", "operator", filters.OPERATORS),
        ("Combinations", "operator", filters.COMBINATIONS),
    ]
    blocks = [
        block
        for title, head, meanings in tables
        for block in (
            f"## {title}",
            table((head, "meaning"), [(code(name), text) for name, text in meanings.items()]),
        )
    ]
    return page("Filters", _FILTERS, blocks, [_COMPARED, _LIMITS])


def metrics_page() -> str:
    """Return the page on metrics."""
    families = Metrics(Stock).families
    rows = [(code(one.name), one.kind, codes(one.labels), one.text) for one in families]
    return page("Metrics", _METRICS, [table(("name", "kind", "labels", "meaning"), rows)])

"""HTML: what a reader of the page sees, block by block, with headings and tables marked.

Parsed by lexbor (through selectolax), an implementation of the WHATWG's HTML standard.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from selectolax.lexbor import LexborHTMLParser

from indexes.documents import Extract, stored_form
from indexes.errors import ReadFailure
from ingest.readers import HTML, ReadOptions
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode
from ingest.readers.layout import laid

_CHARSET: Final = re.compile(
    rb"(?i)(?:<meta[^>]{0,200}?charset|<\?xml[^>]{0,100}?encoding)\s*=\s*[\"']?\s*([\w.:-]+)"
)
_HEAD: Final = 4096
_DATE_NAMES: Final = (
    "article:modified_time", "article:published_time", "dcterms.modified", "dcterms.date",
    "dc.date", "datemodified", "datepublished", "citation_publication_date", "last-modified",
    "date",
)  # fmt: skip
_JSON_DATE: Final = re.compile(r'"(dateModified|datePublished)"\s*:\s*"([^"]{8,40})"')


def declared_charset(data: bytes) -> str | None:
    """Return the encoding that a page names at its beginning."""
    declared = _CHARSET.search(data[:_HEAD])
    return declared[1].decode("ascii", "ignore") if declared else None


def read(path: Path, options: ReadOptions) -> Iterator[Extract]:
    """Yield the page. Raises ReadFailure `empty`, `wrong_type`."""
    data = path.read_bytes()
    decoded = decode(data, declared_charset(data))
    parser = LexborHTMLParser(decoded.text)
    page = laid(parser)
    text = page.text
    if not text:
        raise ReadFailure(
            "empty",
            "the page has no text of its own; if a browser shows some, a program puts it there: "
            "print the page to PDF, or save what the browser shows",
        )
    as_of = _date(parser)
    first = next(
        (h.span.cut(text) for h in page.headings if h.level == 1 or h.span.start == 0), None
    )
    yield Extract(
        text,
        HTML,
        _title(parser) or first or options.stem,
        headings=page.headings,
        tables=page.tables,
        as_of=as_of,
        as_of_source="content" if as_of else None,
        findings=decoded.findings + page.findings,
    )


def _title(parser: LexborHTMLParser) -> str:
    node = parser.css_first("title")
    return " ".join(stored_form(node.text()).split()) if node else ""


def _date(parser: LexborHTMLParser) -> str | None:
    found = dict[str, str | None]()
    for node in parser.css("meta[content]"):
        attributes = node.attributes
        name = attributes.get("property") or attributes.get("name") or attributes.get("itemprop")
        found.setdefault((name or "").lower(), attributes.get("content"))
    for node in parser.css('script[type="application/ld+json"]'):
        for match in _JSON_DATE.finditer(node.text()):
            found.setdefault(match[1].lower(), match[2])
    given = [found.get(name) for name in _DATE_NAMES]
    times = parser.css("time[pubdate], time[itemprop]") or parser.css("time[datetime]")
    days = {node.attributes.get("datetime") for node in times}
    given += days if len(days) == 1 else ()
    return next((day for value in given if (day := iso_date(value))), None)

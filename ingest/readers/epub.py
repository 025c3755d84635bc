"""EPUB: the chapters of a book in their order, each laid out as the page that it is."""

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from lxml import etree

from indexes.documents import Extract, Finding, Metadata
from indexes.errors import ReadFailure
from ingest.readers import EPUB, Reading, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.dates import iso_date
from ingest.readers.encodings import decode
from ingest.readers.html import declared_charset
from ingest.readers.layout import lay_out
from ingest.readers.trees import local, tree, words
from ingest.readers.zipped import opened, part

_CONTAINER: Final = "META-INF/container.xml"
_RIGHTS: Final = "META-INF/encryption.xml"
# Fonts are often scrambled in these two ways, which locks no text.
_FONT_ALGORITHMS: Final = ("http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC")
_PAGES: Final = frozenset(("application/xhtml+xml", "text/html", "application/x-dtbook+xml"))
_FACTS: Final = {"creator": "author", "language": "language", "publisher": "publisher",
                 "subject": "subject", "identifier": "identifier"}  # fmt: skip
_SHOWN: Final = 5
# `<title/>` is whole in XML; to HTML it is a title that begins and goes on to the end.
_CLOSED: Final = re.compile(
    r"<(?!(?:area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr)\b)"
    r"([a-zA-Z][\w-]*)((?:\s[^<>]*)?)/>"
)


@dataclass(frozen=True, slots=True)
class _Book:
    """What the package document says; `chapters` are parts of the archive in reading order."""

    title: str
    chapters: Sequence[str]
    labels: Mapping[str, str]
    metadata: Metadata
    as_of: str | None


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of a book.

    Raises ReadFailure `damaged`, `encrypted` for a book with a lock, `empty`, `too_large`.
    """
    with opened(path) as archive:
        book = _book(archive)
        _refuse_locked(archive, book)
        composed, findings = Composed(), list[Finding]()
        missing = [
            name for name in book.chapters if not _put(composed, findings, archive, name, book)
        ]
    if not composed.text:
        raise ReadFailure("empty", "the book has no text; if its pages are pictures, run a text "
                          "recogniser over them")  # fmt: skip
    if missing:
        findings.append(_missing(missing))
    yield Extract(
        composed.text,
        EPUB,
        book.title or options.stem,
        headings=tuple(composed.headings),
        tables=tuple(composed.tables),
        as_of=book.as_of,
        as_of_source="content" if book.as_of else None,
        metadata=book.metadata,
        findings=tuple(findings),
    )


def _missing(names: Sequence[str]) -> Finding:
    shown = ", ".join(names[:_SHOWN])
    message = f"{len(names)} chapters could not be read ({shown}); fetch the book again"
    return Finding("damaged", message)


def _put(
    composed: Composed,
    findings: list[Finding],
    archive: zipfile.ZipFile,
    name: str,
    book: _Book,
) -> bool:
    """Add a chapter, below its name in the table of contents where it has no heading itself."""
    data = part(archive, name)
    if data is None:
        return False
    try:
        page = lay_out(_CLOSED.sub(r"<\1\2></\1>", decode(data, declared_charset(data)).text))
    except ReadFailure as failure:
        return failure.reason == "empty"
    findings += page.findings
    if page.text and not page.headings and (label := book.labels.get(name)):
        if page.text.startswith(label):
            composed.include(page.text, (), page.tables)
            return True
        composed.heading(1, label)
    composed.include(page.text, page.headings, page.tables)
    return True


def _book(archive: zipfile.ZipFile) -> _Book:
    container = _tree(archive, _CONTAINER)
    rootfile = next((e for e in container.iter(etree.Element) if local(e) == "rootfile"), None)
    if rootfile is None:
        raise _damaged(f"{_CONTAINER} names no package document")
    name = str(rootfile.get("full-path", ""))
    package = _tree(archive, name)
    items = {str(e.get("id")): e for e in _all(package, "item")}
    hrefs = {key: _inside(name, str(item.get("href", ""))) for key, item in items.items()}
    spine = [str(e.get("idref")) for e in _all(package, "itemref")]
    chapters = [
        hrefs[key]
        for key in spine or list(items)
        if key in items
        and str(items[key].get("media-type")) in _PAGES
        and "nav" not in str(items[key].get("properties", "")).split()
    ]
    if not chapters:
        raise _damaged("its package document names no chapters")
    titles = [words(e) for e in _all(package, "title") if words(e)]
    return _Book(
        titles[0] if titles else "",
        tuple(dict.fromkeys(chapters)),
        _labels(archive, items, hrefs),
        _metadata(package),
        _published(package),
    )


def _labels(
    archive: zipfile.ZipFile, items: Mapping[str, etree._Element], hrefs: Mapping[str, str]
) -> dict[str, str]:
    """Return what the table of contents calls each chapter, by the chapter's part."""
    labels = dict[str, str]()
    for key, item in items.items():
        is_nav = "nav" in str(item.get("properties", "")).split()
        if not is_nav and item.get("media-type") != "application/x-dtbncx+xml":
            continue
        try:
            contents = _tree(archive, hrefs[key])
        except ReadFailure:
            continue
        for target, label in _entries(contents):
            if target and label:
                labels.setdefault(_inside(hrefs[key], target), label)
    return labels


def _entries(contents: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the target and the words of each entry: of links, or in version 2 of points."""
    for entry in contents.iter(etree.Element):
        if local(entry) == "a":
            yield str(entry.get("href", "")), words(entry)
        elif local(entry) == "navPoint":
            parts = {local(child): child for child in entry.iterchildren(etree.Element)}
            if "content" in parts and "navLabel" in parts:
                yield str(parts["content"].get("src", "")), words(parts["navLabel"])


def _metadata(package: etree._Element) -> Metadata:
    found = dict[str, list[str]]()
    for element in package.iter(etree.Element):
        if (name := _FACTS.get(local(element))) and (value := words(element)):
            found.setdefault(name, []).append(value)
    facts = {name: values[0] if len(values) == 1 else values for name, values in found.items()}
    dates = [words(e) for e in _all(package, "date") if words(e)]
    return {**facts, **({"date": dates[0]} if dates else {})}


def _published(package: etree._Element) -> str | None:
    """Return the day of publication: what a date is from version 3 on, or is marked to be."""
    is_third = str(package.get("version", "")).startswith("3")
    for element in _all(package, "date"):
        events = [str(value) for name, value in element.items() if str(name).endswith("event")]
        is_publication = events == ["publication"] or (is_third and not events)
        if is_publication and (day := iso_date(words(element))):
            return day
    return None


def _refuse_locked(archive: zipfile.ZipFile, book: _Book) -> None:
    if part(archive, _RIGHTS) is None:
        return
    rights = _tree(archive, _RIGHTS)
    for entry in _all(rights, "EncryptedData"):
        methods = [str(e.get("Algorithm")) for e in _all(entry, "EncryptionMethod")]
        targets = {unquote(str(e.get("URI"))) for e in _all(entry, "CipherReference")}
        if not any(method in _FONT_ALGORITHMS for method in methods) and targets & {*book.chapters}:
            raise ReadFailure(
                "encrypted",
                "the book is locked by its seller (DRM), so that its text cannot be read; get a "
                "copy without a lock",
            )


def _all(root: etree._Element, name: str) -> Iterator[etree._Element]:
    return (element for element in root.iter(etree.Element) if local(element) == name)


def _inside(base: str, href: str) -> str:
    """Return the part that a link in the part `base` leads to."""
    return posixpath.normpath(
        posixpath.join(posixpath.dirname(base), unquote(href.partition("#")[0]))
    )


def _tree(archive: zipfile.ZipFile, name: str) -> etree._Element:
    data = part(archive, name)
    if data is None:
        raise _damaged(f"it has no {name}")
    return tree(data)


def _damaged(what: str) -> ReadFailure:
    return ReadFailure("damaged", f"the file is not a whole e-book: {what}; fetch it again")

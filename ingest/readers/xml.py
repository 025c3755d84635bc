"""XML: documents (DocBook, TEI, DITA, JATS) as paragraphs, data and feeds as records."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from lxml import etree

from indexes.documents import Extract
from indexes.errors import ReadFailure
from ingest.readers import XML, Reading, ReadOptions
from ingest.readers.composed import Composed
from ingest.readers.dates import iso_date
from ingest.readers.flat_office import packed
from ingest.readers.inside import read_inside
from ingest.readers.layout import lay_out
from ingest.readers.records import Fields, Value, put_record, put_value
from ingest.readers.trees import local, tree, words

_FEEDS: Final = frozenset(("rss", "feed", "RDF"))
_PARAGRAPHS: Final = frozenset(
    ("p", "para", "simpara", "ab", "shortdesc", "l", "sp", "PARA", "paragraph")
)
_CAPTIONS: Final = frozenset(("title", "head", "caption"))
_SENTENCE: Final = 3
# Patents: ST.36 with names in words, and before it ST.32 with numbers and capitals.
_TITLES: Final = frozenset(
    ("title", "head", "article-title", "bridgehead", "booktitle", "invention-title",
     "title-of-invention", "heading", "B540", "H")
)  # fmt: skip
# What has a title that is a caption, not the heading of what follows.
_CAPTIONED: Final = frozenset(
    ("table", "figure", "fig", "example", "table-wrap", "boxed-text", "note", "tip", "warning",
     "caution", "important", "caption", "list", "orderedlist", "itemizedlist", "variablelist",
     "procedure", "equation", "lg", "simplelist", "ref", "element-citation", "biblioentry",
     "biblioset", "mixed-citation", "blockquote", "sidebar")
)  # fmt: skip
_ABOUT: Final = frozenset(
    ("teiHeader", "front", "article-meta", "journal-meta", "info", "articleinfo", "bookinfo",
     "prolog", "front-stub", "sectioninfo", "chapterinfo", "bibliographic-data",
     "us-bibliographic-data-grant", "us-bibliographic-data-application",
     "subdoc-bibliographic-information", "SDOBI")
)  # fmt: skip
_ROWS: Final = frozenset(("row", "tr", "strow", "sthead"))
_HEADS: Final = frozenset(("thead", "sthead"))
_TABLES: Final = frozenset(("table", "tgroup", "simpletable", "informaltable", "table-wrap"))
_LISTS: Final = frozenset(
    ("list", "orderedlist", "itemizedlist", "variablelist", "simplelist", "ul", "ol", "sl", "dl")
)
_ITEMS: Final = frozenset(("listitem", "item", "list-item", "li", "member", "sli", "step"))
_BLOCKS: Final = frozenset(
    (*_PARAGRAPHS, *_LISTS, *_ITEMS, "disp-quote", "quote", "lb", "br", "varlistentry", "term",
     "title", "head", "dt", "dd", "dlentry")
)  # fmt: skip
_ITEM: Final = "\x00"  # what no XML file has
_PATENT_TEXT: Final = "PTEXT"  # each run of its words is in an element, and each small number
_ABSTRACTS: Final = frozenset(("abstract", "trans-abstract", "legalnotice", "ack", "dedication"))
# What stands in a feed may be HTML, or an address: `Ann <ann@example.org>`.
_HTML_TAG: Final = re.compile(
    r"(?i)</?(?:p|br|a|b|i|em|strong|div|span|img|ul|ol|li|table|h[1-6]|blockquote|pre|code|font|hr)"
    r"(?=[\s/>])"
)
_NONE: Final[frozenset[etree._Element]] = frozenset()
_VERBATIM: Final = frozenset(
    ("programlisting", "screen", "literallayout", "codeblock", "pre", "preformat", "lines",
     "synopsis", "eg", "code", "msgblock")
)  # fmt: skip
_DATES: Final = (
    "pubdate",
    "pub-date",
    "lastBuildDate",
    "pubDate",
    "updated",
    "date",
    "DATE",
    "document-date",
)
_PARTS: Final = ("year", "month", "day")
_ATTRIBUTES: Final = ("iso-8601-date", "when", "date")


def read(path: Path, options: ReadOptions) -> Reading:
    """Yield the one document of an XML file; an Office document in one is read as such.

    Raises ReadFailure `damaged` for what is not well-formed or uses entities, `empty`,
    `wrong_type`.
    """
    root = tree(path.read_bytes())
    document = packed(root)
    if document is not None:
        yield from read_inside(document, replace(options, depth=options.depth + 1))
        return
    yield _extract(root, options)


def _extract(root: etree._Element, options: ReadOptions) -> Extract:
    composed = Composed()
    if _is_document(root):
        _Walk(composed).walk(root)
    else:
        try:
            put_value(composed, _data(root, is_feed=local(root) in _FEEDS))
        except RecursionError:
            raise ReadFailure(
                "too_large", "the data is nested hundreds of levels deep; flatten it"
            ) from None
    if not composed.text:
        raise ReadFailure("empty", "the file has no text between its tags; fill it or leave it out")
    as_of = _date(root)
    return Extract(
        composed.text,
        XML,
        _title(root) or options.stem,
        headings=tuple(composed.headings),
        tables=tuple(composed.tables),
        as_of=as_of,
        as_of_source="content" if as_of else None,
    )


def _is_document(root: etree._Element) -> bool:
    """Tell whether it is a text to read on: it has paragraphs, or words around its elements."""
    if local(root) in _FEEDS:
        return False
    return any(
        _is_mixed(element) or (local(element) in _PARAGRAPHS and _is_sentence(element))
        for element in root.iter(etree.Element)
    )


def _is_sentence(element: etree._Element) -> bool:
    return len(words(element).split()) >= _SENTENCE


def _is_mixed(element: etree._Element) -> bool:
    return len(element) > 0 and (
        bool((element.text or "").strip()) or any((child.tail or "").strip() for child in element)
    )


def _title(root: etree._Element) -> str:
    for element in root.iter(etree.Element):
        if local(element) in _TITLES and not _is_caption(element) and (title := words(element)):
            return title
    return ""


def _is_caption(title: etree._Element) -> bool:
    parent = title.getparent()
    return parent is not None and local(parent) in _CAPTIONED


def _date(root: etree._Element) -> str | None:
    """Return the day on which the document says that it was published, or its feed changed."""
    about = [root]
    for element in root:
        about += [element, *element] if local(element) in {*_ABOUT, "channel"} else [element]
    for element in [
        *about,
        *(e for part in about[1:] if local(part) in _ABOUT for e in part.iter()),
    ]:
        if local(element) in _DATES and (day := _day(element)):
            return day
    return None


def _day(element: etree._Element) -> str | None:
    written = [str(element.get(name, "")) for name in _ATTRIBUTES]
    parts = {local(child): (child.text or "").strip() for child in element}
    written.append("-".join(parts.get(part, "") for part in _PARTS))
    return next((day for value in [*written, words(element)] if (day := iso_date(value))), None)


# --- data ----------------------------------------------------------------------------------------


def _data(
    element: etree._Element, *, is_feed: bool = False, but: frozenset[etree._Element] = _NONE
) -> Value:
    """Return an element as a value: attributes, its words, and its children by their names.

    `but` are elements that are left out.
    """
    if _is_mixed(element):
        return words(element)
    own = " ".join((element.text or "").split())
    if is_feed and _HTML_TAG.search(own):
        own = lay_out(own).text
    attributes = [(str(name).rpartition("}")[2], str(value)) for name, value in element.items()]
    if not attributes and not len(element):
        return own
    if is_feed and element.get("type") == "xhtml":
        return words(element)
    children = dict[str, list[Value]]()
    for child in element.iterchildren(etree.Element):
        if child not in but:
            value = _data(child, is_feed=is_feed, but=but)
            children.setdefault(local(child), []).append(value)
    return Fields(
        [
            *attributes,
            *([("", own)] if own else []),
            *((name, held[0] if len(held) == 1 else held) for name, held in children.items()),
        ]
    )


# --- documents -----------------------------------------------------------------------------------


class _Walk:
    """Puts the text of a document together, paragraph by paragraph, without recursion."""

    def __init__(self, composed: Composed) -> None:
        self._composed = composed
        self._stack: list[tuple[etree._Element | str, int]] = []

    def walk(self, root: etree._Element) -> None:
        """Add all that is in an element; `depth` counts the titles above a part."""
        self._stack.append((root, 0))
        while self._stack:
            part, depth = self._stack.pop()
            if isinstance(part, str):
                self._put_lines(part)
            elif not self._whole(part, depth):
                self._descend(part, depth)

    def _descend(self, element: etree._Element, depth: int) -> None:
        children = list(element.iterchildren(etree.Element))
        below = depth + any(_has_title(child) for child in children)
        self._stack += [(child, below) for child in reversed(children)]

    def _whole(self, element: etree._Element, depth: int) -> bool:
        """Add an element that is one thing; tell whether it was one."""
        name = local(element)
        if name in _TITLES:
            self._put_title(element, max(1, depth))
        elif name in _VERBATIM:
            self._composed.paragraph("".join(map(str, element.itertext())))
        elif name in _TABLES and self._put_table(element):
            pass
        elif name in _ABOUT:
            self._put_about(element, max(1, depth))
        elif _is_mixed(element) or name in _LISTS or name == _PATENT_TEXT or not len(element):
            self._put_mixed(element, depth)
        else:
            return False
        return True

    def _put_title(self, element: etree._Element, level: int) -> None:
        if _is_caption(element):
            self._composed.paragraph(words(element))
        else:
            self._composed.heading(level, words(element))

    def _put_about(self, element: etree._Element, level: int) -> None:
        """Add what a document says of itself: its title as a heading, the rest as fields."""
        title = next((e for e in element.iter(etree.Element) if local(e) in _TITLES), None)
        if title is not None:
            self._composed.heading(level, words(title))
        texts = [e for e in element.iter(etree.Element) if local(e) in _ABSTRACTS]
        apart = [*texts, *([title] if title is not None else [])]
        put_record(self._composed, _data(element, but=frozenset(apart)))
        self._stack += [(text, level) for text in reversed(texts)]

    def _put_mixed(self, element: etree._Element, depth: int) -> None:
        """Add words with elements among them; code and tables inside stand on their own."""
        parts: list[etree._Element | str] = []
        run = list[str]()
        for piece in _mixed(element):
            if isinstance(piece, str):
                run.append(piece)
            else:
                parts += ["".join(run), piece]
                run = []
        parts.append("".join(run))
        self._stack += [(part, depth) for part in reversed(parts)]

    def _put_lines(self, text: str) -> None:
        """Add lines that belong together; the mark of an item goes before its first words."""
        first, mark = True, ""
        for line in text.split("\n"):
            if line.startswith(_ITEM):
                mark = "- "
            if shown := " ".join(line.removeprefix(_ITEM).split()):
                self._composed.paragraph(mark + shown, apart=first)
                first, mark = False, ""

    def _put_table(self, element: etree._Element) -> bool:
        """Add a table; one with words beside its rows and its title is none, and is not added."""
        rows, headers = list[list[str]](), 0
        for row in element.iter(etree.Element):
            if local(row) in _ROWS:
                cells = list(row.iterchildren(etree.Element))
                headers += _is_header(row, cells) and headers == len(rows)
                rows.append([words(cell) for cell in cells])
        titles = [words(e) for e in element.iterchildren(etree.Element) if local(e) in _CAPTIONS]
        held = "".join([*titles, *(cell for row in rows for cell in row)])
        if not rows or len("".join(held.split())) != len("".join(words(element).split())):
            return False
        for title in titles:
            self._composed.paragraph(title)
        self._composed.table(rows, headers)
        return True


def _has_title(element: etree._Element) -> bool:
    """Tell whether an element is the title of its parent, or has it among what it says of it."""
    name = local(element)
    if name in _ABOUT:
        return any(local(inner) in _TITLES for inner in element.iter(etree.Element))
    return name in _TITLES and not _is_caption(element)


def _is_header(row: etree._Element, cells: Sequence[etree._Element]) -> bool:
    parent = row.getparent()
    return (
        local(row) in _HEADS
        or (parent is not None and local(parent) in _HEADS)
        or row.get("role") == "label"
        or {local(cell) for cell in cells} == {"th"}
    )


def _mixed(root: etree._Element) -> Iterator[str | etree._Element]:
    """Yield the words of an element, line ends around the blocks among them, and what stands apart.

    Items of lists begin with a sign of their own.
    """
    stack: list[etree._Element | str] = [root]
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            yield part
            continue
        name = local(part)
        if part is not root and _stands_apart(part):
            yield part
            continue
        around = "\n" if part is not root and name in _BLOCKS else ""
        yield around + (_ITEM if name in _ITEMS else "") + _flat(part.text)
        stack.append(around)
        for child in reversed(list(part.iterchildren(etree.Element))):
            stack += [_flat(child.tail), child]


def _stands_apart(element: etree._Element) -> bool:
    name = local(element)
    return name in _TABLES or (
        name in _VERBATIM and any("\n" in str(text).strip() for text in element.itertext())
    )


def _flat(text: str | None) -> str:
    """Return words whose line ends are spaces."""
    return (text or "").replace("\n", " ")

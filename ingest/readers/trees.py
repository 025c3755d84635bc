"""XML as trees of elements, parsed by lxml with nothing fetched and nothing expanded.

What stands for one character everywhere (`&nbsp;`, `&agr;`) is read as that.
"""

import re
from html.entities import html5
from typing import Final
from xml.sax.saxutils import escape

from lxml import etree

from indexes.errors import ReadFailure
from ingest.readers.encodings import decode

_HEAD: Final = 1024
_DECLARED: Final = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']\s*([\w.:-]+)")
_DECLARATION: Final = re.compile(r"\s*<\?xml\b[^>]*?\?>")
_MARKUP: Final = re.compile(r"<!--|<\?|<!ENTITY|<[^!?]")
_VERBATIM: Final = re.compile(r"<!\[CDATA\[.*?\]\]>|<!--.*?-->", re.DOTALL)
_IN_ATTRIBUTE: Final = re.compile(r"<[\w:][^<>]*&(?!#|(?:amp|lt|gt|quot|apos);)[\w:]")
_MILD: Final = re.compile(":NAMESPACE:|:DTD_XMLID_VALUE:")
_ENDS: Final = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>"}
# A file beside the document, such as a picture: a name for an attribute to use, and no text.
_UNPARSED: Final = re.compile(
    r"""<!ENTITY\s+[\w.:-]+\s+(?:PUBLIC\s+(?:"[^"]*"|'[^']*')|SYSTEM)\s+(?:"[^"]*"|'[^']*')"""
    r"""\s+NDATA\s+[\w.:-]+\s*>"""
)
_NAMED: Final = re.compile(r"<!--|<!\[CDATA\[|&([A-Za-z][A-Za-z0-9.]*);")
_OF_XML: Final = frozenset(("amp", "lt", "gt", "quot", "apos"))
# The Greek letters of ISO 8879 (ISOgrk1), which HTML calls otherwise.
_GREEK: Final = dict(
    zip(
        ("a", "b", "g", "d", "e", "z", "ee", "th", "i", "k", "l", "m", "n", "x", "o", "p", "r",
         "sf", "s", "t", "u", "ph", "kh", "ps", "oh"),
        "αβγδεζηθικλμνξοπρςστυφχψω",
        strict=True,
    )
)  # fmt: skip
_CHARACTERS: Final = {
    **{f"{name}gr": letter for name, letter in _GREEK.items()},
    **{f"{name.upper()}gr": letter.upper() for name, letter in _GREEK.items()},
    **{name[:-1]: meant for name, meant in html5.items() if name.endswith(";")},
}


def tree(data: bytes) -> etree._Element:
    """Return the root element of an XML file.

    Raises ReadFailure `damaged` for what is not well-formed, or uses entities of its own: these are
    never resolved, as they may name files and pages elsewhere, or unfold to any size. `empty`,
    `wrong_type` as for all text.
    """
    declared = _DECLARED.search(data[:_HEAD])
    text = decode(data, declared[1].decode("ascii", "ignore") if declared else None).text
    if _declares_entities(text):
        raise _entities()
    text = _with_characters(text)
    declaration = _DECLARATION.match(text)
    source = text[declaration.end() if declaration else 0 :].lstrip().encode()
    if not source:
        raise ReadFailure("empty", "the file is an XML declaration alone; fetch it again")
    root = _parsed(source)
    has_dtd = root.getroottree().docinfo.internalDTD is not None
    if next(root.iter(etree.Entity), None) is not None or (has_dtd and _in_attributes(text)):
        raise _entities()
    return root


def _parsed(source: bytes) -> etree._Element:
    """Parse XML; mistakes of names are passed over, since no words are lost by them."""
    parser = _parser(recover=False)
    try:
        return etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        if "Entity" in str(error):
            raise _entities() from error
        lenient = _parser(recover=True)
        root = etree.fromstring(source, lenient)
        mistakes = str(lenient.error_log).splitlines()
        if root is None or not all(_MILD.search(mistake) for mistake in mistakes):
            raise ReadFailure(
                "damaged",
                f"the file is not well-formed XML ({error.msg}); mend it there, or save it anew "
                "from the program it comes from",
            ) from error
        return root


def _parser(*, recover: bool) -> etree.XMLParser:
    return etree.XMLParser(
        encoding="utf-8", resolve_entities=False, no_network=True, load_dtd=False,
        attribute_defaults=False, remove_comments=True, remove_pis=True, huge_tree=True,
        recover=recover,
    )  # fmt: skip


def _in_attributes(text: str) -> bool:
    """Tell whether an attribute uses an entity: the parser leaves out those it does not know."""
    return _IN_ATTRIBUTE.search(_VERBATIM.sub("", text)) is not None


def _declares_entities(text: str) -> bool:
    """Tell whether what stands before the root element declares an entity."""
    at = 0
    while match := _MARKUP.search(text, at):
        if unparsed := _UNPARSED.match(text, match.start()):
            at = unparsed.end()
            continue
        if match[0] not in _ENDS:
            return match[0] == "<!ENTITY"
        at = text.find(_ENDS[match[0]], match.end())
        if at < 0:
            return False
    return False


def _with_characters(text: str) -> str:
    """Put the characters that are meant in the place of their names; others are left."""
    parts, done, at = list[str](), 0, 0
    while match := _NAMED.search(text, at):
        at = match.end()
        name = match[1]
        if name is None:
            end = text.find(_ENDS[match[0]], at)
            if end < 0:
                break
            at = end
        elif name not in _OF_XML and name in _CHARACTERS:
            parts += [text[done : match.start()], escape(_CHARACTERS[name], {'"': "&quot;"})]
            done = at
    return "".join([*parts, text[done:]])


def _entities() -> ReadFailure:
    return ReadFailure(
        "damaged",
        "the file uses entities of its own (`<!ENTITY …>`, `&name;`), which are not resolved, as "
        "they may name other files or unfold without end; save it with its entities written out, "
        "for example with `xmllint --noent IN.xml > OUT.xml`",
    )


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace."""
    return str(element.tag).rpartition("}")[2]


def words(element: etree._Element) -> str:
    """Return all words in an element, white space collapsed."""
    return " ".join("".join(map(str, element.itertext())).split())

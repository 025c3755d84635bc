"""The XML reader, against documents written here in the vocabularies that people use."""

import base64
import io
import time
from pathlib import Path

import pytest
from docx import Document
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ingest.readers import DOCX, XML
from office_files import unzipped
from read_one import check_damaged, headings, read_one, reason, refused

DOCBOOK = """<?xml version="1.0" encoding="UTF-8"?>
<!-- a comment --><!DOCTYPE book SYSTEM "http://docbook.example/docbook.dtd" [<!ELEMENT x ANY>]>
<book xmlns="http://docbook.org/ns/docbook">
<info><title>The &lt;Book&gt;</title><author><personname>Ann</personname></author>
<pubdate>2024-02-03</pubdate><abstract><para>In short.</para></abstract></info>
<chapter><title>First <emphasis>one</emphasis></title>
<para>Some <emphasis>words</emphasis>, here&#8364;.
 More.<itemizedlist><listitem><para>a</para></listitem><listitem><para>b</para></listitem>
</itemizedlist></para>
<section><title>Inner</title><para>Code: <programlisting>def f():
    return 1</programlisting> end.</para>
<table><title>Rates</title><tgroup><thead><row><entry>A</entry><entry>B</entry></row></thead>
<tbody><row><entry>1</entry><entry/></row></tbody></tgroup></table></section></chapter></book>"""
JATS = """<article><front><article-meta><title-group><article-title>On <i>E. coli</i>
</article-title></title-group><pub-date><day>3</day><month>2</month><year>2021</year></pub-date>
<abstract><p>We show.</p></abstract></article-meta></front><body><sec><title>Intro</title>
<p>Text <xref>1</xref>.</p><fig><caption><title>A figure</title></caption></fig></sec></body>
</article>"""
TEI = """<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>Letters
</title><title type="sub">and more</title></titleStmt><publicationStmt><date when="1999-05-06"/>
</publicationStmt></fileDesc></teiHeader><text><div><head>One</head><p>Dear <name>Ann</name>,<lb/>
hello.</p><lg><l>line one</l><l>line two</l></lg></div></text></TEI>"""
DITA = """<task id="t"><title>Do it</title><taskbody><steps><step><cmd>Open <uicontrol>File
</uicontrol></cmd></step></steps><simpletable><sthead><stentry>H</stentry></sthead><strow><stentry>
v</stentry></strow></simpletable></taskbody></task>"""


def test_docbook(tmp_path: Path) -> None:
    """Titles are headings by their depth; lists, code and tables are what they are."""
    extract = read_one(tmp_path / "a.xml", XML, DOCBOOK.encode())
    assert extract.text == (
        "The <Book>\n\nauthor.personname: Ann\npubdate: 2024-02-03\n\nIn short.\n\nFirst one\n\n"
        "Some words, here€. More.\n- a\n- b\n\nInner\n\nCode:\n\ndef f():\n    return 1\n\nend.\n\n"
        "Rates\n\nA | B\n1 |"
    )
    assert headings(extract) == [(1, "The <Book>"), (2, "First one"), (3, "Inner")]
    assert extract.tables[0].header.cut(extract.text) == "A | B"
    assert (extract.title, extract.as_of) == ("The <Book>", "2024-02-03")


@pytest.mark.parametrize(
    ("source", "found", "as_of", "words"),
    [
        (JATS, [(1, "On E. coli"), (2, "Intro")], "2021-02-03", "We show.\n\nIntro\n\nText 1."),
        (TEI, [(1, "Letters"), (2, "One")], "1999-05-06", "Dear Ann,\nhello.\n\nline one"),
        (DITA, [(1, "Do it")], None, "Open File\n\nH\nv"),
    ],
)
def test_other_documents(
    tmp_path: Path, source: str, found: list[tuple[int, str]], as_of: str | None, words: str
) -> None:
    """Articles, editions and topics have their titles, their dates and their words."""
    extract = read_one(tmp_path / "a.xml", XML, source.encode())
    assert headings(extract) == found
    assert (extract.title, extract.as_of) == (found[0][1], as_of)
    assert words in extract.text


def test_a_feed_is_records(tmp_path: Path) -> None:
    """Each entry is a block; HTML in it is shown as a page would."""
    feed = """<?xml version="1.0"?><rss version="2.0"><channel><title>News</title>
    <pubDate>Tue, 04 Mar 2025 10:00:00 GMT</pubDate><item><title>One</title>
    <description>&lt;p&gt;Hello &lt;b&gt;you&lt;/b&gt; &amp;amp; me&lt;/p&gt;</description>
    <author>Ann &lt;ann@example.org&gt;</author>
    <guid isPermaLink="false">7</guid></item><item><title>Two</title>
    <description><![CDATA[<p>A</p><p>B</p>]]></description></item></channel></rss>"""
    extract = read_one(tmp_path / "a.xml", XML, feed.encode())
    assert extract.text == (
        "version: 2.0\n\nchannel\n\ntitle: News\npubDate: Tue, 04 Mar 2025 10:00:00 GMT\n\nitem\n\n"
        "title: One\ndescription: Hello you & me\nauthor: Ann <ann@example.org>\n"
        "guid.isPermaLink: false\nguid: 7\n\n"
        "title: Two\ndescription: A\nB"
    )
    assert (extract.title, extract.as_of) == ("News", "2025-03-04")


def test_an_export_is_records(tmp_path: Path) -> None:
    """Attributes are kept, and elements of one name are a list."""
    data = '<l city="Köln"><b id="1"><t>A</t><a>X</a><a>Y</a><p c="EUR">5</p></b><b id="2"/></l>'
    extract = read_one(tmp_path / "a.xml", XML, data.encode("utf-16"))
    assert extract.text == "city: Köln\n\nb\n\nid: 1\nt: A\na: X, Y\np.c: EUR\np: 5\n\nid: 2"


@pytest.mark.parametrize(
    "source",
    [
        '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/hostname">]><r>&x;</r>',
        '<!DOCTYPE r [<!ENTITY x "a">]><r>unused</r>',
        '<!DOCTYPE r [<!ENTITY x "a"><!ENTITY y "&x;&x;">]><r a="&y;"/>',
        '<!DOCTYPE r [<!ENTITY % p SYSTEM "http://example.org/x"> %p;]><r>x</r>',
        '<!-- <r> --><?p <r>?><!DOCTYPE r [<!ENTITY x "a">]><r>x</r>',
        '<!DOCTYPE r SYSTEM "http://example.org/x.dtd"><r>&weather;</r>',
        '<!DOCTYPE r SYSTEM "http://example.org/x.dtd"><r a="&weather;">x</r>',
        "<r>&weather;</r>",
        '<!DOCTYPE r [<!ENTITY p SYSTEM "p.tif" NDATA T><!ENTITY nbsp "a">]><r>&nbsp;</r>',
    ],
)
def test_entities_are_refused(tmp_path: Path, source: str) -> None:
    """None of its own is resolved, wherever it would come from, and the message says why."""
    failure = refused(tmp_path / "a.xml", XML, source.encode())
    assert (failure.reason, "entities" in failure.message) == ("damaged", True)


def test_names_of_characters_are_read(tmp_path: Path) -> None:
    """Names that mean one character everywhere are that, but not in what stands verbatim."""
    data = (
        '<!DOCTYPE r SYSTEM "st32.dtd" [<!ENTITY p.tif SYSTEM "p.tif" NDATA TIF>'
        "<!ENTITY q PUBLIC '-//Q' \"q\" NDATA Q>]><!-- &nbsp; <!ENTITY -->"
        "<r><p f='p.tif' t='&beta;'>&ldquo;&agr;&amp;&OHgr;&rdquo; &LT;b&GT; &minus;1</p>"
        "<p><![CDATA[x&nbsp;y]]> is verbatim</p></r>"
    )
    extract = read_one(tmp_path / "a.xml", XML, data.encode())
    assert extract.text == "“α&Ω” <b> −1\n\nx&nbsp;y is verbatim"


_ST36 = (
    "<us-patent-grant><us-bibliographic-data-grant><publication-reference>"
    "<document-id><country>US</country><date>20140318</date></document-id>"
    "</publication-reference><invention-title>A cheese</invention-title>"
    "</us-bibliographic-data-grant><description><heading>FIELD</heading>"
    "<p>Cheese with three sides.</p></description></us-patent-grant>"
)
_ST32 = (
    "<PATDOC><SDOBI><B140><DATE><PDAT>20140318</PDAT></DATE></B140><B190><PDAT>US</PDAT></B190>"
    "<B540><STEXT><PDAT>A cheese</PDAT></STEXT></B540></SDOBI><SDODE><H><PDAT>FIELD</PDAT></H>"
    "<PARA><PTEXT><PDAT>Cheese with </PDAT><HIL><BOLD><PDAT>three</PDAT></BOLD></HIL><PDAT> sides."
    "</PDAT></PTEXT></PARA></SDODE></PATDOC>"
)

_OF_2001 = (
    "<patent-application-publication><subdoc-bibliographic-information><document-id>"
    "<country-code>US</country-code><document-date>20140318</document-date></document-id>"
    "<technical-information><title-of-invention>A cheese</title-of-invention>"
    "</technical-information></subdoc-bibliographic-information><subdoc-description>"
    "<heading>FIELD</heading><paragraph>Cheese with three sides.</paragraph>"
    "</subdoc-description></patent-application-publication>"
)


@pytest.mark.parametrize(
    ("patent", "country"),
    [
        (_OF_2001, "document-id.country-code: US\n"),
        (_ST36, "publication-reference.document-id.country: US\n"),
        (_ST32, "B190.PDAT: US\n"),
    ],
)
def test_a_patent_says_what_it_is(tmp_path: Path, patent: str, country: str) -> None:
    """Its title and its day are those of the invention, and what is said of it has names."""
    extract = read_one(tmp_path / "a.xml", XML, patent.encode())
    assert (extract.title, extract.as_of) == ("A cheese", "2014-03-18")
    assert [extract.text[h.span.start : h.span.end] for h in extract.headings] == [
        "A cheese",
        "FIELD",
    ]
    assert country in extract.text
    assert extract.text.endswith("\n\nFIELD\n\nCheese with three sides.")


@pytest.mark.parametrize(
    ("source", "found"),
    [("<r>", "damaged"), ("<r>&lt</r>", "damaged"), ("<r/>", "empty"), ("words", "damaged")],
)
def test_what_is_no_document_is_said(tmp_path: Path, source: str, found: str) -> None:
    """Broken and empty files are told apart."""
    assert refused(tmp_path / "a.xml", XML, source.encode()).reason == found


@pytest.mark.parametrize(
    "source", ["<r><x:a>Words</x:a></r>", "<r xml:id='23'>Words</r>", "<r xmlns:n=''>Words</r>"]
)
def test_mistakes_of_names_cost_nothing(tmp_path: Path, source: str) -> None:
    """A prefix that nobody declared loses no words."""
    assert "Words" in read_one(tmp_path / "a.xml", XML, source.encode()).text


WORDS = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=8)
NAMES = st.sampled_from(["a", "b", "p", "title", "item", "table", "row", "entry", "list", "info"])


@st.composite
def elements(draw: st.DrawFn, depth: int = 3) -> etree._Element:
    """Draw an element with words, attributes and elements inside."""
    made = etree.Element(draw(NAMES))
    made.text = draw(st.none() | WORDS)
    if draw(st.booleans()):
        made.set("id", draw(WORDS))
    for _ in range(draw(st.integers(0, 3)) if depth else 0):
        inner = draw(elements(depth - 1))
        inner.tail = draw(st.none() | WORDS)
        made.append(inner)
    return made


@settings(max_examples=200, deadline=None)
@given(elements().map(lambda root: etree.tostring(root, encoding="unicode")))
def test_every_word_is_in_the_text(tmp_path_factory: pytest.TempPathFactory, source: str) -> None:
    """No words between tags are lost, whatever the shape."""
    words = [str(text) for text in etree.fromstring(source).itertext()]
    if not words:
        return
    path = tmp_path_factory.mktemp("xml") / "a.xml"
    text = read_one(path, XML, source.encode()).text
    squeezed = "".join(text.split())
    for word in words:
        assert "".join(word.split()) in squeezed


@pytest.mark.parametrize(
    "source", ["<a>" * 2000 + "x" + "</a>" * 2000, "<a>x" * 2000 + "</a>" * 2000, "<!--" * 50_000]
)
def test_deep_and_odd_files_end(tmp_path: Path, source: str) -> None:
    """Depth ends in a text or a failure, and quickly."""
    started = time.process_time()
    assert reason(tmp_path / "a.xml", XML, source.encode()) in {"", "damaged", "too_large"}
    assert time.process_time() - started < 10


def test_damaged_files(tmp_path: Path) -> None:
    """Cut or turned bytes are read or refused."""
    for source in (DOCBOOK, TEI):
        check_damaged(tmp_path / "a.xml", XML, source.encode())


def flat(document: bytes) -> bytes:
    """Return a Word document as one XML file, with a picture that is no text."""
    parts = {**unzipped(document), "word/media/a.png": b"\x89PNG"}
    del parts["[Content_Types].xml"]
    held = "".join(
        f'<pkg:part pkg:name="/{name}">'
        + (
            f"<pkg:xmlData>{content.decode().partition('?>')[2]}</pkg:xmlData>"
            if content.startswith(b"<?xml")
            else f"<pkg:binaryData>{base64.b64encode(content).decode()}</pkg:binaryData>"
        )
        + "</pkg:part>"
        for name, content in parts.items()
        if name.endswith((".xml", ".rels", ".png"))
    )
    return (
        '<?xml version="1.0"?><?mso-application progid="Word.Document"?><pkg:package '
        f'xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">{held}</pkg:package>'
    ).encode()


def test_a_word_document_in_one_file_is_read_as_one(tmp_path: Path) -> None:
    """Its headings and tables are those of the document in its usual form."""
    document = Document()
    document.add_heading("Lamps", 1)
    document.add_paragraph("Seven, £5 each.")
    table = document.add_table(2, 2)
    table.cell(0, 0).text, table.cell(1, 1).text = "Place", "3"
    out = io.BytesIO()
    document.save(out)
    extract = read_one(tmp_path / "a.xml", XML, flat(out.getvalue()))
    assert extract.reader.startswith("docx/")
    assert (extract.media_type, extract.title) == (DOCX, "Lamps")
    assert extract.text == "Lamps\n\nSeven, £5 each.\n\nPlace |\n | 3"

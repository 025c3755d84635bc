"""OpenDocument texts and presentations, against what a hand or odfdo wrote into them."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from odfdo import Document, Header, List, Paragraph

from indexes.documents import stored_form
from ingest.readers import ODP, ODT
from office_files import extract, failure, headings, pages, survives, tables, unzipped, zipped

SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (
        ("office", "office"), ("text", "text"), ("style", "style"), ("table", "table"),
        ("draw", "drawing"), ("fo", "xsl-fo-compatible"), ("svg", "svg-compatible"),
        ("presentation", "presentation"), ("meta", "meta"), ("chart", "chart"),
    )
)  # fmt: skip
OUTER = f'{SPACES} xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xlink="x"'


def by_hand(body: str, styles: str = "", more: str = "", **parts: str) -> bytes:
    """Return a text document with this body; `more` is in styles.xml."""
    return document("text", body, styles, more, **parts)


def document(kind: str, body: str, styles: str = "", more: str = "", **parts: str) -> bytes:
    """Return a document of a kind."""
    return zipped(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"<office:document-content {OUTER}><office:automatic-styles>{styles}"
            f"</office:automatic-styles><office:body><office:{kind}>{body}</office:{kind}>"
            "</office:body></office:document-content>",
            "styles.xml": f"<office:document-styles {OUTER}>{more}</office:document-styles>",
            **{key.replace("__", "/") + ".xml": content for key, content in parts.items()},
        }
    )


def p(words: str, style: str = "") -> str:
    """Return a paragraph."""
    return f'<text:p text:style-name="{style}">{words}</text:p>'


def text(body: str, styles: str = "", more: str = "") -> str:
    """Return the stored text of a document made by hand."""
    return extract(by_hand(body, styles, more), "a.odt").text


def test_headings_lists_and_tables_are_marked() -> None:
    """As odfdo writes them, whose template numbers headings."""
    made = Document("text")
    made.body.clear()
    made.body.append(Header(1, "Lamps"))
    made.body.append(Paragraph("Two kinds:"))
    made.body.append(List(["oil", "gas"]))
    made.body.append(Header(2, "Oil lamps"))
    made.body.append(Paragraph("They burn."))
    made.meta.title = "Harbour lights"
    out = io.BytesIO()
    made.save(out)
    found = extract(out.getvalue(), "a.odt")
    assert found.text == ("1. Lamps\n\nTwo kinds:\n\n- oil\n- gas\n\n1.1. Oil lamps\n\nThey burn.")
    assert headings(found) == [(1, "1. Lamps"), (2, "1.1. Oil lamps")]
    assert (found.title, found.media_type) == ("Harbour lights", ODT)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Zl", "Zp"))), max_size=5
    )
)
def test_every_paragraph_comes_out(paragraphs: list[str]) -> None:
    """Any words of any script; of spaces the format keeps those that it marks."""
    made = Document("text")
    made.body.clear()
    for words in paragraphs:
        made.body.append(Paragraph(words))
    out = io.BytesIO()
    made.save(out)
    put = [stored_form(words).strip() for words in paragraphs]
    if not any(put):
        assert failure(out.getvalue(), "a.odt").reason == "empty"
        return
    assert extract(out.getvalue(), "a.odt").text == "\n\n".join(words for words in put if words)


LISTS = (
    '<text:list-style style:name="L">'
    '<text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/>'
    '<text:list-level-style-number text:level="2" style:num-format="a" style:num-suffix=")"/>'
    '<text:list-level-style-number text:level="3" style:num-format="i" text:display-levels="3" '
    'style:num-suffix="."/></text:list-style>'
    '<text:list-style style:name="T"><text:list-level-style-number text:level="1" '
    'style:num-format="I" style:num-list-format="Part %1%:"/></text:list-style>'
)


def items(*contents: str, style: str = "", more: str = "") -> str:
    """Return a list of items with these contents."""
    named = f'text:style-name="{style}"' if style else ""
    inside = "".join(f"<text:list-item>{one}</text:list-item>" for one in contents)
    return f"<text:list {named} {more}>{inside}</text:list>"


def test_lists_are_numbered_as_their_style_says() -> None:
    """Levels, lists that begin anew and go on, second paragraphs, and the newer template."""
    inner = items(p("w2"), p("w3") + items(p("w4")))
    body = (
        items(p("w1") + inner, p("w5") + p("more of it"), style="L")
        + items(p("w6"), style="L")
        + items(p("w7"), style="L", more='text:continue-numbering="true"')
        + items(p("w8"), style="T")
    )
    assert text(body, LISTS).split("\n") == [
        "1. w1", "  a) w2", "  b) w3", "    1.b.i. w4", "2. w5", "", "more of it", "", "1. w6",
        "2. w7", "Part I: w8",
    ]  # fmt: skip


def test_headings_have_the_numbers_of_the_outline() -> None:
    """They are part of the heading, as people cite it."""
    more = (
        '<office:styles><text:outline-style><text:outline-level-style text:level="1" '
        'style:num-format="1"/><text:outline-level-style text:level="2" style:num-format="1" '
        'text:display-levels="2"/></text:outline-style></office:styles>'
    )
    body = "".join(
        f'<text:h text:outline-level="{level}">{words}</text:h>{p("words")}'
        for level, words in ((1, "Scope"), (2, "Area"), (2, "Time"), (1, "Terms"))
    )
    assert headings(extract(by_hand(body, more=more), "a.odt")) == [
        (1, "1 Scope"), (2, "1.1 Area"), (2, "1.2 Time"), (1, "2 Terms"),
    ]  # fmt: skip


def test_words_are_what_people_see() -> None:
    """Spaces, tabs, breaks, links, ruby; hidden and deleted words are not there."""
    styles = (
        '<style:style style:name="H" style:family="text">'
        '<style:text-properties text:display="none"/></style:style>'
    )
    body = (
        "<text:tracked-changes><text:changed-region><text:deletion>"
        + p("deleted")
        + "</text:deletion></text:changed-region></text:tracked-changes>"
        + p(
            'a<text:s text:c="3"/>b<text:tab/>c<text:line-break/>d   e\n f<text:span> g</text:span>'
            '<text:a> link</text:a><text:span text:style-name="H">ghost</text:span>'
            "<text:hidden-text>gone</text:hidden-text><text:change/>"
            "<text:ruby><text:ruby-base>漢</text:ruby-base><text:ruby-text>kan</text:ruby-text>"
            "</text:ruby>"
        )
    )
    found = extract(by_hand(body, styles), "a.odt")
    assert found.text == "a   b\tc\nd e f g link漢(kan)"
    assert [finding.code for finding in found.findings] == ["hidden_text"]


NOTE = (
    "<text:note><text:note-citation>1</text:note-citation><text:note-body>{}</text:note-body>"
    "</text:note>"
)


def test_notes_and_comments_are_kept_and_marked() -> None:
    """Notes follow the paragraph that refers to them, comments the body."""
    comment = (
        '<office:annotation office:name="c"><dc:creator>Ada</dc:creator>'
        f"<dc:date>2026-01-04T05:48:07</dc:date>{p('Really?')}</office:annotation>"
    )
    body = p(f"First{NOTE.format(p('see page 4'))} claim.") + p(
        f'{comment}Second<office:annotation-end office:name="c"/> claim.'
    )
    assert text(body) == (
        "First[^1] claim.\n\n[^1]: see page 4\n\nSecond claim.\n\nComments\n\n"
        "Ada (2026-01-04) on “Second”: Really?"
    )


def tc(words: str, more: str = "") -> str:
    """Return a cell."""
    return f"<table:table-cell {more}>{p(words)}</table:table-cell>"


def test_tables_keep_their_columns() -> None:
    """Repeated, covered and merged cells; header rows as stated."""
    covered = "<table:covered-table-cell/>"
    rows = [
        tc("Place") + tc("Sales", 'table:number-columns-spanned="2"') + covered + tc("Note"),
        tc("North", 'table:number-rows-spanned="2"') + tc("1") + tc("2") + tc("x"),
        covered + tc("4", 'table:number-columns-repeated="2"') + tc("y"),
    ]
    first, *others = (f"<table:table-row>{row}</table:table-row>" for row in rows)
    body = (
        f"<table:table><table:table-header-rows>{first}</table:table-header-rows>"
        f"{''.join(others)}</table:table>"
    )
    assert tables(extract(by_hand(body), "a.odt")) == [
        ("Place | Sales |  | Note", ["North | 1 | 2 | x", "North | 4 | 4 | y"])
    ]


def test_boxes_pictures_equations_and_charts_are_read() -> None:
    """Objects lie in parts of their own."""
    frame = (
        "<draw:frame><draw:text-box>"
        + p("in the box")
        + "</draw:text-box><svg:desc>A duck</svg:desc></draw:frame>"
    )
    inside = '<draw:frame><draw:object xlink:href="./{}"/><draw:image/></draw:frame>'
    body = p(f"Before{frame}") + p(inside.format("Object 1")) + p(inside.format("Object 2"))
    math = (
        '<math xmlns="http://www.w3.org/1998/Math/MathML"><semantics><mrow><msup><mi>a</mi>'
        "<mn>2</mn></msup><mo>+</mo><mfrac><mn>1</mn><mrow><mi>b</mi><mo>+</mo><mi>c</mi></mrow>"
        "</mfrac></mrow></semantics></math>"
    )
    cells = (("Year", "Ducks"), ("2025", "7"))
    rows = "".join(f"<table:table-row>{tc(a)}{tc(b)}</table:table-row>" for a, b in cells)
    chart = (
        f"<office:document-content {OUTER}><office:body><office:chart><chart:chart><chart:title>"
        f"{p('Ducks seen')}</chart:title><table:table>{rows}</table:table></chart:chart>"
        "</office:chart></office:body></office:document-content>"
    )
    data = unzipped(by_hand(body))
    data |= {"Object 1/content.xml": math.encode(), "Object 2/content.xml": chart.encode()}
    assert extract(zipped(data), "a.odt").text == (
        "Before\n\nin the box\n\nPicture: A duck\n\na^2+1/(b+c)\n\nDucks seen\n\nYear | Ducks\n"
        "2025 | 7"
    )


def test_pages_and_margins_of_texts() -> None:
    """Soft breaks are the layout's, hard ones the author's; both together must be as counted."""
    styles = (
        '<style:style style:name="B" style:family="paragraph">'
        '<style:paragraph-properties fo:break-before="page"/></style:style>'
    )
    more = (
        "<office:master-styles><style:master-page><style:header>"
        + p("Report 7")
        + "</style:header><style:footer>"
        + p("<text:page-number>1</text:page-number>")
        + "</style:footer></style:master-page></office:master-styles>"
    )
    body = p("one <text:soft-page-break/>two") + p("three", "B")
    meta = f"<office:document-meta {OUTER}><office:meta>{{}}</office:meta></office:document-meta>"
    count = '<meta:document-statistic meta:page-count="{}"/>'
    found = extract(by_hand(body, styles, more, meta=meta.format(count.format(3))), "a.odt")
    assert found.text == "one two\n\nthree\n\nHeaders and footers\n\nReport 7"
    assert {number: words.strip() for number, words in pages(found).items()} == {
        1: "one",
        2: "two",
        3: "three",
    }
    wrong = by_hand(body, styles, more, meta=meta.format(count.format(9)))
    assert extract(wrong, "a.odt").pages == ()


def shape(words: str, left: float, top: float, kind: str = "") -> str:
    """Return a text box on a slide."""
    return (
        f'<draw:frame presentation:class="{kind}" svg:x="{left}cm" svg:y="{top}cm" '
        f'svg:width="4cm" svg:height="2cm"><draw:text-box>{p(words)}</draw:text-box></draw:frame>'
    )


def test_slides_are_pages() -> None:
    """The title first, then what stands higher; notes are marked, prompts left out."""
    notes = f"<presentation:notes>{shape('Ask the keeper.', 0, 0)}</presentation:notes>"
    prompt = shape("Click to add", 0, 9).replace("svg:x", 'presentation:placeholder="true" svg:x')
    body = (
        f"<draw:page>{shape('low', 1, 9)}{shape('high', 1, 3)}{shape('Lamps', 1, 1, 'title')}"
        f"{prompt}{notes}</draw:page><draw:page/><draw:page>{shape('end', 1, 1)}</draw:page>"
    )
    found = extract(document("presentation", body), "a.odp")
    assert found.media_type == ODP
    assert pages(found) == {1: "Lamps\n\nhigh\n\nlow\n\nNotes: Ask the keeper.", 3: "end"}
    assert (found.title, headings(found)) == ("Lamps", [(1, "Lamps")])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (by_hand(p("")), "empty"),
        (zipped(unzipped(by_hand(p("a"))) | {"content.xml": b"<x"}), "damaged"),
        (
            zipped(unzipped(by_hand(p("a"))) | {"META-INF/manifest.xml": b"<m:encryption-data/>"}),
            "encrypted",
        ),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, reason: str) -> None:
    """Empty, damaged and locked documents are told apart."""
    assert failure(data, "a.odt").reason == reason


def test_damage_is_told() -> None:
    """A truncated or altered file gives what is left of it, or a reason."""
    body = p(f"First{NOTE.format(p('x'))}") + items(p("y"), style="L") + (
        f"<table:table><table:table-row>{tc('a')}{tc('b')}</table:table-row></table:table>"
    )  # fmt: skip
    survives(by_hand(body, LISTS), "a.odt", tries=80)

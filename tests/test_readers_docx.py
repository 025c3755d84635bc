"""Word documents, against what python-docx or a hand wrote into them."""

import io
from collections.abc import Mapping, Sequence

import pytest
from docx import Document
from docx.enum.section import WD_SECTION
from docx.enum.text import WD_BREAK
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import stored_form
from ingest.readers import DOCX
from office_files import (
    extract,
    failure,
    headings,
    pages,
    strict,
    survives,
    tables,
    unzipped,
    zipped,
)

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
SPACES = (
    f'xmlns:w="{W}" xmlns:r="{R}" '
    'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" '
    'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
    'xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing" '
    'xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape" '
    'xmlns:v="urn:schemas-microsoft-com:vml"'
)


def by_hand(body: str, **parts: str) -> bytes:
    """Return a document with this body; `parts` are others of its parts, by their kinds."""
    relations = "".join(
        f'<Relationship Id="{kind}" Type="{R}/{kind.rstrip("0123456789")}" Target="{kind}.xml"/>'
        for kind in parts
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    return zipped(
        {
            "word/document.xml": f"<w:document {SPACES}><w:body>{body}</w:body></w:document>",
            "word/_rels/document.xml.rels": f'<Relationships xmlns="{package}">{relations}'
            "</Relationships>",
            **{
                f"word/{kind}.xml": f"<w:{kind} {SPACES}>{words}</w:{kind}>"
                for kind, words in parts.items()
            },
        }
    )


def p(*runs: str, style: str = "", properties: str = "") -> str:
    """Return a paragraph."""
    styled = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{styled}{properties}</w:pPr>{''.join(runs)}</w:p>"


def r(words: str, properties: str = "") -> str:
    """Return a run of words."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{words}</w:t></w:r>'


def item(list_id: int, level: int, words: str) -> str:
    """Return an item of a list."""
    number = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{list_id}"/></w:numPr>'
    return p(r(words), properties=number)


def text(body: str, **parts: str) -> str:
    """Return the stored text of a document made by hand."""
    return extract(by_hand(body, **parts), "a.docx").text


def test_headings_lists_and_tables_of_word_are_marked() -> None:
    """As a document of python-docx's own template has them."""
    made = Document()
    made.add_heading("The Lighthouse", 0)
    made.add_paragraph("Before all.")
    made.add_heading("Lamps", 1)
    made.add_paragraph("bright", "List Bullet")
    made.add_paragraph("warm", "List Bullet")
    made.add_heading("Oil lamps", 2)
    made.add_paragraph("fill", "List Number")
    made.add_paragraph("light", "List Number")
    table = made.add_table(2, 2)
    for place, words in enumerate(("Name", "Range", "Skerry", "21")):
        table.cell(place // 2, place % 2).text = words
    made.add_paragraph("After all.")
    made.core_properties.author = "Ada"
    out = io.BytesIO()
    made.save(out)
    found = extract(out.getvalue(), "a.docx")
    assert found.text == (
        "The Lighthouse\n\nBefore all.\n\nLamps\n\n- bright\n- warm\n\nOil lamps\n\n1. fill\n"
        "2. light\n\nName | Range\nSkerry | 21\n\nAfter all."
    )
    assert headings(found) == [(1, "The Lighthouse"), (1, "Lamps"), (2, "Oil lamps")]
    assert tables(found) == [("Name | Range", ["Skerry | 21"])]
    assert (found.title, found.media_type, found.metadata["author"]) == (
        "The Lighthouse",
        DOCX,
        "Ada",
    )


PARAGRAPHS = st.lists(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co")), max_size=12), max_size=3
    ),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(PARAGRAPHS)
def test_every_run_comes_out(paragraphs: list[list[str]]) -> None:
    """Any words of any script, in any cut into runs."""
    made = Document()
    for runs in paragraphs:
        paragraph = made.add_paragraph()
        for words in runs:
            paragraph.add_run(words)
    out = io.BytesIO()
    made.save(out)
    put = [stored_form("".join(runs)) for runs in paragraphs]
    if not any(words.strip() for words in put):
        assert failure(out.getvalue(), "a.docx").reason == "empty"
        return
    assert extract(out.getvalue(), "a.docx").text == "\n\n".join(w for w in put if w.strip())


def style(style_id: str, called: str, based_on: str = "", outline: int | None = None) -> str:
    """Return a paragraph style."""
    level = "" if outline is None else f'<w:pPr><w:outlineLvl w:val="{outline}"/></w:pPr>'
    return (
        f'<w:style w:styleId="{style_id}"><w:name w:val="{called}"/>'
        f'<w:basedOn w:val="{based_on}"/>{level}</w:style>'
    )


@pytest.mark.parametrize(
    ("styles", "properties", "level"),
    [
        (style("x", "heading 3"), "", 3),
        (style("x", "Überschrift 2"), "", 2),
        (style("x", "标题 2"), "", 2),
        (style("x", "Clause", outline=1), "", 2),
        (style("x", "Mine", "y") + style("y", "heading 4", "x"), "", 4),
        (style("x", "TOC Heading", "y", outline=9) + style("y", "heading 1"), "", None),
        ("", '<w:outlineLvl w:val="2"/>', 3),
        (style("x", "heading 1"), '<w:outlineLvl w:val="9"/>', None),
        (style("x", "Heading for lists 1"), "", None),
    ],
)
def test_headings_are_known_by_style_and_outline(
    styles: str, properties: str, level: int | None
) -> None:
    """Names in the language of the program, levels that styles hand down, and those stated."""
    body = p(r("Some words"), style="x", properties=properties) + p(r("more"))
    found = extract(by_hand(body, styles=styles), "a.docx")
    assert headings(found) == ([(level, "Some words")] if level else [])


@pytest.mark.parametrize(("style", "level"), [("Heading2", 2), ("berschrift1", 1), ("Titre3", 3)])
def test_without_styles_the_ids_tell(style: str, level: int) -> None:
    """Some programs write no styles part at all."""
    data = by_hand(p(r("Some words"), style=style) + p(r("more")))
    parts = unzipped(data)
    del parts["word/_rels/document.xml.rels"]
    assert headings(extract(zipped(parts), "a.docx")) == [(level, "Some words")]


LEVELS = "".join(
    f'<w:lvl w:ilvl="{level}"><w:start w:val="1"/><w:numFmt w:val="{style}"/>'
    f'<w:lvlText w:val="{words}"/>{"<w:isLgl/>" * (level > 2)}</w:lvl>'
    for level, (style, words) in enumerate(
        (
            ("decimal", "%1."),
            ("lowerLetter", "%2)"),
            ("lowerRoman", "(%3)"),
            ("decimal", "%1.%2.%4"),
        )
    )
)
NUMBERING = (
    f'<w:abstractNum w:abstractNumId="1">{LEVELS}</w:abstractNum>'
    '<w:abstractNum w:abstractNumId="2"><w:lvl w:ilvl="0"><w:numFmt w:val="bullet"/>'
    '<w:lvlText w:val="\uf0b7"/></w:lvl></w:abstractNum>'
    '<w:abstractNum w:abstractNumId="3"><w:lvl w:ilvl="0"><w:start w:val="3"/>'
    '<w:numFmt w:val="chineseCounting"/><w:lvlText w:val="第%1条"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="2"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="3"/></w:num>'
    '<w:num w:numId="4"><w:abstractNumId w:val="1"/><w:lvlOverride w:ilvl="0">'
    '<w:startOverride w:val="1"/></w:lvlOverride></w:num>'
)


def test_numbers_of_lists_are_those_that_word_shows() -> None:
    """Levels, restarts, lists that go on, and styles of numbers."""
    order = [
        (1, 0), (1, 1), (1, 1), (1, 2), (1, 3), (1, 0), (1, 1), (2, 0), (1, 0), (4, 0), (4, 0),
        (3, 0), (3, 0), (9, 0),
    ]  # fmt: skip
    body = "".join(item(list_id, level, f"w{n}") for n, (list_id, level) in enumerate(order))
    assert text(body, numbering=NUMBERING).split("\n") == [
        "1. w0", "  a) w1", "  b) w2", "    (i) w3", "      1.2.1 w4", "2. w5", "  a) w6", "- w7",
        "3. w8", "1. w9", "2. w10", "第三条 w11", "第四条 w12", "", "w13",
    ]  # fmt: skip


def test_numbers_of_headings_are_part_of_them() -> None:
    """The style puts the heading into a list, whose level names the style in turn."""
    styles = (
        '<w:style w:styleId="h"><w:name w:val="heading 1"/><w:pPr><w:numPr><w:numId w:val="1"/>'
        "</w:numPr></w:pPr></w:style>"
    )
    body = p(r("Scope"), style="h") + p(r("words")) + p(r("Terms"), style="h") + p(r("words"))
    found = extract(by_hand(body, styles=styles, numbering=NUMBERING), "a.docx")
    assert headings(found) == [(1, "1. Scope"), (1, "2. Terms")]


def note_parts() -> Mapping[str, str]:
    """Return notes and comments that bodies refer to."""
    return {
        "footnotes": f'<w:footnote w:id="2">{p(r("see page 4"))}{p(r("and 5"))}</w:footnote>',
        "endnotes": f'<w:endnote w:id="7">{p(r("later"))}</w:endnote>',
        "comments": '<w:comment w:id="0" w:author="Ada" w:date="2026-01-04T05:48:07Z">'
        f"{p(r('Really?'))}</w:comment>",
    }


def test_notes_and_comments_are_kept_and_marked() -> None:
    """Notes follow the paragraph that refers to them, comments the body."""
    body = (
        p(r("First"), '<w:r><w:footnoteReference w:id="2"/></w:r>', r(" claim."))
        + p('<w:commentRangeStart w:id="0"/>', r("Second"), '<w:commentRangeEnd w:id="0"/>',
            r(" claim."), '<w:r><w:commentReference w:id="0"/><w:endnoteReference w:id="7"/></w:r>')
    )  # fmt: skip
    found = extract(by_hand(body, **note_parts()), "a.docx")
    assert found.text == (
        "First[^1] claim.\n\n[^1]: see page 4\nand 5\n\nSecond claim.[^i]\n\n[^i]: later\n\n"
        "Comments\n\nAda (2026-01-04) on “Second”: Really?"
    )
    assert headings(found) == [(1, "Comments")]


def test_tracked_changes_show_the_new_state() -> None:
    """What was inserted or moved here stays, what was deleted or moved away goes."""
    body = (
        p(r("Pay "), "<w:del><w:r><w:delText>5</w:delText></w:r></w:del>",
          f"<w:ins>{r('10')}</w:ins>", f"<w:moveFrom>{r(' old')}</w:moveFrom>", r(" euros."))
        + f"<w:ins>{p(r('New paragraph.'))}</w:ins>"
        + "<w:tbl><w:tr><w:tc>" + p(r("a")) + "</w:tc><w:tc>" + p(r("b")) + "</w:tc></w:tr>"
        + "<w:tr><w:trPr><w:del/></w:trPr><w:tc>" + p(r("gone")) + "</w:tc></w:tr></w:tbl>"
    )  # fmt: skip
    assert text(body) == "Pay 10 euros.\n\nNew paragraph.\n\na | b"


def test_signs_and_fields_are_what_people_see() -> None:
    """Tabs, breaks, hyphens, symbol fonts, fields' results, boxes and lists of forms."""
    field = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> PAGE </w:instrText></w:r>'
        f'{r("never shown")}<w:r><w:fldChar w:fldCharType="separate"/></w:r>{r("12")}'
        '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    form = (
        '<w:r><w:fldChar w:fldCharType="begin"><w:ffData><w:checkBox><w:checked/></w:checkBox>'
        '</w:ffData></w:fldChar></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    body = p(
        "<w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>co</w:t><w:noBreakHyphen/><w:t>op</w:t>"
        '<w:softHyphen/><w:t>erate </w:t><w:sym w:font="Symbol" w:char="F061"/>'
        '<w:sym w:font="Wingdings" w:char="F0FC"/></w:r>',
        r(" b", '<w:rFonts w:ascii="Symbol"/>'), r(" \uf02d"), r(" "), field, r(" "), form,
        '<w:hyperlink r:id="x">' + r(" link") + "</w:hyperlink>",
        "<w:fldSimple>" + r(" simple") + "</w:fldSimple>",
        "<w:sdt><w:sdtPr/><w:sdtContent>" + r(" control") + "</w:sdtContent></w:sdt>",
        "<w:r><w:ruby><w:rt>" + r("kan") + "</w:rt><w:rubyBase>" + r("漢") + "</w:rubyBase>"
        "</w:ruby></w:r>",
    )  # fmt: skip
    assert (
        text(body)
        == "a\tb\nco-operate \N{GREEK SMALL LETTER ALPHA}✓ β - 12 ☒ link simple control漢(kan)"
    )


def test_a_field_that_never_ends_hides_nothing_else() -> None:
    """Its code stops at the paragraph's end."""
    broken = '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>X</w:instrText></w:r>'
    assert text(p(r("a"), broken) + p(r("b"))) == "a\n\nb"


def test_hidden_words_are_left_out_and_told() -> None:
    """Hidden by themselves, by their style, or by their paragraph's."""
    styles = '<w:style w:styleId="c"><w:name w:val="Ghost"/><w:rPr><w:vanish/></w:rPr></w:style>'
    body = p(
        r("seen"), r("one", "<w:vanish/>"), r("two", '<w:rStyle w:val="c"/>'),
        r(" again", '<w:rStyle w:val="c"/><w:vanish w:val="0"/>'),
    ) + p(r("three"), style="c")  # fmt: skip
    found = extract(by_hand(body, styles=styles), "a.docx")
    assert found.text == "seen again"
    assert [finding.code for finding in found.findings] == ["hidden_text"]


BOX = (
    "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wp:inline>"
    "<wp:docPr descr='A duck&#10;on a lake'/><wps:txbx><w:txbxContent>{0}</w:txbxContent>"
    "</wps:txbx></wp:inline></w:drawing></mc:Choice><mc:Fallback><w:pict><v:textbox><w:txbxContent>{0}"
    "</w:txbxContent></v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
)


def test_boxes_and_pictures_follow_their_paragraph_once() -> None:
    """The second form of a drawing, for older programs, is not read."""
    assert text(p(r("Before"), BOX.format(p(r("in the box")))) + p(r("After"))) == (
        "Before\n\nin the box\n\nPicture: A duck on a lake\n\nAfter"
    )


def grid(*rows: Sequence[str], header_rows: int = 0) -> str:
    """Return a table of cells that are whole w:tc elements."""
    marked = "<w:trPr><w:tblHeader/></w:trPr>"
    return "<w:tbl>" + "".join(
        f"<w:tr>{marked if place < header_rows else ''}{''.join(row)}</w:tr>"
        for place, row in enumerate(rows)
    ) + "</w:tbl>"  # fmt: skip


def tc(words: str, properties: str = "") -> str:
    """Return a cell."""
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(r(words))}</w:tc>"


def test_merged_cells_keep_their_columns() -> None:
    """Over columns a text stands once, over rows a label stands in each; two rows are header."""
    restart, going_on = '<w:vMerge w:val="restart"/>', "<w:vMerge/>"
    body = grid(
        [tc("Place"), tc("Sales", '<w:gridSpan w:val="2"/>'), tc("Note")],
        [tc(""), tc("Q1"), tc("Q2"), tc("")],
        [tc("North", restart), tc("1"), tc("2"), tc("x")],
        [tc("", going_on), tc("3"), tc("4"), tc("y")],
        ["<w:sdt><w:sdtContent>" + tc("South") + "</w:sdtContent></w:sdt>", tc("5"), tc("6")],
        header_rows=2,
    )
    assert tables(extract(by_hand(body), "a.docx")) == [
        (
            "Place | Sales |  | Note\n | Q1 | Q2 |",
            ["North | 1 | 2 | x", "North | 3 | 4 | y", "South | 5 | 6"],
        )
    ]


def test_a_table_that_arranges_the_page_is_read_cell_by_cell() -> None:
    """A table in a cell keeps its own rows; a frame of one column is no table."""
    inner = grid([tc("Name"), tc("Age")], [tc("Ada"), tc("36")])
    outer = grid([tc("left"), f"<w:tc>{p(r('right'))}{inner}{p()}</w:tc>"])
    assert text(outer) == "left\n\nright\n\nName | Age\nAda | 36"
    assert text(grid([tc("one")], [tc("two")])) == "one\n\ntwo"


def test_equations_are_one_readable_line() -> None:
    """Scripts, fractions and roots as people type them."""

    def m(words: str) -> str:
        return f"<m:r><m:t>{words}</m:t></m:r>"

    square = f"<m:sSup><m:e>{m('a')}</m:e><m:sup>{m('2')}</m:sup></m:sSup>"
    fraction = f"<m:f><m:num>{m('a+b')}</m:num><m:den>{m('2c')}</m:den></m:f>"
    root = f"<m:rad><m:deg/><m:e>{m('x')}</m:e></m:rad>"
    body = p(r("So"), f"<m:oMath>{square}{m('+b=')}{fraction}{m('+')}{root}</m:oMath>", r("."))
    assert text(body) == "So a^2+b=(a+b)/2c+√(x)."


def test_headers_and_footers_are_read_once() -> None:
    """After the body, each line once, without mere page numbers."""
    made = Document()
    made.add_paragraph("Body.")
    made.sections[0].header.paragraphs[0].text = "Report 7"
    made.sections[0].footer.paragraphs[0].text = "12"
    made.add_section(WD_SECTION.CONTINUOUS).header.is_linked_to_previous = False
    made.sections[1].header.paragraphs[0].text = "Report 7"
    out = io.BytesIO()
    made.save(out)
    assert extract(out.getvalue(), "a.docx").text == "Body.\n\nHeaders and footers\n\nReport 7"


def with_pages(data: bytes, count: int) -> bytes:
    """Return a document that says how many pages it has."""
    parts = unzipped(data)
    stated = parts["docProps/app.xml"].partition(b"<Pages>")
    rest = stated[2].partition(b"</Pages>")[2]
    return zipped(parts | {"docProps/app.xml": b"%s<Pages>%d</Pages>%s" % (stated[0], count, rest)})


def test_pages_are_known_where_the_file_is_sure_of_them() -> None:
    """As many as the program counted; else there are none rather than wrong ones."""
    made = Document()
    made.add_paragraph("one").add_run().add_break(WD_BREAK.PAGE)
    made.add_paragraph("two")
    middle = made.add_paragraph("before ").add_run()
    middle.add_break(WD_BREAK.PAGE)
    middle.add_text("three")
    out = io.BytesIO()
    made.save(out)
    found = extract(with_pages(out.getvalue(), 3), "a.docx")
    assert {number: words.strip() for number, words in pages(found).items()} == {
        1: "one",
        2: "two\n\nbefore",
        3: "three",
    }
    assert extract(with_pages(out.getvalue(), 2), "a.docx").pages == ()


def test_a_break_and_its_rendering_are_one() -> None:
    """Word marks a page that the author began once more."""
    rendered = "<w:r><w:lastRenderedPageBreak/><w:t>two</w:t></w:r>"
    body = p(r("one"), '<w:r><w:br w:type="page"/></w:r>') + p(rendered)
    data = zipped(
        unzipped(by_hand(body)) | {"docProps/app.xml": b"<Properties><Pages>2</Pages></Properties>"}
    )
    assert pages(extract(data, "a.docx")) == {1: "one", 2: "two"}


def test_strict_documents_and_templates_are_read() -> None:
    """ISO 29500 strict has other namespaces; .docm and .dotx have other content types."""
    made = Document()
    made.add_heading("Lamps", 1)
    made.add_paragraph("bright", "List Bullet")
    out = io.BytesIO()
    made.save(out)
    plain = extract(out.getvalue(), "a.docx")
    found = extract(strict(out.getvalue()), "a.docm")
    assert (found.text, found.headings) == (plain.text, plain.headings)


def test_a_document_in_another_format_inside_is_read() -> None:
    """Some programs put a whole page of HTML into an empty document."""
    data = by_hand('<w:altChunk r:id="aFChunk"/>' + p(r("end")), aFChunk="")
    parts = unzipped(data) | {"word/aFChunk.xml": b"<html><body><p>inside</p></body></html>"}
    assert extract(zipped(parts), "a.docx").text == "inside\n\nend"


def test_a_damaged_part_costs_that_part() -> None:
    """The words stay, and what is missing is told."""
    data = by_hand(p(r("words"), '<w:r><w:footnoteReference w:id="2"/></w:r>'), **note_parts())
    found = extract(zipped(unzipped(data) | {"word/footnotes.xml": b"<w:foot"}), "a.docx")
    assert found.text.startswith("words[^1]")
    (finding,) = found.findings
    assert finding.code == "damaged"
    assert "word/footnotes.xml" in finding.message


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (by_hand(p()), "empty"),
        (zipped({"word/document.xml": b"no XML"}), "damaged"),
        (zipped({"word/other.xml": b""}), "damaged"),
        (by_hand("<w:sdt>" * 300 + "</w:sdt>" * 300), "damaged"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, reason: str) -> None:
    """Empty documents and those without a body are told apart."""
    assert failure(data, "a.docx").reason == reason


def test_entities_are_not_resolved() -> None:
    """A file of the machine never comes into a document, nor do a billion laughs."""
    body = "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/hostname'><!ENTITY y 'yyyy'>]>"
    part = unzipped(by_hand(p(r("a"), "<w:r><w:t>&x;&y;</w:t></w:r>", r("b"))))
    part["word/document.xml"] = body.encode() + part["word/document.xml"]
    assert extract(zipped(part), "a.docx").text == "ab"


def test_damage_is_told() -> None:
    """A truncated or altered file gives what is left of it, or a reason."""
    body = (
        p(r("Words"), '<w:r><w:footnoteReference w:id="2"/></w:r>', BOX.format(p(r("box"))))
        + item(1, 0, "x") + item(1, 1, "y") + grid([tc("a"), tc("b")], [tc("c"), tc("d")])
    )  # fmt: skip
    survives(by_hand(body, numbering=NUMBERING, **note_parts()), "a.docx", tries=80)

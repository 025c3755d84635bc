"""Presentations, against what python-pptx or a hand wrote into them."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pptx import Presentation
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from indexes.documents import stored_form
from ingest.readers import PPTX
from ingest.readers.drawing import diagram
from ingest.readers.parts import parsed
from ingest.readers.slide_shapes import Box, Placed, in_reading_order
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

TITLE_AND_TEXT, TITLE_ONLY, BLANK = 1, 5, 6
Draw = Callable[[Any], None]


def saved(*slides: tuple[int, Draw], **properties: str) -> bytes:
    """Return a presentation: a layout's number and what draws on it, a slide each."""
    made = Presentation()
    for layout, draw in slides:
        draw(made.slides.add_slide(made.slide_layouts[layout]))
    for key, value in properties.items():
        setattr(made.core_properties, key, value)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def says(title: str, *lines: tuple[int, str], notes: str = "") -> tuple[int, Draw]:
    """Return a slide with a title and bullets of these levels."""

    def draw(slide: Any) -> None:
        slide.shapes.title.text = title
        frame = slide.placeholders[1].text_frame
        for place, (level, words) in enumerate(lines):
            paragraph = frame.paragraphs[0] if not place else frame.add_paragraph()
            paragraph.text, paragraph.level = words, level
        if notes:
            slide.notes_slide.notes_text_frame.text = notes

    return TITLE_AND_TEXT, draw


def boxes(*placed: tuple[float, float, str]) -> tuple[int, Draw]:
    """Return a slide with text boxes an inch high at these places (left, top)."""

    def draw(slide: Any) -> None:
        for left, top, words in placed:
            frame = slide.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1))
            frame.text_frame.text = words

    return BLANK, draw


def test_each_slide_is_a_page_with_its_title_and_notes() -> None:
    """Bullets come from the master; the number of a page is that of the slide."""
    data = saved(
        says("Lamps", (0, "bright"), (1, "very"), (0, "warm"), notes="Ask the keeper.\nTwice."),
        boxes(),
        says("Ships", (0, "seven")),
        author="Ada",
    )
    found = extract(data, "a.pptx")
    assert pages(found) == {
        1: "Lamps\n\n- bright\n  - very\n- warm\n\nNotes: Ask the keeper.\nTwice.",
        3: "Ships\n\n- seven",
    }
    assert headings(found) == [(1, "Lamps"), (1, "Ships")]
    assert (found.title, found.media_type, found.metadata["author"]) == ("Lamps", PPTX, "Ada")


def test_the_title_given_by_somebody_is_the_documents() -> None:
    """Not the one that PowerPoint gives to all."""
    assert extract(saved(says("Lamps"), title="Harbour lights"), "a.pptx").title == "Harbour lights"
    given_by_program = saved(says("Lamps"), title="PowerPoint Presentation")
    assert extract(given_by_program, "a.pptx").title == "Lamps"


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=("Cs", "Cc", "Cn", "Co", "Zl", "Zp"))),
        min_size=1,
        max_size=4,
    )
)
def test_every_text_comes_out(texts: list[str]) -> None:
    """Any words of any script, in the order of the boxes."""
    data = saved(boxes(*((1, place, words) for place, words in enumerate(texts))))
    put = [stored_form(words).strip() for words in texts if words.strip()]
    if not put:
        assert failure(data, "a.pptx").reason == "empty"
        return
    assert extract(data, "a.pptx").text == "\n\n".join(put)


@pytest.mark.parametrize(
    ("places", "order"),
    [
        ([(1, 1, "a"), (1, 3, "b"), (5, 1, "c"), (5, 3, "d")], "a b c d"),  # drawn by columns
        ([(1, 3, "b"), (1, 1, "a")], "a b"),  # drawn upwards
        ([(5, 1, "b"), (1, 1, "a"), (1, 3, "c")], "a b c"),  # drawn to the left
        ([(5, 3, "d"), (5, 1, "b"), (1, 1, "a"), (1, 3, "c")], "a b c d"),
    ],
)
def test_boxes_are_read_from_top_to_bottom(
    places: list[tuple[float, float, str]], order: str
) -> None:
    """As they were drawn, unless that leads back."""
    assert extract(saved(boxes(*places)), "a.pptx").text.split() == order.split()


@given(
    st.lists(
        st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(0, 15)] * 2), min_size=1, max_size=7
    )
)
def test_reading_order_loses_no_shape(places: list[tuple[int, int, int, int]]) -> None:
    """However shapes overlap."""
    shape = parsed(b"<sp/>")
    placed = [
        Placed(shape, Box(left, top, left + width, top + height))
        for left, top, width, height in places
    ]
    ordered = in_reading_order(placed)
    assert sorted(map(id, ordered)) == sorted(map(id, placed))


def test_groups_tables_and_pictures_are_read() -> None:
    """A table's first row is its header; a label merged over rows stands in each."""

    def draw(slide: Any) -> None:
        slide.shapes.title.text = "All kinds"
        group = slide.shapes.add_group_shape()
        for place, words in enumerate(("in a group", "below it")):
            box = group.shapes.add_textbox(0, Inches(2 + place), Inches(2), Inches(0.5))
            box.text_frame.text = words
        frame = slide.shapes.add_table(3, 3, Inches(1), Inches(4), Inches(4), Inches(1))
        rows = (("Place", "Month", "Units"), ("North", "May", "3"), ("", "June", "4"))
        for row, cells in enumerate(rows):
            for column, words in enumerate(cells):
                frame.table.cell(row, column).text = words
        frame.table.cell(1, 0).merge(frame.table.cell(2, 0))
        frame._element.nvGraphicFramePr.cNvPr.set("descr", "Units of the north")

    found = extract(saved((TITLE_ONLY, draw)), "a.pptx")
    assert found.text == (
        "All kinds\n\nin a group\n\nbelow it\n\nPlace | Month | Units\nNorth | May | 3\n"
        "North | June | 4\n\nPicture: Units of the north"
    )
    assert tables(found) == [("Place | Month | Units", ["North | May | 3", "North | June | 4"])]


def test_charts_are_tables_of_their_values() -> None:
    """Names of series above, categories at the left; percentages as the chart shows them."""

    def draw(slide: Any) -> None:
        place = (Inches(1), Inches(1), Inches(4), Inches(3))
        data: Any = CategoryChartData(  # type: ignore[no-untyped-call]
            number_format="0.0%"
        )
        data.categories = ["May", "June"]
        data.add_series("North", (0.25, 0.5))
        data.add_series("South", (0.75, None))
        chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data).chart
        chart.has_title = True
        chart.chart_title.text_frame.text = "Share of sales"
        points: Any = XyChartData()  # type: ignore[no-untyped-call]
        series = points.add_series("Depth")
        series.add_data_point(1, 0.1 + 0.2)
        lower = (Inches(1), Inches(4), Inches(4), Inches(3))
        slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *lower, points)

    found = extract(saved((BLANK, draw)), "a.pptx")
    assert found.text == (
        "Share of sales\n\n | North | South\nMay | 25.0% | 75.0%\nJune | 50.0% |\n\n"
        " | Depth\n1 | 0.3"
    )


def test_numbers_begin_anew_after_other_paragraphs() -> None:
    """Automatic numbers are counted here, as PowerPoint counts them while it draws."""

    def draw(slide: Any) -> None:
        frame = slide.shapes.add_textbox(0, 0, Inches(5), Inches(5)).text_frame
        for words, scheme in (
            ("a", "arabicPeriod"), ("b", "arabicPeriod"), ("plain", ""), ("c", "romanUcParenBoth"),
        ):  # fmt: skip
            paragraph = frame.add_paragraph()
            paragraph.text = words
            if scheme:
                properties = paragraph._p.get_or_add_pPr()
                properties.append(
                    properties.makeelement(
                        "{http://schemas.openxmlformats.org/drawingml/2006/main}buAutoNum",
                        {"type": scheme},
                    )
                )

    assert extract(saved((BLANK, draw)), "a.pptx").text == "1. a\n2. b\nplain\n(I) c"


def test_footers_are_read_once_and_numbers_not_at_all() -> None:
    """What stands on every slide would else be found before what stands on one."""
    data = saved(says("One", (0, "x")), says("Two", (0, "y")))
    parts = unzipped(data)
    shape = (
        b'<p:sp><p:nvSpPr><p:cNvPr id="9" name="f"/><p:cNvSpPr/><p:nvPr><p:ph type="%s" idx="11"/>'
        b"</p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>%s</a:t></a:r></a:p>"
        b"</p:txBody></p:sp></p:spTree>"
    )
    for number in (b"1", b"2"):
        name = f"ppt/slides/slide{number.decode()}.xml"
        footer = shape % (b"ftr", b"Harbour office")
        page = shape % (b"sldNum", b"99" + number)
        parts[name] = parts[name].replace(b"</p:spTree>", footer)
        parts[name] = parts[name].replace(b"</p:spTree>", page)
    text = extract(zipped(parts), "a.pptx").text
    assert text.count("Harbour office") == 1
    assert "99" not in text


def test_hidden_slides_and_strict_files_are_read() -> None:
    """A hidden slide keeps its number; ISO 29500 strict has other namespaces."""
    data = saved(says("Seen", (0, "x")), says("Hidden", (0, "y")))
    parts = unzipped(data)
    slide = parts["ppt/slides/slide2.xml"]
    parts["ppt/slides/slide2.xml"] = slide.replace(b"<p:sld ", b'<p:sld show="0" ', 1)
    found = extract(zipped(parts), "a.pptx")
    assert pages(found)[2] == "Hidden\n\n- y"
    assert extract(strict(zipped(parts)), "a.pptx").text == found.text


def test_a_diagram_is_an_outline() -> None:
    """SmartArt keeps its texts in any order; the links say which is inside which."""
    space = 'xmlns:dgm="d" xmlns:a="a"'
    texts = (("0", ""), ("3", "burn"), ("1", "Oil"), ("2", "Gas"), ("4", "fill"))
    points = "".join(
        f'<dgm:pt modelId="{key}"><dgm:t><a:p><a:r><a:t>{words}</a:t></a:r></a:p></dgm:t></dgm:pt>'
        for key, words in texts
    )
    inside = (("0", "2", 1), ("0", "1", 0), ("1", "3", 1), ("1", "4", 0), ("3", "1", 0))
    links = "".join(
        f'<dgm:cxn srcId="{source}" destId="{target}" srcOrd="{order}"/>'
        for source, target, order in inside
    )
    root = parsed(f"<dgm:dataModel {space}>{points}{links}</dgm:dataModel>".encode())
    assert list(diagram(root)) == [(0, "Oil"), (1, "fill"), (1, "burn"), (0, "Gas")]


def test_a_damaged_slide_costs_that_slide() -> None:
    """The others keep their numbers, and the report names the page."""
    parts = unzipped(saved(says("One", (0, "x")), says("Two", (0, "y")), says("Three", (0, "z"))))
    parts["ppt/slides/slide2.xml"] = b"<p:sld"
    found = extract(zipped(parts), "a.pptx")
    assert pages(found) == {1: "One\n\n- x", 3: "Three\n\n- z"}
    (finding,) = found.findings
    assert (finding.code, finding.pages) == ("damaged", (2,))
    del parts["ppt/slides/slide2.xml"]
    found = extract(zipped(parts), "a.pptx")
    assert [finding.pages for finding in found.findings] == [(2,)]


def test_damage_is_told() -> None:
    """A truncated or altered file gives what is left of it, or a reason."""
    survives(saved(says("One", (0, "x"), notes="n"), boxes((1, 1, "b"))), "a.pptx", tries=40)

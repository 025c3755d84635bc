"""Sentences: nothing is lost or told twice, and a cut is where a reader would make it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Span
from service.sentences import is_heading, list_around, sentence_spans, stands_above

PLAIN, PDF, HTML, RTF = "text/plain", "application/pdf", "text/html", "application/rtf"
MARKDOWN, CSV = "text/markdown", "text/csv"

MARKER = re.compile(r"^[ \t]*(?:\(?\d{1,3}[.)]|\(?[a-z][.)])[ \t]", re.MULTILINE)
PARTS = st.sampled_from(
    [
        *("Dr. Smith", "the U.S.", "3.5 million", "e.g.", "Why?", "No!", '"Yes."', "naïve", "é"),
        *("\N{GRINNING FACE}", "\N{KELVIN SIGN}", "日本語。", "中文", "x", "A.", "...", "1999"),
        *(" ", "  ", "\n", "\n\n", "\t", "\u00a0", "\u2028", "\f", "\x85"),
        *("\n- ", "\n* ", "\n1. ", "\n(a) ", "\n| a | b |\n", "\n---\n", "\n# Head\n", "\n> "),
    ]
)
NUMBERED = st.sampled_from(
    [
        "approx.",
        "Figs.",
        "e.g.",
        "No.",
        "Vol.",
        "p.",
        "U.S.",
        "3",
        "12.",
        "days",
        "It",
        "(4)",
        "cf.",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(st.one_of(PARTS, st.text(max_size=8)), max_size=40).map("".join),
)
MEDIA_TYPES = st.sampled_from([PLAIN, PDF, HTML, MARKDOWN, CSV])


def sentences(text: str, media_type: str = PLAIN) -> list[str]:
    """Return the words of the sentences."""
    return [span.cut(text) for span in sentence_spans(text, media_type)]


@given(TEXTS, MEDIA_TYPES)
def test_spans_lie_in_order_in_the_text(text: str, media_type: str) -> None:
    """Each span is inside, after the one before, and neither begins nor ends with white space."""
    end = 0
    for span in sentence_spans(text, media_type):
        assert end <= span.start < span.end <= len(text)
        assert span.cut(text) == span.cut(text).strip()
        end = span.end


@given(TEXTS, MEDIA_TYPES)
def test_no_word_is_lost(text: str, media_type: str) -> None:
    """What lies between the sentences has no letter or digit but those of list markers."""
    left = list(text)
    for span in sentence_spans(text, media_type):
        left[span.start : span.end] = ["\0"] * (span.end - span.start)
    assert not re.search(r"\w", MARKER.sub("", "".join(left)))


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Smith met Mrs. Jones of Acme Inc. in St. Petersburg.",
        "Revenue in the U.S. was 3.5 million dollars.",
        "Some of it, e.g. the 3rd and i.e. the last, is in No. 5 and Fig. 3.",
        "It was sold vs. a loss of 1,204.75 in the year before.",
        "See e.g. No. 5 of it, i.e. Article 9, cf. Smith.",
        "See p. 12, pp. 13 and 14, Fig. 3, Figs. 4 and 5, Eq. 7, Art. 5, Sec. 2 and Nos. 4 and 5.",
        "See Vol. 3, ch. 7, para. 5, App. 2, Tab. 3, Ex. 4 and Abs. 2.",
        "The U.S. 10 year bond fell by approx. 3 points, est. 40 in all, max. 10 and avg. 4 a day.",
        "It took approx. three days (ca. 30 hours).",
    ],
)
def test_an_abbreviation_or_a_number_does_not_cut(sentence: str) -> None:
    """Such a sentence stays whole between two others."""
    assert sentences(f"First one. {sentence} Last one.") == ["First one.", sentence, "Last one."]


@pytest.mark.parametrize(
    "text",
    [
        "It ended. 10 days later it began.",
        "See section 5. 10 others are not.",
        "It is at its max. We stop here.",
        "They were in Sect. It was large.",
        "The map is big. 3 were left.",
    ],
)
def test_a_full_stop_before_a_number_still_cuts(text: str) -> None:
    """Only a known abbreviation goes on, and only before a number or a small letter."""
    assert len(sentences(text)) == 2


@given(st.lists(NUMBERED, max_size=30).map(lambda parts: " ".join(["Of", *parts])))
def test_sentences_tile_the_text(text: str) -> None:
    """Joined or not, with the spaces between they are the text again."""
    assert " ".join(sentences(text)) == text


def test_line_breaks_of_a_pdf_stand_inside_sentences() -> None:
    """A line that is full goes on in the next one; a short one ends, as a title does."""
    text = (
        "Results of the year\n"
        "The company had a revenue of some 3.5 million dollars in its\n"
        "home market alone. It sold the northern mills, which had been\n"
        "closed, in May.\n"
        "Outlook\n"
        "We expect less."
    )
    assert sentences(text, PDF) == [
        "Results of the year",
        "The company had a revenue of some 3.5 million dollars in its\nhome market alone.",
        "It sold the northern mills, which had been\nclosed, in May.",
        "Outlook",
        "We expect less.",
    ]


def test_an_item_is_a_sentence_without_its_marker() -> None:
    """List items are units, and an item of two sentences is two."""
    text = "There are:\n- one thing\n* two things. Really.\n12. a third\n(b) a fourth\n> said so\n"
    assert sentences(text, MARKDOWN) == [
        *("There are:", "one thing", "two things.", "Really.", "a third", "a fourth", "said so"),
    ]


def test_a_row_of_a_table_is_a_sentence() -> None:
    """Rows stay whole, full stops and all; the rule below the header is none."""
    text = "Before.\n| Name | Note |\n| --- | --- |\n| Dr. A. | Two. Three. |\n\nAfter. End."
    assert sentences(text, MARKDOWN) == [
        *("Before.", "| Name | Note |", "| Dr. A. | Two. Three. |", "After.", "End."),
    ]


def test_a_record_of_a_csv_file_is_a_sentence() -> None:
    """One a line."""
    text = "name,note\nDr. A.,Two. Three.\nB,4\n"
    assert sentences(text, CSV) == text.splitlines()


def test_lines_of_a_web_page_are_apart() -> None:
    """The reader breaks lines where blocks end, so a break always ends a sentence."""
    assert sentences("the menu\nlong text", RTF) == ["the menu", "long text"]
    assert sentences("the menu\nlong text that goes on\nand on", HTML) == [
        *("the menu", "long text that goes on", "and on"),
    ]


def test_a_heading_is_told_from_a_sentence() -> None:
    """By its marks."""
    text = "# Dr. A. and B.\nIt is so."
    assert [is_heading(one) for one in sentences(text, MARKDOWN)] == [True, False]
    assert not is_heading("#5 is alive")


LISTS = """Boats are for hire. To rent one you need the following:

- A valid card. Any card will do.
- Your own
  life vest
- Calm nerves

Prices are on the door.

1. Knock.
2. Wait.
Alone:
- Nothing
"""


@pytest.mark.parametrize(
    ("sentence", "first", "last"),
    [
        ("A valid card.", "To rent one", "nerves"),
        ("Any card will do.", "To rent one", "nerves"),
        ("Calm nerves", "To rent one", "nerves"),
        ("To rent one you need the following:", "To rent one", "nerves"),
        ("Knock.", "1. Knock", "Wait.\nAlone:\n- Nothing"),
        ("Prices are on the door.", "Prices are on the door.", "- Nothing"),
        ("Boats are for hire.", None, None),
    ],
)
def test_the_list_around_a_sentence(sentence: str, first: str | None, last: str | None) -> None:
    """All items with what leads them in, from any sentence of it; no list is none."""
    (span,) = (one for one in sentence_spans(LISTS, "text/plain") if one.cut(LISTS) == sentence)
    found = list_around(LISTS, "text/plain", span)
    if first is None or last is None:
        assert found is None
        return
    assert found is not None
    assert found.cut(LISTS).startswith(first)
    assert found.cut(LISTS).endswith(last)


def test_one_item_is_no_list() -> None:
    """A dash alone makes no list of a sentence."""
    text = "Before.\n\n- Only this.\n\nAfter."
    assert list_around(text, "text/plain", Span(11, 21)) is None


@pytest.mark.parametrize(
    ("line", "after", "expected"),
    [
        ("Elsewhere in 2026", "Morocco stays on UTC all the year from now on.", True),
        ("Elsewhere in 2026.", "Morocco stays on UTC all the year from now on.", False),
        ("Fee: 5", "It is due at the end of each month.", False),
        ("- Calm nerves", "Prices are on the door of the office.", False),
        ("Elsewhere in 2026", "It stays on UTC. It says so in a decree.", True),
        ("Elsewhere in 2026", "Morocco stays on UTC", False),
        ("Anna Berg", "Keeper.", False),
        ("| a | b |", "The table above shows what there is.", False),
        ("One two three four five six seven eight nine", "Word " * 20 + "end.", False),
    ],
)
def test_a_line_above_a_paragraph(line: str, after: str, *, expected: bool) -> None:
    """A few words without a mark at the end, over a sentence that is longer."""
    text = f"{line}\n{after}"
    start = 2 if line.startswith("- ") else 0
    first, second = Span(start, len(line)), Span(len(line) + 1, len(text))
    assert stands_above(text, first, second) == expected
    assert not stands_above(text.replace("\n", " "), first, second)

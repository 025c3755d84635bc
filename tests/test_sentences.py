"""Sentences: nothing is lost or told twice, and a cut is where a reader would make it."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import Span
from indexes.languages import LANGUAGES, Language
from service.sentences import is_heading, is_label, list_around, sentence_spans, stands_above

PLAIN, PDF, HTML, RTF = "text/plain", "application/pdf", "text/html", "application/rtf"
EPUB = "application/epub+zip"
MARKDOWN, CSV = "text/markdown", "text/csv"

MARKER = re.compile(
    r"^[ \t]*(?:(?:> ?)*(?:\(?\d{1,3}(?:\.\d{1,3})*[.)]|\(?[a-z][.)])[ \t]|[①-⑳]"
    r"|[\d一二三四五六七八九十]{1,3}[、．]"
    r"|（[\d一二三四五六七八九十]{1,3}）)",
    re.MULTILINE,
)
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


def sentences(text: str, media_type: str = PLAIN, language: Language = "en") -> list[str]:
    """Return the words of the sentences."""
    return [span.cut(text) for span in sentence_spans(text, media_type, language)]


@given(TEXTS, MEDIA_TYPES, st.sampled_from(LANGUAGES))
def test_spans_lie_in_order_in_the_text(text: str, media_type: str, language: Language) -> None:
    """Each span is inside, after the one before, and neither begins nor ends with white space."""
    end = 0
    for span in sentence_spans(text, media_type, language):
        assert end <= span.start < span.end <= len(text)
        assert span.cut(text) == span.cut(text).strip()
        end = span.end


@given(TEXTS, MEDIA_TYPES, st.sampled_from(LANGUAGES))
def test_no_word_is_lost(text: str, media_type: str, language: Language) -> None:
    """What lies between the sentences has no letter or digit but those of list markers."""
    left = list(text)
    for span in sentence_spans(text, media_type, language):
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


@pytest.mark.parametrize(
    "marker",
    [
        "•",
        "·",
        "▪",
        "■",
        "●",
        "➢",
        "✓",
        "–",
        "1.2.",
        "10.1.3)",
        "- [ ]",
        "* [x]",
        "> -",
        "> 2.",
        "**",
    ],
)
def test_markers_of_many_kinds_are_left_out(marker: str) -> None:
    """As they come from pages, slides and PDF."""
    text = f"There are:\n{marker} One thing.\n  {marker} Another thing.\n"
    assert sentences(text, MARKDOWN) == ["There are:", "One thing.", "Another thing."]


def test_a_bullet_within_a_line_is_left_out() -> None:
    """Where a list was written into a paragraph; a dash between words stays."""
    text = "It ends. - One thing - or so. • Another. It is -5 degrees."
    assert sentences(text) == ["It ends.", "One thing - or so.", "Another.", "It is -5 degrees."]


@pytest.mark.parametrize("rule", ["=======", "---", "~~~~~~~~~~~~~~"])
def test_a_rule_below_a_heading_is_no_part_of_it(rule: str) -> None:
    """And none of what comes next."""
    text = (
        f"The lamp of the northern tower and its keeper\n{rule}\nIt was lit in the year of 1859.\n"
    )
    assert sentences(text) == [*text.split("\n")[:1], *text.split("\n")[2:3]]


def test_headings_and_notes_are_apart_from_what_follows() -> None:
    """However long their lines are; without being told, a heading in capitals alone."""
    text = (
        "THE LAMP OF THE TOWER AND ITS KEEPER\nThe lamp was lit in the year of 1859.\n"
        "Last updated on Sunday, 3 May 2026\nThe keeper was a man of the island.\n"
        "What became of the keeper of it\nHe left in the autumn of that year.\n"
    )
    lines = text.split("\n")[:-1]
    assert sentences(text) == [*lines[:4], "\n".join(lines[4:])]
    told = sentence_spans(text, PLAIN, "en", ["What became of the keeper of it", "The lamp", ""])
    assert [one.cut(text) for one in told] == lines


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
    assert sentences("Ann Lee\nthe pilot of the port\nKiel", EPUB) == [
        *("Ann Lee", "the pilot of the port", "Kiel"),
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
        ("开放时间", "博物馆上午九点开门，下午五点半关门。", True),
        ("开放时间。", "博物馆上午九点开门，下午五点半关门。", False),
        ("开放时间：九点", "博物馆上午九点开门，下午五点半关门。", False),
        ("博物馆每天上午九点开门而下午五点半准时关门", "学生凭证件可以免费参观。" * 4, False),
        ("مواعيدُ الزيارةِ", "يفتح المتحف من التاسعة. متى يغلق؟ في الرابعة؟", True),
    ],
)
def test_a_line_above_a_paragraph(line: str, after: str, *, expected: bool) -> None:
    """A few words without a mark at the end, over a sentence that is longer."""
    text = f"{line}\n{after}"
    start = 2 if line.startswith("- ") else 0
    first, second = Span(start, len(line)), Span(len(line) + 1, len(text))
    assert stands_above(text, first, second) == expected
    assert not stands_above(text.replace("\n", " "), first, second)


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        ("We meet on Mondays.\nContact.\nCall 5.", "Contact.", True),
        ("Contact: call 5.", "Contact:", True),
        ("**Contact.** Call us.", "**Contact.**", True),
        ("Where is it?\nParis.", "Paris.", False),
        ("Capital:\nParis.", "Paris.", False),
        ("- Salt.\n- Pepper.", "Pepper.", False),
        ("6. Law.\n7. Contact. For us: Ada.", "Contact.", True),
        ("It was one city. Paris.", "Paris.", False),
        ("Year\n1859.", "1859.", False),
        ("We meet.\nContact us.", "Contact us.", False),
        ("We meet.\nParis", "Paris", False),
    ],
)
def test_a_word_that_names_what_comes_next(text: str, word: str, *, expected: bool) -> None:
    """One word at the start of a line that no question or colon leads to, and no list item."""
    start = text.index(word)
    ends = [at for at in range(start) if text[at] in "?:."]
    before = Span(0, ends[-1] + 1) if ends else None
    assert is_label(text, Span(start, start + len(word)), before) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Das ist z. B. ein Satz. Am 3. Mai kam Dr. Müller. Er blieb bis 1990. Dann ging er.",
            [
                "Das ist z. B. ein Satz.",
                "Am 3. Mai kam Dr. Müller.",
                "Er blieb bis 1990.",
                "Dann ging er.",
            ],
        ),
        (
            "El Sr. García llegó a las 5 p. m. y se fue. Vive en EE. UU. desde 1990. ¿Sí? No.",
            [
                "El Sr. García llegó a las 5 p. m. y se fue.",
                "Vive en EE. UU. desde 1990.",
                "¿Sí?",
                "No.",
            ],
        ),
        ("M. Dupont est arrivé. Il est parti.", ["M. Dupont est arrivé.", "Il est parti."]),
        (
            "你好。今天天气很好！你去哪里？我在家。",
            ["你好。", "今天天气很好！", "你去哪里？", "我在家。"],
        ),
        ("これは本です。終わり！", ["これは本です。", "終わり！"]),
        ("建于清代。1906年重修。", ["建于清代。", "1906年重修。"]),
        (
            "متى يفتح المتحف؟ يفتح في التاسعة؛ ويغلق في الرابعة. شكرًا!",
            ["متى يفتح المتحف؟", "يفتح في التاسعة؛ ويغلق في الرابعة.", "شكرًا!"],
        ),
        ("यह किताब है। वह घर है॥ अच्छा।", ["यह किताब है।", "वह घर है॥", "अच्छा।"]),
        ("\U00020000\U00020001。e\u0301a。", ["\U00020000\U00020001。", "e\u0301a。"]),
        ("1、护照\n2、照片\n（三）申请表", ["护照", "照片", "申请表"]),
        ("Kurz\nÜber den Dächern der Altstadt wird es hell.\n", None),
    ],
)
def test_other_languages(text: str, expected: list[str] | None) -> None:
    """Their own marks end sentences, abbreviations of any of them and days of a month do not."""
    wanted = expected or [line for line in text.split("\n") if line]
    assert sentences(text, PLAIN, "other") == wanted
    assert sentences(text, PLAIN, "cjk") == wanted


def test_a_list_of_another_script_is_one() -> None:
    """Its markers need no space behind them, and a full-width colon leads in."""
    text = "需要：\n1、护照\n2、照片\n\n以上。"
    start = text.index("照片")
    found = list_around(text, PLAIN, Span(start, start + 2), "cjk")
    assert found is not None
    assert found.cut(text) == "需要：\n1、护照\n2、照片"

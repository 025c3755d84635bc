"""RTF, against what a hand wrote into it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexes.documents import stored_form
from ingest.readers import RTF
from office_files import extract, failure, headings, survives, tables

ALPHA = "\N{GREEK SMALL LETTER ALPHA}"
FONTS = (
    r"{\fonttbl{\f0\fnil\fcharset0 Arial;}{\f1\ftech\fcharset2 Symbol;}{\f2\fnil\fcharset204 A;}"
    r"{\f3\fnil\fcharset128{\*\falt x}MS Gothic;}{\f4\fnil\fcharset2 Wingdings;}}"
)


def rtf(body: str, before: str = "") -> bytes:
    """Return a document with this body, whose characters are bytes."""
    return (r"{\rtf1\ansi\ansicpg1252\deff0" + FONTS + before + "\n" + body + "}").encode("latin-1")


def text(body: str) -> str:
    """Return the stored text of a document."""
    return extract(rtf(body), "a.rtf").text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (r"one\par two\par", "one\n\ntwo"),
        ("one\r\n two\\\nthree", "one two\n\nthree"),
        (r"a\tab b\line c\~d\-e\_f\{\}\\", "a\tb\nc\xa0de-f{}\\"),
        (r"\ldblquote x\rdblquote\endash y\emdash\bullet", "“x”\u2013y—•"),
        (r"na\'efve \'80", "naïve €"),
        ("na\xefve", "naïve"),
        (r"{\i0\*\cs7\cf0 seen} {\*\cs7 unseen}", "seen"),
        (r"\u8364?5 \u-10179?\u-8704? end", "€5 😀 end"),
        (r"\uc2\u8364\'80\'80x\uc0\u8364  y", "€x€ y"),
        (r"{\f2\'cf\'f0\'e8\'e2\'e5\'f2}", "Привет"),
        (r"{\f3\'93\'fa\'96\'7b}", "日本"),
        (r"{\f3\'83A}", "ア"),
        (r"{\f1 a\'b3b} {\f4\'fc} \f1\u61537?", f"{ALPHA}≥β ✓ {ALPHA}"),
        (r"\u61623?x", "·x"),
        (r"a{\v hidden}b{\deleted gone}c\v d\v0 e\v f\plain g", "abceg"),
        (r"{\*\unknown words}{\*\bkmkstart x}seen{\pict\bin5 }{\\x}{\xe index}", "seen"),
        (r"{\field{\*\fldinst HYPERLINK x}{\fldrslt link}}", "link"),
        (r'{\field{\*\fldinst SYMBOL 97 \\f "Symbol" \\s 10}{\fldrslt}}', ALPHA),
        (r"{\upr{ansi}{\*\ud{\u960?}}}", "π"),
        (r"a{\mmath{\*\moMath{\mf{\mfPr{\mtype bar}}{\mnum{\mr x}}}}{\mmathPict y}}", "ax"),
    ],
)
def test_words_are_what_people_see(body: str, words: str) -> None:
    """Signs, code pages, Unicode, symbol fonts; what is not shown is not read."""
    assert text(body) == words


@given(st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc", "Co"))), max_size=5))
def test_every_paragraph_comes_out(paragraphs: list[str]) -> None:
    """Any words of any script, in the units of UTF-16."""

    def units(words: str) -> str:
        data = words.encode("utf-16-le")
        return "".join(
            rf"\u{int.from_bytes(data[at : at + 2], 'little', signed=True)}?"
            for at in range(0, len(data), 2)
        )

    data = rtf("".join(rf"\pard {units(words)}\par" for words in paragraphs))
    put = [stored_form(words).strip() for words in paragraphs if words.strip()]
    if not put:
        assert failure(data, "a.rtf").reason == "empty"
        return
    found = extract(data, "a.rtf")
    assert found.text == "\n\n".join(put)
    assert found.findings == ()


STYLES = (
    r"{\stylesheet{\s0 Normal;}{\s1\outlinelevel0 Kapitel;}{\s2\sbasedon0 heading 2;}"
    r"{\*\cs3 heading 3;}}"
)


def test_headings_are_known_by_style_and_outline() -> None:
    """By a style's level or name, or a level of their own; not beyond their paragraph."""
    body = (
        r"\pard\s1 Lamps\par\pard words\par\pard\s2 Oil\par\pard\s0 words\par"
        r"\pard\outlinelevel2 Deep\par\pard\outlinelevel9 body\par"
    )
    found = extract(rtf(body, STYLES), "a.rtf")
    assert headings(found) == [(1, "Lamps"), (2, "Oil"), (3, "Deep")]
    assert (found.title, found.media_type) == ("Lamps", RTF)


def test_lists_have_their_markers() -> None:
    """Word writes numbers and bullets into the file for programs that cannot count."""
    body = (
        r"\pard\li720 {\listtext\pard\plain\f1\'b7\tab}oil\par"
        r"{\listtext\pard\plain\f1\'b7\tab}gas\par\pard{\pntext 1.\tab}{\*\pn{\pntxta .}}one\par"
    )
    assert text(body) == "- oil\n- gas\n1. one"


def row(*cells: str, before: str = "") -> str:
    """Return a table row."""
    widths = "".join(rf"{flags}\cellx{100 * n}" for n, flags in enumerate(before.split("|")))
    return rf"\trowd {widths}\pard\intbl " + "".join(rf"{cell}\cell " for cell in cells) + r"\row "


def test_tables_keep_their_columns() -> None:
    """Stated header rows, labels over rows, several paragraphs in a cell."""
    body = (
        r"before\par"
        + row("Place", "Units", before=r"\trhdr|")
        + row("North", r"1\par a", before=r"\clvmgf|")
        + row("", "2", before=r"\clvmrg|")
        + row("", "3")
        + r"\pard after\par"
    )
    found = extract(rtf(body), "a.rtf")
    assert found.text.startswith("before\n\nPlace | Units\n")
    assert found.text.endswith("\n\nafter")
    assert tables(found) == [("Place | Units", ["North | 1 a", "North | 2", " | 3"])]


def test_notes_boxes_comments_and_margins_are_kept() -> None:
    """Notes and boxes follow their paragraph, the others come at the end."""
    body = (
        r"{\header Report 7\par}{\footer\chpgn\par}"
        r"First{\super\chftn}{\footnote\pard\plain{\super\chftn} see page 4\par and 5} claim."
        r"{\*\atnid A}{\*\atnauthor Ada}\chatn{\*\annotation\pard Really?}"
        r"{\shp{\*\shpinst{\sp{\sn a}{\sv b}}{\shptxt\pard in the box\par}}{\shprslt no}}\par "
        r"Second.\par"
    )
    assert text(body) == (
        "First[^1] claim.\n\n[^1]: see page 4\nand 5\n\nin the box\n\nSecond.\n\nComments\n\n"
        "Ada: Really?\n\nHeaders and footers\n\nReport 7"
    )


def test_what_a_file_says_of_itself() -> None:
    """Title and author; dates are no as_of."""
    info = (
        r"{\info{\title Harbour \'84lights\'93}{\author Ada}{\creatim\yr2026\mo1\dy4\hr5}"
        r"{\revtim\yr2026\mo13\dy1}{\*\company x}}"
    )
    found = extract(rtf(info + "words"), "a.rtf")
    assert found.title == "Harbour „lights“"
    assert found.metadata == {"author": "Ada", "created": "2026-01-04"}
    assert found.as_of is None


def test_a_file_that_ends_too_soon_is_told() -> None:
    """What was there is read; what follows the document is no part of it."""
    whole = rtf(r"one\par two")
    found = extract(whole[:-1], "a.rtf")
    assert found.text == "one\n\ntwo"
    assert [finding.code for finding in found.findings] == ["damaged"]
    assert extract(whole + b"rubbish}}", "a.rtf").text == "one\n\ntwo"


def test_damage_is_told() -> None:
    """A truncated or altered file gives what is left of it, or a reason."""
    body = r"{\info{\title x}}" + row("a", "b") + r"\u8364?\'e4{\f3\'83A}{\footnote n}\bin3 abc"
    survives(rtf(body, STYLES), "a.rtf", tries=400)

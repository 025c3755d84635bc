"""Provenance: notes on where a text is from and of when it is are known, and what is none stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.provenance import asides, begins_aside, ends_aside

NOTES = [
    "Source: https://example.org/lamps",
    "**Source:** <https://example.org/lamps>",
    "- Source: repository lamps/lamps, docs/LAMPS.md and the dates of its tags",
    "(Sources: www.example.org and the page of the board)",
    "Sources: lamps.md and PEP 745, the release schedule.",
    "Retrieved from https://example.org/lamps on 3 May 2026",
    "Retrieved 3 May 2026 from https://example.org/lamps",
    "As of: 2026-05-01",
    "As of 5 August 2026.",
    "Data as of 31 December 2025",
    "Retrieved: 2026-05-01",
    "Accessed on May 3rd, 2026.",
    "Last updated 3 May 2026",
    "Last updated: May 3, 2026 at 10:30 UTC",
    "_This page was last updated on Sunday, 3 May 2026 by the board._",
    "Page last modified: 03.05.2026",
    "Last update: 2026-05-01T10:30:00Z",
    "This article was published on 2026/05/01",
    "Stand: 1. Mai 2026",
    "Quelle: https://example.org/lampen",
    "Dernière mise à jour : 3 mai 2026",
    "Última actualización: 3 de mayo de 2026",
    "出典：https://example.org/lamps",
]
MATTER = [
    "Source: a spring in the hills",
    "Source: 230 V AC",
    "Source code: https://example.org/lamps.git",
    "The source is at https://example.org.",
    "As of 2026-05-01, 34 states have signed it.",
    "As of 1 May 2026 the lamp is electric.",
    "Updated on 3 May 2026 the timetable has more trains.",
    "Date: 3 May 2026",
    "Published: 2019",
    "Checked on 3 May 2026",
    "Published by the board.",
    "It was last updated in the storm of 2026 by hand.",
    "Website: https://example.org",
    "Released: 2026-05-01",
    "",
]


@pytest.mark.parametrize("note", NOTES)
def test_a_note_on_the_text_is_an_aside(note: str) -> None:
    """In the words and marks that people use; nothing goes on in its line."""
    assert asides([note]) == [True]
    assert begins_aside(note)


@pytest.mark.parametrize("matter", MATTER)
def test_what_is_of_the_matter_is_none(matter: str) -> None:
    """Though it begins alike."""
    assert asides([matter, "The lamp was lit in 1859."]) == [False, False]


def test_a_plain_date_is_one_beside_a_note_only() -> None:
    """The day of a meeting or of a book is an answer, that above `Source:` is not."""
    assert asides(["Published: 2026-05-01", "As of: 2026-05-02"]) == [True, True]
    assert asides(["Date: 2026-05-01", NOTES[0]]) == [True, True]
    assert asides(["As of 5 August 2026.", "Source: the board"]) == [True, True]
    assert asides(["Date: 2026-05-01", "Place: the town hall", NOTES[0]]) == [False, False, True]


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("What is the source of the list?", "Source"),
        ("Where do these figures come from?", "Source"),
        ("Which website is it from?", "Source"),
        ("When was the page last updated?", "Last"),
        ("As of when is the list?", "As of"),
        ("How old is this information?", "As of"),
        ("What is the date of the document?", "As of"),
        ("When was it published?", "Published"),
        ("When was the lamp lit?", None),
        ("What is the release date of the lamp?", None),
        ("How many lamps are there as of 2026?", None),
        ("Where is the lamp?", None),
        ("Who keeps the lamp?", None),
    ],
)
def test_what_the_question_asks_for_is_no_aside(question: str, asked: str | None) -> None:
    """By the word that it is labelled with, or by asking of the text itself."""
    notes = [NOTES[0], "As of: 2026-05-01", "Last updated 3 May 2026", "Published: 2026-05-01"]
    kept = [
        note for note, left_out in zip(notes, asides(notes, question), strict=True) if not left_out
    ]
    if asked is None:
        assert kept == []
    else:
        assert any(note.startswith(asked) for note in kept)
        kinds = {note.startswith("Source") for note in kept}
        assert kinds == {asked == "Source"}


def test_a_day_or_an_address_ends_a_line() -> None:
    """What is said of a source may go on in the next one."""
    assert ends_aside("As of: 2026-05-01")
    assert ends_aside("Source: https://example.org/lamps")
    assert not ends_aside("Source: repository lamps/lamps, docs/LAMPS.md and")
    assert not ends_aside("The lamp was lit in 1859.")


@given(st.lists(st.one_of(st.sampled_from(NOTES + MATTER), st.text(max_size=40)), max_size=8))
def test_each_sentence_is_told_of(sentences: list[str]) -> None:
    """In any order, and asked for or not; what is asked for is never more of an aside."""
    found, asked = asides(sentences), asides(sentences, "What is the source, as of when is it?")
    assert len(found) == len(asked) == len(sentences)
    assert all(before or not after for before, after in zip(found, asked, strict=True))

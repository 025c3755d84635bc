"""Several documents: those that agree are cited together, those that do not are named."""

import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from indexes.documents import Span
from service.agreement import opinions
from service.evidence import Candidate, Evidence, Sentence
from service.generate import quote
from stored_chunks import stored_chunk

LIT = "The lamp at Gull Point was lit in 1859."


def evidence(
    text: str,
    answer: str,
    document: str,
    *,
    score: float = 0.9,
    as_of: str | None = None,
    title: str = "",
) -> Evidence:
    """Return evidence whose chunk is one sentence, at 100 of its document, `answer` its span."""
    chunk = replace(
        stored_chunk(text, 100),
        chunk_id=ord(document),
        document_id=document,
        uri=document,
        title=title,
        as_of=as_of,
    )
    start = 100 + text.index(answer)
    span = Span(start, start + len(answer))
    sentences = (Sentence(chunk.span, 0.9, span),)
    return Evidence(Candidate(chunk, 1.0, 1.0, 1.0), score, sentences)


BEST = evidence(LIT, "1859", "a")


@pytest.mark.parametrize(
    ("text", "answer", "says"),
    [
        ("In 1859 the lamp first shone.", "1859", "same"),
        ("In 1859 the keeper first climbed the stairs.", "1859", None),
        ("The lamp at Gull Point was lit in 1861.", "1861", "other"),
        ("Gull Point: the lamp was first lit in 1861", "1861", "other"),
        ("The lamp at Gull Point was not lit in 1859.", "1859", "other"),
        ("The lamp at Cape Roth was built in 1861.", "1861", None),
        ("The lamp at Gull Point was lit in May 1859.", "May 1859", None),
        ("Ferries sail at 9:15.", "9:15", None),
        (LIT, LIT, None),
    ],
)
def test_what_another_document_says(text: str, answer: str, says: str | None) -> None:
    """The same span agrees; another one disagrees only within a sentence on the same thing."""
    found = list(opinions("", BEST, [evidence(text, answer, "b")]))
    assert [one.says for one in found] == ([says] if says else [])


@pytest.mark.parametrize(
    ("form", "mine", "theirs", "says"),
    [
        ("The mooring fee is {} a night.", "120 kronor", "150 kronor", "other"),
        ("The mooring fee is {} a night.", "1,200 kronor", "1200 kronor", "same"),
        ("The grant closes for applicants on {}.", "31 March 2026", "30 April 2026", "other"),
        ("The grant closes for applicants on {}.", "31 March 2026", "2026-03-31", "same"),
        ("The grant closes for applicants on {}.", "March 31st, 2026", "31 Mar 2026", "same"),
        ("The harbour master of Lindholm is {}.", "Karin Holt", "Lars Holt", "other"),
        ("The harbour master of Lindholm is {}.", "Karin Holt", "Holt", None),
        ("The harbour office and its yard are painted {}.", "a pale red", "red", None),
        ("The whole voyage takes {}.", "two hours", "2 hours", "same"),
        ("The whole voyage takes {}.", "two hours", "three hours", "other"),
        ("The whole voyage takes {}.", "two hours", "120 minutes", None),
        ("The mooring fee is {} a night.", "20 euros", "\u20ac20", "same"),
        ("The mooring fee is {} a night.", "20 euros", "up to 30 euros", None),
        ("The mooring fee is {} a night.", "20 euros", "about 22 euros", None),
        ("The mooring fee is {} a night.", "20 euros", "about 40 euros", "other"),
        ("The harbour gate opens at {}.", "9:00", "9 am", "same"),
        ("The harbour gate opens at {}.", "9:00", "9 pm", "other"),
        ("The grant closes for applicants on {}.", "31 March", "30 April 2026", "other"),
        ("The grant closes for applicants on {}.", "31 March", "2026", None),
        ("The harbour master of Lindholm is {}.", "Karin Holt", "the oldest pilot", None),
        ("The record of the station is {} degrees.", "-5", "5", "other"),
        ("The harbour of Lindholm costs {} a year.", "$4.2", "\u20ac4.2", "other"),
    ],
)
def test_values_are_compared_not_letters(
    form: str, mine: str, theirs: str, says: str | None
) -> None:
    """Equal dates and numbers agree however they are written; names and numbers exclude others."""
    best = evidence(form.format(mine), mine, "a")
    found = list(opinions("", best, [evidence(form.format(theirs), theirs, "b")]))
    assert [one.says for one in found] == ([says] if says else [])


def test_what_stands_beside_a_span_belongs_to_its_value() -> None:
    """A reader may leave out a sign or a currency; 5 and -5 are two values."""
    best = evidence("The record of the station is -5 degrees.", "5", "a")
    other = evidence("The record of the station is 5 degrees.", "5", "b")
    assert [one.says for one in opinions("", best, [other])] == ["other"]


def test_a_denial_is_another_opinion() -> None:
    """Wherever the reader sees the evidence."""
    best = evidence("Dogs are allowed on the ferry.", "allowed", "a")
    other = evidence("Dogs are not allowed on the ferry.", "not allowed", "b")
    assert [one.says for one in opinions("", best, [other])] == ["other"]


@pytest.mark.parametrize(
    ("mine", "theirs", "says"),
    [
        ("Manual X100", "Manual X200", None),
        ("Anna School", "Berta School", None),
        ("Fees 2023", "Fees 2025", "other"),
        ("Minutes of 3 March 2025", "Minutes of 7 April 2025", "other"),
        ("Minutes of Monday, March 3rd, 2025", "Minutes of Monday, April 7th, 2025", "other"),
        ("Minutes 2025-03-03", "Minutes 2025-04-07", "other"),
        ("minutes_2025_03_03", "minutes_2025_04_07", "other"),
        ("minutes-20250303", "minutes-20250407", "other"),
        ("Minutes 03.03.2025", "Minutes 07.04.2025", "other"),
        ("Report Q2 2025", "Report Q3 2025", "other"),
        ("Report, second quarter of 2025", "Report, third quarter of 2025", "other"),
        ("Report 2023/24", "Report 2024/25", "other"),
        ("Newsletter Mar 2025", "Newsletter Apr 2025", "other"),
        ("Newsletter week 12", "Newsletter week 13", "other"),
        ("Manual 3.1", "Manual 3.2", None),
        ("Manual 2024.1", "Manual 2024.2", None),
        ("Python 3.13.2", "Python 3.14.0", None),
        ("Letters of Jan Berg", "Letters of Ann Ek", None),
        ("Oslo report, 3 March 2025", "Bergen report, 3 March 2025", None),
        ("Fees", "Notes of the board", "other"),
        ("", "", "other"),
    ],
)
def test_titles_of_one_form_tell_subjects_apart(mine: str, theirs: str, says: str | None) -> None:
    """Two schools have two heads, and that is no contradiction; years are only dates."""
    first = evidence("The headteacher of the school is Eva Lind.", "Eva Lind", "a", title=mine)
    other = evidence("The headteacher of the school is Tom Hart.", "Tom Hart", "b", title=theirs)
    assert [one.says for one in opinions("", first, [other])] == ([says] if says else [])


def test_other_numbers_around_are_another_thing() -> None:
    """Two releases have two dates; that is no contradiction."""
    one = evidence("Python 3.13 was released on October 7, 2024.", "October 7, 2024", "a")
    other = evidence("Python 3.14 was released on May 5, 2025.", "May 5, 2025", "b")
    assert list(opinions("", one, [other])) == []


def test_names_can_differ_too() -> None:
    """Without any number: two documents name two people."""
    one = evidence("The chief executive of Acme is Alice Berg.", "Alice Berg", "a")
    other = evidence("The chief executive of Acme is Bo Ash.", "Bo Ash", "b")
    assert [found.says for found in opinions("", one, [other])] == ["other"]


def test_one_opinion_a_document_and_none_that_is_weak() -> None:
    """The own document is no second opinion, a second chunk no third, a weak one none at all."""
    again = evidence(LIT, "1859", "a")
    weak = evidence(LIT, "1859", "b", score=0.2)
    good = evidence(LIT, "1859", "c")
    assert [one.evidence for one in opinions("", BEST, [again, weak, good, good])] == [good]


def answer(question: str, found: Sequence[Evidence]) -> tuple[str, list[str]]:
    """Return the answer's text with the id of each cited document, and each short answer."""
    text, shorts = "", []
    for piece in quote(question, found):
        text += piece.text
        if piece.quoted is not None:
            chunk = piece.quoted.evidence.candidate.chunk
            text += f" [{chunk.document_id}]"
            short = piece.quoted.short
            shorts.append(chunk.text[short.start - 100 : short.end - 100])
    return text, shorts


def test_documents_that_agree_are_cited_together() -> None:
    """The sentence stands once, with a citation of each; every short answer is the same."""
    other = evidence("In 1859 the lamp first shone.", "1859", "b")
    assert answer("When was it lit?", [BEST, other]) == (f"{LIT} [a] [b]", ["1859", "1859"])


def test_documents_that_disagree_are_named() -> None:
    """Undated documents are told apart by nothing; the better evidence leads."""
    other = evidence("The lamp at Gull Point was lit in 1861.", "1861", "b")
    text, shorts = answer("When was it lit?", [BEST, other])
    assert text == (
        f"{LIT} [a] Another document says something else: "
        "The lamp at Gull Point was lit in 1861. [b]"
    )
    assert shorts == ["1859", "1861"]


@pytest.mark.parametrize("newer_first", [True, False])
def test_of_two_dated_documents_the_newer_leads(*, newer_first: bool) -> None:
    """Whichever the reader preferred, the older one is named with its date."""
    old = evidence("The fee is 30 euros a year.", "30", "a", as_of="2024-02-29")
    new = evidence("The fee is 45 euros a year.", "45", "b", as_of="2026-01-01")
    text, shorts = answer("What is the fee?", [new, old] if newer_first else [old, new])
    assert text == (
        "The fee is 45 euros a year. [b] An older document (2024-02-29) says something else: "
        "The fee is 30 euros a year. [a]"
    )
    assert shorts == ["45", "30"]


def test_a_date_alone_ranks_nothing() -> None:
    """Between a dated and an undated document the better evidence leads."""
    undated = evidence("The fee is 30 euros a year.", "30", "a")
    dated = evidence("The fee is 45 euros a year.", "45", "b", as_of="2026-01-01")
    assert answer("What is the fee?", [undated, dated])[1] == ["30", "45"]


@pytest.mark.parametrize("several", [True, False])
def test_further_documents_where_several_things_are_asked_for(*, several: bool) -> None:
    """A near document is quoted as well; one that is far from the best is not."""
    near = evidence("Ferries sail at 9:15.", "9:15", "b", score=0.8)
    far = evidence("Owls hoot.", "Owls", "c", score=0.3)
    text, _ = answer("Why was it lit?" if several else "When was it lit?", [BEST, near, far])
    assert text == (f"{LIT} [a] Ferries sail at 9:15. [b]" if several else f"{LIT} [a]")


@pytest.mark.parametrize("sign", ["1", "1-", "1,"])
def test_a_word_without_end_is_no_value(sign: str) -> None:
    """It is compared with nothing, and takes no time."""
    endless = sign * 20_000
    best = evidence(f"The lamp at Gull Point was lit in {endless}.", endless, "a")
    started = time.process_time()
    assert list(opinions("When was it lit?", best, [replace(BEST, score=0.8)])) == []
    assert time.process_time() - started < 1.0

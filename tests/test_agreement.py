"""Several documents: those that agree are cited together, those that do not are named."""

from collections.abc import Sequence

import pytest

from indexes.documents import Span, StoredChunk
from service.agreement import opinions
from service.evidence import Candidate, Evidence, Sentence
from service.generate import quote

LIT = "The lamp at Gull Point was lit in 1859."


def evidence(
    text: str, answer: str, document: str, *, score: float = 0.9, as_of: str | None = None
) -> Evidence:
    """Return evidence whose chunk is one sentence, at 100 of its document, `answer` its span."""
    chunk = StoredChunk(
        chunk_id=1,
        document_id=document,
        uri=document,
        title="",
        media_type="text/plain",
        as_of=as_of,
        text_sha256="",
        span=Span(100, 100 + len(text)),
        text=text,
    )
    start = 100 + text.index(answer)
    span = Span(start, start + len(answer))
    sentences = (Sentence(chunk.span, 0.9),)
    return Evidence(Candidate(chunk, 1.0, 1.0, 1.0), score, sentences, span)


BEST = evidence(LIT, "1859", "a")


@pytest.mark.parametrize(
    ("text", "answer", "says"),
    [
        ("In 1859 the keeper first climbed the stairs.", "1859", "same"),
        ("The lamp at Gull Point was lit in 1861.", "1861", "other"),
        ("Gull Point: the lamp was first lit in 1861", "1861", "other"),
        ("The lamp at Cape Roth was built in 1861.", "1861", None),
        ("Ferries sail at 9:15.", "9:15", None),
        (LIT, LIT, None),
    ],
)
def test_what_another_document_says(text: str, answer: str, says: str | None) -> None:
    """The same span agrees; another one disagrees only within a sentence on the same thing."""
    found = list(opinions(BEST, [evidence(text, answer, "b")]))
    assert [one.says for one in found] == ([says] if says else [])


def test_other_numbers_around_are_another_thing() -> None:
    """Two releases have two dates; that is no contradiction."""
    one = evidence("Python 3.13 was released on October 7, 2024.", "October 7, 2024", "a")
    other = evidence("Python 3.14 was released on May 5, 2025.", "May 5, 2025", "b")
    assert list(opinions(one, [other])) == []


def test_names_can_differ_too() -> None:
    """Without any number: two documents name two people."""
    one = evidence("The chief executive of Acme is Alice Berg.", "Alice Berg", "a")
    other = evidence("The chief executive of Acme is Bo Ash.", "Bo Ash", "b")
    assert [found.says for found in opinions(one, [other])] == ["other"]


def test_one_opinion_a_document_and_none_that_is_weak() -> None:
    """The own document is no second opinion, a second chunk no third, a weak one none at all."""
    again = evidence(LIT, "1859", "a")
    weak = evidence(LIT, "1859", "b", score=0.2)
    good = evidence(LIT, "1859", "c")
    assert [one.evidence for one in opinions(BEST, [again, weak, good, good])] == [good]


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
    other = evidence("In 1859 the keeper first climbed the stairs.", "1859", "b")
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


@pytest.mark.parametrize(
    ("question", "several"),
    [
        ("How do I compare the two plans?", True),
        ("Why was it lit?", True),
        ("What are the ways to get there?", True),
        ("Which new features are there?", True),
        ("How many steps?", True),
        ("How long is it?", False),
        ("When was it lit?", False),
        ("What is the fee?", False),
    ],
)
def test_further_documents_where_several_things_are_asked_for(
    question: str, *, several: bool
) -> None:
    """A near document is quoted as well; one that is far from the best is not."""
    near = evidence("Ferries sail at 9:15.", "9:15", "b", score=0.8)
    far = evidence("Owls hoot.", "Owls", "c", score=0.3)
    text, _ = answer(question, [BEST, near, far])
    assert text == (f"{LIT} [a] Ferries sail at 9:15. [b]" if several else f"{LIT} [a]")

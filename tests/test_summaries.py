"""Summaries of stored documents: sentences verbatim, where they stand, in order, none twice."""

import random
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from indexes.catalog import SplitterSettings
from indexes.collection import Collection, create_collection
from indexes.documents import Page, Prepared, Span
from indexes.errors import (
    BadFilter,
    DocumentNotFound,
    ModelFailed,
    ModelTooSlow,
    UsageError,
)
from indexes.settings import Settings
from scripted_model import Script
from service.answer import query_of
from service.evidence import Evidence, Quoted, Support
from service.language_model import Sampling
from service.prompts import Prompts
from service.reply import CitationEvent, TokenEvent
from service.summaries import extract as extracting
from service.summaries import selection as selecting
from service.summaries.compose import CHANGED
from service.summaries.reply import Event, ProgressEvent, Summary
from service.summaries.summarise import NO_SENTENCE, Sources, check_wanted, summarise
from service.summaries.wanted import Wanted
from service.writing import Desk
from small_encoder import small_encoder
from stored_documents import prepared

BIRDS: Final = "heron stork crane swift plover curlew dunlin knot ruff snipe godwit avocet"
PLACES: Final = "marsh field shore cliff lake river moor wood island bay delta fen"
SYLLABLES: Final = ("ba", "ko", "ri", "mu", "te", "la", "sho", "ne", "pi", "gru")
NAMES: Final = tuple(BIRDS.split())


def sentence(bird: str, place: str, about: str = "") -> str:
    """Return a sentence that can be quoted, with words that no other one has."""
    words = random.Random(f"{bird} {place} {about}")
    made = ["".join(words.choice(SYLLABLES) for _ in range(3)) for _ in range(7)]
    return f"The {bird} {' '.join(made[:4])} {place} {' '.join(made[4:])}."


def book(document_id: str, birds: Sequence[str] = NAMES, **facts: object) -> Prepared:
    """Return a document with a chunk of two sentences for each bird."""
    texts = [
        f"{sentence(bird, place)} {sentence(bird, place, 'more')}"
        for bird, place in zip(birds, PLACES.split(), strict=False)
    ]
    return prepared(document_id, texts, title=f"Birds, {document_id}", **facts)


@pytest.fixture
def collection(tmp_path: Path) -> Iterator[Collection]:
    """An empty collection."""
    made = create_collection(tmp_path, "birds", small_encoder(), SplitterSettings(50))
    yield made
    made.close()


def put(collection: Collection, *documents: Prepared) -> None:
    """Store documents."""
    with collection.write() as writer:
        writer.put(documents)
        writer.merge_views(force=True)


def summed(
    collection: Collection, wanted: Wanted | None = None, *, script: Script | None = None
) -> tuple[Summary, list[Event]]:
    """Return a summary and its events."""
    wanted = wanted or Wanted("birds")
    settings = Settings(data=collection.folder.parent)
    check_wanted(wanted, settings)
    events = list[Event]()
    desk = Desk(script.model(), Prompts(), Sampling(64)) if script else None
    with ThreadPoolExecutor(1) as executor:
        sources = Sources(
            settings,
            collection,
            lambda _: small_encoder(),
            query_of,
            executor,
            desk,
            lambda _encoder, _threads: verbatim,
        )
        return summarise(wanted, sources, events.append, lambda: None), events


def verbatim(sentence: str, evidence: Sequence[Evidence], named: Sequence[int]) -> Support:
    """Bear out what stands in the evidence word for word, and nothing else."""
    del named
    for one in evidence:
        chunk = one.candidate.chunk
        at = chunk.text.find(sentence)
        if at >= 0:
            span = Span(at, at + len(sentence)).moved(chunk.span.start)
            return Support((Quoted(one, span, span),))
    return Support(reason="it stands nowhere")


def check_whole(summary: Summary, collection: Collection) -> None:
    """Check what every summary must keep: quotes, order, and nothing twice."""
    quotes = [one.quote for one in summary.citations]
    assert len(set(quotes)) == len(quotes)
    with collection.read() as reading:
        for one in summary.citations:
            assert reading.text(one.document_id)[one.start : one.end] == one.quote
            assert reading.document(one.document_id).text_sha256 == one.text_sha256
    places = [(one.document_id, one.start) for one in summary.citations]
    assert places == sorted(places)
    assert [one.marker for one in summary.citations] == [
        f"[{number}]" for number in range(1, len(quotes) + 1)
    ]
    for one in summary.citations:
        assert f"{' '.join(one.quote.split())} {one.marker}" in summary.summary
    assert sum(one.citations for one in summary.documents) == len(quotes)


def test_a_document_is_summarised_in_its_own_words(collection: Collection) -> None:
    """Up to eight sentences of it, told piece by piece, with progress."""
    put(collection, book("a"))
    summary, events = summed(collection)
    check_whole(summary, collection)
    assert summary.status == "summarised"
    assert len(summary.citations) == 8
    assert (summary.read.documents, summary.read.chunks, summary.read.reason) == (1, 12, None)
    assert summary.read.chunks_read == 12
    assert (summary.generation.generator, summary.usage) == ("quote", None)
    told = [one.text for one in events if isinstance(one, TokenEvent)]
    assert "".join(told) == summary.summary
    assert tuple(one.citation for one in events if isinstance(one, CitationEvent)) == (
        summary.citations
    )
    progress = [one for one in events if isinstance(one, ProgressEvent)]
    assert {(one.step, one.unit) for one in progress} == {
        ("read", "chunks"),
        ("choose", "sentences"),
    }
    assert all(0 <= one.done <= one.total for one in progress)
    assert progress[-1].done == progress[-1].total


@pytest.mark.parametrize(("length", "sentences"), [("short", 3), ("long", 12), (5, 5), (20, 20)])
def test_lengths(collection: Collection, length: str | int, sentences: int) -> None:
    """By name at most half of what there is to quote; a number is kept to."""
    put(collection, book("a"))
    summary, _ = summed(collection, Wanted("birds", length=length))
    check_whole(summary, collection)
    assert len(summary.citations) == sentences


def test_a_collection_is_summarised_document_by_document(collection: Collection) -> None:
    """Each document has its part, under its title, and none has more than its share."""
    put(collection, *(book(name, NAMES[at * 4 : at * 4 + 4]) for at, name in enumerate("abc")))
    summary, _ = summed(collection, Wanted("birds", length=6))
    check_whole(summary, collection)
    assert [one.heading for one in summary.sections] == [f"Birds, {name}" for name in "abc"]
    assert [one.document_id for one in summary.sections] == ["a", "b", "c"]
    assert summary.summary == "\n\n".join(f"{one.heading}\n{one.text}" for one in summary.sections)
    assert max(one.citations for one in summary.documents) <= 3


def test_a_selection_is_all_that_is_read(collection: Collection) -> None:
    """By ids, by a filter, by a date, and by both."""
    put(
        collection,
        book("a", NAMES[:4], as_of="2025-01-01", metadata={"kind": "report"}),
        book("b", NAMES[4:8], as_of="2026-01-01", metadata={"kind": "report"}),
        book("c", NAMES[8:], metadata={"kind": "letter"}),
    )
    reports = {"field": "metadata.kind", "operator": "==", "value": "report"}
    for wanted, expected in (
        (Wanted("birds", document_ids=("c", "a", "c")), {"a", "c"}),
        (Wanted("birds", filter=reports), {"a", "b"}),
        (Wanted("birds", as_of="2025-06-01"), {"a", "c"}),
        (Wanted("birds", document_ids=("b", "c"), filter=reports), {"b"}),
    ):
        summary, _ = summed(collection, wanted)
        assert {one.document_id for one in summary.documents} == expected
        assert {one.document_id for one in summary.citations} <= expected
    # In the order in which they are named, else in that of their uris, however they were stored.
    summary, _ = summed(collection, Wanted("birds", document_ids=("c", "a", "c")))
    assert [one.document_id for one in summary.sections] == ["c", "a"]
    put(collection, book("b", NAMES[2:6]), book("a", NAMES[:3]))
    assert [one.document_id for one in summed(collection)[0].sections] == ["a", "b", "c"]
    with pytest.raises(DocumentNotFound, match="'x'"):
        summed(collection, Wanted("birds", document_ids=("a", "x")))
    with pytest.raises(BadFilter):
        summed(collection, Wanted("birds", filter={"field": "no"}))


def test_pages_and_spans_of_one_document(collection: Collection) -> None:
    """No sentence reaches out of them; what is not there is told with what is."""
    text = book("a").text
    half = text.index("\n", len(text) // 2) + 1
    pages = (Page(1, Span(0, half)), Page(2, Span(half, len(text))))
    put(collection, book("a", pages=pages, characters=len(text)), book("b"))
    one = ("a",)
    for wanted, span in (
        (Wanted("birds", one, pages=(2, 9)), Span(half, len(text))),
        (Wanted("birds", one, span=Span(10, 400)), Span(10, 400)),
    ):
        summary, _ = summed(collection, wanted)
        check_whole(summary, collection)
        assert summary.citations
        assert all(span.start <= c.start < c.end <= span.end for c in summary.citations)
    assert summary.read.chunks < 12
    for wanted, message in (
        (Wanted("birds", one, pages=(7, 9)), "pages 1 to 2"),
        (Wanted("birds", ("b",), pages=(1, 1)), "no pages"),
        (Wanted("birds", one, span=Span(len(text), len(text) + 5)), "no text"),
        (Wanted("birds", pages=(1, 1)), "exactly one"),
        (Wanted("birds", one, pages=(1, 1), span=Span(0, 9)), "one of them"),
    ):
        with pytest.raises(UsageError, match=message):
            summed(collection, wanted)


def test_what_says_the_same_is_said_once_by_the_newest(collection: Collection) -> None:
    """Of dated documents; an undated one takes no dated one's place."""
    put(
        collection,
        book("old", as_of="2024-05-01"),
        book("new", as_of="2026-05-01"),
        book("undated"),
    )
    summary, _ = summed(collection, Wanted("birds", document_ids=("old", "new"), length=6))
    quotes = [one.quote for one in summary.citations]
    assert len(set(quotes)) == len(quotes) == 6
    assert {one.document_id for one in summary.citations} == {"new"}


def test_a_focus_chooses_what_is_about_it(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By words and meaning; where nothing is, that is said."""
    put(collection, book("a"))
    summary, _ = summed(collection, Wanted("birds", focus="curlew river", length=2))
    assert {one.quote for one in summary.citations} >= {sentence("curlew", "river")}
    assert summary.focus == "curlew river"
    # The small encoder's vectors are near to each other by chance.
    monkeypatch.setattr(extracting, "_LEAST_NEAR", 0.6)
    nothing, _ = summed(collection, Wanted("birds", focus="zzz qqq", length=2))
    assert (nothing.status, nothing.summary) == ("not_found", "")
    assert "focus" in str(nothing.reason)


def test_of_very_much_a_part_is_read_and_told(
    collection: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By even steps through all documents, or what is nearest to the focus."""
    monkeypatch.setattr(selecting, "MOST_CHUNKS", 9)
    monkeypatch.setattr(selecting, "NEAREST", 4)
    put(collection, book("a"), book("b"), book("c"))
    summary, _ = summed(collection)
    read = summary.read
    assert (read.documents, read.documents_read, read.chunks, read.chunks_read) == (3, 3, 36, 9)
    assert "of 36 chunks 9 were read" in str(read.reason)
    assert {one.chunks_read for one in summary.documents} == {3}
    assert {one.chunks for one in summary.documents} == {12}
    focused, _ = summed(collection, Wanted("birds", focus="snipe"))
    assert focused.read.chunks_read <= 4
    assert "nearest to the focus" in str(focused.read.reason)
    assert any("snipe" in one.quote for one in focused.citations)


def test_nothing_to_summarise(collection: Collection) -> None:
    """No documents, none that match, and nothing that could be quoted are told apart."""
    assert summed(collection)[0].status == "no_documents"
    put(collection, prepared("rows", ["a | b | c", "1 | 2 | 3"]))
    summary, events = summed(collection)
    assert (summary.status, summary.reason) == ("not_found", NO_SENTENCE)
    assert not any(isinstance(one, TokenEvent) for one in events)
    assert (
        summed(
            collection,
            Wanted(
                "birds",
                as_of="1999-01-01",
                filter={"field": "id", "operator": "==", "value": "none"},
            ),
        )[0].status
        == "no_documents"
    )


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(length=0), "1 to 50"),
        (Wanted(length=51), "1 to 50"),
        (Wanted(document_ids=("a",) * 1001), "1001"),
        (Wanted(focus=" "), "empty"),
        (Wanted(focus="x" * 4001), "4001"),
        (Wanted(generator="oracle"), "quote"),
    ],
)
def test_what_cannot_be_made_is_refused(wanted: Wanted, message: str) -> None:
    """Before anything is read."""
    with pytest.raises(UsageError, match=message):
        check_wanted(wanted, Settings())


def test_a_model_writes_and_its_sentences_lead_to_the_documents(collection: Collection) -> None:
    """What it invents is left out and told; its sentences are quotes' own here."""
    put(collection, book("a"))
    says = f"{sentence('stork', 'field')} [2] Storks are made of gold and silver. [1]"
    summary, _ = summed(collection, script=Script([says]))
    check_whole(summary, collection)
    assert summary.summary == f"{sentence('stork', 'field')} [1]"
    assert [one.text for one in summary.generation.unsupported] == [
        "Storks are made of gold and silver."
    ]
    assert summary.generation.model == "scripted"
    assert summary.usage is not None
    assert summary.usage["completion_tokens"] == len(says.split())


def test_where_a_model_says_nothing_that_stands_it_is_quoted(collection: Collection) -> None:
    """And that is said."""
    put(collection, book("a"))
    summary, _ = summed(collection, script=Script(["Storks are made of gold and silver. [1]"]))
    check_whole(summary, collection)
    assert len(summary.citations) == 8
    assert summary.generation.fallback
    silent, _ = summed(collection, Wanted("birds", focus="gold"), script=Script(["NOT_FOUND"]))
    assert (silent.status, silent.citations) == ("not_found", ())


@pytest.mark.parametrize(
    ("error", "why"),
    [(ModelTooSlow("too slow"), "then the time was over"), (ModelFailed("gone"), "failed at")],
)
def test_what_a_model_did_not_read_is_not_counted_as_read(
    collection: Collection, error: ModelFailed, why: str
) -> None:
    """Where the time ends or the model fails: of the chunks, and of the documents."""
    put(collection, *(book(one, NAMES[:3]) for one in "abcdefgh"))

    def end() -> None:
        if len(script.given) > 2:
            raise error

    says = f"{sentence('heron', 'marsh')} {sentence('stork', 'field')}"
    script = Script([says], context_tokens=300, between=end)
    summary, events = summed(collection, script=script)
    read = summary.read
    sent = sum(call[-1].text.count("</evidence-") for call in script.given[:2])
    assert (read.documents, read.chunks, read.chunks_read) == (8, 24, sent)
    assert 0 < sent < 24
    assert why in str(read.reason)
    assert read.documents_read == len(summary.documents) < 8
    assert sum(one.chunks_read for one in summary.documents) == sent
    written = [one for one in events if isinstance(one, ProgressEvent) and one.step == "write"]
    assert all(one.done < one.total for one in written)


def test_where_a_model_read_a_part_in_vain_all_was_read_to_quote(collection: Collection) -> None:
    """The reason stands beside what is quoted, and nothing says that not all was read."""
    put(collection, *(book(one, NAMES[:3]) for one in "abcdefgh"))

    def end() -> None:
        if len(script.given) > 2:
            raise ModelTooSlow("too slow")

    script = Script(["Storks are made of gold. [1]"], context_tokens=300, between=end)
    summary, _ = summed(collection, script=script)
    assert (summary.read.chunks_read, summary.read.reason) == (24, None)
    assert "parts, then the time was over" in str(summary.generation.fallback)


def test_what_is_too_long_for_a_model_is_not_counted_as_read(collection: Collection) -> None:
    """And why it was not read is told."""
    long = prepared("long", [" ".join([sentence("heron", "marsh"), *["and"] * 400])], title="Long")
    put(collection, book("a", NAMES[:1]), long)
    script = Script([sentence(NAMES[0], "marsh")], context_tokens=300)
    summary, _ = summed(collection, script=script)
    read = summary.read
    assert (read.documents_read, read.chunks, read.chunks_read) == (1, 2, 1)
    assert "1 of the passages had no room" in str(read.reason)


def test_what_is_deleted_or_changed_meanwhile_is_not_shown(collection: Collection) -> None:
    """The model's work holds nothing open; its sentences on what is gone are left out and told."""
    put(collection, book("a", NAMES[:4]), book("b", NAMES[4:8]), book("c", NAMES[8:]))
    done = list[bool]()

    def change() -> None:
        if not done:
            done.append(True)
            with collection.write() as writer:
                writer.erase(["a"])
                writer.put([book("b", NAMES[:4])])

    says = " ".join(
        [sentence("heron", "marsh"), sentence("plover", "marsh"), sentence("ruff", "marsh")]
    )
    summary, _ = summed(collection, script=Script([says], between=change))
    check_whole(summary, collection)
    assert [one.quote for one in summary.citations] == [sentence("ruff", "marsh")]
    assert [one.reason for one in summary.dropped] == [CHANGED, CHANGED]


def test_a_long_summary_is_in_parts(collection: Collection) -> None:
    """Under the headings that are not all the same, or where there are none, of five sentences."""
    plain = book("a")
    put(collection, plain)
    summary, _ = summed(collection, Wanted("birds", length=12))
    check_whole(summary, collection)
    assert [one.text.count("[") for one in summary.sections] == [5, 5, 2]
    assert summary.summary == "\n\n".join(one.text for one in summary.sections)
    title, halves = Span(0, 3), (Span(4, 8), Span(10, 13))
    chunks = [
        replace(chunk, headings=(title, halves[at >= 6])) for at, chunk in enumerate(plain.chunks)
    ]
    put(collection, replace(plain, chunks=chunks))
    summary, _ = summed(collection, Wanted("birds", length=12))
    check_whole(summary, collection)
    assert [one.heading for one in summary.sections] == [one.cut(plain.text) for one in halves]


def test_the_parts_of_a_long_summary_have_a_heading_where_there_is_something_to_name(
    collection: Collection,
) -> None:
    """Pages where nothing else is, sections where each has its own, else the document's title."""
    plain = book("a")
    pages = tuple(
        Page(number, Span(chunk.span.start, chunk.span.end + 1))
        for number, chunk in enumerate(plain.chunks, 1)
    )
    put(collection, replace(plain, document=replace(plain.document, pages=pages)))
    summary, _ = summed(collection, Wanted("birds", length=11))
    check_whole(summary, collection)
    cited = [one.page for one in summary.citations]
    assert [one.heading for one in summary.sections] == [
        f"Pages {cited[0]}\u2013{cited[4]}",
        f"Pages {cited[5]}\u2013{cited[9]}",
        f"Page {cited[10]}",
    ]
    chunks = [
        replace(one, headings=(Span(one.span.start, one.span.start + 5),)) for one in plain.chunks
    ]
    put(collection, replace(plain, chunks=chunks))
    summary, _ = summed(collection, Wanted("birds", length=12))
    check_whole(summary, collection)
    assert all(" \u2013 " in one.heading for one in summary.sections)
    chunks = [
        replace(one, headings=(Span(0, 3),) if at else ()) for at, one in enumerate(plain.chunks)
    ]
    put(collection, replace(plain, chunks=chunks))
    summary, _ = summed(collection, Wanted("birds", length=12))
    assert [one.heading for one in summary.sections] == [plain.document.title, plain.text[:3]]


def test_a_language_that_the_encoder_does_not_know(tmp_path: Path) -> None:
    """Words alone tell what stands for the rest, and what is about the focus."""
    encoder = small_encoder("bundled")
    made = create_collection(tmp_path, "birds", encoder, SplitterSettings(50), "other")
    texts = [
        "Цапля живёт на болоте у реки и улетает осенью на тёплый юг.",
        "Цапля живёт на болоте у моря и улетает осенью на тёплый юг.",
        "Аист строит гнездо на крыше старого дома в каждой деревне.",
        "Стриж спит в воздухе и никогда не садится на мокрую землю.",
    ]
    put(made, prepared("a", texts))
    summary, _ = summed(made, Wanted("birds", length=3))
    check_whole(summary, made)
    assert len({one.quote for one in summary.citations} & set(texts[:2])) == 1
    assert {one.quote for one in summary.citations} >= set(texts[2:])
    focused, _ = summed(made, Wanted("birds", focus="гнездо аиста", length=1))
    assert [one.quote for one in focused.citations] == [texts[2]]
    made.close()

"""The way of a question: statuses, what narrows it, what is refused, events, and many threads."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bundled_documents import BOOK, birds, make_collection, stored
from indexes.collection import delete_collection, open_collection
from indexes.errors import BadFilter, BadName, CollectionNotFound, IndexDamaged, UsageError
from indexes.settings import Settings
from service.answer import Answerer, Question, build_answerer
from service.reply import (
    CitationEvent,
    Event,
    FinalEvent,
    Reply,
    SearchEvent,
    Timings,
    TokenEvent,
    event_data,
)

SWIFTS = "How long does a young swift fly without landing?"
FALCONS = "How many pairs of peregrine falcons did the city count?"
KINGFISHERS = "Where do kingfishers dig their nests?"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the birds and an empty collection."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    make_collection(folder, "empty", [])
    return folder


@pytest.fixture(scope="module")
def answerer(data: Path) -> Iterator[Answerer]:
    """An answerer to which every score is enough."""
    made = build_answerer(Settings(data=data, threshold=0.0))
    yield made
    made.close()


def timeless(reply: Reply) -> Reply:
    """Return a reply without what differs from one asking to the next."""
    return replace(
        reply, timings=Timings(encode=0, retrieve=0, attend=0, generate=0, total=0), trace_id=""
    )


def shelf(name: str) -> dict[str, object]:
    """Return a filter by metadata."""
    return {"field": "metadata.shelf", "operator": "==", "value": name}


def test_an_answer_cites_the_words_it_is_made_of(answerer: Answerer, data: Path) -> None:
    """The sentence, its page and its offsets, as the collection stores them."""
    reply = answerer.answer(Question(SWIFTS))
    first = reply.citations[0]
    assert reply.status == "answered"
    assert first.quote == "A young swift flies for three years without landing."
    assert reply.answer_short == "three years"
    assert (first.document_id, first.page, first.marker) == ("book", 2, "[1]")
    assert reply.answer == " ".join(f"{one.quote} {one.marker}" for one in reply.citations)
    opened = open_collection(data, "default")
    with opened.read() as reading:
        for one in reply.citations:
            assert reading.text(one.document_id, one.start, one.end) == one.quote
        for passage in reply.passages:
            assert reading.text(passage.document_id, passage.start, passage.end) == passage.text
    opened.close()


def test_scores_are_what_the_contract_says(answerer: Answerer) -> None:
    """All in [0, 1], passages best first, the reply's score that of the best; times add up."""
    reply = answerer.answer(Question(KINGFISHERS))
    scores = [one.score for one in reply.passages]
    assert scores == sorted(scores, reverse=True)
    assert reply.score == scores[0] == reply.citations[0].score
    for one in reply.passages:
        for score in (one.score, one.scores.dense, one.scores.lexical, one.scores.fused):
            assert score is None or 0 <= score <= 1
    took = reply.timings
    steps = took.rewrite + took.encode + took.retrieve + took.attend + took.generate
    assert 0 < steps <= took.total
    assert len(reply.trace_id) == 32
    (dropped,) = reply.dropped
    assert dropped.chunk_id not in {one.chunk_id for one in reply.passages}


def test_below_the_threshold_nothing_is_answered(data: Path) -> None:
    """The passages are there all the same; without abstaining the same evidence answers."""
    strict = build_answerer(Settings(data=data, threshold=1.0))
    refused = strict.answer(Question(SWIFTS))
    assert (refused.status, refused.answer, refused.answer_short) == ("not_found", "", "")
    assert refused.citations == ()
    assert refused.score < refused.threshold == 1.0
    forced = strict.answer(Question(SWIFTS), abstain=False)
    strict.close()
    assert forced.status == "answered"
    assert forced.citations[0].document_id == "book"
    assert (forced.passages, forced.score) == (refused.passages, refused.score)


@pytest.mark.parametrize(
    "question",
    [
        Question(SWIFTS, "empty"),
        Question(SWIFTS, filter=shelf("none")),
        Question(
            FALCONS, filter={"field": "id", "operator": "==", "value": "report"}, as_of="2026-02-28"
        ),
    ],
)
def test_nothing_to_search_is_no_documents(answerer: Answerer, question: Question) -> None:
    """An empty collection, a filter that keeps nothing, and a date before all that it keeps."""
    for abstain in (True, False):
        reply = answerer.answer(question, abstain=abstain)
        assert (reply.status, reply.answer, reply.score) == ("no_documents", "", 0.0)
        assert (reply.passages, reply.citations) == ((), ())


def test_a_filter_narrows_answers_and_search(answerer: Answerer) -> None:
    """Only documents that it keeps come back, in the order without it."""
    every = [one.document_id for one in answerer.answer(Question(KINGFISHERS)).passages]
    assert set(every) > {"book"}
    narrow = answerer.answer(Question(KINGFISHERS, filter=shelf("a")))
    assert {one.document_id for one in narrow.passages} == {"book"}
    assert narrow.citations[0].document_id == "book"
    found = answerer.search(KINGFISHERS, filter=shelf("b"))
    assert [one.document_id for one in found] == ["note"]


@pytest.mark.parametrize(("as_of", "there"), [("2026-03-01", True), ("2026-02-28", False)])
def test_later_documents_stay_out_and_undated_ones_in(
    answerer: Answerer, as_of: str, *, there: bool
) -> None:
    """The report is of 1 March; the other documents have no date."""
    reply = answerer.answer(Question(FALCONS, as_of=as_of))
    found = {one.document_id for one in reply.passages}
    assert found == {"book", "note"} | ({"report"} if there else set())
    assert (reply.citations[0].document_id == "report") is there


def test_top_k_bounds_the_passages_and_the_answer(answerer: Answerer) -> None:
    """Of more candidates the best are kept; fewer candidates than top_k are made up for."""
    every = answerer.answer(Question(SWIFTS)).passages
    assert len(every) == 4
    reply = answerer.answer(Question(SWIFTS, top_k=2))
    assert reply.passages == every[:2]
    assert answerer.answer(Question(SWIFTS, candidates=1)).passages == every
    assert len(answerer.search(SWIFTS, top_k=3)) == 3


@pytest.mark.parametrize(
    ("question", "told"),
    [
        (Question(" \n"), "empty"),
        (Question("x" * 4001), "4001 characters, 4000 are allowed"),
        (Question("x", top_k=0), "use 1 to 100"),
        (Question("x", top_k=101), "use 1 to 100"),
        (Question("x", candidates=0), "use 1 to 200"),
        (Question("x", candidates=201), "use 1 to 200"),
        (Question("x", generator="oracle"), "'oracle' is not known; use one of: quote"),
        (Question("x", strategy="guess"), "'guess' is not known; use one of: direct"),
        (Question("x", as_of="yesterday"), "YYYY-MM-DD"),
    ],
)
def test_what_cannot_be_asked_is_told(answerer: Answerer, question: Question, told: str) -> None:
    """As wrong use, with what is allowed."""
    with pytest.raises(UsageError) as raised:
        answerer.answer(question)
    assert told in raised.value.message


def test_a_collection_or_filter_that_is_wrong_is_told(answerer: Answerer) -> None:
    """Each with its own error, by search too."""
    with pytest.raises(BadFilter):
        answerer.search("x", filter={"field": "colour", "operator": "==", "value": 1})
    with pytest.raises(CollectionNotFound, match="absent"):
        answerer.answer(Question("x", "absent"))
    with pytest.raises(BadName):
        answerer.answer(Question("x", "../etc"))
    with pytest.raises(UsageError):
        answerer.search("")


def test_events_come_in_order_and_add_up(answerer: Answerer) -> None:
    """The passages, then each piece with its citation, then the whole reply; tokens join to it."""
    events: list[Event] = []
    question = Question("Which birds sleep on the wing and fly without landing?", top_k=2)
    reply = answerer.answer(question, on_event=events.append)
    assert isinstance(events[0], SearchEvent)
    assert len(events[0].passages) == 2
    assert {one.document_id for one in events[0].passages} >= {"book"}
    assert events[-1] == FinalEvent(reply)
    middle = events[1:-1]
    tokens = [one.text for one in middle if isinstance(one, TokenEvent)]
    citations = [one.citation for one in middle if isinstance(one, CitationEvent)]
    assert len(tokens) + len(citations) == len(middle)
    assert [one.name for one in middle] == ["token", "citation"] * len(citations)
    assert len(citations) == 2
    assert "".join(tokens) == reply.answer
    assert reply.answer_short
    assert reply.answer_short in citations[0].quote
    assert tuple(citations) == reply.citations
    assert event_data(events[-1]) == reply.as_json()


def test_what_a_listener_raises_ends_the_work(answerer: Answerer) -> None:
    """And the next question is answered as ever."""

    def leave(event: Event) -> None:
        if isinstance(event, TokenEvent):
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        answerer.answer(Question(SWIFTS), on_event=leave)
    assert answerer.answer(Question(SWIFTS)).status == "answered"


def test_many_threads_get_the_same_answers(data: Path) -> None:
    """Eight threads that begin together on a cold answerer reply as one after the other does."""
    questions = [Question(text) for text in (SWIFTS, FALCONS, KINGFISHERS, BOOK[0])] * 8
    with_threads = build_answerer(Settings(data=data, threshold=0.0))
    with ThreadPoolExecutor(8) as pool:
        together = [timeless(one) for one in pool.map(with_threads.answer, questions)]
    with_threads.close()
    alone = build_answerer(Settings(data=data, threshold=0.0))
    in_turn = [timeless(alone.answer(question)) for question in questions[:4]]
    alone.close()
    assert together == in_turn * 8


def test_a_question_is_searched_as_it_would_be_stored(answerer: Answerer) -> None:
    """Line ends and unstorable characters become those of stored texts."""
    reply = answerer.answer(Question(" swifts\r\nsleep\ud800 "))
    assert reply.query == "swifts\nsleep\ufffd"


def test_a_tampered_text_is_an_error_and_no_quote(tmp_path: Path) -> None:
    """Neither the answer nor a token or citation of it is told."""
    make_collection(tmp_path, "default", birds())
    with sqlite3.connect(tmp_path / "default" / "catalog.db") as catalog:
        catalog.execute("UPDATE blocks SET text = replace(text, 'three years', 'seven years')")
    catalog.close()
    answerer = build_answerer(Settings(data=tmp_path, threshold=0.0))
    events: list[Event] = []
    with pytest.raises(IndexDamaged, match="book"):
        answerer.answer(Question(SWIFTS), on_event=events.append)
    answerer.close()
    assert [one.name for one in events] == ["search"]


def test_a_collection_made_anew_is_seen(tmp_path: Path) -> None:
    """An answerer that goes on answers from what is there now."""
    make_collection(tmp_path, "default", birds())
    answerer = build_answerer(Settings(data=tmp_path, threshold=0.0))
    assert answerer.ready() == []
    assert answerer.answer(Question(FALCONS)).citations[0].document_id == "report"
    delete_collection(tmp_path, "default")
    with pytest.raises(CollectionNotFound):
        answerer.answer(Question(FALCONS))
    make_collection(tmp_path, "default", [stored("new", ["The falcons left in 2027."])])
    assert [one.document_id for one in answerer.answer(Question(FALCONS)).citations] == ["new"]
    answerer.close()


def test_a_broken_collection_leaves_the_others_answering(tmp_path: Path) -> None:
    """A collection that cannot be opened fails its own questions."""
    make_collection(tmp_path, "whole", [])
    make_collection(tmp_path, "broken", [])
    (tmp_path / "broken" / "catalog.db").write_bytes(b"not a database" * 100)
    answerer = build_answerer(Settings(data=tmp_path))
    assert answerer.ready() == []
    with pytest.raises(IndexDamaged):
        answerer.answer(Question("x", "broken"))
    assert answerer.answer(Question("x", "whole")).status == "no_documents"
    answerer.close()

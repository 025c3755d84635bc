"""Answers that a language model writes, from the question to the checked citations."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import MappingProxyType

import pytest

from bundled_documents import birds, make_collection
from indexes.collection import open_collection
from indexes.errors import ModelNotSet
from indexes.settings import Settings
from scripted_model import Script
from service.answer import Answerer, Question, build_answerer
from service.chat_reply import Manner, Message, told_all
from service.chat_text import as_said
from service.command import reply_lines
from service.evidence import Turn
from service.problems import answer_for
from service.prompts import NOT_FOUND
from service.reply import CitationEvent, Event, FinalEvent, ReasoningEvent, SearchEvent, TokenEvent

SWIFTS = "How long does a young swift fly without landing?"
TRUE = "A young swift flies for three years without landing."
FALSE = "A young swift flies for seven years without landing."


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the birds."""
    folder = tmp_path_factory.mktemp("data")
    make_collection(folder, "default", birds())
    return folder


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """A language model in the place of a server's, that says what the test tells it to."""
    made = Script([TRUE])
    table = MappingProxyType({"openai": lambda *_: made.model()})
    monkeypatch.setattr("service.models.LANGUAGE_MODELS", table)
    monkeypatch.setattr("service.generators.LANGUAGE_MODELS", table)
    monkeypatch.setattr("service.generators.load_model", lambda name, *more: table[name](*more))
    return made


@pytest.fixture
def answerer(data: Path, script: Script) -> Iterator[Answerer]:
    """An answerer that writes, and to which every score is enough."""
    del script
    made = build_answerer(Settings(data=data, threshold=0.0, generator="openai"))
    yield made
    made.close()


def test_a_written_sentence_cites_what_bears_it_out(
    answerer: Answerer, script: Script, data: Path
) -> None:
    """Its marker leads to the stored words, whatever number the model gave; usage is told."""
    script.says = [f"{TRUE} [7]"]
    reply = answerer.answer(Question(SWIFTS))
    assert reply.status == "answered"
    assert reply.answer == f"{TRUE} [1]"
    (citation,) = reply.citations
    with open_collection(data, "default").read() as reading:
        stored = reading.text(citation.document_id, citation.start, citation.end)
    assert stored == citation.quote == TRUE
    assert (reply.generation.generator, reply.generation.model) == ("openai", "scripted")
    assert (reply.generation.fallback, reply.generation.unsupported) == (None, ())
    assert reply.usage
    assert reply.usage["completion_tokens"] == len(script.says[0].split())


def test_a_changed_number_does_not_reach_the_reader(answerer: Answerer, script: Script) -> None:
    """What is true stays, what is not is told apart; alone it leaves a quote."""
    script.says = [f"{FALSE} [1] {TRUE} [1]"]
    reply = answerer.answer(Question(SWIFTS))
    assert reply.answer == f"{TRUE} [1]"
    assert [one.text for one in reply.generation.unsupported] == [FALSE]
    script.says = [FALSE]
    reply = answerer.answer(Question(SWIFTS))
    assert "seven" not in reply.answer
    assert reply.citations[0].quote == TRUE
    assert reply.generation.fallback


def test_a_model_that_finds_nothing_is_believed(answerer: Answerer, script: Script) -> None:
    """The status says so, and the passages are there all the same."""
    script.says = [NOT_FOUND]
    reply = answerer.answer(Question(SWIFTS))
    assert (reply.status, reply.answer, reply.citations) == ("not_found", "", ())
    assert reply.passages
    assert reply.generation.fallback


def test_the_request_may_ask_for_quotes(answerer: Answerer, script: Script) -> None:
    """Then no language model is asked."""
    reply = answerer.answer(Question(SWIFTS, generator="quote"))
    assert script.given == []
    assert (reply.generation.generator, reply.usage) == ("quote", None)


def test_below_the_threshold_no_model_is_asked(data: Path, script: Script) -> None:
    """The reader has said that nothing answers."""
    strict = build_answerer(Settings(data=data, threshold=1.0, generator="openai"))
    reply = strict.answer(Question("Who won the regatta?"))
    strict.close()
    assert (reply.status, script.given) == ("not_found", [])


def events_of(answerer: Answerer, question: Question) -> list[Event]:
    """Return the events of a question."""
    events: list[Event] = []
    answerer.answer(question, on_event=events.append)
    return events


@pytest.mark.parametrize("wanted", [True, False])
def test_reasoning_is_told_on_demand(answerer: Answerer, script: Script, wanted: bool) -> None:  # noqa: FBT001 # a case
    """As it comes and in the reply; it is never part of the answer."""
    script.says = [f"1. Swifts fly.\nAnswer:\n{TRUE}"]
    events = events_of(answerer, Question(SWIFTS, strategy="cot", reasoning=wanted))
    told = "".join(one.text for one in events if isinstance(one, ReasoningEvent))
    assert ("1. Swifts fly." in told) is wanted
    last = events[-1]
    assert isinstance(last, FinalEvent)
    assert last.reply.answer == f"{TRUE} [1]"
    assert last.reply.generation.reasoning == ("1. Swifts fly." if wanted else None)


def test_a_place_is_cited_once(answerer: Answerer, script: Script) -> None:
    """Two sentences that rest on it have the same number, and one event tells of it."""
    script.says = [f"{TRUE} Without landing, a young swift flies for three years."]
    events = events_of(answerer, Question(SWIFTS))
    answer = "".join(one.text for one in events if isinstance(one, TokenEvent))
    assert answer.count("[1]") == 2
    assert "[2]" not in answer
    assert sum(isinstance(one, CitationEvent) for one in events) == 1


def test_history_reaches_the_model_and_the_search(answerer: Answerer, script: Script) -> None:
    """The model is given the turns, and the question made of them, which an event tells."""
    turns = (Turn("user", "Tell me of the young swift."), Turn("assistant", "It is a bird."))
    script.says = ["How long does the young swift fly without landing?", TRUE]
    asked = Question("How long does it fly without landing?", history=turns)
    events: list[Event] = []
    reply = answerer.answer(asked, on_event=events.append)
    assert "swift" in reply.query
    (searched,) = (one for one in events if isinstance(one, SearchEvent))
    assert searched.query == reply.query
    assert reply.answer == f"{TRUE} [1]"
    assert [one.text for one in script.given[-1][1:3]] == [turn.text for turn in turns]
    assert reply.query in script.given[-1][-1].text


def test_nothing_is_held_open_while_a_model_writes(data: Path, script: Script) -> None:
    """SQLite's log can be begun anew, while it rewrites and while it answers from what was read."""
    make_collection(data, "held", birds())
    busy: list[int] = []

    def change() -> None:
        with closing(open_collection(data, "held")) as opened, opened.write() as writer:
            writer.erase([("note", "book")[len(busy)]])
        with closing(sqlite3.connect(data / "held" / "catalog.db")) as catalog:
            busy.append(catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0])

    script.between, script.size = change, 1000
    script.says = ["How long does the young swift fly without landing?", TRUE]
    made = build_answerer(Settings(data=data, threshold=0.0, generator="openai"))
    turns = (Turn("user", "Tell me of the young swift."), Turn("assistant", "It is a bird."))
    asked = Question("How long does it fly without landing?", "held", history=turns)
    reply = made.answer(asked)
    made.close()
    assert busy == [0, 0]
    assert (reply.rewritten_by, reply.answer) == ("model", f"{TRUE} [1]")
    (citation,) = reply.citations
    assert (citation.quote, citation.page) == (TRUE, 2)


def test_evidence_without_room_is_named(answerer: Answerer, script: Script, data: Path) -> None:
    """In `dropped`, by its chunk; the best goes first."""
    answerer.answer(Question(SWIFTS))
    whole = sum(len(one.text.split()) for one in script.given[0])
    made = build_answerer(Settings(data=data, threshold=0.0, generator="openai", answer_tokens=16))
    script.context_tokens = whole + 16 - 1
    reply = made.answer(Question(SWIFTS))
    made.close()
    lowest = reply.passages[-1]
    unread = [one.chunk_id for one in reply.dropped if "no room" in one.reason]
    assert unread == [lowest.chunk_id]
    assert lowest.text not in script.given[-1][-1].text


@pytest.mark.parametrize("name", ["openai", "transformers"])
def test_a_generator_that_no_setting_serves_is_the_asker_s_mistake(data: Path, name: str) -> None:
    """What could be set is told, and programs do not ask again as they would after a 503."""
    made = build_answerer(Settings(data=data, threshold=0.0))
    with pytest.raises(ModelNotSet, match=r"AFTERWORD_MODEL|OPENAI_BASE_URL"):
        made.answer(Question(SWIFTS, generator=name))
    made.close()
    assert answer_for(ModelNotSet).status == 422


LIST = (
    f"Here are the facts:\n\n- {TRUE} 【1†source】\n- {FALSE}\n\n| Bird | Flies |\n|---|---|\n"
    "| young swift | three years without landing |\n| young swift | seven years |\n"
)
SHOWN = (
    f"Here are the facts:\n\n- {TRUE} [1]\n\n| Bird | Flies |\n|---|---|\n"
    "| young swift | three years without landing [1] |"
)


def test_lists_and_tables_come_out_as_they_were_written(answerer: Answerer, script: Script) -> None:
    """In the reply, in what is streamed, in a chat completion and at the terminal."""
    script.says = [LIST]
    events = list[Event]()
    reply = answerer.answer(Question(SWIFTS), on_event=events.append)
    assert reply.answer == SHOWN
    assert "".join(one.text for one in events if isinstance(one, TokenEvent)) == SHOWN
    message = told_all(events, Message(Manner("default", "default", sources=False)))
    assert message.content == SHOWN
    lines = list(reply_lines(reply))
    at = lines.index("  Here are the facts:")
    assert lines[at : at + 7] == [f"  {line}".rstrip() for line in SHOWN.split("\n")]


def test_a_list_as_it_was_streamed_and_sent_back_is_history(
    answerer: Answerer, script: Script
) -> None:
    """Its lines survive what chat programs are told behind the answer."""
    script.says = [LIST]
    events = list[Event]()
    answerer.answer(Question(SWIFTS), on_event=events.append)
    message = told_all(events, Message(Manner("default", "default")))
    assert message.content.startswith(f"{SHOWN}\n\n")
    assert as_said(message.content) == SHOWN


def test_the_half_of_an_answer_is_told_as_such(answerer: Answerer, script: Script) -> None:
    """In the reply, with its reason."""
    script.says = [f"{TRUE} A young swift flies"]
    script.reason = "length"
    reply = answerer.answer(Question(SWIFTS))
    assert reply.answer == f"{TRUE} [1]"
    assert reply.generation.finish_reason == "length"
    (half,) = reply.generation.unsupported
    assert (half.text, half.reason) == ("A young swift flies", "it was cut off before its end")

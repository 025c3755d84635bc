"""Summaries that a language model writes: parts, rounds, limits, and what it must not invent."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexes.documents import Span
from indexes.errors import ModelFailed, ModelTooSlow, PromptTooLong
from scripted_model import Script, words_of
from service.evidence import Candidate, Evidence, Quoted, Support
from service.language_model import Check, Ended, LanguageModel, Message, Sampling, Usage
from service.prompts import NOT_FOUND, Prompts
from service.summaries.reply import ProgressEvent
from service.summaries.write import Note, Writer, Written, write
from service.writing import MARK, NO_ROOM, Desk, Manner
from stored_chunks import stored_chunk

FILLING: Final = " ".join(["and"] * 40)


def fact(number: int) -> str:
    """Return a sentence of its own."""
    return f"Fact {number} is the one that has the number {number}."


def evidence_of(count: int, words: int = 40) -> list[Evidence]:
    """Return chunks of a sentence each and some words of no matter."""
    filling = " ".join(["and"] * words)
    made = list[Evidence]()
    for number in range(count):
        text = f"{fact(number)} {filling}"
        chunk = replace(stored_chunk(text, 1000 * number), chunk_id=number + 1)
        made.append(Evidence(Candidate(chunk, None, None, 1.0), 1.0))
    return made


def verbatim(sentence: str, evidence: Sequence[Evidence], named: Sequence[int]) -> Support:
    """Bear out what stands in the evidence word for word, and nothing else."""
    assert all(0 <= at < len(evidence) for at in named)
    for one in evidence:
        chunk = one.candidate.chunk
        at = chunk.text.find(sentence)
        if at >= 0:
            span = Span(at, at + len(sentence)).moved(chunk.span.start)
            return Support((Quoted(one, span, span),))
    return Support(reason="it stands nowhere")


@dataclass
class Copying:
    """A model that copies the first sentences of what it is given; it keeps what it was asked.

    `at_call` runs before each call, with its number from 1.
    """

    context_tokens: int = 2048
    invents: bool = False
    at_call: Callable[[int], None] = lambda _: None
    calls: list[list[Message]] = field(default_factory=list)
    used: Usage = field(default_factory=Usage)

    def model(self) -> LanguageModel:
        """Return the model."""
        return LanguageModel("copying", self.context_tokens, words_of, self._write)

    def _write(
        self, messages: Sequence[Message], sampling: Sampling, check: Check
    ) -> Iterator[str | Ended]:
        self.calls.append(list(messages))
        assert words_of(messages) + sampling.max_tokens <= self.context_tokens
        self.at_call(len(self.calls))
        check()
        shown = [line for line in messages[-1].text.split("\n") if line.startswith("Fact")]
        wanted = int(messages[-1].text.rpartition("at most ")[2].split()[0])
        said = [f"{line.partition('.')[0]}. [{at}]" for at, line in enumerate(shown[:wanted], 1)]
        if self.invents:
            said.insert(1, "Fact 0 was bought for 77 million gold pieces. [1]")
        text = " ".join(said)
        usage = Usage(words_of(messages), len(text.split()))
        self.used += usage
        yield text
        yield Ended("stop", usage, "copying")


def first(notes: Sequence[Note], count: int) -> list[Note]:
    """Pick the first of notes."""
    return list(notes[:count])


def written_by(
    model: LanguageModel,
    evidence: Sequence[Evidence],
    sentences: int = 5,
    *,
    manner: Manner = "drop",
    seconds: float = 60.0,
    tell: Callable[[ProgressEvent], None] = lambda _: None,
    check: Check = lambda: None,
    focus: str = "",
) -> Written:
    """Return what a model writes of evidence."""
    desk = Desk(model, Prompts(), Sampling(64))
    writer = Writer(desk, verbatim, manner, seconds, first, tell, check)
    return write(writer, evidence, sentences, focus)


def test_what_fits_is_read_at_once() -> None:
    """One call gives the summary; what was used is told."""
    model = Copying()
    written = written_by(model.model(), evidence_of(6), 3)
    assert len(model.calls) == 1
    assert [note.text for note in written.notes] == [fact(0), fact(1), fact(2)]
    assert (written.usage, written.model, written.fallback) == (model.used, "copying", None)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 150), st.integers(2, 90), st.sampled_from([700, 2048]), st.integers(1, 20))
def test_no_prompt_is_ever_longer_than_the_context(
    chunks: int, words: int, context: int, sentences: int
) -> None:
    """The model itself counts; every passage is in one part, in order, and the end is one text."""
    model = Copying(context)
    progress = list[ProgressEvent]()
    evidence = evidence_of(chunks, words)
    written = written_by(model.model(), evidence, sentences, tell=progress.append)
    assert 1 <= len(written.notes) <= sentences
    assert written.usage == model.used
    assert (written.dropped, written.unread, written.fallback) == ([], None, None)
    read = "\n".join(call[-1].text for call in model.calls)
    assert all(fact(number) in read for number in range(chunks))
    for note in written.notes:
        (quoted,) = note.quoted
        assert quoted.evidence in evidence
        assert quoted.evidence.candidate.chunk.cut(quoted.span) == note.text
    assert all(0 <= one.done <= one.total for one in progress)


def test_citations_lead_to_the_passages_and_not_to_notes() -> None:
    """Through several rounds, and the numbers that a note has in one of them."""
    model = Copying(700)
    evidence = evidence_of(400, 20)
    written = written_by(model.model(), evidence, 20)
    assert sum("notes" in call[0].text for call in model.calls) > 2
    spans = [note.quoted[0].span for note in written.notes]
    assert spans == sorted(spans)
    assert len(set(spans)) == 20


@pytest.mark.parametrize("manner", ["drop", "mark"])
def test_what_it_invents_is_caught_in_every_round(manner: Manner) -> None:
    """None of it comes into the next round; of the last one it is left out or marked."""
    model = Copying(700, invents=True)
    written = written_by(model.model(), evidence_of(30), 4, manner=manner)
    told = [note.text for note in written.notes]
    assert all(note.quoted for note in written.notes) == (manner == "drop")
    assert any(MARK in text for text in told) == (manner == "mark")
    invented = [one for one in written.unsupported if "77 million" in one.text]
    assert len(invented) == len(model.calls)
    last = model.calls[-1][-1].text
    assert "77 million" not in last


def test_what_is_too_long_for_the_context_is_named() -> None:
    """A passage that fits into no part is left out and told; if none fits, that is an error."""
    model = Copying(700)
    long = evidence_of(1, 900)[0]
    others = evidence_of(3)[1:]
    written = written_by(model.model(), [long, *others], 2)
    assert [(one.chunk_id, one.reason) for one in written.dropped] == [(1, NO_ROOM)]
    assert [note.text for note in written.notes] == [fact(1), fact(2)]
    with pytest.raises(PromptTooLong, match="700 tokens"):
        written_by(model.model(), [long], 2)


def test_a_part_that_its_server_finds_too_long_is_read_in_halves() -> None:
    """Where tokens are only estimated."""
    evidence = evidence_of(8)
    model = Copying()

    def refuse(_number: int) -> None:
        if sum("Fact" in line for line in model.calls[-1][-1].text.split("\n")) > 3:
            raise PromptTooLong("too long")

    model.at_call = refuse
    written = written_by(model.model(), evidence, 8)
    assert written.notes[0].text == fact(0)
    assert {2, 4, 6} <= {int(note.text.split()[1]) for note in written.notes}
    assert written.dropped == []


def test_where_the_time_ends_what_was_read_is_of_all_of_it() -> None:
    """The parts that were read are spread over the text, and that not all were is told."""
    model = Copying(700)

    def slow(number: int) -> None:
        if number == 4:
            raise ModelTooSlow("too slow")

    model.at_call = slow
    evidence = evidence_of(60)
    written = written_by(model.model(), evidence, 4)
    places = [note.quoted[0].evidence.candidate.chunk.chunk_id for note in written.notes]
    assert "3 of" in str(written.unread)
    assert written.finish_reason == "length"
    assert written.usage is not None
    assert written.usage.prompt_tokens == sum(map(words_of, model.calls))
    assert min(places) < 5
    assert max(places) > 20


def test_the_time_is_kept() -> None:
    """The model's check raises once the time for it is over, and what there is is used."""
    model = Copying(700, at_call=lambda _: time.sleep(0.03))
    written = written_by(model.model(), evidence_of(200), 4, seconds=0.3)
    assert len(model.calls) <= 14
    assert written.unread
    assert written.notes


def test_one_failure_of_many_calls_loses_one_part() -> None:
    """And is told; where every call fails the error is the model's."""
    model = Copying(700)

    def fail(number: int) -> None:
        if number == 2:
            raise ModelFailed("the server is gone")

    model.at_call = fail
    written = written_by(model.model(), evidence_of(30), 4)
    assert written.notes
    assert "failed" in str(written.unread)

    def always(_number: int) -> None:
        raise ModelFailed("the server is gone")

    broken = Copying(700, at_call=always)
    with pytest.raises(ModelFailed, match="gone"):
        written_by(broken.model(), evidence_of(30), 4)
    assert len(broken.calls) == 3


def test_where_no_whole_is_written_the_parts_stand() -> None:
    """The checked sentences of the parts, so many as are wanted, and why."""
    model = Copying(700)
    parts = list[int]()

    def fail(number: int) -> None:
        if "notes" in model.calls[-1][0].text:
            raise ModelFailed("the server is gone")
        parts.append(number)

    model.at_call = fail
    written = written_by(model.model(), evidence_of(30), 4)
    assert len(written.notes) == 4
    assert "the server is gone" in str(written.fallback)
    assert len(parts) > 1


def test_who_leaves_stops_the_work() -> None:
    """Between calls, and within one."""

    class Left(Exception):
        """The client is gone."""

    def gone() -> None:
        raise Left

    model = Copying()
    with pytest.raises(Left):
        written_by(model.model(), evidence_of(6), check=gone)
    assert len(model.calls) <= 1


def test_a_sentence_that_was_cut_off_is_left_out() -> None:
    """A model that runs out of tokens ends in the middle of a sentence."""

    def cut(messages: Sequence[Message], sampling: Sampling, check: Check) -> Iterator[str | Ended]:
        del messages, sampling, check
        yield f"{fact(0)} [1] {fact(1)[:20]}"
        yield Ended("length", Usage(1, 1))

    model = LanguageModel("cut", 2048, words_of, cut)
    written = written_by(model, evidence_of(3))
    assert [note.text for note in written.notes] == [fact(0)]
    assert (written.unsupported, written.finish_reason) == ([], "length")


def test_what_it_has_nothing_to_say_on_is_told() -> None:
    """A focus that no part is about gives no summary; the prompt has the focus."""
    script = Script([NOT_FOUND], context_tokens=700)
    written = written_by(script.model(), evidence_of(30), focus="What of gold?")
    assert (written.silent, written.notes, written.fallback) == (True, [], None)
    assert all("What of gold?" in call[-1].text for call in script.given)


def test_what_it_wrote_has_no_links() -> None:
    """Nothing that a reader would follow comes from a model."""
    text = f"{fact(0)}"
    script = Script([f"[{text}](https://evil.example/) [1]"], context_tokens=2048)
    written = written_by(script.model(), evidence_of(3))
    assert all("evil" not in note.text for note in written.notes)


def test_lists_and_tables_become_sentences() -> None:
    """What leads them in goes, rows are told in words; a sentence over two lines is one."""
    evidence = evidence_of(1, 0)
    text = "Range: 21 miles Year: 2024; Ships: 310 It does not sail in winds above force 9."
    chunk = replace(evidence[0].candidate.chunk, text=text, span=Span(0, len(text)))
    evidence = [replace(evidence[0], candidate=replace(evidence[0].candidate, chunk=chunk))]
    said = (
        "Here are the facts:\n\n- Range: 21 miles 【1】\n- Range: 99 miles\n\n"
        "| Year | Ships |\n|---|---|\n| 2024 | 310 |\n| 2025 | 77 |\n\n"
        "It does not sail\nin winds above force 9 (1)."
    )
    written = written_by(Script([said]).model(), evidence)
    assert [note.text for note in written.notes] == [
        "Range: 21 miles",
        "Year: 2024; Ships: 310",
        "It does not sail in winds above force 9.",
    ]
    assert [one.text for one in written.unsupported] == ["Range: 99 miles", "2025 | 77"]


def test_the_half_of_a_sentence_is_no_part_of_a_summary() -> None:
    """Neither is half a sentence that is broken over lines."""
    said = f"{fact(0)}\nFact 1 is the\none"
    written = written_by(Script([said], reason="length").model(), evidence_of(2))
    assert [note.text for note in written.notes] == [fact(0)]
    assert written.finish_reason == "length"

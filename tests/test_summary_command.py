"""`afterword summarize`: what may be written, what is shown, and how far it is meanwhile."""

import io
import json
from dataclasses import replace

import pytest

from indexes.errors import UsageError
from service.reply import Citation, Generation, UnsupportedSentence
from service.summaries.reply import ProgressEvent, Read, Summary, SummaryTimings
from service.summary_command import (
    parse_length,
    parse_pages,
    shown_progress,
    summary_json,
    summary_lines,
)

CITATION = Citation(
    marker="[1]",
    document_id="d",
    title="Swans",
    uri="notes/swans.pdf",
    page=3,
    row=None,
    section="Birds > White\nones",
    start=0,
    end=16,
    quote="Swans are white.",
    score=0.5,
    as_of="2026-01-01",
    text_sha256="",
)
SUMMARY = Summary(
    status="summarised",
    summary="Swans are white. [1]",
    citations=(CITATION,),
    sections=(),
    documents=(),
    read=Read(1, 1, 9, 9),
    timings=SummaryTimings(1, 2, 3, 4, 10),
    trace_id="t",
)


@pytest.mark.parametrize(
    ("text", "length"), [("short", "short"), ("long", "long"), ("1", 1), ("50", 50)]
)
def test_lengths(text: str, length: str | int) -> None:
    """A name, or a number of sentences."""
    assert parse_length(text) == length


@pytest.mark.parametrize("text", ["", "huge", "0", "51", "-1", "3.5", "²"])
def test_lengths_that_are_none(text: str) -> None:
    """Are refused with those there are."""
    with pytest.raises(UsageError, match="short, medium, long"):
        parse_length(text)


@pytest.mark.parametrize(
    ("text", "pages"), [(None, None), ("7", (7, 7)), ("3-10", (3, 10)), (" 3 - 3 ", (3, 3))]
)
def test_pages(text: str | None, pages: tuple[int, int] | None) -> None:
    """One, or the first and the last."""
    assert parse_pages(text) == pages


@pytest.mark.parametrize("text", ["", "0", "3-", "-3", "a-b", "3-2", "3-4-5"])
def test_pages_that_are_none(text: str) -> None:
    """Are refused with how they are written."""
    with pytest.raises(UsageError, match="--pages"):
        parse_pages(text)


def test_what_is_shown() -> None:
    """The text, where each sentence stands, and how much was read."""
    assert list(summary_lines(SUMMARY)) == [
        "Swans are white. [1]",
        "",
        "  [1] notes/swans.pdf, page 3, section Birds > White ones, as of 2026-01-01",
        "",
        "Read: 1 of 1 documents, 9 of 9 chunks.",
    ]
    assert json.loads(summary_json(SUMMARY))["citations"][0]["quote"] == "Swans are white."


def test_what_is_not_whole_is_told() -> None:
    """What was not read, why nothing was written, and what was left out."""
    generation = Generation(
        "openai", "m", "the time was over", (UnsupportedSentence("Swans are black.", "no"),)
    )
    read = Read(1, 1, 90, 9, "of 90 chunks 9 were read")
    lines = list(summary_lines(replace(SUMMARY, read=read, generation=generation)))[-3:]
    assert lines == [
        "Not all was read: of 90 chunks 9 were read.",
        "As openai could not: the time was over.",
        "Sentences that the documents do not bear out: 1; --json has them.",
    ]


def test_nothing_is_told_with_the_reason() -> None:
    """In one line."""
    nothing = replace(SUMMARY, status="not_found", summary="", reason="nothing is about it")
    assert list(summary_lines(nothing)) == ["not_found: nothing is about it"]


def test_progress_in_a_pipe_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one for each event."""
    stream = io.StringIO()
    clock = iter([0.0, 1.0, 6.0, 7.0])
    monkeypatch.setattr("service.summary_command.time.monotonic", lambda: next(clock))
    with shown_progress(stream) as tell:
        for done in range(3):
            tell(ProgressEvent(done, 3, "parts", "write"))
    assert stream.getvalue() == "summarising 1 of 3 parts\n"


def test_progress_on_a_terminal_is_a_bar() -> None:
    """Which names the step."""

    class Terminal(io.StringIO):
        """A stream that people see."""

        def isatty(self) -> bool:
            """Say so."""
            return True

    stream = Terminal()
    with shown_progress(stream) as tell:
        tell(ProgressEvent(1, 3, "parts", "reduce"))
    assert "summing up parts" in stream.getvalue()

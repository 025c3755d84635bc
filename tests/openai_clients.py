"""OpenAI's own client for a service of a test, and an answerer that says what it is told to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fastapi import FastAPI
from openai import OpenAI

from service.answer import Question
from service.reply import (
    Citation,
    CitationEvent,
    Event,
    FinalEvent,
    Generation,
    ReasoningEvent,
    Reply,
    SearchEvent,
    Status,
    Timings,
    TokenEvent,
)
from serving import SmallAnswerer, loading, until

KEY = "none-is-needed"


@contextmanager
def client_of(app: FastAPI, key: str = KEY) -> Iterator[OpenAI]:
    """Serve an application over a real socket, and give a client of it that tries once."""
    with loading(app) as url:
        until(lambda: app.state.service.answerer is not None)
        with OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30) as client:
            yield client


def citation(number: int, **facts: object) -> Citation:
    """Return a citation of a document called d1, d2 and so on."""
    usual: dict[str, object] = {
        "marker": f"[{number}]",
        "document_id": f"d{number}",
        "title": f"Title {number}",
        "uri": f"notes/d{number}.txt",
        "page": None,
        "row": None,
        "section": "",
        "start": 3,
        "end": 9,
        "quote": "quoted",
        "score": 0.5,
        "as_of": None,
        "text_sha256": "0" * 64,
    }
    return Citation(**{**usual, **facts})  # type: ignore[arg-type] # as above


def reply_of(
    texts: Sequence[str],
    citations: Sequence[Citation] = (),
    *,
    status: Status = "answered",
    usage: dict[str, int] | None = None,
    generation: Generation | None = None,
) -> Reply:
    """Return the reply whose answer are these texts."""
    return Reply(
        status=status,
        answer="".join(texts),
        answer_short="",
        score=0.75,
        threshold=0.5,
        query="q",
        citations=tuple(citations),
        passages=(),
        dropped=(),
        usage=usage,
        timings=Timings(encode=1.0, retrieve=2.0, attend=3.0, generate=4.0, total=10.0),
        trace_id="",
        generation=generation or Generation(),
    )


@dataclass
class ToldAnswerer(SmallAnswerer):
    """Says texts, each with the citation that it has, after some thoughts; `fails` may raise."""

    texts: Sequence[str] = ("White. [1]",)
    citations: Sequence[Citation | None] = (citation(1),)
    thoughts: Sequence[str] = ()
    fails: Callable[[], None] = lambda: None
    reply: Reply = field(default_factory=lambda: reply_of(("White. [1]",), [citation(1)]))

    def answer(
        self,
        question: Question,
        *,
        abstain: bool = True,
        on_event: Callable[[Event], None] | None = None,
        check: Callable[[], None] | None = None,
    ) -> Reply:
        """Give the events of an answer, one after another."""
        del abstain, check
        self.asked.append(question)
        say = on_event or (lambda _event: None)
        say(SearchEvent((), question.question))
        for thought in self.thoughts if question.reasoning else ():
            say(ReasoningEvent(thought))
        for text, cited in zip(self.texts, self.citations, strict=True):
            self.between()
            say(TokenEvent(text))
            if cited is not None:
                say(CitationEvent(cited))
        self.fails()
        say(FinalEvent(self.reply))
        return self.reply

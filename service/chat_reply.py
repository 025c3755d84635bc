"""From the events of a question to a chat completion, whole or in chunks."""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Final
from urllib.parse import quote as quoted
from urllib.parse import urlencode
from uuid import uuid4

from indexes.errors import AfterwordError
from service.chat_text import as_words, said_without_answer, tail, title_of
from service.language_model import Usage
from service.problems import error_of
from service.reply import Citation, CitationEvent, Event, FinalEvent, ReasoningEvent, TokenEvent

# Of a long quote so many words at each end are looked for on its page.
_END: Final = 5
DONE: Final = b"data: [DONE]\n\n"
Json = Mapping[str, object]
# Some clients take these for the ends of lines, within JSON too.
_LINES: Final = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


@dataclass(frozen=True, slots=True)
class Manner:
    """How an answer is told.

    `root` is the service's path at its server. With `sources`, notes and sources stand behind the
    answer; `drops` tells that unsupported sentences are left out, not marked.
    """

    model: str
    collection: str
    root: str = ""
    sources: bool = True
    drops: bool = True
    unused: tuple[str, ...] = ()


@dataclass(slots=True)
class Message:
    """An answer that grows with the events of its question."""

    manner: Manner
    content: str = ""
    reasoning: str = ""
    annotations: list[Json] = field(default_factory=list)
    told: Json | None = None
    finish_reason: str = "stop"
    usage: Json = field(default_factory=Usage().as_json)

    def take(self, event: Event) -> Iterator[Json]:
        """Take an event, and give what it adds to the message, as deltas."""
        match event:
            case TokenEvent(text):
                yield self.say(as_words(text, self.content))
            case ReasoningEvent(text):
                self.reasoning += text
                yield {"reasoning_content": text}
            case CitationEvent(citation):
                self.annotations.append(self._annotation(citation))
                yield {
                    "annotations": [{"index": len(self.annotations) - 1, **self.annotations[-1]}]
                }
            case FinalEvent(reply):
                last = said_without_answer(reply)
                if self.manner.sources:
                    last += tail(reply, drops=self.manner.drops)
                if last:
                    yield self.say(last)
                self.told = {**reply.as_json(), "unused": list(self.manner.unused)}
                self.finish_reason = reply.generation.finish_reason
                self.usage = reply.usage or self.usage

    def say(self, text: str) -> Json:
        """Add to the content."""
        self.content += text
        return {"content": text}

    def _annotation(self, citation: Citation) -> Json:
        """Return a citation as OpenAI's clients know it, at the marker that was just written."""
        start = self.content.rfind(citation.marker)
        return {
            "type": "url_citation",
            "url_citation": {
                "start_index": start,
                "end_index": start + len(citation.marker),
                "title": title_of(citation),
                "url": address(citation, self.manner.collection, self.manner.root),
            },
        }


def address(citation: Citation, collection: str, root: str) -> str:
    """Return where a quote can be looked at: its page of the web, or its place in the service.

    Two quotes have two addresses: some programs count what has one address as one source.
    """
    if citation.uri.startswith(("https://", "http://")):
        return _marked(citation)
    place = {
        "collection": collection,
        "start": citation.start,
        "end": citation.end,
        "sha256": citation.text_sha256,
    }
    document = quoted(citation.document_id, safe="")
    return f"{root}/v1/documents/{document}/text?{urlencode(place)}"


def _marked(citation: Citation) -> str:
    """Return the address of a page of the web at which browsers show and mark the quote."""
    uri, _, place = citation.uri.partition("#")
    if citation.page is not None:
        place = f"page={citation.page}"  # of a PDF
    words = citation.quote.split()
    ends = [words] if len(words) <= 2 * _END else [words[:_END], words[-_END:]]
    marked = ",".join(quoted(" ".join(end), safe="").replace("-", "%2D") for end in ends)
    return f"{uri}#{place}:~:text={marked}"


@dataclass(frozen=True, slots=True)
class Head:
    """What a completion and all its chunks begin with."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def begin(self, kind: str) -> dict[str, object]:
        """Return the fields."""
        return {"id": self.id, "object": kind, "created": self.created, "model": self.model}


def completion(message: Message) -> Json:
    """Return a whole completion."""
    said: dict[str, object] = {
        "role": "assistant",
        "content": message.content,
        "refusal": None,
        "annotations": message.annotations,
        "afterword": message.told,
    }
    if message.reasoning:
        said["reasoning_content"] = message.reasoning
    choice = {
        "index": 0,
        "message": said,
        "logprobs": None,
        "finish_reason": message.finish_reason,
    }
    head = Head(message.manner.model).begin("chat.completion")
    return {**head, "choices": [choice], "usage": message.usage}


class Chunks:
    """The chunks of one completion, as server-sent events; all have one id and time."""

    def __init__(self, message: Message, *, usage: bool) -> None:
        """Write the chunks of a message; with `usage` one more, and null in all others."""
        self._message = message
        self._head = Head(message.manner.model).begin("chat.completion.chunk")
        self._usage: Json = {"usage": None} if usage else {}

    def first(self) -> bytes:
        """Return the chunk that says who speaks."""
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def of(self, event: Event) -> Iterator[bytes]:
        """Give the chunks of an event; a citation's has it whole."""
        more = {"citation": asdict(event.citation)} if isinstance(event, CitationEvent) else None
        for delta in self._message.take(event):
            yield self._chunk(delta, afterword=more)
        if isinstance(event, FinalEvent):
            yield from self.last()

    def said(self, text: str) -> Iterator[bytes]:
        """Give a message that is not the answer to a question."""
        yield self._chunk(self._message.say(text))
        yield from self.last()

    def last(self) -> Iterator[bytes]:
        """Give the chunk with the whole reply, that of the usage where asked for, and the end."""
        yield self._chunk(
            {}, finish_reason=self._message.finish_reason, afterword=self._message.told
        )
        if self._usage:
            yield _event({**self._head, "choices": [], "usage": self._message.usage})
        yield DONE

    def _chunk(
        self, delta: Json, finish_reason: str | None = None, afterword: Json | None = None
    ) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        more = {} if afterword is None else {"afterword": afterword}
        return _event({**self._head, "choices": [choice], **self._usage, **more})


def failed(error: AfterwordError) -> bytes:
    """Return an error as the last event of a stream; no end follows, for it has none."""
    return _event(error_of(error).model_dump())


def _event(data: Json) -> bytes:
    line = json.dumps(data, ensure_ascii=False, allow_nan=False).translate(_LINES)
    return f"data: {line}\n\n".encode()


def told_all(events: Sequence[Event] | Iterator[Event], message: Message) -> Message:
    """Return a message that has taken all events."""
    for event in events:
        for _ in message.take(event):
            pass
    return message

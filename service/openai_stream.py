"""One conversation with a server of a language model: asked, tried again, streamed, understood."""

import asyncio
import logging
import random
import re
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2
import openai

from indexes.documents import stored_form
from indexes.errors import AfterwordError, ModelFailed, ModelTooSlow
from service.language_model import Ended, Message, Reason, Sampling, Usage
from service.openai_errors import (
    Requested,
    cut_off,
    failure_of,
    hung_up,
    is_refused,
    is_roles,
    is_too_long,
    is_transient,
    nonsense,
    tried,
    wait_asked_for,
)
from service.roles import joined, without_system

Put = Callable[[str | Ended], None]

_CONNECT_SECONDS: Final = 10.0
_LONGEST_SECONDS: Final = 3600.0
_STREAM: Final = "text/event-stream"
# What some servers refuse, and what is sent in its place.
_OPTIONAL: Final = ("stream_options", "temperature", "max_tokens")
_REFUSING: Final = frozenset({400, 422})
# Who speaks as the system: some templates know no such role.
_SYSTEM: Final = "system"
_FILTERED: Final = "content_filter"
# Of a sign that two pieces share: half an emoji, or the first half of a newline.
_HALF: Final = re.compile(r"[\ud800-\udbff\r]\Z")
# The line that ends a stream; no JSON has a line break in it, so no text is taken for it.
_DONE: Final = re.compile(rb"[\r\n]data: ?\[DONE\]")
_DONE_SIZE: Final = len(b"\ndata: [DONE]")
# These log what is asked, or each request.
for _name in ("openai", "httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a server is asked, and how long is waited: before it is asked again, and for it.

    Where nothing listens it is asked `tries_refused` times: once more, for one that is just being
    started anew, and no more, for nobody is there to be busy.
    The first wait is doubled each time, less up to half by chance, so that not all who wait come
    back at once. A server that wants to be asked again later than after `longest_wait` seconds is
    not. Once an answer has begun, `silence` seconds may pass between its pieces.
    """

    tries: int = 3
    tries_refused: int = 2
    first_wait: float = 0.5
    longest_wait: float = 20.0
    silence: float = 60.0


@dataclass(slots=True)
class Known:
    """What a process has learned of a server: which parts of a request it refuses."""

    refused: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Heard:
    """What has come of an answer so far; `half` is of its last sign, the rest of which may come."""

    is_open: bool = False
    is_done: bool = False
    text: bool = False
    thought: bool = False
    is_thinking: bool = False
    half: str = ""
    finish: str | None = None
    usage: Usage | None = None


def client_of(asked: Requested, read_seconds: float = _LONGEST_SECONDS) -> openai.AsyncOpenAI:
    """Return a client for one piece of work; tries are made here, and no redirect is followed."""
    timeout = openai.Timeout(read_seconds, connect=_CONNECT_SECONDS)
    return openai.AsyncOpenAI(
        # Servers that need no key do not look at it, and the client insists on one.
        api_key=asked.key or "none",
        base_url=asked.address.base,
        max_retries=0,
        timeout=timeout,
        http_client=openai.DefaultAsyncHttpxClient(timeout=timeout, follow_redirects=False),
    )


class Conversation:
    """One request, asked again where that may help, as long as nothing of an answer has come."""

    def __init__(self, asked: Requested, known: Known, patience: Patience) -> None:
        self._asked = asked
        self._known = known
        self._patience = patience
        self._heard = _Heard()

    async def write(
        self,
        messages: Sequence[Message],
        sampling: Sampling,
        estimate: Callable[[Sequence[Message]], int],
        put: Put,
    ) -> None:
        """Hand over the pieces of the answer, and how it ended.

        `estimate` counts tokens where the server does not. Raises ModelFailed, ModelMissing and
        PromptTooLong.
        """
        pieces: list[str] = []

        def keep(piece: str) -> None:
            pieces.append(piece)
            put(piece)

        async with client_of(self._asked) as client:
            await self._tried(client, messages, sampling, keep)
        if rest := stored_form(self._heard.half) + ("</think>" if self._heard.is_thinking else ""):
            keep(rest)
        written = "".join(pieces)
        around = estimate([Message("assistant", "")])
        usage = self._heard.usage or Usage(
            estimate(messages), estimate([Message("assistant", written)]) - around
        )
        put(Ended(self._reason, usage))

    async def _tried(
        self,
        client: openai.AsyncOpenAI,
        messages: Sequence[Message],
        sampling: Sampling,
        keep: Callable[[str], None],
    ) -> None:
        """Ask until an answer has begun, or it makes no sense to ask again."""
        tries, began = 0, time.monotonic()
        while True:
            self._heard.is_open = self._heard.is_done = False
            sent = self._request(messages, sampling)
            try:
                await self._once(client, sent, keep)
            except openai.APIError as error:
                if self._has_begun:
                    raise self._broken(error) from error
                if self._learn(error, sent):
                    continue
                tries += 1
                wait = self._wait(error, tries)
                if wait is None:
                    failure = self._failure(error)
                    raise tried(failure, tries, time.monotonic() - began) from error
                await asyncio.sleep(wait)
            else:
                return

    def _broken(self, error: openai.APIError) -> Exception:
        is_cut = isinstance(error, openai.APIConnectionError)
        return cut_off(self._asked) if is_cut else failure_of(error, self._asked)

    def _failure(self, error: openai.APIError) -> AfterwordError:
        closed = self._heard.is_open and isinstance(error, openai.APIConnectionError)
        return hung_up(self._asked) if closed else failure_of(error, self._asked)

    def _wait(self, error: openai.APIError, tries: int) -> float | None:
        """Return how long to wait before the next try, None where there is to be none."""
        patience, wanted = self._patience, wait_asked_for(error)
        most = patience.tries_refused if is_refused(error) else patience.tries
        if not is_transient(error) or tries >= most:
            return None
        if wanted is not None and wanted > patience.longest_wait:
            return None
        jitter = random.uniform(0.5, 1.0)  # noqa: S311 # no secret hangs on it
        return max(jitter * patience.first_wait * 2.0 ** (tries - 1), wanted or 0.0)

    @property
    def _has_begun(self) -> bool:
        return self._heard.text or self._heard.thought

    def _request(self, messages: Sequence[Message], sampling: Sampling) -> dict[str, Any]:
        said = joined(without_system(messages)) if _SYSTEM in self._known.refused else messages
        sent: dict[str, Any] = {
            "model": self._asked.model,
            "messages": [{"role": one.role, "content": one.text} for one in said],
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
        }
        if sampling.stop:
            sent["stop"] = list(sampling.stop)
        if "max_tokens" in self._known.refused:
            sent["max_completion_tokens"] = sampling.max_tokens
        return {name: value for name, value in sent.items() if name not in self._known.refused}

    def _learn(self, error: openai.APIError, sent: Mapping[str, object]) -> bool:
        """Note which part of a request the server refuses, and tell whether there was one."""
        if not isinstance(error, openai.APIStatusError) or is_too_long(error):
            return False
        if is_roles(error) and _SYSTEM not in self._known.refused:
            self._known.refused.add(_SYSTEM)
            return True
        if error.status_code not in _REFUSING:
            return False
        said = f"{error.param} {error.message}"
        named = [name for name in _OPTIONAL if name in said and name in sent]
        if not named:
            # Some only say that they do not know a field; this is the one that is new to old ones.
            named = [name for name in ("stream_options",) if name in sent]
        self._known.refused.update(named)
        return bool(named)

    async def _once(
        self, client: openai.AsyncOpenAI, sent: Mapping[str, Any], keep: Callable[[str], None]
    ) -> None:
        # It is closed ahead of what reads it: each of these would else wait for another's end.
        async with await client.chat.completions.create(**sent) as stream:
            await self._look_at(stream.response)
            stream.response.stream = _Watched(stream.response.stream, self._heard)
            self._heard.is_open = True
            try:
                await self._hear_all(aiter(stream), keep)
            except TimeoutError:
                raise ModelTooSlow(
                    f"the language model's server {self._asked.address.shown} has sent nothing for "
                    f"{self._patience.silence:g} s in the midst of an answer; look at its log"
                ) from None
            except ValueError as error:  # a line that is no JSON, or no UTF-8
                raise self._nonsense(str(error)) from error
        self._check_ended()

    async def _hear_all(self, pieces: AsyncIterator[object], keep: Callable[[str], None]) -> None:
        while True:
            async with asyncio.timeout(self._patience.silence if self._has_begun else None):
                chunk = await anext(pieces, None)
            if chunk is None:
                return
            self._hear(chunk, keep)

    async def _look_at(self, response: Any) -> None:
        """Raise ModelFailed where the answer is another thing than a stream of events."""
        kind = response.headers.get("content-type", "")
        if kind.partition(";")[0].strip().lower() == _STREAM:
            return
        start = (await response.aread())[:200].decode(errors="replace")
        raise self._nonsense(f"{kind or 'no media type'}: {start}")

    def _hear(self, chunk: object, keep: Callable[[str], None]) -> None:
        heard, data = self._heard, _plain(chunk)
        choices = data.get("choices") if isinstance(data, Mapping) else None
        if not isinstance(data, Mapping) or not isinstance(choices, list):
            raise self._nonsense(f"without choices: {data!r}")
        usage = data.get("usage")
        if isinstance(usage, Mapping):
            heard.usage = _usage(usage) or heard.usage
        for choice in choices[:1]:
            if not isinstance(choice, Mapping):
                raise self._nonsense(f"a choice that is none: {choice!r}")
            self._hear_delta(choice.get("delta") or {}, keep)
            heard.finish = choice.get("finish_reason") or heard.finish

    def _hear_delta(self, delta: object, keep: Callable[[str], None]) -> None:
        """Take the next words; those of its reasoning come between `<think>` and `</think>`."""
        if not isinstance(delta, Mapping):
            raise self._nonsense(f"a delta that is none: {delta!r}")
        heard = self._heard
        thought = delta.get("reasoning_content") or delta.get("reasoning")
        if isinstance(thought, str) and thought:
            self._say(thought, keep, thinks=True)
            heard.thought = True
        text = delta.get("content") or delta.get("refusal")
        if isinstance(text, str) and text:
            self._say(text, keep, thinks=False)
            heard.text = True

    def _say(self, words: str, keep: Callable[[str], None], *, thinks: bool) -> None:
        """Hand over words in the form that all text has here; a sign in two halves is made whole.

        Some servers escape each half of an emoji on its own, and send them in two pieces.
        """
        heard, ahead = self._heard, ""
        if heard.is_thinking != thinks:
            ahead = stored_form(heard.half) + ("<think>" if thinks else "</think>")
            heard.is_thinking, heard.half = thinks, ""
        words = _whole(heard.half + words)
        half = _HALF.search(words)
        heard.half = half.group() if half else ""
        if said := ahead + stored_form(words.removesuffix(heard.half)):
            keep(said)

    def _check_ended(self) -> None:
        """Raise ModelFailed where the stream ended as no answer does."""
        heard, where = self._heard, self._asked.address.shown
        if heard.finish == _FILTERED:
            raise ModelFailed(
                f"the language model's server {where} held the answer back by its filter of "
                "contents; ask otherwise, or use another server"
            )
        if heard.finish is None and not (heard.is_done and self._has_begun):
            raise cut_off(self._asked) if self._has_begun else hung_up(self._asked)
        if heard.thought and not heard.text:
            raise ModelFailed(
                f"the language model {self._asked.model} at {where} reasoned and came to no "
                "answer; set AFTERWORD_ANSWER_TOKENS higher, or let it reason less"
            )
        if not heard.text:
            raise ModelFailed(
                f"the language model's server {where} answered with nothing; look at its log, and "
                f"whether {self._asked.model} is a model for chats"
            )

    @property
    def _reason(self) -> Reason:
        return "length" if self._heard.finish == "length" else "stop"

    def _nonsense(self, what: str) -> ModelFailed:
        return nonsense(self._asked.address.shown, what, self._asked)


class _Watched(httpx2.AsyncByteStream):
    """A body as it is, of which is noted whether the mark that ends a stream has come.

    The client takes that mark for itself, and some servers end with it alone, without a reason. In
    a body that is packed it is not seen.
    """

    def __init__(self, body: httpx2.AsyncByteStream, heard: _Heard) -> None:
        self._body = body
        self._heard = heard

    async def __aiter__(self) -> AsyncIterator[bytes]:
        end = b"\n"
        async for some in self._body:
            end += some
            self._heard.is_done = self._heard.is_done or bool(_DONE.search(end))
            end = end[-_DONE_SIZE:]
            yield some

    async def aclose(self) -> None:
        """Close the body."""
        await self._body.aclose()


def _plain(chunk: object) -> object:
    """Return what the client made of a piece as what JSON it was."""
    return (
        chunk.to_dict(mode="json", warnings=False) if isinstance(chunk, openai.BaseModel) else chunk
    )


def _whole(words: str) -> str:
    """Return words in which the two halves of a surrogate pair are the one sign that they mean."""
    return words.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _usage(told_by_server: Mapping[str, object]) -> Usage | None:
    read, written = (told_by_server.get(f"{kind}_tokens") for kind in ("prompt", "completion"))
    if isinstance(read, int) and isinstance(written, int):
        return Usage(read, written)
    return None


async def ask_for(asked: Requested, path: str, seconds: float) -> object:
    """Return the JSON at a path behind the address, or at a whole address of the same server.

    Raises openai.APIError.
    """
    async with client_of(asked, seconds) as client:
        found: object = await client.get(path, cast_to=object)
        return found

"""From a chat request to the question that it asks: what is used of it, refused, and told."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from indexes.documents import stored_form
from indexes.settings import Settings
from service.answer import Question
from service.chat_text import as_said, is_chore
from service.evidence import Turn
from service.lengths import too_long
from service.model_names import DIRECT, Model
from service.problems import InvalidRequest
from service.schemas import MOST_TURNS, Mistake
from service.schemas_openai import ChatMessage, ChatRequest, ContentPart, Wishes

_TEXTS: Final = frozenset({"text", "input_text", "output_text"})
_TURNS: Final = frozenset({"user", "assistant"})
# Ours, and other things elsewhere or nothing: who sends them beside the others means ours.
_OURS: Final = (
    "filter",
    "as_of",
    "candidates",
    "generator",
    "strategy",
    "collection",
    "history",
    "rewrite",
)
# What may be sent of it and changes nothing, and what is said of all else.
_ONLY: Final[tuple[tuple[str, tuple[object, ...], str], ...]] = (
    ("n", (None, 1), "there is one answer to a question; leave it out, or send 1"),
    ("tool_choice", (None, "none", "auto"), "no tool is ever called; leave it out, or send `auto`"),
    ("function_call", (None, "none", "auto"), "no function is ever called; leave it out"),
    ("logprobs", (None, False), "there are none; leave it out"),
)
_MOST_UNUSED: Final = 64
_LONGEST: Final = 100


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """A question, and names of what in the request was not used for it.

    `is_chore` tells that the message asks nothing of documents.
    """

    question: Question
    unused: tuple[str, ...]
    is_chore: bool


def asked_in(body: ChatRequest, model: Model, settings: Settings) -> ChatQuestion:
    """Return what a chat request asks. Raises InvalidRequest that names all that is refused."""
    wishes = body.afterword or Wishes()
    mistakes = list(_refused(body, wishes, model))
    places = [at for at, one in enumerate(body.messages) if one.role == "user"]
    if not places:
        mistakes.append(_mistake("messages", "none is the user's, so nothing is asked"))
        raise InvalidRequest(mistakes)
    place = places[-1]
    text = _text(body.messages[place])
    chore = is_chore(text)
    if not chore:
        mistakes += _question_refused(body.messages[place], place, text, settings)
    if mistakes:
        raise InvalidRequest(mistakes)
    turns, skipped = _history(body.messages, place)
    unused = [*_unused(body), *skipped]
    return ChatQuestion(
        question=Question(
            question=text,
            collection=model.collection,
            filter=wishes.filter,
            as_of=wishes.as_of,
            top_k=wishes.top_k,
            candidates=max(wishes.candidates, wishes.top_k),
            generator=model.generator or wishes.generator,
            strategy=model.strategy or wishes.strategy or DIRECT,
            reasoning=_wants_reasoning(body, wishes),
            history=turns,
            rewrite=wishes.rewrite,
        ),
        unused=tuple(unused[:_MOST_UNUSED] + ["…"] * (len(unused) > _MOST_UNUSED)),
        is_chore=chore,
    )


def _refused(body: ChatRequest, wishes: Wishes, model: Model) -> Iterator[Mistake]:
    """Give what would change what the answer is, and cannot be done."""
    for name, allowed, message in _ONLY:
        if getattr(body, name) not in allowed:
            yield _mistake(name, message)
    if (body.response_format or {}).get("type", "text") != "text":
        yield _mistake("response_format", "answers are text; the reply has fields as `afterword`")
    if set(body.modalities or ()) - {"text"}:
        yield _mistake("modalities", "answers are text; leave it out")
    for name in _OURS:
        if (body.model_extra or {}).get(name) is not None:
            yield _mistake(name, "it is no field of OpenAI's; ours stand in the object `afterword`")
    for name in ("generator", "strategy"):
        mine, its = getattr(wishes, name), getattr(model, name)
        if None not in (mine, its) and mine != its:
            yield _mistake(f"afterword.{name}", f"the model's name says {its!r}; leave one out")


def _question_refused(
    message: ChatMessage, place: int, text: str, settings: Settings
) -> Iterator[Mistake]:
    for at, part in enumerate(_parts(message)):
        if part.type not in _TEXTS:
            kind = stored_form(part.type[:_LONGEST])
            yield _mistake(
                f"messages.{place}.content.{at}",
                f"a part of the type {kind!r} cannot be read, only text; upload files to "
                "/v1/documents",
            )
    if not text.strip():
        yield _mistake(f"messages.{place}.content", "the question is empty")
    if (wrong := too_long(text, settings)) is not None:
        yield _mistake(f"messages.{place}.content", f"the question {wrong}")


def _history(
    messages: Sequence[ChatMessage], place: int
) -> tuple[tuple[Turn, ...], tuple[str, ...]]:
    """Return what was said before the question, and which messages are no part of that."""
    turns, skipped = list[tuple[int, Turn]](), list[str]()
    for at, message in enumerate(messages):
        text = _text(message)
        if at == place:
            continue
        if at > place or message.role not in _TURNS or not text.strip():
            skipped.append(f"messages[{at}]")
            continue
        if any(part.type not in _TEXTS for part in _parts(message)):
            skipped.append(f"messages[{at}] in part")
        asked = message.role == "user"
        turns.append((at, Turn("user", text) if asked else Turn("assistant", as_said(text))))
    kept = turns[-MOST_TURNS:]
    if len(kept) < len(turns):
        skipped.insert(0, f"messages[:{kept[0][0]}]")
    return tuple(turn for _, turn in kept), tuple(skipped)


def _parts(message: ChatMessage) -> Sequence[ContentPart]:
    if isinstance(message.content, str):
        return [ContentPart(type="text", text=message.content)]
    return message.content or ()


def _text(message: ChatMessage) -> str:
    parts = _parts(message)
    return "\n".join(part.text for part in parts if part.type in _TEXTS and part.text)


def _wants_reasoning(body: ChatRequest, wishes: Wishes) -> bool:
    """Tell whether reasoning is to be told; some clients ask for it by an object."""
    if wishes.reasoning is not None:
        return wishes.reasoning
    if isinstance(body.reasoning, Mapping):
        is_off = body.reasoning.get("enabled") is False or body.reasoning.get("exclude") is True
        return not is_off and body.reasoning.get("effort") != "none"
    return body.reasoning is True


def _unused(body: ChatRequest) -> Iterator[str]:
    given = {**(body.model_extra or {}), "tool_choice": body.tool_choice}
    for name, value in sorted(given.items()):
        if value is not None:
            yield stored_form(name[:_LONGEST])


def _mistake(where: str, message: str) -> Mistake:
    return Mistake(where=f"body.{where}", message=message)

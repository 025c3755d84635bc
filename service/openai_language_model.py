"""Language models behind a server that speaks OpenAI's protocol: vLLM, llama.cpp, Ollama, hosted.

The client takes a second to import, so settings that are wrong are told first.
"""

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import openai

from indexes.errors import ModelFailed, ModelMissing
from service.language_model import Check, Ended, LanguageModel, Message, Sampling, go_on
from service.openai_address import address_of
from service.openai_errors import Requested, failure_of, is_transient, nonsense, tried
from service.openai_stream import Conversation, Known, Patience, ask_for
from service.stepping import stepped
from service.token_estimate import counter

# Where neither a setting nor the server tells.
CONTEXT: Final = 8192
_TELLING_SECONDS: Final = 10.0
_LISTED: Final = 20
# So a server answers that has no such path, and works all the same.
_SILENT: Final = frozenset({404, 405, 501})
_KEY: Final = re.compile(r"[!-~]*")


@dataclass(frozen=True, slots=True)
class Server:
    """What the settings say of a server: None where they are silent.

    `tokenizer` is a `tokenizer.json`, a folder or a hub id.
    """

    base_url: str | None = None
    key: str | None = None
    model: str | None = None
    context: int | None = None
    tokenizer: str | None = None


def load_openai_language_model(
    server: Server, patience: Patience | None = None, check: Check = go_on
) -> LanguageModel:
    """Return the model behind a server, which is asked once for what models it has.

    Without a model in the settings it is the only one that the server lists. Context length: as the
    settings say, else as the server tells, else 8192. What `check` raises meanwhile ends the wait.
    Raises ModelMissing and ModelFailed, which it also does where the server fails for a moment to
    tell.
    """
    key = _sound_key(server.key)
    asked = Requested(address_of(server.base_url), server.model or "", key)
    count = counter(server.tokenizer)
    if server.model is None or server.context is None:
        entry = _entry(asked, check)
        asked = Requested(asked.address, str(entry.get("id") or asked.model), key)
        context = server.context or _context(asked, entry, check)
    else:
        context = server.context
    write = partial(_write, asked, Known(), patience or Patience(), count)
    return LanguageModel(asked.model, context, count, write, counts_exactly=False)


def _sound_key(key: str | None) -> str | None:
    """Return a key without the white space that files end with. Raises ModelMissing."""
    sound = (key or "").strip()
    if not _KEY.fullmatch(sound):
        raise ModelMissing(
            "OPENAI_API_KEY has characters in it that no header can carry; copy the key again"
        )
    return sound or None


def _write(
    asked: Requested,
    known: Known,
    patience: Patience,
    count: Callable[[Sequence[Message]], int],
    messages: Sequence[Message],
    sampling: Sampling,
    check: Check,
) -> Iterator[str | Ended]:
    conversation = Conversation(asked, known, patience)
    return stepped(lambda put: conversation.write(messages, sampling, count, put), check)


def _entry(asked: Requested, check: Check) -> Mapping[str, object]:
    """Return what the server says of the model that is asked for, {} where it says nothing."""
    began = time.monotonic()
    try:
        found = _ask(asked, "/models", check)
    except openai.APIError as error:
        if asked.model and _is_silent(error):
            return {}
        raise tried(failure_of(error, asked), 1, time.monotonic() - began) from error
    listed = found.get("data") if isinstance(found, Mapping) else None
    entries = [one for one in listed or () if isinstance(one, Mapping)]
    if asked.model:
        return next((one for one in entries if one.get("id") == asked.model), {})
    if not isinstance(listed, list):
        raise nonsense(asked.address.shown, f"at /models: {found!r}", asked)
    return _only(entries, asked)


def _only(entries: Sequence[Mapping[str, object]], asked: Requested) -> Mapping[str, object]:
    if len(entries) == 1:
        return entries[0]
    where = asked.address.shown
    if not entries:
        raise ModelMissing(
            f"the language model's server {where} lists no model; load one there, or name one in "
            "AFTERWORD_MODEL"
        )
    names = [str(one.get("id")) for one in entries]
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    raise ModelMissing(
        f"the language model's server {where} has several models; set AFTERWORD_MODEL to one of: "
        f"{', '.join(names[:_LISTED])}{more}"
    )


def _is_silent(error: openai.APIError) -> bool:
    """Tell whether a server works and only lists no models, as some do not.

    One that is busy or fails for a moment may list them in the next: nothing is guessed then.
    """
    return isinstance(error, openai.APIStatusError) and error.status_code in _SILENT


def _context(asked: Requested, entry: Mapping[str, object], check: Check) -> int:
    """Return the tokens that the server's model reads and writes at once.

    vLLM tells them in its list, llama.cpp among its properties; how many the model was trained for,
    which llama.cpp lists, may be more than the server was started with.
    """
    told = _number(entry.get("max_model_len"))
    if told is None and (entry.get("owned_by") == "llamacpp" or "meta" in entry):
        told = _number(_of_properties(asked, check))
        trained = entry.get("meta")
        limit = _number(trained.get("n_ctx_train")) if isinstance(trained, Mapping) else None
        if told is None and limit is not None:
            told = min(limit, CONTEXT)
    return told or CONTEXT


def _of_properties(asked: Requested, check: Check) -> object:
    began = time.monotonic()
    try:
        found = _ask(asked, f"{asked.address.root}/props", check)
    except openai.APIError as error:
        if is_transient(error):
            raise tried(failure_of(error, asked), 1, time.monotonic() - began) from error
        return None
    usual = found.get("default_generation_settings") if isinstance(found, Mapping) else None
    return usual.get("n_ctx") if isinstance(usual, Mapping) else None


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def _ask(asked: Requested, path: str, check: Check) -> object:
    found: list[object] = []

    async def work(put: Callable[[object], None]) -> None:
        put(await ask_for(asked, path, _TELLING_SECONDS))

    try:
        found.extend(stepped(work, check))
    except ValueError as error:
        raise nonsense(asked.address.shown, f"at {path}: {error}", asked) from error
    if not found:
        raise ModelFailed(f"the language model's server {asked.address.shown} said nothing")
    return found[0]

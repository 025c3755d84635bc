"""The language models that can write, each loaded once a process when it is first asked for."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from indexes.errors import AfterwordError, ModelMissing, ModelTooSlow
from indexes.settings import Settings
from service.language_model import Check, Ended, LanguageModel, Message, Sampling, go_on
from service.model_calls import CALLS
from service.overtime import counting, used_until
from service.stepping import ASK_SECONDS
from service.traces import note_step

TRANSFORMERS: Final = "transformers"
OPENAI: Final = "openai"
# What a server told of itself is asked for again after so many seconds.
_FRESH_SECONDS: Final = 300.0
# Where that fails, it is asked after so many.
_AGAIN_SECONDS: Final = 5.0
# So long a question waits for it, and then takes the model as it was.
_RENEWING_SECONDS: Final = 1.0

Load = Callable[[Settings, Check], LanguageModel]
"""Loads a model, and asks `check` while it waits for a server."""


def _transformers(settings: Settings, _check: Check) -> LanguageModel:
    from service.hub_language_model import load_hub_language_model

    name = settings.model
    if name is not None and _is_of_server(settings) and not Path(name).exists():
        raise ModelMissing(
            f"AFTERWORD_MODEL={name} is taken for a model of the server at OPENAI_BASE_URL, and is "
            "not loaded here for a question that wants that: set AFTERWORD_GENERATOR to "
            "`transformers` if it is to run here."
        )
    return load_hub_language_model(settings.model, settings.threads, settings.model_context)


def _openai(settings: Settings, check: Check) -> LanguageModel:
    from service.openai_language_model import Server, load_openai_language_model

    key = settings.openai_api_key
    server = Server(
        settings.openai_base_url,
        key.get_secret_value() if key else None,
        settings.model if _is_of_server(settings) else None,
        settings.model_context,
        settings.model_tokenizer,
    )
    return load_openai_language_model(server, check=check)


def _is_of_server(settings: Settings) -> bool:
    """Tell whether AFTERWORD_MODEL names a model of the server, and not one that runs here.

    A question may name another generator than the settings do: it is not to make this process
    download what a server has, nor to send a server the name of what runs here.
    """
    if settings.generator in LANGUAGE_MODELS:
        return settings.generator == OPENAI
    return settings.openai_base_url is not None


LANGUAGE_MODELS: Final[Mapping[str, Load]] = MappingProxyType(
    {TRANSFORMERS: _transformers, OPENAI: _openai}
)


def load_model(name: str, settings: Settings, check: Check = go_on) -> LanguageModel:
    """Return the language model behind the generator of that name.

    It is loaded once for all threads; settings that do not matter to it load none anew. What a
    server told of itself is asked for again from time to time, and kept where the server is away.
    `check` is asked while a server does not answer, and while another thread loads; what it raises
    ends the wait. Raises UsageError, ModelMissing and ModelFailed.
    """
    return _LOADED.model(name, settings, check)


def check_model(name: str, settings: Settings) -> None:
    """Load the model behind a generator, or for a server look at the settings alone.

    So a server that is away for a moment makes nothing unready. Raises as `load_model`.
    """
    if name == OPENAI:
        from service.openai_address import address_of

        address_of(settings.openai_base_url)
        return
    load_model(name, settings)


class _Place:
    """Where one model is kept: one thread loads it, and the others wait for that alone."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._name = name
        self._settings = settings
        self._lock = threading.Lock()
        self._model: LanguageModel | None = None
        self._failure: AfterwordError | None = None
        self._due = 0.0

    def model(self, check: Check) -> LanguageModel:
        with _held(self._lock, check):
            model = self._model or self._first(check)
            is_due = self._name == OPENAI and time.monotonic() >= self._due
            if is_due:
                # Nobody else is to ask the server as well.
                self._due = time.monotonic() + _FRESH_SECONDS
        if is_due:
            self._renew_aside()
        return self._model or model

    def _load(self, check: Check) -> LanguageModel:
        return counted(self._name, LANGUAGE_MODELS[self._name](self._settings, check))

    def _first(self, check: Check) -> LanguageModel:
        """Load the model; whoever waited while a server did not answer does not ask it too."""
        if self._failure is not None and time.monotonic() < self._due:
            raise copy(self._failure)
        try:
            self._model = self._load(check)
        except AfterwordError as error:
            if self._name == OPENAI:
                self._failure, self._due = copy(error), time.monotonic() + _AGAIN_SECONDS
            raise
        self._failure, self._due = None, time.monotonic() + _FRESH_SECONDS
        return self._model

    def _renew_aside(self) -> None:
        """Ask the server in a thread of its own; a question does not wait for one that hangs."""
        renewal = threading.Thread(target=self._renew, name="afterword-model", daemon=True)
        renewal.start()
        renewal.join(_RENEWING_SECONDS)

    def _renew(self) -> None:
        try:
            self._model = self._load(go_on)
        except AfterwordError:
            # What is wrong is told by the answer that the server is asked for next.
            self._due = time.monotonic() + _AGAIN_SECONDS


@contextmanager
def _held(lock: threading.Lock, check: Check) -> Iterator[None]:
    """Hold a lock; who waits for it is asked again and again whether to go on."""
    while not lock.acquire(timeout=ASK_SECONDS):
        check()
    try:
        yield
    finally:
        lock.release()


class _Loaded:
    """The models of this process; while one is loaded, others can be had."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._places: dict[tuple[object, ...], _Place] = {}

    def model(self, name: str, settings: Settings, check: Check) -> LanguageModel:
        with self._lock:
            place = self._places.setdefault(_key(name, settings), _Place(name, settings))
        return place.model(check)


_LOADED: Final = _Loaded()


def _key(name: str, settings: Settings) -> tuple[object, ...]:
    """Return what of the settings matters to a model."""
    local = (name, settings.generator, settings.model, settings.model_context)
    if name == TRANSFORMERS:
        return (*local, settings.threads)
    return (*local, settings.openai_base_url, settings.openai_api_key, settings.model_tokenizer)


def counted(name: str, model: LanguageModel) -> LanguageModel:
    """Return the same model, whose calls are counted and have a span where traces are on."""

    def write(
        messages: Sequence[Message], sampling: Sampling, check: Check
    ) -> Iterator[str | Ended]:
        began, how = time.perf_counter(), "stopped"
        try:
            for piece in counting(model, messages, sampling, check):
                if isinstance(piece, Ended):
                    how = "ok"
                    CALLS.used(name, piece.usage)
                yield piece
        except AfterwordError as error:
            how = error.code
            if isinstance(error, ModelTooSlow):
                CALLS.used(name, used_until(error))
            raise
        finally:
            CALLS.ended(name, how)
            note_step("language_model", (time.perf_counter() - began) * 1000)

    return replace(model, write=write)

"""What went wrong at the server of a language model, in a sentence that says what to do."""

import errno
import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from math import ceil
from time import time
from typing import Final

import openai

from indexes.errors import (
    AfterwordError,
    ModelBusy,
    ModelFailed,
    ModelMissing,
    ModelTooSlow,
    PromptTooLong,
)
from service.openai_address import Address

_TOO_LONG: Final = re.compile(
    r"context[ _-]?(?:length|window|size)|maximum (?:context|prompt|input|sequence)|n_ctx"
    r"|(?:prompt|input|request) (?:is )?too (?:long|large)|too many (?:input )?tokens",
    re.IGNORECASE,
)
# What chat templates say that know no system, or that want user and assistant to take turns.
# What a server repeats of the request, which has braces in it, is not taken for that.
_ROLES: Final = re.compile(
    r"\bsystem\b[^{}:]{0,32}\b(?:not|unsupported|disallowed)\b"
    r"|\b(?:not|un(?:known|expected|supported)|invalid)\b[^{}]{0,24}\bsystem\b"
    r"|\broles must alternate|\bonly user\b[^{}:]{0,24}\broles?\b",
    re.IGNORECASE,
)
_ROLES_STATUSES: Final = frozenset({400, 422, 500})
_TOLD: Final = 300
_TRANSIENT: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_BUSY: Final = frozenset({429, 503, 529})
_REFUSED: Final = frozenset({401, 403})
_NO_CREDIT: Final = "insufficient_quota"
# Of the library below the client, which nothing else here needs to import.
_NO_CONNECTION: Final = "ConnectTimeout"
_NOTICED_SECONDS: Final = 1.0
_NO_ROUTE: Final = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN})


@dataclass(frozen=True, slots=True)
class Requested:
    """Who was asked for what; the key is known so that no message tells it."""

    address: Address
    model: str
    key: str | None


def failure_of(error: Exception, asked: Requested) -> AfterwordError:
    """Return a client's error as ours: what was wrong, at which server, and what to do next."""
    where = asked.address.shown
    match error:
        case openai.APIStatusError():
            return _of_status(error, asked)
        case openai.APITimeoutError():
            return ModelTooSlow(_of_silence(error, where))
        case openai.APIConnectionError():
            return ModelFailed(_of_connection(error, asked))
        case openai.APIError():
            if is_too_long(error):
                return _too_long(error, asked)
            return ModelFailed(
                f"the language model's server {where} broke the answer off: {told(error, asked)}"
            )
    return nonsense(where, f"{type(error).__name__}: {error}", asked)


def tried(failure: AfterwordError, tries: int, seconds: float) -> AfterwordError:
    """Return a failure that tells of its tries, and of a wait that a person notices."""
    if tries > 1:
        failure.message += f" (asked {tries} times in {seconds:.1f} s)"
    elif seconds >= _NOTICED_SECONDS:
        failure.message += f" (waited for {seconds:.1f} s)"
    failure.args = (failure.message,)
    return failure


def nonsense(where: str, what: str, asked: Requested) -> ModelFailed:
    """Return the error of an answer that is not in the form of OpenAI's chat completions."""
    return ModelFailed(
        f"the language model's server {where} answered something that is no chat completion "
        f"({_short(what, asked.key)}); look whether OPENAI_BASE_URL is right, which often ends "
        "with /v1"
    )


def cut_off(asked: Requested) -> ModelFailed:
    """Return the error of a connection that ended in the midst of an answer."""
    return ModelFailed(
        f"the connection to the language model's server {asked.address.shown} ended in the midst "
        "of the answer; ask again, and look at that server's log if it happens again"
    )


def hung_up(asked: Requested) -> ModelFailed:
    """Return the error of a server that takes a request and ends the answer without a word.

    Some do so where a prompt is too long for them.
    """
    return ModelFailed(
        f"the language model's server {asked.address.shown} took the request and ended the "
        "answer ahead of its first word; look at its log, and where the prompt was too long for "
        "it set AFTERWORD_MODEL_CONTEXT to the tokens that it reads and writes at once"
    )


def is_transient(error: Exception) -> bool:
    """Tell whether the same request may succeed in a moment."""
    if isinstance(error, openai.APIStatusError):
        return error.status_code in _TRANSIENT and error.code != _NO_CREDIT
    if isinstance(error, openai.APITimeoutError):
        return False
    if isinstance(error, openai.APIConnectionError):
        return not any(_is_lasting(one) for one in _causes(error))
    return False


def is_refused(error: Exception) -> bool:
    """Tell whether nothing listens where the server should be."""
    return any(isinstance(one, ConnectionRefusedError) for one in _causes(error))


def _is_lasting(cause: BaseException) -> bool:
    """Tell whether a connection fails for what will be so in a moment too."""
    if isinstance(cause, socket.gaierror):
        return cause.errno != socket.EAI_AGAIN
    return isinstance(cause, ssl.SSLError)


def is_too_long(error: openai.APIError) -> bool:
    """Tell whether the server refuses a prompt for its length."""
    if isinstance(error, openai.APIStatusError) and error.status_code not in {400, 413, 422, 500}:
        return False
    return bool(_TOO_LONG.search(f"{error.code} {error.type} {error.message}"))


def is_roles(error: openai.APIStatusError) -> bool:
    """Tell whether the server refuses who speaks in a conversation, first of all its system.

    llama.cpp tells an error of the model's template as one of its own.
    """
    return error.status_code in _ROLES_STATUSES and bool(_ROLES.search(error.message))


def wait_asked_for(error: Exception) -> float | None:
    """Return after how many seconds the server wants to be asked again, None if it is silent."""
    if not isinstance(error, openai.APIStatusError):
        return None
    headers: Mapping[str, str] = error.response.headers
    for name, divisor in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value):
            return float(value) / divisor
    try:
        moment = parsedate_to_datetime(headers.get("retry-after", ""))
        return max(0.0, moment.timestamp() - time())
    except (ValueError, OverflowError):
        return None


def told(error: openai.APIError, asked: Requested) -> str:
    """Return what the server said, in one line."""
    body = error.body
    said = body.get("message") or body.get("detail") if isinstance(body, Mapping) else None
    return _short(str(said or error.message), asked.key)


def _of_status(error: openai.APIStatusError, asked: Requested) -> AfterwordError:
    status, said = error.status_code, told(error, asked)
    if is_too_long(error):
        return _too_long(error, asked)
    if error.code == _NO_CREDIT:
        return ModelFailed(
            f"the account at {asked.address.shown} may use no more ({said}); look at its plan and "
            "limits there"
        )
    if status in _BUSY:
        return _busy(error, asked, said)
    if status == HTTPStatus.NOT_FOUND:
        return _of_missing(error, asked, said)
    return ModelFailed(f"the language model's server {asked.address.shown} {_what(error, asked)}")


def _what(error: openai.APIStatusError, asked: Requested) -> str:
    """Return what the server did, and what to do about it."""
    status, said = error.status_code, told(error, asked)
    if status in _REFUSED:
        have = "OPENAI_API_KEY" if asked.key else "who sends no key, and OPENAI_API_KEY is not set"
        return (
            f"refuses {have} ({status}: {said}); set OPENAI_API_KEY to one that may use the model"
        )
    if status < HTTPStatus.BAD_REQUEST:
        to = _short(error.response.headers.get("location", ""), asked.key)
        return (
            f"sends elsewhere ({status} to {to!r}), which is not followed; set OPENAI_BASE_URL to "
            "the right address"
        )
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return (
            f"refuses the request ({status}: {said}); look at AFTERWORD_MODEL and at what that "
            "server can do"
        )
    return f"failed ({status}: {said}); look at its log"


def _busy(error: openai.APIStatusError, asked: Requested, said: str) -> ModelBusy:
    wait = wait_asked_for(error)
    seconds = None if wait is None else ceil(wait)
    again = "in a moment" if seconds is None else f"in {seconds} s"
    return ModelBusy(
        f"the language model's server {asked.address.shown} takes no more work at present "
        f"({error.status_code}: {said}); ask again {again}",
        seconds,
    )


def _of_missing(error: openai.APIStatusError, asked: Requested, said: str) -> AfterwordError:
    where = asked.address.shown
    if "model" in f"{error.code} {said}".lower():
        return ModelMissing(
            f"the language model's server {where} has no model {asked.model} ({said}); "
            f"{where}/models lists those it has: set AFTERWORD_MODEL to one of them"
        )
    return ModelFailed(
        f"there is no chat at {where} (404: {said}); set OPENAI_BASE_URL to the server's address "
        "with the path of its API, which is /v1 for most"
    )


def _too_long(error: openai.APIError, asked: Requested) -> PromptTooLong:
    return PromptTooLong(
        f"what the language model {asked.model} was to read is too long for its server "
        f"{asked.address.shown} ({told(error, asked)}); set AFTERWORD_MODEL_CONTEXT to the tokens "
        "that it reads and writes at once, or ask with a smaller top_k"
    )


def _of_silence(error: openai.APITimeoutError, where: str) -> str:
    if any(type(one).__name__ == _NO_CONNECTION for one in _causes(error)):
        return (
            f"the language model's server {where} took no connection in time; look whether that "
            "machine runs, and whether a firewall lets this one reach it"
        )
    return (
        f"the language model's server {where} did not answer in time; look whether it works, and "
        "whether the model is too large for its machine"
    )


def _of_connection(error: openai.APIConnectionError, asked: Requested) -> str:
    causes = list(_causes(error))
    start = f"the language model's server {asked.address.shown} cannot be reached"
    tls = next((one for one in causes if isinstance(one, ssl.SSLError)), None)
    if tls is not None:
        return (
            f"{start}: no secure connection ({tls}); look whether it speaks TLS there (https:// or "
            "http:// in OPENAI_BASE_URL), and let this machine trust its certificate "
            "(SSL_CERT_FILE)"
        )
    if any(isinstance(one, socket.gaierror) for one in causes):
        return f"{start}: its name is not known; correct OPENAI_BASE_URL, or the name server"
    if is_refused(error):
        return f"{start}: nothing listens there; start it, or correct OPENAI_BASE_URL"
    if any(isinstance(one, OSError) and one.errno in _NO_ROUTE for one in causes):
        return f"{start}: no way leads there from this machine; look at the network"
    last = _short(str(causes[-1]), asked.key) or type(causes[-1]).__name__
    return f"{start}, or closed the connection ({last}); look at its log"


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it came from."""
    seen: set[int] = set()
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [one.__cause__, one.__context__]
        left += one.exceptions if isinstance(one, BaseExceptionGroup) else []


def _short(text: str, key: str | None) -> str:
    line = " ".join(text.split())
    if key:
        line = line.replace(key, "…")
    return f"{line[:_TOLD]}…" if len(line) > _TOLD else line

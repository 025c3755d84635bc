"""The paths on which the service speaks as OpenAI's API does, and what an error is there.

`problems.py` has the table of all errors; this is the other form of its rows.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from indexes.documents import stored_form
from service.schemas import Mistake

_PATHS: Final = re.compile(r"/v1/(?:chat/completions|embeddings|rerank|models(?:/.*)?)", re.DOTALL)
_INVALID: Final = 422
_SERVER: Final = 500
_SAID: Final = 5
# Clients tell their errors by status; `type` is for those that read the body.
_TYPES: Final[Mapping[int, str]] = {
    401: "authentication_error",
    403: "permission_error",
    429: "rate_limit_error",
}
_PLACE: Final = re.compile(r"\.(\d+)(?=\.|$)")


class ErrorObject(BaseModel):
    """What went wrong; `param` is the field of the request that is meant, `code` is stable.

    `retry_after` is there where it makes sense to ask again, after so many seconds.
    """

    model_config = ConfigDict(frozen=True)

    message: str
    type: str
    param: str | None
    code: str
    retry_after: int | None = Field(None, exclude_if=lambda wait: wait is None)


class ErrorReply(BaseModel):
    """An error, as clients of OpenAI's API read it."""

    model_config = ConfigDict(frozen=True)

    error: ErrorObject


def speaks_openai(path: str) -> bool:
    """Tell whether a path of the service is one of OpenAI's API, or one in its manner."""
    return _PATHS.fullmatch(path) is not None


def openai_status(status: int) -> int:
    """Return the status that these clients know: what is not valid is 400 to them."""
    return 400 if status == _INVALID else status


def error_reply(
    status: int,
    code: str,
    message: str,
    mistakes: Sequence[Mistake] = (),
    retry_after: int | None = None,
) -> ErrorReply:
    """Return an error in their form; where the request has mistakes, those say what is wrong."""
    named = [(_param(one.where), one.message) for one in mistakes]
    said = "; ".join(f"{param}: {words}" if param else words for param, words in named[:_SAID])
    said += f"; and {len(named) - _SAID} more" if len(named) > _SAID else ""
    usual = "server_error" if status >= _SERVER else "invalid_request_error"
    return ErrorReply(
        error=ErrorObject(
            message=stored_form(said or message),
            type=_TYPES.get(status, usual),
            param=next((param for param, _ in named if param), None),
            code=code,
            retry_after=retry_after,
        )
    )


def _param(where: str) -> str:
    """Return a place as these clients name it: `messages[0].content`."""
    _, _, inside = where.partition(".")
    return _PLACE.sub(r"[\1]", inside)

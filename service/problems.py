"""Every error that an HTTP client can meet: one table from error to status (RFC 9457).

AfterwordError
├── HttpError                errors that only HTTP has
│   ├── BadRequest           400   the body cannot be read at all
│   ├── KeyRefused           401   no key, or one that is not good
│   │   └── TicketRefused    401   a link whose time is over
│   ├── ScopeRefused         403   the key may not do this
│   ├── OriginRefused        403   a page of another site, or a foreign Host header
│   ├── FetchOff             403   an address was given, and none may be fetched
│   ├── SessionsOff          403   a session was asked for, and none is kept
│   ├── RouteNotFound        404
│   ├── MethodNotAllowed     405
│   ├── RequestTooSlow       408   the client takes too long to send its request
│   ├── TooLarge             413
│   ├── MediaTypeRefused     415
│   ├── RangeRefused         416
│   ├── InvalidRequest       422   a field is missing, unknown or out of range
│   ├── TooManyRequests      429
│   ├── RateLimited          429   this key or address asks too often
│   ├── HeadTooLarge         431
│   ├── InternalError        500
│   ├── NotReady             503
│   └── TooManyConnections   503
└── the errors of indexes/errors.py
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Scope

from indexes import errors
from indexes.documents import stored_form
from indexes.errors import AfterwordError
from service.dialect import ErrorReply, error_reply, openai_status, speaks_openai
from service.logs import told_id
from service.mistakes import mistakes_of
from service.schemas import Mistake, Problem

PROBLEM_JSON: Final = "application/problem+json"
JSON: Final = "application/json"
# Where the outermost layer finds, for its log line, which problem was answered.
CODE_KEY: Final = "afterword.problem"
_SAID: Final = 5


class HttpError(AfterwordError):
    """An error that only HTTP has."""

    code = "http_error"


class BadRequest(HttpError):
    """The request's body cannot be read."""

    code = "bad_request"


class KeyRefused(HttpError):
    """The key is missing, unknown, revoked or over."""

    code = "key_refused"


class TicketRefused(KeyRefused):
    """The link's ticket is over, or is not for this file."""

    code = "ticket_refused"


class ScopeRefused(HttpError):
    """The key is good, and this is more than it may do."""

    code = "scope_refused"


class OriginRefused(HttpError):
    """A browser sent the request for another site, or by a name that is not ours."""

    code = "origin_refused"


class FetchOff(HttpError):
    """The service fetches nothing by its address."""

    code = "fetch_off"


class SessionsOff(HttpError):
    """The service keeps no sessions."""

    code = "sessions_off"


class RouteNotFound(HttpError):
    """No route has that path."""

    code = "route_not_found"


class MethodNotAllowed(HttpError):
    """The path has no such method."""

    code = "method_not_allowed"


class RequestTooSlow(HttpError):
    """The request came too slowly; the connection is closed."""

    code = "request_too_slow"


class HeadTooLarge(HttpError):
    """The address and the headers are over their limit."""

    code = "head_too_large"


class TooManyConnections(HttpError):
    """All connections are taken."""

    code = "too_many_connections"


class TooLarge(HttpError):
    """The body is over its limit."""

    code = "too_large"


class MediaTypeRefused(HttpError):
    """The body's media type is not one that the route reads."""

    code = "media_type_refused"


class RangeRefused(HttpError):
    """The range that was asked for lies behind the file's end."""

    code = "range_refused"


class InvalidRequest(HttpError):
    """Parts of the request are missing, unknown or out of range; `mistakes` names each."""

    code = "invalid_request"

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        """Keep the mistakes and say the first of them in one sentence."""
        said = "; ".join(f"{mistake.where}: {mistake.message}" for mistake in mistakes[:_SAID])
        more = f"; and {len(mistakes) - _SAID} more" if len(mistakes) > _SAID else ""
        super().__init__(f"{said}{more}")
        self.mistakes = tuple(mistakes)


class TooManyRequests(HttpError):
    """All places are taken; the request was not begun."""

    code = "too_many_requests"


class RateLimited(HttpError):
    """This key asked more often than it may, or this address sent too many wrong keys."""

    code = "rate_limited"

    def __init__(self, message: str, wait: int) -> None:
        """Keep the message, and after how many seconds to try again."""
        super().__init__(f"{message} Try again in {wait} s.")
        self.wait = wait


class InternalError(HttpError):
    """Something failed that should not; the log knows more under the trace id."""

    code = "internal_error"


class NotReady(HttpError):
    """The service has not loaded what it needs."""

    code = "not_ready"


@dataclass(frozen=True, slots=True)
class Answer:
    """How an error is answered; `retry_after` is in seconds.

    A `lasting` one is answered so again and again until somebody does something about it.
    """

    status: int
    title: str
    retry_after: int | None = None
    lasting: bool = False


TABLE: Final[Mapping[type[AfterwordError], Answer]] = {
    BadRequest: Answer(400, "The body cannot be read"),
    KeyRefused: Answer(401, "A key is needed"),
    TicketRefused: Answer(401, "The link is over"),
    ScopeRefused: Answer(403, "Not with this key"),
    OriginRefused: Answer(403, "Not for other sites"),
    FetchOff: Answer(403, "Nothing is fetched here"),
    SessionsOff: Answer(403, "Sessions are not kept here"),
    RouteNotFound: Answer(404, "No such path"),
    errors.NotFound: Answer(404, "Not found"),
    MethodNotAllowed: Answer(405, "No such method here"),
    errors.CollectionBusy: Answer(409, "Busy with other work", retry_after=5),
    errors.Conflict: Answer(409, "Another state than assumed", lasting=True),
    RequestTooSlow: Answer(408, "Sent too slowly"),
    TooLarge: Answer(413, "Too large"),
    MediaTypeRefused: Answer(415, "Another media type is needed"),
    RangeRefused: Answer(416, "No such range"),
    InvalidRequest: Answer(422, "The request is not valid"),
    errors.UsageError: Answer(422, "The request is not valid"),
    errors.ReadFailure: Answer(422, "The source cannot be read"),
    TooManyRequests: Answer(429, "All places are taken", retry_after=1),
    RateLimited: Answer(429, "Too many requests a minute"),
    HeadTooLarge: Answer(431, "Headers too large"),
    TooManyConnections: Answer(503, "All connections are taken", retry_after=5),
    NotReady: Answer(503, "Not loaded yet", retry_after=2),
    errors.BadSnapshot: Answer(422, "The file is no whole snapshot"),
    errors.IndexDamaged: Answer(503, "The index is damaged", lasting=True),
    errors.EncoderMismatch: Answer(503, "Another encoder is loaded", lasting=True),
    errors.ModelNotSet: Answer(422, "No language model is set"),
    errors.ModelMissing: Answer(503, "A model is missing", lasting=True),
    errors.ModelBusy: Answer(503, "The language model takes no more work", retry_after=5),
    errors.ModelTooSlow: Answer(504, "The language model took too long", lasting=True),
    errors.ModelFailed: Answer(502, "The language model failed"),
    errors.PromptTooLong: Answer(422, "Too long for the language model"),
    errors.StorageFull: Answer(507, "The disk is full", lasting=True),
    errors.StorageRefused: Answer(503, "The data folder cannot be used", lasting=True),
    AfterwordError: Answer(500, "Something failed here"),
}


def answer_for(error: type[AfterwordError]) -> Answer:
    """Return the table's row of an error, or that of the nearest class above it."""
    return next(TABLE[kind] for kind in error.__mro__ if kind in TABLE)


def wait_of(error: AfterwordError) -> int | None:
    """Return after how many seconds to ask again, None where nobody knows or it is no use."""
    told = error.wait if isinstance(error, RateLimited | errors.ModelBusy) else None
    return answer_for(type(error)).retry_after if told is None else told


def problem_of(error: AfterwordError, path: str, root: str = "") -> Problem:
    """Return an error as problem details of the request that is being served.

    `path` and `root`, the service's own, are from the server's root.
    """
    answer = answer_for(type(error))
    mistakes = error.mistakes if isinstance(error, InvalidRequest) else ()
    return Problem(
        type=f"{root}/docs#problem-{error.code}",
        title=answer.title,
        status=answer.status,
        detail=stored_form(error.message),
        instance=path,
        code=error.code,
        trace_id=told_id(),
        errors=list(mistakes),
        retry_after=wait_of(error),
    )


def error_of(error: AfterwordError) -> ErrorReply:
    """Return an error as clients of OpenAI's API read it, by the same table."""
    mistakes = error.mistakes if isinstance(error, InvalidRequest) else ()
    status, wait = answer_for(type(error)).status, wait_of(error)
    return error_reply(status, error.code, error.message, mistakes, wait)


def problem_response(
    error: AfterwordError, scope: Scope, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return the HTTP answer for an error and note its code in the request's scope.

    Its form is that of the path's clients.
    """
    scope[CODE_KEY] = error.code
    root = scope.get("root_path", "")
    problem = problem_of(error, scope["path"], root)
    body, media_type = problem.model_dump(), PROBLEM_JSON
    if speaks_openai(scope["path"].removeprefix(root)):
        body, media_type = error_of(error).model_dump(), JSON
    wait = wait_of(error)
    extra = {} if wait is None else {"Retry-After": str(wait)}
    if media_type == JSON and answer_for(type(error)).lasting:
        extra["X-Should-Retry"] = "false"  # else OpenAI's clients ask again after any of these
    if isinstance(error, KeyRefused):
        extra["WWW-Authenticate"] = "Bearer"
    if isinstance(error, RequestTooSlow):
        extra["Connection"] = "close"  # what is still to come of it would be taken for a request
    return JSONResponse(
        body,
        status_code=openai_status(problem.status) if media_type == JSON else problem.status,
        headers={**extra, **(headers or {})},
        media_type=media_type,
    )


def internal_error() -> InternalError:
    """Return what a client is told of an error that nobody foresaw."""
    return InternalError(
        "Something failed that should not have. The service's log tells more under this trace id."
    )


def from_http_exception(error: HTTPException, path: str, methods: Sequence[str]) -> AfterwordError:
    """Return the framework's own error as ours; `methods` are those that the path has."""
    match error.status_code:
        case 404:
            return RouteNotFound(f"There is nothing at {path}. /docs lists what there is.")
        case 405:
            return MethodNotAllowed(f"{path} can only be used with {', '.join(methods)}.")
        case 408:
            return RequestTooSlow(str(error.detail))
        case 413:
            return TooLarge(str(error.detail))
        case _:
            return BadRequest(
                f"The body cannot be read: {error.detail}. Send JSON in UTF-8 that is not nested "
                "thousands deep, or a form."
            )


def from_validation(error: RequestValidationError) -> InvalidRequest:
    """Return all that is wrong with a request; what was sent is not repeated."""
    return InvalidRequest(mistakes_of(error))


def invalid(where: str, message: str) -> InvalidRequest:
    """Return one mistake as an error."""
    return InvalidRequest([Mistake(where=where, message=message)])

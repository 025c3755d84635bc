"""The page on limits: each a number, where it is set, and what happens beyond it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from docs.generate.markdown import code, page, table
from indexes import filters, jobs
from indexes.documents import DOCUMENT_ID
from indexes.errors import BadFilter, JobNotFound, SessionNotFound, SessionsFull
from indexes.hub import WANTED
from indexes.settings import Settings, variable
from ingest.codes import CODES
from service.answer import MOST_CANDIDATES, MOST_PASSAGES
from service.connections import HEAD_SECONDS, IDLE_SECONDS, LEAVING_SECONDS, TAKING_SECONDS
from service.gate import BODY_GRACE_SECONDS, BODY_LIMIT, BODY_PAUSE_SECONDS, BODY_RATE, HEAD_LIMIT
from service.history import MOST_CHARACTERS
from service.history import MOST_TURNS as LAST_TURNS
from service.keyring import GUESSES
from service.problems import (
    HeadTooLarge,
    InvalidRequest,
    RateLimited,
    RequestTooSlow,
    TicketRefused,
    TooLarge,
    TooManyConnections,
    TooManyRequests,
)
from service.schemas import MOST_METADATA, MOST_TURNS
from service.sessions import MOST_BYTES, MOST_EXCHANGES, MOST_SESSIONS
from service.state import QUESTIONS_A_SUMMARY
from service.summaries.selection import MOST_CHUNKS, NEAREST
from service.summaries.wanted import MOST_DOCUMENTS, MOST_SENTENCES
from service.tickets import LIFE_SECONDS
from service.tool_schemas import MOST_FOUND, MOST_LISTED, MOST_READ
from service.working import KEEP_ALIVE_SECONDS

_ABOUT: Final = """\
What is sent or stored beyond these is refused by name and never cut in silence. Where a setting
stands, the number is its default, and [settings](settings.md) has what it may be. What a machine
carries was measured: [operations](../operations.md#how-large-a-machine)."""
_FIXED: Final = "fixed"
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Limit:
    """What is limited, to how much, by which setting (None for none), and what is beyond it."""

    what: str
    most: str
    setting: str | None
    beyond: str


def limits() -> Iterator[Limit]:
    """Yield all limits; the numbers are those of the code."""
    yield from _of_connections()
    yield from _of_requests()
    yield from _of_questions()
    yield from _of_summaries()
    yield from _of_sessions()
    yield from _of_uploads()
    yield from _of_reading()


def _set(what: str, name: str, unit: str, beyond: str) -> Limit:
    default = Settings.model_fields[name].default
    return Limit(what, f"{default:,g} {unit}".strip(), variable(name), beyond)


def _status(text: str) -> str:
    return f"answered {text}"


def _of_connections() -> Iterator[Limit]:
    slow, fast = code(f"408 {RequestTooSlow.code}"), code(f"429 {RateLimited.code}")
    full, head = code(f"503 {TooManyConnections.code}"), code(f"431 {HeadTooLarge.code}")
    yield _set("connections at once", "max_connections", "", f"{full}, with `Retry-After`")
    yield Limit("address and headers of a request", f"{HEAD_LIMIT >> 10} KiB", None, head)
    yield Limit(
        "time until they are there, from their first byte or the connection's beginning",
        f"{HEAD_SECONDS:g} s",
        None,
        f"{slow}; closed without a word where nothing came",
    )
    yield Limit(
        "a connection between two requests",
        f"{IDLE_SECONDS} s",
        None,
        "closed; earlier where all are taken and a new one comes",
    )
    yield Limit("a pause within a body", f"{BODY_PAUSE_SECONDS:g} s", None, slow)
    yield Limit(
        f"the speed of a body after {BODY_GRACE_SECONDS:g} s",
        f"{BODY_RATE >> 10} KiB a second at least",
        None,
        slow,
    )
    yield Limit(
        "a client that takes no more of its answer",
        f"{TAKING_SECONDS:g} s",
        None,
        "closed; the work for it is stopped",
    )
    yield Limit(
        "the rest of an answer, or what is still sent after it",
        f"{LEAVING_SECONDS:g} s",
        None,
        "closed",
    )
    yield Limit(
        "wrong keys from one address",
        f"{GUESSES}, then {GUESSES} a minute",
        None,
        f"{fast}, with `Retry-After`",
    )
    yield _set("requests a minute with one key", "rate_per_minute", "(0: any number)", fast)


def _of_requests() -> Iterator[Limit]:
    too_large, too_many = code(f"413 {TooLarge.code}"), code(f"429 {TooManyRequests.code}")
    yield Limit("a request's body", f"{BODY_LIMIT // _MIB} MiB", None, _status(too_large))
    yield _set("questions at work or waiting", "max_concurrent", "", _status(too_many))
    yield Limit(
        "summaries at work or waiting",
        f"{Settings.model_fields['max_concurrent'].default // QUESTIONS_A_SUMMARY}",
        variable("max_concurrent"),
        f"{_status(too_many)}; one for {QUESTIONS_A_SUMMARY} places of questions",
    )
    yield Limit(
        "originals on their way to clients",
        f"{4 * Settings.model_fields['max_concurrent'].default}",
        variable("max_concurrent"),
        f"{_status(too_many)}; four for each place of a question",
    )
    yield Limit(
        "a link to an original",
        f"{LIFE_SECONDS // 60} minutes",
        None,
        code(f"401 {TicketRefused.code}"),
    )
    yield Limit(
        "silence in a stream",
        f"{KEEP_ALIVE_SECONDS:g} s",
        None,
        "a comment line is sent, so that proxies keep the connection",
    )
    yield _set("a stop", "stop_seconds", "s", "requests in flight are cut off")


def _of_summaries() -> Iterator[Limit]:
    wrong = code(f"422 {InvalidRequest.code}")
    yield Limit("sentences of a summary", f"{MOST_SENTENCES}", None, wrong)
    yield Limit("documents that a summary names", f"{MOST_DOCUMENTS:,}", None, f"{wrong}; a filter")
    yield Limit(
        "chunks that a summary reads",
        f"{MOST_CHUNKS:,}; {NEAREST} with a focus",
        None,
        "by even steps through all documents, or the nearest to the focus; `read` tells it",
    )
    yield _set(
        "a language model's work on a summary",
        "summary_seconds",
        "s",
        "what it read until then is summed up; `read` tells it",
    )


def _of_questions() -> Iterator[Limit]:
    wrong = code(f"422 {InvalidRequest.code}")
    yield _set("a question", "max_question_chars", "characters", wrong)
    yield Limit("passages of a reply (`top_k`)", f"{MOST_PASSAGES}", None, wrong)
    yield Limit("candidates that are read (`candidates`)", f"{MOST_CANDIDATES}", None, wrong)
    yield Limit("turns of a `history`", f"{MOST_TURNS}", None, wrong)
    yield Limit(
        "turns of a `history` that are read",
        f"the last {LAST_TURNS}, of {MOST_CHARACTERS:,} characters in all",
        None,
        "earlier ones are passed over",
    )
    tool = f"a tool's error with {code(InvalidRequest.code)}"
    yield Limit("passages of the tool `search` (`limit`)", f"{MOST_FOUND}", None, tool)
    yield Limit("documents of the tool `list_documents` (`limit`)", f"{MOST_LISTED}", None, tool)
    yield Limit("characters of the tool `read_document` (`length`)", f"{MOST_READ:,}", None, tool)
    bad = code(f"422 {BadFilter.code}")
    yield Limit("conditions of a filter", f"{filters.MOST_CONDITIONS}", None, bad)
    yield Limit("depth of a filter", f"{filters.DEEPEST}", None, bad)
    yield Limit("values in a list of a filter", f"{filters.MOST_MEMBERS:,}", None, bad)
    yield Limit("values of a filter in all", f"{filters.MOST_VALUES:,}", None, bad)


def _of_sessions() -> Iterator[Limit]:
    yield Limit(
        "what a session remembers",
        f"{MOST_EXCHANGES} questions with their answers, {MOST_BYTES >> 10} KiB",
        None,
        "the earliest are forgotten",
    )
    full = code(f"409 {SessionsFull.code}")
    yield Limit("sessions of a key", f"{MOST_SESSIONS:,}", None, full)
    gone = code(f"404 {SessionNotFound.code}")
    yield _set("a session after its last question", "session_days", "days", gone)


def _of_uploads() -> Iterator[Limit]:
    yield _set("an upload", "max_upload_mb", "MiB", "`413 too_large`")
    yield _set("a snapshot that is sent to be restored", "max_restore_mb", "MiB", "`413 too_large`")
    yield _set("a page to be fetched by its address", "fetch_seconds", "s", "`fetch_failed`")
    yield _set("uploads that wait", "max_queued_jobs", "", "`429 too_many_requests`")
    yield Limit("fields of metadata", f"{MOST_METADATA}", None, "`422 invalid_request`")
    longest = DOCUMENT_ID.rpartition(",")[2].rstrip("}")
    yield Limit("a document's id", f"{longest} characters", None, "`422 invalid_request`, `bad_id`")
    yield Limit(
        "attempts at an upload whose worker died", f"{jobs.ATTEMPTS}", None, "the job is `failed`"
    )
    days = jobs.KEPT_SECONDS / 86400
    yield Limit(
        "what is known of a job that ended", f"{days:g} days", None, code(f"404 {JobNotFound.code}")
    )


def _of_reading() -> Iterator[Limit]:
    for name, unit, key in (
        ("max_file_mb", "MiB", "too_large"),
        ("reader_seconds", "s", "time_limit"),
        ("reader_memory_mb", "MiB", "memory_limit"),
    ):
        assert key in CODES
        what = {
            "max_file_mb": "a file",
            "reader_seconds": "time to read one document",
            "reader_memory_mb": "memory of one reader process",
        }[name]
        yield _set(what, name, unit, f"the input is `failed` with {code(key)}")
    yield _set("a chunk", "chunk_tokens", "tokens of the encoder", "the text is split")
    yield Limit(
        "files of a hub's model", ", ".join(map(code, WANTED)), None, "others are not downloaded"
    )


def limits_page() -> str:
    """Return the page."""
    rows = [
        (one.what, one.most, code(one.setting) if one.setting else _FIXED, one.beyond)
        for one in limits()
    ]
    return page("Limits", _ABOUT, [table(("what", "at most", "set by", "beyond it"), rows)])

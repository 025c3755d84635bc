"""Every error that a user can meet.

::

    AfterwordError
    ├── UsageError            the call was wrong (exit status 2, HTTP 422)
    │   ├── BadFilter
    │   └── BadName           a collection, document or source name is not allowed
    ├── NotFound              the named thing is not there (HTTP 404)
    │   ├── CollectionNotFound
    │   ├── DocumentNotFound
    │   ├── JobNotFound
    │   ├── KeyNotFound
    │   ├── SessionNotFound
    │   └── ModelNotFound     no model of that name is offered to clients of OpenAI's API
    ├── Conflict              another state than the call assumed (HTTP 409)
    │   ├── CollectionExists
    │   ├── CollectionBusy
    │   │   └── WorkerElsewhere
    │   ├── SessionsFull      as many sessions are kept as may be
    │   ├── VectorsGone
    │   └── DocumentChanged
    ├── IndexDamaged          the catalog cannot be used (HTTP 503)
    │   └── BadSnapshot       a file that is to be restored is no whole snapshot (HTTP 422)
    ├── EncoderMismatch       the loaded encoder is not the one that made the vectors (HTTP 503)
    ├── ModelMissing          weights are not where they should be (HTTP 503)
    │   └── ModelNotSet       no setting says which language model, or which server (HTTP 422)
    ├── ModelFailed           a language model did not answer, or with nonsense (HTTP 502)
    │   ├── ModelBusy         its server takes no more work (HTTP 503)
    │   └── ModelTooSlow      the time for an answer is over (HTTP 504)
    ├── PromptTooLong         what a language model is to read does not fit (HTTP 422)
    ├── StorageFull           no space is left (HTTP 507)
    ├── StorageRefused        the system does not let us read or write there (HTTP 503)
    └── ReadFailure           a source could not be read; carries an ingest code
"""

from typing import ClassVar


class AfterwordError(Exception):
    """An error with a stable code and a message that says what, where and what to do next."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str) -> None:
        """Keep the one sentence that the user reads."""
        super().__init__(message)
        self.message = message


class UsageError(AfterwordError):
    """The call itself was wrong."""

    code = "usage"


class BadFilter(UsageError):
    """A filter names an unknown field or operator, or has the wrong shape."""

    code = "bad_filter"


class BadName(UsageError):
    """A collection, document or source name is not allowed."""

    code = "bad_name"


class NotFound(AfterwordError):
    """The named thing does not exist."""

    code = "not_found"


class CollectionNotFound(NotFound):
    """No collection has that name; `folder` is where it was looked for, for who has the machine."""

    code = "collection_not_found"

    def __init__(self, message: str, folder: str = "") -> None:
        """Keep the message, which is for anybody, and the folder, which is not."""
        super().__init__(message)
        self.folder = folder


class DocumentNotFound(NotFound):
    """No document has that id."""

    code = "document_not_found"


class OriginalNotFound(NotFound):
    """The file that a document came from cannot be had."""

    code = "original_not_found"


class JobNotFound(NotFound):
    """No job has that id."""

    code = "job_not_found"


class KeyNotFound(NotFound):
    """No API key has that id."""

    code = "key_not_found"


class SessionNotFound(NotFound):
    """No session has that id, or it is another key's."""

    code = "session_not_found"


class ModelNotFound(NotFound):
    """No model has that name, or none that the key may see."""

    code = "model_not_found"


class Conflict(AfterwordError):
    """The state is not what the call assumed."""

    code = "conflict"


class CollectionExists(Conflict):
    """A collection of that name is there already."""

    code = "collection_exists"


class CollectionBusy(Conflict):
    """Another process holds the lock that this work needs."""

    code = "collection_busy"


class WorkerElsewhere(CollectionBusy):
    """Another process ingests the uploads of this data folder."""

    code = "worker_elsewhere"


class SessionsFull(Conflict):
    """As many sessions are kept as may be."""

    code = "sessions_full"


class VectorsGone(Conflict):
    """A chunk's vector is not there any more: another process erased the last use of it."""

    code = "vectors_gone"


class DocumentChanged(Conflict):
    """The document's text is not the one that the caller quoted."""

    code = "document_changed"


class IndexDamaged(AfterwordError):
    """The catalog of a collection cannot be read or has an unknown format."""

    code = "index_damaged"


class BadSnapshot(IndexDamaged):
    """A file that is to be restored is no whole snapshot."""

    code = "bad_snapshot"


class EncoderMismatch(AfterwordError):
    """The loaded encoder gives other vectors than those stored."""

    code = "encoder_mismatch"


class ModelMissing(AfterwordError):
    """A model's files are missing or are not the expected ones."""

    code = "model_missing"


class ModelNotSet(ModelMissing):
    """A generator was asked for, and no setting says which language model or server it has."""

    code = "model_not_set"


class ModelFailed(AfterwordError):
    """A language model, or the server that runs it, did not answer, or answered nonsense."""

    code = "model_failed"


class ModelBusy(ModelFailed):
    """The server of a language model takes no more work; `wait` is in seconds, if it said so."""

    code = "model_busy"

    def __init__(self, message: str, wait: int | None = None) -> None:
        """Keep the message, and after how many seconds the server wants to be asked again."""
        super().__init__(message)
        self.wait = wait


class ModelTooSlow(ModelFailed):
    """The time that an answer may take is over, and nothing of it can be shown."""

    code = "model_too_slow"

    def __init__(self, message: str, tokens: tuple[int, int] | None = None) -> None:
        """Keep the message, and how many tokens were read and written, where they were counted."""
        super().__init__(message)
        self.tokens = tokens


class PromptTooLong(AfterwordError):
    """What a language model is to read does not fit into its context."""

    code = "prompt_too_long"


class StorageFull(AfterwordError):
    """The disk that holds the data folder is full."""

    code = "disk_full"


class StorageRefused(AfterwordError):
    """A folder or file cannot be read, made or written."""

    code = "storage_refused"


class ReadFailure(AfterwordError):
    """A source could not be read.

    `reason` is one of the ingest codes: no_text_layer, empty, encrypted, wrong_password, damaged,
    wrong_type, unsupported_format, too_large, time_limit, memory_limit, unreadable,
    changed_while_read, bad_id, bad_record, hidden_text, disk_full, fetch_refused, fetch_failed,
    gone.
    """

    code = "read_failure"

    def __init__(self, reason: str, message: str, pages: tuple[int, ...] = ()) -> None:
        """Keep the reason code, the sentence and the pages concerned (counted from 1)."""
        super().__init__(message)
        self.reason = reason
        self.pages = pages

    def __reduce__(self) -> tuple[type["ReadFailure"], tuple[str, str, tuple[int, ...]]]:
        return ReadFailure, (self.reason, self.message, self.pages)

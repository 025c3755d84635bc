"""What goes in and out over HTTP, as the OpenAPI page shows it."""

import re
from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    AliasChoices,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic.json_schema import SkipJsonSchema

from indexes.documents import DOCUMENT_ID
from indexes.languages import Language
from indexes.urls import LONGEST
from service.answer import MOST_CANDIDATES, MOST_PASSAGES
from service.reply import Passage

LARGEST_INTEGER: Final = 2**63
MOST_METADATA: Final = 64
MOST_TURNS: Final = 200
MOST_TURN_CHARACTERS: Final = 100_000
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _iso_date(value: str) -> str:
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        raise ValueError("write the date as YYYY-MM-DD")
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("there is no such day; write one as YYYY-MM-DD") from None


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("it is empty")
    return value


def _whole(value: str) -> str:
    if _SURROGATE.search(value):
        raise ValueError("it holds half of a surrogate pair, which is no character")
    return value


def _storable(value: object) -> dict[str, object]:
    """Refuse what JSON's grammar lets through and no database or answer can hold."""
    if not isinstance(value, dict):
        raise ValueError("a JSON object is needed")  # noqa: TRY004 # pydantic catches this one
    rest: list[object] = [value]
    while rest:
        item = rest.pop()
        if isinstance(item, dict):
            rest += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            rest += item
        elif isinstance(item, str):
            _whole(item)
        elif isinstance(item, float) and not float("-inf") < item < float("inf"):
            raise ValueError("a number is not finite")
        elif isinstance(item, int) and not -LARGEST_INTEGER <= item < LARGEST_INTEGER:
            raise ValueError("a whole number has more than 64 bits")
    return value


def _no_text(value: object) -> object:
    if isinstance(value, str | bool):
        raise ValueError("a number is needed, without quotation marks")  # noqa: TRY004 # as above
    return value


def _few_keys(value: dict[str, object]) -> dict[str, object]:
    if len(value) > MOST_METADATA:
        raise ValueError(f"at most {MOST_METADATA} fields are allowed")
    return value


def _in_one_sentence(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Say once what a metadata value may be, not once for each kind that it is not."""
    try:
        checked: object = check(_storable({"value": value})["value"])
    except ValueError:
        raise ValueError(
            "use a text (10,000 characters at most), a 64-bit number, true, false, null, or a "
            "list of 1,000 texts or numbers at most"
        ) from None
    return checked


_COLLECTION_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_DOCUMENT_ID: Final = f"^{DOCUMENT_ID}$"
_SESSION_ID: Final = r"^[0-9a-f]{32}$"
SHA256: Final = r"^[0-9a-f]{64}$"
_METADATA_NAME: Final = r'^[^"\\\x00-\x1f]{1,64}$'
# What each pattern allows, in words for who has not met it.
PATTERNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        _COLLECTION_NAME: (
            "a collection's name has 1 to 64 of letters a to z, digits, '.', '_' and '-', and "
            "begins with a letter or digit"
        ),
        _DOCUMENT_ID: (
            "a document's id has 1 to 128 of letters, digits and _.:~%(),'&+=@-, and no white space"
        ),
        _METADATA_NAME: (
            "a metadata field's name has 1 to 64 characters, and no quotation mark, backslash or "
            "control character"
        ),
        SHA256: "a sha256 has 64 digits and small letters a to f",
    }
)

CollectionName = Annotated[
    str,
    Field(
        pattern=_COLLECTION_NAME,
        description="Name of a collection.",
        examples=["default"],
    ),
]
DocumentId = Annotated[str, Field(pattern=_DOCUMENT_ID, description="Id of a document.")]
IsoDate = Annotated[
    str,
    AfterValidator(_iso_date),
    Field(json_schema_extra={"format": "date"}, examples=["2026-01-31"]),
]
Text = Annotated[str, AfterValidator(_whole)]
Words = Annotated[Text, AfterValidator(_not_blank), Field(min_length=1)]
Title = Annotated[Text, Field(max_length=1000)]
Whole = Annotated[int, BeforeValidator(_no_text)]
Offset = Annotated[int, Field(ge=0, lt=LARGEST_INTEGER)]
FilterScalar = str | bool | int | float


def _session(value: object) -> bool | str:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(_SESSION_ID, value):
        return value
    raise ValueError(
        "true begins a session; to go on with one, give its session_id: 32 digits and letters a to "
        "f, as the reply had it"
    )


Session = Annotated[
    bool | str,
    PlainValidator(
        _session, json_schema_input_type=bool | Annotated[str, Field(pattern=_SESSION_ID)]
    ),
]


class Strict(BaseModel):
    """A part of a request in which an unknown field is a mistake, not a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Condition(Strict):
    """A comparison of one field; a field that a document lacks makes it false."""

    field: Annotated[str, Field(pattern=r"^(id|uri|media_type|as_of|metadata\..+)$")]
    operator: Literal["==", "!=", ">", ">=", "<", "<=", "in", "not in"]
    value: FilterScalar | Annotated[list[FilterScalar], Field(min_length=1, max_length=10_000)]


class Combination(Strict):
    """Conditions that must all hold, of which one must hold, or which must not all hold."""

    operator: Literal["and", "or", "not"]
    conditions: Annotated[list["Condition | Combination"], Field(min_length=1, max_length=256)]


# The models above only describe a filter; `indexes/filters.py` reads it, and says what is wrong.
Filter = Annotated[
    dict[str, object],
    PlainValidator(_storable, json_schema_input_type=Condition | Combination),
    Field(examples=[{"field": "metadata.year", "operator": ">=", "value": 2025}]),
]
MetadataName = Annotated[Text, Field(pattern=_METADATA_NAME)]
MetadataText = Annotated[StrictStr, AfterValidator(_whole), Field(max_length=10_000)]
MetadataNumber = (
    Annotated[StrictInt, Field(ge=-LARGEST_INTEGER, lt=LARGEST_INTEGER)]
    | Annotated[FiniteFloat, Field(strict=True)]
)
MetadataValue = Annotated[
    MetadataText
    | StrictBool
    | MetadataNumber
    | Annotated[list[MetadataText], Field(max_length=1000)]
    | Annotated[list[MetadataNumber], Field(max_length=1000)]
    | None,
    WrapValidator(_in_one_sentence),
]
MetadataFields = Annotated[
    dict[MetadataName, MetadataValue],
    AfterValidator(_few_keys),
    Field(
        description="Flat: texts, numbers, true or false, null, or lists of texts or numbers.",
        json_schema_extra={
            "maxProperties": MOST_METADATA,
            "propertyNames": {"pattern": _METADATA_NAME},
        },
    ),
]


class _Out(BaseModel):
    """A part of a reply, filled from the product's own objects."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Said(Strict):
    """An earlier question of the conversation, or what was answered; `text` is `content` too."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Field(max_length=MOST_TURN_CHARACTERS), AfterValidator(_whole)] = Field(
        validation_alias=AliasChoices("content", "text")
    )


class QueryRequest(Strict):
    """A question, where to look and how to answer."""

    question: Words
    collection: CollectionName = "default"
    filter: Filter | None = None
    as_of: IsoDate | None = Field(
        None, description="Leave out documents that speak of a later date."
    )
    top_k: Whole = Field(
        8, ge=1, le=MOST_PASSAGES, description="Passages that the answer may rest on."
    )
    candidates: Whole = Field(
        24, ge=1, le=MOST_CANDIDATES, description="Passages that are looked at closely."
    )
    generator: Literal["quote", "transformers", "openai"] | None = Field(
        None, description="How the answer is written; null is the service's own setting."
    )
    strategy: Literal["direct", "cot"] = Field(
        "direct", description="How a language model comes from evidence to an answer."
    )
    reasoning: StrictBool = Field(
        default=False, description="Return a language model's reasoning beside the answer."
    )
    history: list[Said] = Field(
        [], max_length=MOST_TURNS, description="What was said before, the oldest first."
    )
    session: Session | None = Field(
        None,
        description="true begins a session, in which the server remembers question and answer; its "
        "`session_id`, which the reply has, goes on with it. The collection is the session's own, "
        "and so is the history.",
    )
    rewrite: Literal["auto", "rule", "model", "none"] | None = Field(
        None,
        description="How a question that leans on what was said before is rewritten; null is the "
        "service's own setting.",
    )
    stream: StrictBool = Field(
        default=False, description="Answer as server-sent events while the work is done."
    )


class SearchRequest(Strict):
    """What to look for, where, and how many passages to return."""

    query: Words
    collection: CollectionName = "default"
    filter: Filter | None = None
    as_of: IsoDate | None = Field(
        None, description="Leave out documents that speak of a later date."
    )
    top_k: Whole = Field(8, ge=1, le=MOST_PASSAGES)


class SearchReply(_Out):
    """What was found, best first."""

    passages: tuple[Passage, ...]


class UploadFields(Strict):
    """What may go with an upload."""

    collection: CollectionName = "default"
    metadata: MetadataFields = {}
    id: DocumentId | None = Field(None, description="Id of the document; else made of its name.")
    title: Title | None = None
    as_of: IsoDate | None = Field(
        None, description="The date it speaks of, over what the document says itself."
    )


class UploadText(UploadFields):
    """A text to store as a document; the same id, or else the same title, is the same document."""

    text: Text
    title: Annotated[Words, Field(max_length=1000)]


class UploadAddress(UploadFields):
    """A page or file to fetch and store; the same address is the same document."""

    url: Annotated[Text, Field(max_length=LONGEST, json_schema_extra={"format": "uri"})] = Field(
        description="An address of the public internet, http or https.",
        examples=["https://example.org/report.pdf"],
    )


class UploadForm(Strict):
    """A file to store as a document; the same id, or else the same name, is the same document."""

    file: Annotated[str, Field(json_schema_extra={"format": "binary"})]
    collection: CollectionName = "default"
    metadata: str = Field("{}", description="A JSON object of flat fields.")
    id: DocumentId | SkipJsonSchema[None] = None  # a form has no null
    title: Title | SkipJsonSchema[None] = None
    as_of: IsoDate | SkipJsonSchema[None] = None


class Accepted(_Out):
    """The upload is on disk; the job tells what becomes of it."""

    job_id: str


class Finding(_Out):
    """Something worth telling about a document that was stored all the same."""

    code: str
    message: str
    pages: list[int] = []


class JobItem(_Out):
    """What became of one document, as `afterword ingest --json` reports it."""

    uri: str
    outcome: Literal["added", "updated", "unchanged", "removed", "partial", "failed"]
    code: str | None = None
    message: str | None = None
    pages: list[int] = []
    document_id: str | None = None
    findings: list[Finding] = []


class JobProgress(_Out):
    """How far a job is; 0 of 0 before anything is known."""

    done: int
    total: int
    unit: str


class JobReply(_Out):
    """An upload on its way into a collection."""

    job_id: str
    state: Literal["queued", "running", "done", "failed"]
    collection: str
    filename: str
    progress: JobProgress
    items: list[JobItem]
    created: str
    started: str | None
    finished: str | None


class DocumentSummary(_Out):
    """A stored document without its text; `size` in bytes, `characters` in code points."""

    document_id: str
    uri: str
    source: str
    title: str
    media_type: str
    content_sha256: str
    text_sha256: str
    size: int
    reader: str
    as_of: str | None
    as_of_source: str | None
    metadata: dict[str, object]
    findings: list[Finding]
    characters: int
    chunks: int


class PageSpan(_Out):
    """A page and the part `[start, end)` of the text that stands on it."""

    number: int
    start: int
    end: int


class OriginalLink(_Out):
    """Where the file that a document came from can be had.

    `url` is a path from the server's root, to be used as a link as it is; where the service has a
    key it is good for ten minutes. `inline` tells that a browser shows the file, and does not save
    it; of a PDF it then shows page 7 with `#page=7` added.
    """

    url: str
    filename: str
    media_type: str
    inline: bool


class DocumentReply(DocumentSummary):
    """A stored document with its pages; none where the format has no pages.

    `original` is null where the file is not kept, or not where and as it was when it was ingested.
    """

    pages: list[PageSpan]
    original: OriginalLink | None


class DocumentsReply(_Out):
    """Documents in the order of their ids; `next` is the `after` of the next page, or null."""

    items: list[DocumentSummary]
    next: str | None


class TextReply(_Out):
    """The part `[start, end)` of a document's text; `sha256` is of the whole text in UTF-8."""

    text: str
    sha256: str
    start: int
    end: int
    characters: int


class CollectionRequest(Strict):
    """A collection to make; without `language` it has the one of the settings."""

    name: CollectionName
    language: Language | None = None


class EncoderReply(_Out):
    """The encoder that made a collection's vectors."""

    name: str
    sha256: str
    dimension: int
    max_tokens: int


class CollectionReply(_Out):
    """What a collection holds; `problem` says why it cannot be used, else it is null."""

    name: str
    documents: int
    chunks: int
    chunk_tokens: int
    language: Language | None
    encoder: EncoderReply | None
    problem: str | None = None


class MediaTypeCount(_Out):
    """How many documents of a collection have a media type."""

    media_type: str
    documents: int


class CollectionFacts(CollectionReply):
    """What one collection holds, with its media types, the most frequent first."""

    media_types: list[MediaTypeCount]


class CollectionsReply(_Out):
    """All collections by name."""

    items: list[CollectionReply]


class Health(_Out):
    """The process is alive."""

    status: Literal["alive"]


PartName = Literal["models", "collections", "uploads", "storage"]


class Part(_Out):
    """Whether a part of the service is ready, and the reason why not."""

    state: Literal["ready", "not_ready"]
    reason: str | None


class Readiness(_Out):
    """Whether questions can be answered now; `reasons` says what is missing.

    `broken` has the collections that cannot be asked, by name, and why; while others can be, the
    service is ready all the same. `uploads` tells whether uploads are ingested: false where the
    process that does so cannot run, with the reason among `reasons`. `worker` is `elsewhere` where
    another service of the same data folder ingests them. `parts` tells the same by part: questions
    need `models` and `collections` (some of them), uploads need `uploads` and `storage` too.
    `generators` are those that a question may name here, the service's own first.
    """

    ready: bool
    reasons: list[str]
    broken: dict[str, str]
    uploads: bool
    worker: Literal["running", "restarting", "failing", "elsewhere", "stopped"]
    parts: dict[PartName, Part]
    generators: list[str]


class Mistake(_Out):
    """One thing that is wrong with a request, and where: `body.top_k`, `query.limit`."""

    where: str
    message: str


class Problem(_Out):
    """Problem details (RFC 9457); `code` is stable, `detail` is for people.

    `retry_after` tells after how many seconds to ask again, as the header `Retry-After` does: null
    where nobody knows, or it is no use.
    """

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    trace_id: str
    errors: list[Mistake] = []
    retry_after: int | None = None

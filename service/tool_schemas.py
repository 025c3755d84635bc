"""What the tools for language models take and give, as their clients are told it.

A client shows the schemas of what is taken to its model, so they are kept flat: no references, no
choice of null, and a sentence for each field.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt, WithJsonSchema

from indexes.languages import Language
from service.reply import Status
from service.schemas import (
    LARGEST_INTEGER,
    CollectionName,
    DocumentId,
    Filter,
    IsoDate,
    PageSpan,
    Strict,
    Text,
    Whole,
    Words,
)

MOST_FOUND: Final = 50
MOST_LISTED: Final = 100
MOST_READ: Final = 20_000
USUALLY_READ: Final = 8_000
LONGEST_NAME: Final = 4_096
_LONGEST_WORDS: Final = 200

Schema = dict[str, Any]

In = Annotated[
    CollectionName,
    Field(description="Collection to look in. list_collections tells which there are."),
]
Day = Annotated[
    IsoDate,
    Field(
        description="Answer as of this day, YYYY-MM-DD: documents that speak of a later date are "
        "left out, those without a date stay in."
    ),
]
Only = Annotated[
    Filter,
    WithJsonSchema(
        {
            "type": "object",
            "description": (
                'Only documents like this: {"field": F, "operator": O, "value": V}. F is id, uri, '
                "media_type, as_of or metadata.NAME; O is ==, !=, >, >=, <, <=, in or not in; V is "
                "a text, a number, true, false, or for in and not in a list of them. Joined by "
                '{"operator": "and" | "or" | "not", "conditions": [...]}.'
            ),
            "examples": [{"field": "metadata.year", "operator": ">=", "value": 2025}],
        }
    ),
]


class _Told(BaseModel):
    """A part of what a tool gives, filled from the product's own objects."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class AskGiven(Strict):
    """Arguments of `ask`."""

    question: Words = Field(
        description="One question that can be understood alone, in whole words: put in names for "
        "'it' and 'they'."
    )
    collection: In = "default"
    as_of: Day | None = None
    filter: Only | None = None


class SearchGiven(Strict):
    """Arguments of `search`."""

    query: Words = Field(description="Words or a sentence that the passages should be about.")
    collection: In = "default"
    limit: Whole = Field(8, ge=1, le=MOST_FOUND, description="Passages at most.")
    as_of: Day | None = None
    filter: Only | None = None


class ListGiven(Strict):
    """Arguments of `list_documents`."""

    collection: In = "default"
    words: Annotated[Text, Field(max_length=_LONGEST_WORDS)] | None = Field(
        None,
        description="Only documents with each of these words, or parts of words, in title or uri.",
    )
    limit: Whole = Field(20, ge=1, le=MOST_LISTED, description="Documents at most.")
    after: DocumentId | None = Field(
        None, description="`next` of the answer before, to go on where it ended."
    )


class ReadGiven(Strict):
    """Arguments of `read_document`."""

    document_id: Annotated[Words, Field(max_length=LONGEST_NAME)] = Field(
        description="`document_id` as the other tools give it, or the document's uri."
    )
    collection: In = "default"
    start: Whole = Field(
        0,
        ge=0,
        lt=LARGEST_INTEGER,
        description="Character to begin with. `next_start` of the answer before "
        "goes on; a citation's `start` shows what stands around it if some less is given.",
    )
    page: Annotated[StrictInt, Field(ge=1, lt=LARGEST_INTEGER)] | None = Field(
        None, description="Page to begin with, instead of `start`."
    )
    length: Whole = Field(USUALLY_READ, ge=1, le=MOST_READ, description="Characters at most.")


class CollectionsGiven(Strict):
    """Arguments of `list_collections`: none."""


class FoundPassage(_Told):
    """A passage: the characters `[start, end)` of a document's text; `score` is from 0 to 1."""

    document_id: str
    title: str
    uri: str
    page: int | None
    section: str
    start: int
    end: int
    text: str
    score: float
    as_of: str | None


class ToldCell(_Told):
    """A cell of a table's row, and the name of its column, "" where it has none."""

    column: str
    text: str


class ToldCitation(_Told):
    """A citation: `quote` is what stands at `[start, end)` of the document's text, to the letter.

    `marker` is as it stands in the answer. Of rows of a table there are the `cells`. Words that
    were `recognised` in a picture may have mistakes.
    """

    marker: str
    document_id: str
    title: str
    uri: str
    page: int | None
    row: int | None
    section: str
    start: int
    end: int
    quote: str
    cells: list[ToldCell]
    as_of: str | None
    recognised: bool


class AskTold(_Told):
    """What `ask` gives.

    `score` estimates, from 0 to 1, that the documents answer the question; under `threshold` the
    status is not_found and `passages` are the closest that was found. `model` is the language model
    that wrote the answer, null where it is quoted; `note` says where that was not as asked for.
    """

    status: Status
    answer: str
    answer_short: str
    score: float
    threshold: float
    citations: list[ToldCitation]
    passages: list[FoundPassage]
    model: str | None
    note: str | None


class SearchTold(_Told):
    """What `search` gives, best first."""

    passages: list[FoundPassage]


class ListedDocument(_Told):
    """A document; `characters` is the length of its text."""

    document_id: str
    title: str
    uri: str
    media_type: str
    as_of: str | None
    characters: int


class ListTold(_Told):
    """What `list_documents` gives, in the order of ids; `next` is null at the end."""

    documents: list[ListedDocument]
    next: str | None


class ReadTold(ListedDocument):
    """What `read_document` gives: the characters `[start, end)` of the text.

    `next_start` is null at the end. `pages` are those that the part touches. Of `metadata` there is
    what is short.
    """

    start: int
    end: int
    next_start: int | None
    text: str
    text_sha256: str
    pages: list[PageSpan]
    metadata: dict[str, object]


class ListedCollection(_Told):
    """A collection; `problem` says why it cannot be used, else it is null."""

    name: str
    documents: int
    language: Language | None
    problem: str | None


class CollectionsTold(_Told):
    """What `list_collections` gives, by name."""

    collections: list[ListedCollection]


def schema_of_given(model: type[BaseModel], more: Mapping[str, Schema]) -> Schema:
    """Return the schema of a tool's arguments; `more` is added to the fields of that name."""
    schema = model.model_json_schema()
    fields: Mapping[str, Schema] = schema.get("properties", {})
    flat = {name: {**_flat(field), **more.get(name, {})} for name, field in fields.items()}
    told = {"type": "object", "properties": flat, "additionalProperties": False}
    return {**told, "required": schema["required"]} if "required" in schema else told


def schema_of_told(model: type[BaseModel]) -> Schema:
    """Return the schema of what a tool gives."""
    return model.model_json_schema(mode="serialization")


def _flat(field: Mapping[str, Any]) -> Schema:
    """Return a field without its title and without the choice of null."""
    kept = {key: value for key, value in field.items() if key not in {"anyOf", "title"}}
    if "anyOf" not in field:
        return kept
    (kind,) = (choice for choice in field["anyOf"] if choice != {"type": "null"})
    if kept.get("default", 0) is None:
        del kept["default"]
    return {**_flat(kind), **kept}

"""What goes in for a summary, as the OpenAPI page shows it."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    StrictBool,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from service.schemas import (
    LARGEST_INTEGER,
    CollectionName,
    DocumentId,
    Filter,
    IsoDate,
    Strict,
    Whole,
    Words,
)
from service.summaries.wanted import MOST_DOCUMENTS, MOST_SENTENCES

Sentences = Annotated[Whole, Field(ge=1, le=MOST_SENTENCES)]


def _one_sentence(value: object, check: ValidatorFunctionWrapHandler) -> object:
    """Say once what a length may be, not once for each kind that it is not."""
    try:
        checked: object = check(value)
    except ValueError:
        raise ValueError(
            f'use "short", "medium", "long", or a number of sentences from 1 to {MOST_SENTENCES}'
        ) from None
    return checked


class Pages(Strict):
    """Pages of a document, from 1, both with the summary."""

    first: Whole = Field(ge=1, lt=LARGEST_INTEGER)
    last: Whole = Field(ge=1, lt=LARGEST_INTEGER)

    @model_validator(mode="after")
    def _in_order(self) -> "Pages":
        if self.last < self.first:
            raise ValueError("the last page is before the first")
        return self


class TextSpan(Strict):
    """A part `[start, end)` of a document's text, in code points."""

    start: Whole = Field(ge=0, lt=LARGEST_INTEGER)
    end: Whole = Field(ge=1, lt=LARGEST_INTEGER)

    @model_validator(mode="after")
    def _in_order(self) -> "TextSpan":
        if self.end <= self.start:
            raise ValueError("the end is not behind the start")
        return self


class SummaryRequest(Strict):
    """What to summarise, how long the summary is to be, and what it is to be about.

    Without `document_ids`, `filter` and `as_of` it is the whole collection.
    """

    collection: CollectionName = "default"
    document_ids: list[DocumentId] | None = Field(
        None, min_length=1, max_length=MOST_DOCUMENTS, description="Only these documents."
    )
    filter: Filter | None = None
    as_of: IsoDate | None = Field(
        None, description="Leave out documents that speak of a later date."
    )
    pages: Pages | None = Field(None, description="Only these pages of the one document.")
    span: TextSpan | None = Field(None, description="Only this part of the one document.")
    length: Annotated[
        Literal["short", "medium", "long"] | Sentences, WrapValidator(_one_sentence)
    ] = Field("medium", description="Up to 3, 8 or 20 sentences, or a number of them.")
    focus: Words | None = Field(
        None, description="What the summary is to be about, such as a question."
    )
    generator: Literal["quote", "transformers", "openai"] | None = Field(
        None, description="How it is written; null is the service's own setting."
    )
    stream: StrictBool = Field(
        default=False, description="Answer as server-sent events while the work is done."
    )

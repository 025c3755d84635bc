"""A small collection of birds by the bundled encoder, for tests that ask questions."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from indexes.catalog import SplitterSettings
from indexes.collection import create_collection
from indexes.documents import Page, Prepared, Span
from indexes.encoder import load_encoder
from indexes.languages import Language
from stored_documents import prepared

BOOK: Final = (
    "White storks leave for Africa in August. They follow the warm air over land.",
    "Common swifts sleep on the wing. A young swift flies for three years without landing.",
)
_SECOND_PAGE: Final = len(BOOK[0]) + 1


def birds() -> list[Prepared]:
    """Return four documents: two pages of a book, a dated report, two notes with equal text."""
    return [
        stored(
            "book",
            BOOK,
            pages=(
                Page(1, Span(0, len(BOOK[0]))),
                Page(2, Span(_SECOND_PAGE, _SECOND_PAGE + len(BOOK[1]))),
            ),
            media_type="application/pdf",
            metadata={"shelf": "a"},
        ),
        stored(
            "report",
            ["In 2026 the city counted 412 pairs of peregrine falcons on its towers."],
            as_of="2026-03-01",
            as_of_source="given",
        ),
        stored("note", ["Kingfishers dig their nests into river banks."], metadata={"shelf": "b"}),
        stored("copy", ["Kingfishers dig their nests into river banks."], metadata={"shelf": "b"}),
    ]


def stored(document_id: str, texts: Sequence[str], **facts: object) -> Prepared:
    """Return a document whose chunks are `texts`, with the bundled encoder's vectors."""
    made = prepared(document_id, texts, **facts)
    rows = load_encoder("bundled").encode_documents(texts)
    return replace(made, vectors=dict(zip(made.hashes, rows, strict=True)))


def make_collection(
    data: Path, name: str, documents: Sequence[Prepared], language: Language = "en"
) -> None:
    """Create a collection of the bundled encoder and store these documents."""
    made = create_collection(data, name, load_encoder("bundled"), SplitterSettings(200), language)
    if documents:
        with made.write() as writer:
            writer.put(documents)
    made.close()

"""Ids of documents: each belongs to one document of a collection."""

from collections.abc import Container

from indexes.collection import Writer
from indexes.documents import UPLOADS, Document


class Ids:
    """Which document each id was given to by this run; those that are `leaving` are free again."""

    def __init__(self, writer: Writer, leaving: Container[str]) -> None:
        """Begin with none given."""
        self._writer = writer
        self._leaving = leaving
        self._given: dict[str, str] = {}

    def taken_by(self, known: Container[str], document: Document) -> str | None:
        """Return the uri of the other document that has this one's id, or give it the id.

        `known` are the ids that its file gave out before.
        """
        key = document.document_id
        other = self._given.get(key)
        if other is None and key not in known and key not in self._leaving:
            found = self._writer.find(key)
            # An upload takes the place of an earlier one with its id.
            if found is not None and {found.source, document.source} != {UPLOADS}:
                other = found.uri
        if other is None:
            self._given[key] = document.uri
        return other


def refusal(document: Document, other: str) -> str:
    """Say why a document cannot have its id, which the document `other` has."""
    if other == document.uri:
        return f"{other} is in the file twice; the first one counts, so give this another id"
    return (
        f"{document.uri}: the id {document.document_id!r} belongs to {other}; ids are unique in a "
        "collection, so give one of them another id, or delete the one that is no longer wanted"
    )

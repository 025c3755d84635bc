"""What is to be summarised, how long the summary is to be, and what it is to be about."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from indexes.documents import Span

LENGTHS: Final[Mapping[str, int]] = MappingProxyType({"short": 3, "medium": 8, "long": 20})
"""The lengths that have names, in sentences."""
MOST_SENTENCES: Final = 50
MOST_DOCUMENTS: Final = 1000


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to summarise and how.

    Without `document_ids`, `filter` and `as_of` it is the whole collection. `pages`, first and last
    from 1, or `span` are of the one document that is named. `length` is one of LENGTHS, which a
    short text does not fill, or a number of sentences. `focus` is what the summary is to be about.
    Where no `generator` is named the settings name it.
    """

    collection: str = "default"
    document_ids: tuple[str, ...] = ()
    filter: Mapping[str, object] | None = None
    as_of: str | None = None
    pages: tuple[int, int] | None = None
    span: Span | None = None
    length: str | int = "medium"
    focus: str | None = None
    generator: str | None = None

    @property
    def sentences(self) -> int:
        """How many sentences the summary has at most."""
        return self.length if isinstance(self.length, int) else LENGTHS[self.length]

"""What a tool gave, in words that a language model and a person can read."""

from collections.abc import Iterator, Sequence

from service.command import cells_line, one_line
from service.reply import ANSWERED, NO_DOCUMENTS, Citation, Passage, Reply
from service.tool_schemas import CollectionsTold, ListTold, ReadTold

_CLOSEST = 3


def answer_text(reply: Reply) -> str:
    """Return the answer with its citations, or that there is none with what is closest."""
    return "\n".join(_answer_lines(reply))


def passages_text(passages: Sequence[Passage]) -> str:
    """Return passages, each with where it stands."""
    if not passages:
        return "Nothing was found: the collection is empty, or all was filtered out."
    return "\n".join(_passage_lines(passages))


def documents_text(told: ListTold) -> str:
    """Return one line a document, and how to go on."""
    lines = [
        f"- {one_line(one.title) or one.uri} (document_id {one.document_id}, "
        f"uri {one_line(one.uri)}{_dated(one.as_of)}, {one.characters:,} characters)"
        for one in told.documents
    ]
    if told.next is not None:
        lines.append(f'There are more: call again with after="{told.next}".')
    return "\n".join(lines) or "There are no such documents."


def read_text(told: ReadTold) -> str:
    """Return the text with a line ahead that says what it is, and one behind how to go on."""
    pages = [page.number for page in told.pages]
    paged = ""
    if pages:
        paged = f", page {pages[0]}" if len(pages) == 1 else f", pages {pages[0]} to {pages[-1]}"
    head = (
        f"{one_line(told.title) or told.uri} (document_id {told.document_id}{_dated(told.as_of)}), "
        f"characters {told.start} to {told.end} of {told.characters}{paged}:"
    )
    more = f"\n\nThere is more: call again with start={told.next_start}."
    return f"{head}\n\n{told.text}{more if told.next_start is not None else ''}"


def collections_text(told: CollectionsTold) -> str:
    """Return one line a collection."""
    lines = [
        f"- {one.name}: "
        + (f"cannot be used: {one.problem}" if one.problem else f"{one.documents} documents")
        for one in told.collections
    ]
    return "\n".join(lines) or "There are no collections that you may see."


def _answer_lines(reply: Reply) -> Iterator[str]:
    if reply.status == NO_DOCUMENTS:
        yield "no_documents: the collection is empty, or all was filtered out."
        return
    if reply.status != ANSWERED:
        yield (
            f"not_found: the documents do not answer this (score {reply.score:.3f}, threshold "
            f"{reply.threshold:.3f}). Do not answer it from memory as if they did."
        )
        if reply.generation.fallback:
            yield f"Note: {reply.generation.fallback}."
        if reply.passages:
            yield "The closest that was found:"
            yield from _passage_lines(reply.passages[:_CLOSEST])
        return
    yield reply.answer
    if reply.generation.fallback:
        yield f"Note: {reply.generation.fallback}; this is quoted."
    for citation in reply.citations:
        yield ""
        yield from _citation_lines(citation)


def _citation_lines(citation: Citation) -> Iterator[str]:
    row = f", row {citation.row}" if citation.row is not None else ""
    yield (
        f"{citation.marker} {_named(citation)}{row}, characters {citation.start} to {citation.end}"
        f" of document_id {citation.document_id}:"
    )
    yield f'"{citation.quote}"'
    if citation.cells:
        yield f"({cells_line(citation.cells)})"
    if citation.recognised:
        yield "(recognised in a picture: there may be mistakes)"


def _passage_lines(passages: Sequence[Passage]) -> Iterator[str]:
    for number, passage in enumerate(passages, 1):
        if number > 1:
            yield ""
        yield (
            f"{number}. {_named(passage)}, characters {passage.start} to {passage.end} of "
            f"document_id {passage.document_id} (score {passage.score:.3f}):"
        )
        yield passage.text


def _named(place: Citation | Passage) -> str:
    page = f", page {place.page}" if place.page is not None else ""
    section = f", section {one_line(place.section)}" if place.section else ""
    title = f"{one_line(place.title)}, " if place.title else ""
    return f"{title}{one_line(place.uri)}{page}{section}{_dated(place.as_of)}"


def _dated(as_of: str | None) -> str:
    return f", as of {as_of}" if as_of else ""
